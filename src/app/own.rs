//! This host's own addresses, as the kernel has them.

use std::{
    collections::HashSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use libp2p::{Multiaddr, multiaddr::Protocol};

/// The addresses of this host's interfaces, and those of `listening` that are addresses of a host.
/// Where the kernel does not say (not Linux), the latter alone.
#[must_use]
pub fn addresses(listening: &[Multiaddr]) -> HashSet<IpAddr> {
    let listening = listening
        .iter()
        .filter_map(|address| match address.iter().next() {
            Some(Protocol::Ip4(ip)) => Some(IpAddr::V4(ip)),
            Some(Protocol::Ip6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        });
    let v4 = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    listening
        .chain(local_v4(&v4))
        .chain(local_v6(&v6))
        .map(|ip| ip.to_canonical())
        .filter(|ip| !ip.is_unspecified())
        .collect()
}

/// Of the kernel's routes: an address on a line, `/32 host LOCAL` on the next.
fn local_v4(routes: &str) -> Vec<IpAddr> {
    let lines = routes.lines().zip(routes.lines().skip(1));
    lines
        .filter(|(_, next)| next.trim() == "/32 host LOCAL")
        .filter_map(|(line, _)| line.trim().strip_prefix("|-- ")?.parse::<Ipv4Addr>().ok())
        .map(IpAddr::V4)
        .collect()
}

/// 32 hexadecimal digits at the start of each line.
fn local_v6(interfaces: &str) -> Vec<IpAddr> {
    let address = |line: &str| u128::from_str_radix(line.split(' ').next()?, 16).ok();
    let addresses = interfaces.lines().filter_map(address);
    addresses
        .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_found_among_the_kernels_routes() {
        let routes = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(local_v4(routes), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        let interfaces = "20010db8000000000000000000000007 02 40 00 80     eth0\nnonsense\n";
        assert_eq!(
            local_v6(interfaces),
            ["2001:db8::7".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn where_it_listens_is_its_own_unless_that_is_anywhere() {
        let listening = ["/ip4/198.51.100.9/tcp/1", "/ip6/::/tcp/1"].map(|it| it.parse().unwrap());
        let own = addresses(&listening);
        assert!(own.contains(&"198.51.100.9".parse::<IpAddr>().unwrap()));
        assert!(!own.contains(&"::".parse::<IpAddr>().unwrap()));
    }
}
