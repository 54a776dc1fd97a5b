//! The pigeon's legacy mDNS, byte for byte as it was recorded: its query, its answer, what it takes
//! from an answer. Written against the recording, by hand, so that it shares nothing with the node.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where queries go, and where the responder listens.
pub const PORT: u16 = 5353;
/// The IPv4 group.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The IPv6 group.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const IN: u16 = 1;
const TTL: u32 = 120;

/// What a pigeon tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Its peer id in base58.
    pub peer: String,
    /// Its address.
    pub ip: IpAddr,
    /// Its TCP port.
    pub port: u16,
}

/// The question `PTR <rendezvous>.local.`, QM, flags 0.
pub fn query(id: u16, rendezvous: &str) -> Vec<u8> {
    let mut packet = Vec::new();
    put(&mut packet, &[id, 0, 1, 0, 0, 0]);
    packet.extend(name(&[rendezvous, "local"]));
    put(&mut packet, &[PTR, IN]);
    packet
}

/// Whether this asks for the pigeons of a rendezvous.
pub fn asks_for(packet: &[u8], rendezvous: &str) -> bool {
    let Some(header) = packet.get(..12) else {
        return false;
    };
    let is_query = header[2] & 0x80 == 0 && number(header, 4) == Some(1);
    let Some((asked, end)) = read_name(packet, 12) else {
        return false;
    };
    // The top bit of the class only asks for a unicast answer.
    let class = number(packet, end + 2).map(|class| class & 0x7fff);
    is_query
        && asked.eq_ignore_ascii_case(&format!("{rendezvous}.local."))
        && number(packet, end) == Some(PTR)
        && class == Some(IN)
}

/// The answer: PTR, SRV, A, TXT; id 0, flags 0x8400, no question, compressed, no cache-flush bit.
pub fn answer(rendezvous: &str, host: &str, ip: Ipv4Addr, port: u16, peer: &str) -> Vec<u8> {
    let mut packet = Vec::new();
    put(&mut packet, &[0, 0x8400, 0, 4, 0, 0]);
    let service = packet.len();
    packet.extend(name(&[rendezvous, "local"]));
    put(&mut packet, &[PTR, IN]);
    packet.extend(TTL.to_be_bytes());
    put(
        &mut packet,
        &[u16::try_from(peer.len() + 3).expect("a peer id is short")],
    );
    let instance = packet.len();
    packet.push(u8::try_from(peer.len()).expect("a peer id is short"));
    packet.extend(peer.bytes());
    pointer(&mut packet, service);

    pointer(&mut packet, instance);
    put(&mut packet, &[SRV, IN]);
    packet.extend(TTL.to_be_bytes());
    let target = name(&[host]);
    put(
        &mut packet,
        &[
            u16::try_from(target.len() + 6).expect("a host name is short"),
            10,
            1,
            port,
        ],
    );
    let target_at = packet.len();
    packet.extend(target);

    pointer(&mut packet, target_at);
    put(&mut packet, &[A, IN]);
    packet.extend(TTL.to_be_bytes());
    put(&mut packet, &[4]);
    packet.extend(ip.octets());

    pointer(&mut packet, instance);
    put(&mut packet, &[TXT, IN]);
    packet.extend(TTL.to_be_bytes());
    put(
        &mut packet,
        &[u16::try_from(peer.len() + 1).expect("a peer id is short")],
    );
    packet.push(u8::try_from(peer.len()).expect("a peer id is short"));
    packet.extend(peer.bytes());
    packet
}

/// What a pigeon reads from an answer: SRV, an address (A before AAAA, the last one) and TXT, from
/// any answer or additional record; `None` unless the last record completes all three.
pub fn read_answer(packet: &[u8]) -> Option<Announced> {
    let questions = number(packet, 4)?;
    let records = number(packet, 6)? + number(packet, 8)? + number(packet, 10)?;
    let mut at = 12;
    for _ in 0..questions {
        at = read_name(packet, at)?.1 + 4;
    }
    let (mut port, mut v4, mut v6, mut peer) = (None, None, None, None);
    for _ in 0..records {
        let (_, fields) = read_name(packet, at)?;
        let length = usize::from(number(packet, fields + 8)?);
        let data = packet.get(fields + 10..fields + 10 + length)?;
        match number(packet, fields)? {
            SRV => port = number(data, 4),
            A => {
                v4 = <[u8; 4]>::try_from(data)
                    .ok()
                    .map(|octets| IpAddr::from(Ipv4Addr::from(octets)))
            }
            AAAA => {
                v6 = <[u8; 16]>::try_from(data)
                    .ok()
                    .map(|octets| IpAddr::from(Ipv6Addr::from(octets)))
            }
            TXT => {
                peer = data
                    .get(1..1 + usize::from(*data.first()?))
                    .and_then(|text| String::from_utf8(text.to_vec()).ok())
            }
            _ => {}
        }
        at = fields + 10 + length;
    }
    Some(Announced {
        peer: peer?,
        ip: v4.or(v6)?,
        port: port?,
    })
}

fn put(packet: &mut Vec<u8>, numbers: &[u16]) {
    packet.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn pointer(packet: &mut Vec<u8>, to: usize) {
    put(
        packet,
        &[0xc000 | u16::try_from(to).expect("within a packet")],
    );
}

fn name(labels: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in labels {
        bytes.push(u8::try_from(label.len()).expect("a label is short"));
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// A name with its pointers followed, and where the fields behind it start.
fn read_name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut text, mut end) = (String::new(), None);
    for _ in 0..64 {
        let length = usize::from(*packet.get(at)?);
        match length {
            0 => return Some((text, end.unwrap_or(at + 1))),
            0xc0.. => {
                end = end.or(Some(at + 2));
                at = usize::from(number(packet, at)? & 0x3fff);
            }
            _ => {
                text.push_str(std::str::from_utf8(packet.get(at + 1..at + 1 + length)?).ok()?);
                text.push('.');
                at += 1 + length;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2";

    #[test]
    fn the_query_is_the_recorded_one() {
        let recorded = b"\x35\x58\0\0\0\x01\0\0\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01";
        assert_eq!(query(0x3558, "slips"), recorded);
        assert!(asks_for(recorded, "slips") && !asks_for(recorded, "other"));
    }

    #[test]
    fn the_answer_is_the_recorded_one() {
        let mut recorded =
            b"\0\0\x84\0\0\0\0\x04\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x31\x2e"
                .to_vec();
        recorded.extend(PEER.bytes());
        recorded
            .extend(b"\xc0\x0c\xc0\x23\0\x21\0\x01\0\0\0\x78\0\x0a\0\x0a\0\x01\x1a\x0c\x02vm\0");
        recorded.extend(b"\xc0\x66\0\x01\0\x01\0\0\0\x78\0\x04\x0a\x4d\0\x01\xc0\x23\0\x10\0\x01\0\0\0\x78\0\x2f\x2e");
        recorded.extend(PEER.bytes());
        assert_eq!(recorded.len(), 181);
        assert_eq!(
            answer("slips", "vm", Ipv4Addr::new(10, 77, 0, 1), 6668, PEER),
            recorded
        );
        let read = read_answer(&recorded).expect("a whole answer");
        assert_eq!(
            read,
            Announced {
                peer: PEER.into(),
                ip: Ipv4Addr::new(10, 77, 0, 1).into(),
                port: 6668
            }
        );
    }

    #[test]
    fn a_cut_answer_is_none() {
        let whole = answer("slips", "vm", Ipv4Addr::LOCALHOST, 1, PEER);
        for length in 0..whole.len() {
            assert_eq!(read_answer(&whole[..length]), None, "{length} bytes");
        }
    }
}
