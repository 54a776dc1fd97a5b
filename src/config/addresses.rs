//! Addresses of peers: where to listen, whom to dial.

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{
    kind::{Kind, list, text_kind},
    problem::shown,
};
use crate::domain::{Unusable, check_dialable, port_and_rest};

/// Addresses to listen on: an IP address and a port, 0 for a free one.
pub(super) fn listen() -> Kind<Vec<Multiaddr>> {
    let example = "a list of addresses, such as [\"/ip4/0.0.0.0/tcp/4001\"]";
    list(
        text_kind("an address, such as \"/ip4/0.0.0.0/tcp/4001\"", |text| {
            multiaddr(text, false)
        }),
        example.into(),
    )
}

/// Addresses to dial, with or without `/p2p/<peer id>`.
pub(super) fn dial() -> Kind<Vec<Multiaddr>> {
    let one = "an address, such as \"/ip4/192.0.2.7/tcp/4001/p2p/12D3Koo...\"";
    list(
        text_kind(one, |text| multiaddr(text, true)),
        "a list of addresses, such as [\"/ip4/192.0.2.7/tcp/4001\"]".into(),
    )
}

fn multiaddr(text: &str, dialled: bool) -> Result<Multiaddr, String> {
    let address: Multiaddr = text
        .parse()
        .map_err(|error| format!("`{}` is no multiaddress ({error})", shown(text)))?;
    // Whether QUIC is on is looked at when all settings are known.
    let checked = if dialled {
        check_dialable(&address, true)
    } else {
        match port_and_rest(&address) {
            Ok((_, rest)) if rest.is_empty() => Ok(()),
            Ok((_, rest)) if matches!(rest[..], [Protocol::P2p(_)]) => {
                return Err(format!(
                    "`{}` names a peer, which an address to listen on cannot",
                    shown(text)
                ));
            }
            Ok(_) => Err(Unusable::TooLong),
            Err(why) => Err(why),
        }
    };
    match checked {
        Ok(()) => Ok(address),
        Err(why) => Err(format!("`{}` {why}", shown(text))),
    }
}
