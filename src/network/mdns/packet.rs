//! The DNS packets by which pigeons find each other. Not libp2p's kind of multicast DNS: a query of
//! `<rendezvous>.local` from any port, answered by unicast with PTR, SRV, A and TXT, the TXT alone
//! being the peer id.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, PTR, SRV, TXT},
    },
};
use libp2p::PeerId;

/// How long an answer may be cached, in seconds; the pigeon's figure.
const TTL: u32 = 120;
/// SRV priority and weight, the pigeon's figures.
const SRV_PRIORITY: u16 = 10;
const SRV_WEIGHT: u16 = 1;
/// Peers taken from one packet: a pigeon names one, itself.
const MAX_PEERS: usize = 8;
/// Where DNS-SD asks which services there are.
const SERVICES: &str = "_services._dns-sd._udp.local.";

/// The names under which one rendezvous is asked for and answered.
#[derive(Debug, Clone)]
pub(super) struct Names {
    service: Name,
    services: Name,
    instance: Name,
    host: Name,
    peer: PeerId,
}

/// What a query wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Who is there.
    Peers,
    /// Our own record.
    Instance,
    /// Which services there are.
    Services,
}

/// A query meant for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    /// The id of the answer: the query's own if it asked for a unicast answer, else 0.
    pub(super) id: u16,
}

/// A peer in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) peer: PeerId,
    pub(super) at: Vec<SocketAddr>,
}

impl Names {
    /// `None`: the rendezvous cannot be part of a DNS name.
    pub(super) fn new(rendezvous: &str, peer: PeerId) -> Option<Self> {
        let service = Name::from_ascii(format!("{}.local.", rendezvous.trim_matches('.'))).ok()?;
        let id = peer.to_base58();
        let instance = Name::from_labels([id.as_bytes()])
            .ok()?
            .append_name(&service)
            .ok()?;
        // Not the host's name: that is nobody's business, and the answer only needs one of its own.
        let host =
            Name::from_ascii(format!("slips-{}.", id[id.len() - 8..].to_lowercase())).ok()?;
        Some(Self {
            services: Name::from_ascii(SERVICES).ok()?,
            service,
            instance,
            host,
            peer,
        })
    }

    /// The question who is there.
    pub(super) fn query(&self, id: u16) -> Option<Vec<u8>> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(self.service.clone(), RecordType::PTR));
        message.to_vec().ok()
    }

    /// Whether a packet asks for us.
    pub(super) fn asked(&self, packet: &[u8]) -> Option<Asked> {
        let message = Message::from_vec(packet).ok()?;
        if message.metadata.message_type != MessageType::Query {
            return None;
        }
        message.queries.iter().find_map(|query| {
            let any_of = |kinds: &[RecordType]| {
                query.query_type == RecordType::ANY || kinds.contains(&query.query_type)
            };
            let wanted = if query.name == self.service && any_of(&[RecordType::PTR]) {
                Wanted::Peers
            } else if query.name == self.instance
                && any_of(&[RecordType::SRV, RecordType::TXT, RecordType::PTR])
            {
                Wanted::Instance
            } else if query.name == self.services && any_of(&[RecordType::PTR]) {
                Wanted::Services
            } else {
                return None;
            };
            let id = if query.mdns_unicast_response {
                message.metadata.id
            } else {
                0
            };
            Some(Asked { wanted, id })
        })
    }

    /// The answer that we are there, at these addresses of one port, best last: pigeons take the
    /// last. The TXT record comes last of all: that is when they look whether they have everything.
    pub(super) fn answer(&self, asked: Asked, port: u16, at: &[IpAddr]) -> Option<Vec<u8>> {
        let mut message = Message::new(asked.id, MessageType::Response, OpCode::Query);
        message.metadata.authoritative = true;
        if asked.wanted == Wanted::Services {
            let service = RData::PTR(PTR(self.service.clone()));
            message.add_answer(Record::from_rdata(self.services.clone(), TTL, service));
            return message.to_vec().ok();
        }
        if asked.wanted == Wanted::Peers {
            let instance = RData::PTR(PTR(self.instance.clone()));
            message.add_answer(Record::from_rdata(self.service.clone(), TTL, instance));
        }
        let srv = RData::SRV(SRV::new(SRV_PRIORITY, SRV_WEIGHT, port, self.host.clone()));
        message.add_answer(Record::from_rdata(self.instance.clone(), TTL, srv));
        for ip in at {
            let address = match ip {
                IpAddr::V4(v4) => RData::A(A(*v4)),
                IpAddr::V6(v6) => RData::AAAA(AAAA(*v6)),
            };
            message.add_answer(Record::from_rdata(self.host.clone(), TTL, address));
        }
        let txt = RData::TXT(TXT::new(vec![self.peer.to_base58()]));
        message.add_answer(Record::from_rdata(self.instance.clone(), TTL, txt));
        message.to_vec().ok()
    }

    /// The peers an answer names, ourselves excepted. A peer without an address record is at the
    /// address the answer came from.
    pub(super) fn found(&self, packet: &[u8], from: IpAddr) -> Vec<Found> {
        let Ok(message) = Message::from_vec(packet) else {
            return Vec::new();
        };
        if message.metadata.message_type != MessageType::Response {
            return Vec::new();
        }
        let records = Records::sort(&message, &self.service);
        let found = records
            .peers
            .iter()
            .take(MAX_PEERS)
            .filter_map(|(instance, txt)| {
                let peer = std::str::from_utf8(txt.txt_data.first()?)
                    .ok()?
                    .parse()
                    .ok()?;
                Some(Found {
                    peer,
                    at: records.addresses(instance, from)?,
                })
            });
        found
            .filter(|found| found.peer != self.peer && !found.at.is_empty())
            .collect()
    }
}

/// The records of an answer, by what they are good for.
#[derive(Default)]
struct Records<'a> {
    peers: Vec<(&'a Name, &'a TXT)>,
    servers: HashMap<&'a Name, (u16, &'a Name)>,
    hosts: HashMap<&'a Name, Vec<IpAddr>>,
}

impl<'a> Records<'a> {
    fn sort(message: &'a Message, service: &Name) -> Self {
        let mut records = Self::default();
        for record in message.all_sections() {
            let name = &record.name;
            match &record.data {
                RData::TXT(txt) if service.zone_of(name) => records.peers.push((name, txt)),
                RData::SRV(srv) => _ = records.servers.insert(name, (srv.port, &srv.target)),
                RData::A(a) => records.hosts.entry(name).or_default().push(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => records
                    .hosts
                    .entry(name)
                    .or_default()
                    .push(IpAddr::V6(aaaa.0)),
                _ => {}
            }
        }
        records
    }

    /// Where an instance is; without an address record, where the answer came from.
    fn addresses(&self, instance: &Name, from: IpAddr) -> Option<Vec<SocketAddr>> {
        let (port, host) = self.servers.get(instance)?;
        let ips = self.hosts.get(host).cloned().unwrap_or_else(|| vec![from]);
        let usable = ips.into_iter().filter(|ip| can_be_dialled(*ip));
        Some(
            usable
                .take(MAX_PEERS)
                .map(|ip| SocketAddr::new(ip, *port))
                .collect(),
        )
    }
}

fn can_be_dialled(ip: IpAddr) -> bool {
    let link_local_v6 = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    !ip.is_unspecified() && !ip.is_multicast() && !link_local_v6
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Recorded from a pigeon: its question.
    const QUERY: [u8; 29] = *b"\x35\x58\0\0\0\x01\0\0\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01";
    /// A peer id of the recorded length; the recording itself names none.
    const PEER: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    /// Recorded from a pigeon: its answer, with a peer id put in.
    fn recorded_answer() -> Vec<u8> {
        let mut packet =
            b"\0\0\x84\0\0\0\0\x04\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x31\x2e"
                .to_vec();
        packet.extend(PEER.bytes());
        packet.extend(b"\xc0\x0c\xc0\x23\0\x21\0\x01\0\0\0\x78\0\x0a\0\x0a\0\x01\x1a\x0c\x02vm\0");
        packet.extend(b"\xc0\x66\0\x01\0\x01\0\0\0\x78\0\x04\x0a\x4d\0\x01");
        packet.extend(b"\xc0\x23\0\x10\0\x01\0\0\0\x78\0\x2f\x2e");
        packet.extend(PEER.bytes());
        packet
    }

    fn pigeon() -> PeerId {
        PEER.parse().expect("a peer id")
    }

    fn names() -> Names {
        Names::new("slips", PeerId::random()).expect("a name")
    }

    #[test]
    fn our_question_is_the_pigeons_byte_for_byte() {
        assert_eq!(names().query(0x3558).expect("encodes"), QUERY);
    }

    #[test]
    fn the_pigeons_question_is_understood() {
        assert_eq!(
            names().asked(&QUERY),
            Some(Asked {
                wanted: Wanted::Peers,
                id: 0
            })
        );
        assert_eq!(
            Names::new("other", PeerId::random())
                .expect("a name")
                .asked(&QUERY),
            None
        );
        assert_eq!(names().asked(&recorded_answer()), None);
    }

    #[test]
    fn the_pigeons_answer_is_understood() {
        let packet = recorded_answer();
        assert_eq!(packet.len(), 181, "as long as the recorded one");
        let at = vec!["10.77.0.1:6668".parse().expect("an address")];
        assert_eq!(
            names().found(&packet, IpAddr::from([10, 0, 0, 9])),
            [Found { peer: pigeon(), at }]
        );
    }

    #[test]
    fn our_answer_has_the_pigeons_form() {
        let ours = Names {
            host: Name::from_ascii("vm.").expect("a name"),
            ..Names::new("slips", pigeon()).expect("a name")
        };
        let asked = ours.asked(&QUERY).expect("asked");
        let packet = ours
            .answer(asked, 6668, &[Ipv4Addr::new(10, 77, 0, 1).into()])
            .expect("encodes");
        let recorded = recorded_answer();
        // The pigeon points back into the SRV record for the host's name; two bytes for four.
        let host_at = 12 + 13 + 10 + 49 + 12 + 10;
        assert_eq!(packet[..host_at], recorded[..host_at]);
        assert_eq!(
            Message::from_vec(&packet).expect("parses"),
            Message::from_vec(&recorded).expect("parses")
        );
    }

    #[test]
    fn we_do_not_find_ourselves() {
        let ours = Names::new("slips", pigeon()).expect("a name");
        assert_eq!(
            ours.found(&recorded_answer(), IpAddr::from([10, 77, 0, 1])),
            []
        );
    }

    #[test]
    fn a_unicast_question_is_answered_with_its_id() {
        let mut query = QUERY;
        query[27] = 0x80;
        assert_eq!(
            names().asked(&query),
            Some(Asked {
                wanted: Wanted::Peers,
                id: 0x3558
            })
        );
    }

    #[test]
    fn garbage_finds_nobody() {
        let mut packet = recorded_answer();
        for cut in 0..packet.len() {
            names().found(&packet[..cut], IpAddr::from([10, 0, 0, 1]));
            names().asked(&packet[..cut]);
        }
        packet[0x23] ^= 0xff;
        names().found(&packet, IpAddr::from([10, 0, 0, 1]));
    }
}
