//! Which addresses can be dialled and listened on: an IP address and TCP, or QUIC where it is on.

use libp2p::{Multiaddr, multiaddr::Protocol};

/// Why an address is of no use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing here looks names up.
    #[error("has a name where an IP address must stand")]
    Name,
    /// A socket of the system, a relay, or something else again.
    #[error("does not begin with /ip4/ or /ip6/")]
    NoIp,
    /// No transport we speak.
    #[error("lacks /tcp/<port> or /udp/<port>/quic-v1 after the IP address")]
    NoTransport,
    /// Such as `/ws` or `/p2p-circuit`.
    #[error("goes on after what can be used here")]
    TooLong,
    /// A port that stands for any.
    #[error("has port 0")]
    AnyPort,
    /// An address no host has for itself alone.
    #[error("has {0}, which is no host's own")]
    NoHost(&'static str),
    /// The node does not speak QUIC.
    #[error("is for QUIC, which is off")]
    Quic,
}

impl Unusable {
    /// What to do about an address to dial.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Name => {
                "write the IP address the name stands for, such as /ip4/192.0.2.7/tcp/4001"
            }
            Self::Quic => {
                "give its TCP address, such as /ip4/192.0.2.7/tcp/4001, or set network.quic = true"
            }
            _ => "write an address such as /ip4/192.0.2.7/tcp/4001",
        }
    }
}

/// The port of an address and what comes after its transport.
///
/// # Errors
/// The address is of another form than `/ip4/A/tcp/P` or `/ip4/A/udp/P/quic-v1` (or of `ip6`).
pub fn port_and_rest(address: &Multiaddr) -> Result<(u16, Vec<Protocol<'_>>), Unusable> {
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    match parts.first() {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => {}
        Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)) => {
            return Err(Unusable::Name);
        }
        _ => return Err(Unusable::NoIp),
    }
    match &parts[1..] {
        [Protocol::Tcp(port), rest @ ..] | [Protocol::Udp(port), Protocol::QuicV1, rest @ ..] => {
            Ok((*port, rest.to_vec()))
        }
        _ => Err(Unusable::NoTransport),
    }
}

/// Whether an address is for QUIC.
#[must_use]
pub fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::QuicV1))
}

/// Checks that an address, with or without `/p2p/<peer id>` at its end, is one to dial; `quic`:
/// whether the node speaks QUIC.
///
/// # Errors
/// [`Unusable`] says why it is none.
pub fn check_dialable(address: &Multiaddr, quic: bool) -> Result<(), Unusable> {
    let (port, rest) = port_and_rest(address)?;
    let host = match address.iter().next() {
        Some(Protocol::Ip4(ip)) if ip.is_broadcast() => Some("the broadcast address"),
        Some(Protocol::Ip4(ip)) if ip.is_unspecified() => Some("the unspecified address"),
        Some(Protocol::Ip6(ip)) if ip.is_unspecified() => Some("the unspecified address"),
        Some(Protocol::Ip4(ip)) if ip.is_multicast() => Some("a multicast address"),
        Some(Protocol::Ip6(ip)) if ip.is_multicast() => Some("a multicast address"),
        _ => None,
    };
    match (host, rest.as_slice()) {
        (Some(host), _) => Err(Unusable::NoHost(host)),
        (_, [] | [Protocol::P2p(_)]) if port == 0 => Err(Unusable::AnyPort),
        (_, [] | [Protocol::P2p(_)]) if is_quic(address) && !quic => Err(Unusable::Quic),
        (_, [] | [Protocol::P2p(_)]) => Ok(()),
        _ => Err(Unusable::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_dialled_is_told_apart() {
        for (address, why) in [
            ("/ip4/192.0.2.7/tcp/4001", None),
            ("/ip6/2001:db8::7/tcp/4001", None),
            ("/ip4/192.0.2.7/udp/4001/quic-v1", Some(Unusable::Quic)),
            ("/ip4/192.0.2.7/udp/4001", Some(Unusable::NoTransport)),
            ("/ip4/192.0.2.7/udp/4001/quic", Some(Unusable::NoTransport)),
            ("/ip4/192.0.2.7", Some(Unusable::NoTransport)),
            ("/ip4/192.0.2.7/tcp/4001/ws", Some(Unusable::TooLong)),
            ("/ip4/192.0.2.7/tcp/0", Some(Unusable::AnyPort)),
            ("/dns4/example.org/tcp/4001", Some(Unusable::Name)),
            ("/dnsaddr/example.org", Some(Unusable::Name)),
            ("/unix/run%2Fnode.sock", Some(Unusable::NoIp)),
            ("/memory/7", Some(Unusable::NoIp)),
            (
                "/ip4/0.0.0.0/tcp/4001",
                Some(Unusable::NoHost("the unspecified address")),
            ),
            (
                "/ip6/ff02::1/tcp/4001",
                Some(Unusable::NoHost("a multicast address")),
            ),
        ] {
            let address: Multiaddr = address
                .parse()
                .unwrap_or_else(|error| panic!("{address}: {error}"));
            assert_eq!(check_dialable(&address, false).err(), why, "{address}");
            let why = why.filter(|why| *why != Unusable::Quic);
            assert_eq!(check_dialable(&address, true).err(), why, "{address}");
        }
    }
}
