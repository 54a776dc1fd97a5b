//! Guards: addresses that must not be judged outside the node, whatever peers say of them.
//!
//! Our own addresses, those of peers, everything that is not one public host (loopback, private,
//! link-local, multicast, reserved), and what the operator named. Inside, opinions of them are
//! computed and shown, marked with the guard that held; outside they have none. Guards are asked
//! at the time an opinion would leave, so they hold for opinions that already exist, too.
//!
//! A peer's address is where its connection came from last, and where the operator says it is: in the
//! address book, or in `network.peers`. Where peers say they are (hellos, mDNS, identify) does not
//! count: whoever named an attacker's address as its own would keep it from being judged. So of an
//! author heard of only through its signed log, which carries no address, none is known unless the
//! operator wrote it down; the same goes for what is written as a name until it was dialled, for the
//! other addresses of a peer that has several, and for a peer forgotten for others
//! (`limits.known_peers`).
//!
//! The ranges are IANA's special-purpose registries (RFC 6890 and its updates). Documentation
//! ranges (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20) can be judged:
//! no host has such an address, so nobody is protected by not judging it, and examples, tests and
//! the demo need addresses that belong to nobody.

use std::{
    collections::HashSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::domain::{PeerId, Subject, Timestamp};

/// Why an address has no opinion outside the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It is this node's.
    Own,
    /// It is in a network the operator named.
    NeverBlock(NeverBlock),
    /// It is a peer's.
    Peer(PeerId),
    /// The operator names it as a peer's, which may never have been here.
    Named,
    /// It is in a range of this kind.
    Range(Range),
}

/// A kind of range that is not one public host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Range {
    /// This host itself: 127.0.0.0/8, ::1.
    Loopback,
    /// Local networks: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 (shared by
    /// customers of one provider), fc00::/7, fec0::/10. The same address is another host elsewhere.
    Private,
    /// One link: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// Groups of hosts: 224.0.0.0/4, ff00::/8.
    Multicast,
    /// Everything else that is no host of the public Internet: 0.0.0.0/8, 192.0.0.0/24,
    /// 198.18.0.0/15, 240.0.0.0/4, and of IPv6 what is outside 2000::/3.
    Reserved,
}

impl Range {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        }
    }

    /// The range an address is in; `None`: it can be one public host.
    #[must_use]
    pub fn of(ip: IpAddr) -> Option<Self> {
        match ip.to_canonical() {
            IpAddr::V4(ip) => v4(ip),
            IpAddr::V6(ip) => v6(ip),
        }
    }
}

fn v4(ip: Ipv4Addr) -> Option<Range> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Some(Range::Loopback),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Some(Range::Private),
        (169, 254, _) => Some(Range::LinkLocal),
        (224..=239, ..) => Some(Range::Multicast),
        (0 | 240..=255, ..) | (192, 0, 0) | (198, 18 | 19, _) => Some(Range::Reserved),
        _ => None,
    }
}

fn v6(ip: Ipv6Addr) -> Option<Range> {
    if ip.is_loopback() {
        return Some(Range::Loopback);
    }
    if let Some(inner) = embedded(ip) {
        return v4(inner);
    }
    match ip.segments()[0] {
        0xfc00..=0xfdff | 0xfec0..=0xfeff => Some(Range::Private),
        0xfe80..=0xfebf => Some(Range::LinkLocal),
        0xff00..=0xffff => Some(Range::Multicast),
        0x2000..=0x3fff => None,
        _ => Some(Range::Reserved),
    }
}

/// The IPv4 host an address stands for: NAT64 (64:ff9b::/96), 6to4 (2002::/16).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.octets() {
        [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
        | [0x20, 0x02, a, b, c, d, ..] => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

/// A network the operator never wants judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverBlock {
    /// The network; a single address is one of full length.
    pub network: IpNet,
    /// Why, for people.
    pub comment: Option<String>,
    /// From when on the entry no longer holds.
    pub expires: Option<Timestamp>,
}

impl NeverBlock {
    fn holds(&self, ip: IpAddr, now: Timestamp) -> bool {
        self.network.contains(&ip) && self.expires.is_none_or(|end| now < end)
    }
}

/// What the guards know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// This node's own addresses.
    pub own: HashSet<IpAddr>,
    /// Addresses of peers the operator wants to be connected with.
    pub named: HashSet<IpAddr>,
    /// The operator's list.
    pub never_block: Vec<NeverBlock>,
    /// Whether private ranges are guarded; the others always are.
    pub private: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            own: HashSet::new(),
            named: HashSet::new(),
            never_block: Vec::new(),
            private: true,
        }
    }
}

impl Guards {
    /// The guard that holds for an address at `now`; `peer` is whoever has it.
    ///
    /// The most telling one: our own, the operator's word, a peer, the kind of range.
    #[must_use]
    pub fn of(&self, subject: Subject, peer: Option<PeerId>, now: Timestamp) -> Option<Guard> {
        let ip = subject.ip();
        if self.own.contains(&ip) {
            return Some(Guard::Own);
        }
        if let Some(entry) = self.never_block.iter().find(|entry| entry.holds(ip, now)) {
            return Some(Guard::NeverBlock(entry.clone()));
        }
        if let Some(peer) = peer {
            return Some(Guard::Peer(peer));
        }
        if self.named.contains(&ip) {
            return Some(Guard::Named);
        }
        Range::of(ip)
            .filter(|range| *range != Range::Private || self.private)
            .map(Guard::Range)
    }
}

impl Guard {
    /// The word for it, for programs: `own`, `never_block`, `peer`, or the kind of range.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::NeverBlock(_) => "never_block",
            Self::Peer(_) | Self::Named => "peer",
            Self::Range(range) => range.word(),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("an address of this node"),
            Self::Peer(peer) => write!(f, "the address of peer {peer}"),
            Self::Named => f.write_str("the address of a peer in network.peers"),
            Self::Range(range) => write!(f, "a {} address", range.word()),
            Self::NeverBlock(NeverBlock {
                network, comment, ..
            }) => {
                write!(f, "never to be blocked ({network}")?;
                if let Some(comment) = comment {
                    write!(f, ": {comment}")?;
                }
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::ZERO;

    fn subject(text: &str) -> Subject {
        text.parse().unwrap()
    }

    #[test]
    fn every_range_begins_and_ends_where_it_should() {
        for (inside, outside, word) in [
            (
                "127.0.0.0 127.255.255.255 ::1 ::ffff:127.0.0.1",
                "126.255.255.255 128.0.0.0",
                "loopback",
            ),
            (
                "10.0.0.0 10.255.255.255",
                "9.255.255.255 11.0.0.0",
                "private",
            ),
            (
                "172.16.0.0 172.31.255.255",
                "172.15.255.255 172.32.0.0",
                "private",
            ),
            (
                "192.168.0.0 192.168.255.255",
                "192.167.255.255 192.169.0.0",
                "private",
            ),
            (
                "100.64.0.0 100.127.255.255",
                "100.63.255.255 100.128.0.0",
                "private",
            ),
            (
                "fc00:: fdff:ffff::1 fec0::1 2002:a00:1::5 64:ff9b::10.1.1.1",
                "2002:b00:1::",
                "private",
            ),
            (
                "169.254.0.0 169.254.255.255 fe80:: febf::1",
                "169.253.255.255 169.255.0.0",
                "link-local",
            ),
            (
                "224.0.0.0 239.255.255.255 ff00:: ff02::fb",
                "223.255.255.255",
                "multicast",
            ),
            (
                "0.0.0.0 0.255.255.255 240.0.0.0 255.255.255.255",
                "1.0.0.0 223.255.255.255",
                "reserved",
            ),
            (
                "192.0.0.0 192.0.0.255",
                "191.255.255.255 192.0.1.0",
                "reserved",
            ),
            (
                "198.18.0.0 198.19.255.255",
                "198.17.255.255 198.20.0.0",
                "reserved",
            ),
            (
                ":: 100::1 1fff::1 4000::1 5f00::1",
                "2000:: 3fff:ffff::1 64:ff9b::8.8.8.8",
                "reserved",
            ),
        ] {
            for ip in inside.split(' ') {
                let range = Range::of(ip.parse().unwrap());
                assert_eq!(range.map(Range::word), Some(word), "{ip}");
            }
            for ip in outside.split(' ') {
                assert_eq!(Range::of(ip.parse().unwrap()), None, "{ip}");
            }
        }
    }

    #[test]
    fn addresses_for_documentation_can_be_judged() {
        let guards = Guards::default();
        for ip in [
            "192.0.2.7",
            "198.51.100.255",
            "203.0.113.0",
            "2001:db8::7",
            "3fff::1",
        ] {
            assert_eq!(guards.of(subject(ip), None, NOW), None, "{ip}");
        }
    }

    #[test]
    fn the_most_telling_guard_is_named() {
        let peer = PeerId::random();
        let entry = |network: &str, comment: Option<&str>| NeverBlock {
            network: network.parse().unwrap(),
            comment: comment.map(Into::into),
            expires: None,
        };
        let guards = Guards {
            own: ["10.0.0.1".parse().unwrap()].into(),
            named: ["10.0.0.1", "10.0.0.4", "10.0.0.5"]
                .map(|ip| ip.parse().unwrap())
                .into(),
            never_block: vec![
                entry("10.0.0.0/30", Some("gateway")),
                entry("8.8.8.8/32", None),
            ],
            ..Guards::default()
        };
        let of = |ip: &str, peer| guards.of(subject(ip), peer, NOW).map(|it| it.to_string());
        for (ip, who, expected) in [
            ("10.0.0.1", Some(peer), "an address of this node"),
            (
                "10.0.0.2",
                Some(peer),
                "never to be blocked (10.0.0.0/30: gateway)",
            ),
            ("::ffff:8.8.8.8", None, "never to be blocked (8.8.8.8/32)"),
            (
                "10.0.0.4",
                Some(peer),
                &format!("the address of peer {peer}"),
            ),
            ("10.0.0.5", None, "the address of a peer in network.peers"),
            ("10.0.0.6", None, "a private address"),
        ] {
            assert_eq!(of(ip, who).as_deref(), Some(expected), "{ip}");
        }
        assert_eq!(of("8.8.4.4", None), None);
    }

    #[test]
    fn private_ranges_can_be_opened_and_no_others() {
        let guards = Guards {
            private: false,
            ..Guards::default()
        };
        for (ip, guarded) in [
            ("192.168.1.7", false),
            ("fd00::7", false),
            ("127.0.0.1", true),
        ] {
            assert_eq!(guards.of(subject(ip), None, NOW).is_some(), guarded, "{ip}");
        }
    }

    #[test]
    fn an_entry_of_the_list_ends_when_it_expires() {
        let guards = Guards {
            never_block: vec![NeverBlock {
                network: "2001:db8::/64".parse().unwrap(),
                comment: None,
                expires: Some(Timestamp::from_micros(10)),
            }],
            ..Guards::default()
        };
        let at = |micros| guards.of(subject("2001:db8::1"), None, Timestamp::from_micros(micros));
        assert_eq!(at(9).map(|it| it.word()), Some("never_block"));
        assert_eq!(at(10), None);
    }
}
