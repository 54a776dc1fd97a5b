//! Addresses of peers: where to listen, whom to dial.

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{
    kind::{Kind, list, text_kind},
    problem::shown,
};

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
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    let named = |what: &str| Err(format!("`{}` {what}", shown(text)));
    match parts.first() {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => {}
        Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)) => {
            return named("has a name where an IP address must stand");
        }
        _ => return named("does not begin with /ip4/ or /ip6/"),
    }
    let port = match parts.get(1) {
        Some(Protocol::Tcp(port)) => *port,
        Some(Protocol::Udp(port)) if matches!(parts.get(2), Some(Protocol::QuicV1)) => *port,
        _ => return named("lacks /tcp/<port> or /udp/<port>/quic-v1 after the IP address"),
    };
    let rest = &parts[if matches!(parts[1], Protocol::Tcp(_)) {
        2
    } else {
        3
    }..];
    match (rest, dialled) {
        ([] | [Protocol::P2p(_)], true) if port == 0 => named("has port 0"),
        ([], _) | ([Protocol::P2p(_)], true) => Ok(address),
        ([Protocol::P2p(_)], false) => named("names a peer, which an address to listen on cannot"),
        _ => named("goes on after what can be used here"),
    }
}
