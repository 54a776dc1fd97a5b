//! What the network can be told, and the sizes of its queues.

use std::time::Duration;

use libp2p::Multiaddr;

use super::UnknownPeers;
use crate::domain::PeerId;

/// Events on the way to the node: a second's worth while hundreds of peers come and go at once.
pub(super) const EVENT_QUEUE: usize = 1024;
/// Events held back inside the loop while that queue is full; beyond it conduct is no longer told.
pub(super) const EVENT_BACKLOG: usize = 8192;
/// Commands on the way to the loop: a person's doing, a handful at a time.
pub(super) const COMMAND_QUEUE: usize = 64;
/// Peers found by multicast DNS and not yet taken over; a lost one is found again a minute later.
pub(super) const FOUND_QUEUE: usize = 64;
/// Addresses kept for a peer; the newest win.
pub(super) const MAX_ADDRESSES: usize = 8;
/// Inbound streams of a connection in work at once; the others wait in its muxer.
pub(super) const MAX_INBOUND_STREAMS: usize = 128;

/// A peer of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub peer: PeerId,
    /// Where it was reached, best first.
    pub addresses: Vec<Multiaddr>,
    /// Whether it has heard our hello: a pigeon punishes a second one.
    pub greeted: bool,
}

/// Everything the network can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where to listen, e.g. `/ip4/0.0.0.0/tcp/4001`; port 0 takes a free one.
    pub listen: Vec<Multiaddr>,
    /// Speak QUIC too, where the build has it.
    pub quic: bool,
    /// The stream protocol; `/slips/1.0` is the pigeon's.
    pub protocol: String,
    /// Whether lines go in frames (`/slips/2.0`) to and from peers that offer that.
    pub frames: bool,
    /// The version our hello names; pigeons say `version1`.
    pub hello_version: String,
    /// What identify says we are.
    pub agent: String,
    /// The name pigeons ask for by multicast DNS; `slips` is their default.
    pub rendezvous: String,
    /// Find and be found by pigeons (their own kind of multicast DNS).
    pub legacy_mdns: bool,
    /// The UDP port of that; 5353 for everybody, another one only in tests.
    pub legacy_mdns_port: u16,
    /// How often to ask; pigeons ask once an hour and miss who starts later.
    pub legacy_mdns_interval: Duration,
    /// Find nodes by libp2p's multicast DNS.
    pub mdns: bool,
    /// Peers always dialled, with or without `/p2p/<id>`; those with an id pass every limit.
    pub static_peers: Vec<Multiaddr>,
    /// What is done with peers nobody has decided about.
    pub unknown_peers: UnknownPeers,
    /// Peers that are no strangers: of the address book, or trusted. Those of `static_peers` are none in
    /// any case. None of them shares a budget with its network.
    pub acquainted: Vec<PeerId>,
    /// Strangers that have behaved in earlier runs: on probation no longer.
    pub proven: Vec<PeerId>,
    /// Lines a second a peer on probation may send in the long run.
    pub probation_lines_per_second: u32,
    /// Lines it may send at once.
    pub probation_lines_burst: u32,
    /// Connected peers on probation at once.
    pub probation_connections: usize,
    /// A peer that was connected so long without doing anything amiss is no longer on probation.
    pub probation_for: Duration,
    /// Peers that wait for the operator at once; past that the one that has waited longest goes.
    pub max_parked: usize,
    /// What this node calls itself.
    pub alias: String,
    /// Peers the operator pinned, with where they can be dialled: dialled at once, kept, and beyond
    /// every limit.
    pub pinned: Vec<(PeerId, Vec<Multiaddr>)>,
    /// Strangers the operator has accepted.
    pub accepted: Vec<PeerId>,
    /// Peers the operator has rejected: they are neither dialled nor let in.
    pub rejected: Vec<PeerId>,
    /// Longest line taken or sent, in bytes without its newline.
    pub max_line_bytes: usize,
    /// Established connections of both directions.
    pub max_connections: u32,
    /// Established connections others made.
    pub max_connections_incoming: u32,
    /// Established connections from one network: a public IPv4 /24, a private IPv4 address, an IPv6 /64.
    /// Peers the operator knows count for none.
    pub max_connections_per_network: u32,
    /// Connections others are still making; beyond it the oldest of the busiest address is cut off,
    /// so that half-open ones lock nobody out.
    pub max_pending_incoming: usize,
    /// Dials under way at once.
    pub max_pending_dials: usize,
    /// Known peers kept, connected or not.
    pub max_known_peers: usize,
    /// Resident memory of the process beyond which new connections are refused, in bytes.
    pub max_memory_bytes: usize,
    /// Bytes of all peers received and not yet read, open streams included; beyond it no connection
    /// is read that holds more than a line or two.
    pub max_unread_bytes: u64,
    /// The same for one connection: beyond it the connection is not read, which holds its peer back.
    pub max_unread_bytes_per_connection: u64,
    /// Lines of all peers being read or waiting for the node; each holds at most `max_line_bytes`.
    pub max_lines_reading: usize,
    /// The share of one connection in that.
    pub max_lines_reading_per_connection: usize,
    /// Lines a peer may send a second in the long run; beyond it is held back and counted.
    pub lines_per_second: u32,
    /// Lines a peer may send at once before that counts.
    pub lines_burst: u32,
    /// Bytes of lines a peer may send a second in the long run, and at once.
    pub bytes_per_second: u32,
    /// How many times what one peer may send all strangers of one network may send together.
    pub network_share: u32,
    /// Time for the handshakes of a connection.
    pub handshake_timeout: Duration,
    /// How long a connection may stay on which nobody speaks our protocol.
    pub idle_timeout: Duration,
    /// Time for a line to arrive once its reading has begun.
    pub read_timeout: Duration,
    /// Time a line may wait for room in a peer's queue.
    pub write_timeout: Duration,
    /// Time for the answer to hello and ping; the pigeon's is 10 s.
    pub answer_timeout: Duration,
    /// Time for a peer to close the stream of a line, which acknowledges it; with frames, to
    /// acknowledge anything.
    pub ack_timeout: Duration,
    /// A peer is pinged this long after the last good ping at the earliest ...
    pub ping_after_min: Duration,
    /// ... and this long after it at the latest; drawn anew each time.
    pub ping_after_max: Duration,
    /// A peer without a good ping for so long is given up.
    pub lost_after: Duration,
    /// The first wait after a failed dial; doubled each time.
    pub backoff_min: Duration,
    /// The longest wait between dials.
    pub backoff_max: Duration,
    /// Failed dials after which a peer counts as unreachable.
    pub unreachable_after: u32,
    /// Lines to a peer sent and not acknowledged. A yamux of the pigeon's age resets streams beyond
    /// 256 not yet accepted.
    pub max_in_flight: usize,
    /// Bytes waiting to be sent to one peer.
    pub send_queue_bytes: usize,
    /// Seed of the back-off's and the pings' chance; `None`: from the system.
    pub seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            quic: false,
            protocol: "/slips/1.0".into(),
            frames: true,
            hello_version: "version1".into(),
            agent: concat!("slips-p2p/", env!("CARGO_PKG_VERSION")).into(),
            rendezvous: "slips".into(),
            legacy_mdns: true,
            legacy_mdns_port: 5353,
            legacy_mdns_interval: Duration::from_secs(60),
            mdns: false,
            static_peers: Vec::new(),
            unknown_peers: UnknownPeers::Accept,
            acquainted: Vec::new(),
            proven: Vec::new(),
            probation_lines_per_second: 100,
            probation_lines_burst: 1_000,
            probation_connections: 128,
            probation_for: Duration::from_secs(3600),
            max_parked: 64,
            alias: String::new(),
            pinned: Vec::new(),
            accepted: Vec::new(),
            rejected: Vec::new(),
            max_line_bytes: 64 * 1024,
            max_connections: 384,
            max_connections_incoming: 256,
            max_connections_per_network: 64,
            max_pending_incoming: 256,
            max_pending_dials: 16,
            max_known_peers: 10_000,
            max_memory_bytes: 256 * 1024 * 1024,
            max_unread_bytes: 32 * 1024 * 1024,
            max_unread_bytes_per_connection: 4 * 1024 * 1024,
            max_lines_reading: 256,
            max_lines_reading_per_connection: 32,
            lines_per_second: 10_000,
            lines_burst: 20_000,
            bytes_per_second: 32 * 1024 * 1024,
            network_share: 4,
            handshake_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(10),
            ack_timeout: Duration::from_secs(30),
            ping_after_min: Duration::from_secs(15),
            ping_after_max: Duration::from_secs(20),
            lost_after: Duration::from_secs(60),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            unreachable_after: 8,
            max_in_flight: 64,
            send_queue_bytes: 512 * 1024,
            seed: None,
        }
    }
}
