//! The one definition of every setting: section, key, type, default, what it takes, a sentence.
//!
//! The structs of the config, the checks, `config.toml`, `init`, `config show` and the documentation
//! all come from here.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use libp2p::Multiaddr;
use toml::Value;

use super::{
    AnswerRequests, ForwardMode, Layout, LogFormat, LogLevel, RedisUrl, ReliabilityModel,
    UnknownPeers, addresses,
    kind::{self, Kind, Refusal, Shape},
    models,
    values::Values,
};
use crate::{
    domain::{ALIAS_CHARS, Conduct, MESSAGE_CHARS, Reliability},
    reputation::ModelKind,
};

/// One setting, as the table defines it.
pub struct Setting {
    /// The section, `redis` or `reliability.weights`.
    pub section: &'static str,
    /// The key in its section.
    pub name: &'static str,
    /// What it is for, in one or two sentences.
    pub sentence: String,
    /// What it takes, for people: `a whole number from 1 to 8`.
    pub takes: String,
    /// The value when nobody says anything.
    pub default: Value,
    pub(super) shape: Shape,
    pub(super) check: Check,
}

type Check = Box<dyn Fn(&Value) -> Result<(), Refusal> + Send + Sync>;

impl Setting {
    pub(super) fn new<T: 'static>(
        (section, name, sentence): (&'static str, &'static str, impl Into<String>),
        default: Value,
        kind: Kind<T>,
    ) -> Self {
        let read = kind.read;
        let check = Box::new(move |value: &Value| read(value).map(drop));
        Self {
            section,
            name,
            sentence: sentence.into().trim().to_owned(),
            takes: kind.takes,
            default,
            shape: kind.shape,
            check,
        }
    }

    /// The dotted key: `redis.url`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it: `SLIPS_P2P__REDIS__URL`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "{}{}",
            super::PREFIX,
            self.key().replace('.', "__").to_uppercase()
        )
    }
}

/// A section with its sentence.
pub struct Section {
    /// Its name, `redis` or `reliability.weights`.
    pub name: &'static str,
    /// What it is about.
    pub sentence: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $section:literal $type:ident {
        $($(#[doc = $sentence:literal])+ $name:ident: $field:ty = $default:expr, $kind:expr;)+
    })+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $type { $($(#[doc = $sentence])+ pub $name: $field,)+ }

            impl $type {
                pub(super) fn read(values: &Values) -> Result<Self, Refusal> {
                    Ok(Self { $($name: values.read(concat!($section, ".", stringify!($name)), &$kind)?,)+ })
                }
            }
        )+

        fn sections() -> Vec<Section> {
            vec![$(Section { name: $section, sentence: concat!($($about),+).trim_ascii() },)+]
        }

        fn settings() -> Vec<Setting> {
            vec![$($(
                Setting::new::<$field>(
                    ($section, stringify!($name), concat!($($sentence),+)), Value::from($default), $kind
                ),
            )+)+]
        }
    };
}

/// Every section in the order of `config.toml`.
pub static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(all_sections);

/// Every setting in the order of `config.toml`.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(all_settings);

fn all_sections() -> Vec<Section> {
    let mut all = sections();
    let models = 1 + all
        .iter()
        .position(|it| it.name == "reputation")
        .unwrap_or(0);
    all.splice(models..models, models::sections());
    all
}

fn all_settings() -> Vec<Setting> {
    settings().into_iter().chain(models::settings()).collect()
}

const NO_TEXTS: Vec<String> = Vec::new();

settings! {
    /// Where this node keeps what is its own.
    "node" Node {
        /// Directory of the key and the database; made when missing. A relative path starts at the
        /// working directory.
        data_dir: PathBuf = "slips-p2p-data", kind::path();
        /// File of the private key, relative to data_dir; made when missing. Empty: a new identity at
        /// each start, kept in memory only.
        key_file: Option<PathBuf> = "node.key", kind::optional(kind::path());
        /// File of the SQLite database, relative to data_dir; made when missing.
        database: PathBuf = "slips-p2p.db", kind::path();
        /// The Unix socket on which commands reach the running node, relative to data_dir; only this user
        /// can open it. Empty: beside the database, its name with .sock at the end.
        control_socket: Option<PathBuf> = "", kind::optional(kind::path());
        /// What this node calls itself to other nodes of this kind.
        alias: Option<String> = "", kind::optional(kind::line("a name", ALIAS_CHARS));
        /// What it tells them beside its status while all is well.
        status_message: Option<String> = "", kind::optional(kind::line("a sentence", MESSAGE_CHARS));
    }

    /// The Redis server that Slips uses, and what passes through it.
    "redis" Redis {
        /// The server with Slips' channels, with user, password and database number, over TCP (redis://),
        /// TLS (rediss://) or a socket (unix://). With a password in it, keep this file to yourself.
        url: RedisUrl = "redis://127.0.0.1:6379", kind::redis_url();
        /// The server and database of Slips' cache, where scores of addresses lie. Empty: database 1 of
        /// the server above.
        cache_url: Option<RedisUrl> = "", kind::optional(kind::redis_url());
        /// PEM file of the authority behind the certificate of a rediss:// server. Empty: those the system
        /// trusts.
        ca_file: Option<PathBuf> = "", kind::optional(kind::path());
        /// The channel on which Slips publishes what is meant for peers.
        from_slips: String = "p2p_pygo", kind::text("the name of a channel");
        /// The channel on which Slips hears of peers. Current Slips listens on p2p_gopy: this is the one
        /// line to change for it.
        to_slips: String = "p2p_pygo", kind::text("the name of a channel");
        /// How opinions lie in Slips' database: "hash" for Slips 1.1.17 and later (IPsInfo:p2p4slips),
        /// "json" for older ones (a key of the object in IPsInfo).
        layout: Layout = "hash", kind::word();
        /// Whether opinions are written into Slips' database at all.
        write_back: bool = true, kind::truth();
        /// How long a written opinion lives where the server can expire fields (Redis 7.4 and later);
        /// two time windows of Slips, as Slips itself has it. 0s: for ever.
        write_back_ttl: Duration = "2h", kind::duration("0s"..="365d");
        /// The version of Slips that every message to it must carry. Empty: found out and followed.
        version: Option<String> = "", kind::optional(kind::text("a version, such as \"1.1.21\""));
        /// Files to read the version of Slips from, the first that exists; normally VERSION in Slips'
        /// directory.
        version_files: Vec<PathBuf> = NO_TEXTS, kind::paths();
        /// How long messages wait for the version at the start before they go out without it.
        version_wait: Duration = "5s", kind::duration("0s"..="1h");
        /// Bytes of messages from Slips that may wait in memory; what comes beyond is dropped, counted
        /// and said.
        queue_bytes: usize = 33_554_432, kind::whole(65_536..=1_073_741_824);
    }

    /// What is handed to Slips of what peers send.
    "forward" Forward {
        /// "sanitized": only what Slips can digest; the rest costs its sender. "verbatim": every line as it
        /// came, with which a hostile peer can end Slips' module.
        mode: ForwardMode = "sanitized", kind::word();
        /// Whether messages of type blame go on to Slips, which would block the address unseen.
        blame: bool = false, kind::truth();
        /// Who answers peers that ask about an address: "slips" (when it holds a score of it), "node" (from
        /// Slips' database), or "none".
        answer_requests: AnswerRequests = "slips", kind::word();
    }

    /// What is meant for Slips and waits while Redis or Slips is away.
    "outbox" Outbox {
        /// Older messages are dropped, and that is said.
        max_age: Duration = "24h", kind::duration("1m"..="365d");
        /// Beyond this many the oldest are dropped, and that is said.
        max_messages: u64 = 1_000_000, kind::whole(1_000..=100_000_000);
    }

    /// How peers find and reach each other.
    "network" Network {
        /// Addresses to listen on; 4001 is the port of the Go pigeon. Port 0 takes a free one.
        listen: Vec<Multiaddr> = vec!["/ip4/0.0.0.0/tcp/4001"], addresses::listen();
        /// Whether QUIC is used as well: for addresses that end in /udp/PORT/quic-v1, and, if listen names
        /// none, beside each TCP address of it.
        quic: bool = false, kind::truth();
        /// The protocol of the streams between peers.
        protocol: String = "/slips/1.0", kind::protocol();
        /// Whether messages to and from nodes of this kind go in frames on one lasting stream (/slips/2.0),
        /// which is faster and acknowledges only what is on disk; other peers get a stream a message.
        frames: bool = true, kind::truth();
        /// Whether reports to everybody go into a signed log that nodes of this kind hand on to each other and
        /// catch up from (/slips/sync/1); other peers get a message each. The log is of the network named by
        /// rendezvous.
        sync: bool = true, kind::truth();
        /// The service name under which peers on the local network look for each other.
        rendezvous: String = "slips", kind::service();
        /// Whether to find peers and be found by multicast DNS as the Go pigeon does it.
        legacy_mdns: bool = true, kind::truth();
        /// How often to ask for peers in that way; a pigeon asks once an hour.
        legacy_mdns_interval: Duration = "60s", kind::duration("1s"..="1d");
        /// The UDP port for it: 5353 everywhere, another only for tests.
        legacy_mdns_port: u16 = 5353, kind::whole(1..=65_535);
        /// Whether to use libp2p's own multicast DNS too, which pigeons do not understand.
        mdns: bool = false, kind::truth();
        /// Peers that are always dialled, with or without /p2p/PEER; with it they pass every limit.
        peers: Vec<Multiaddr> = NO_TEXTS, addresses::dial();
        /// Peers that are in no list of yours: "accept" them, let them speak a little until they have behaved
        /// ("probation"), let them say hello and wait for you ("ask"), or close their connections ("deny").
        unknown_peers: UnknownPeers = "probation", kind::word();
        /// The first wait before a failed dial is tried again; it doubles, with chance, at each failure.
        dial_backoff_min: Duration = "1s", kind::duration("100ms"..="1h");
        /// The longest wait between two dials of a peer.
        dial_backoff_max: Duration = "5m", kind::duration("1s"..="7d");
        /// After so many failed dials in a row a peer counts as unreachable; it is tried on.
        unreachable_after: u32 = 8, kind::whole(1..=1_000);
        /// A peer is pinged this long after its last good ping at the earliest; a pigeon takes less than 5 s
        /// amiss ...
        ping_after_min: Duration = "15s", kind::duration("6s"..="1h");
        /// ... and this long after it at the latest; in between chance decides.
        ping_after_max: Duration = "20s", kind::duration("6s"..="1h");
        /// A peer that has not answered for so long is given up.
        lost_after: Duration = "60s", kind::duration("10s"..="1d");
    }

    /// How much others may take of this host.
    "limits" Limits {
        /// The longest line a peer may send, in bytes; a pigeon sends a report in about 250.
        max_line_bytes: usize = 65_536, kind::whole(1_024..=16_777_216);
        /// Open connections in all.
        connections: u32 = 384, kind::whole(1..=100_000);
        /// Open connections that others opened.
        connections_inbound: u32 = 256, kind::whole(0..=100_000);
        /// Open connections that others opened from one IPv4 /24 or IPv6 /64; in the private ranges, where a
        /// /24 may be a laboratory full of sensors, from one IPv4 address. Peers of your address book, trusted
        /// or in network.peers count for none.
        connections_per_network: u32 = 64, kind::whole(1..=100_000);
        /// Connections of others whose handshake is not done; beyond it the oldest of the busiest address
        /// goes.
        pending_inbound: usize = 256, kind::whole(1..=100_000);
        /// Dials under way at once.
        pending_outbound: usize = 16, kind::whole(1..=10_000);
        /// Peers that are remembered, connected or not.
        known_peers: usize = 10_000, kind::whole(16..=1_000_000);
        /// New connections are refused while the process holds more than this, in MiB.
        memory_mib: usize = 256, kind::whole(32..=1_048_576);
        /// Lines of more than 512 bytes, of all peers, that are being read or wait for the node.
        lines_reading: usize = 256, kind::whole(1..=65_536);
        /// The share of one connection in that.
        lines_reading_per_connection: usize = 32, kind::whole(1..=200);
        /// Lines a second that one peer may send for long; beyond it the peer is held back. That counts as
        /// flooding where each line has a stream of its own, not in frames, which go as fast as they are let.
        messages_per_second: u32 = 10_000, kind::whole(1..=1_000_000);
        /// Lines that one peer may send at once before the rate above holds.
        burst: u32 = 20_000, kind::whole(1..=1_000_000);
        /// Bytes of lines a second that one peer may send; beyond it is held back in the same way. 10,000
        /// reports are 3 MB.
        bytes_per_second: u32 = 33_554_432, kind::whole(65_536..=1_073_741_824);
        /// All peers of one network, as connections_per_network counts them, may together send so many times
        /// what one peer may, in lines and bytes, on probation and after it.
        network_share: u32 = 4, kind::whole(1..=1_000);
        /// Lines a second that a peer on probation may send for long; beyond it is held back.
        probation_messages_per_second: u32 = 100, kind::whole(1..=1_000_000);
        /// Lines that a peer on probation may send at once.
        probation_burst: u32 = 1_000, kind::whole(1..=1_000_000);
        /// Connected peers on probation at once.
        probation_connections: usize = 128, kind::whole(1..=100_000);
        /// A peer that was connected so long and did nothing amiss is no longer on probation.
        probation_for: Duration = "1h", kind::duration("1s"..="365d");
        /// Peers at once that wait for you with unknown_peers = "ask".
        parked: usize = 64, kind::whole(1..=10_000);
        /// Lines to one peer that are sent and not yet acknowledged; a pigeon resets what is beyond 256.
        in_flight: usize = 64, kind::whole(1..=200);
        /// Bytes for one peer that may wait in memory; beyond it the sender waits.
        send_queue_bytes: usize = 524_288, kind::whole(65_536..=1_073_741_824);
        /// Time for the handshakes of a new connection.
        handshake_timeout: Duration = "5s", kind::duration("1s"..="5m");
        /// How long a connection may stay on which nobody speaks our protocol.
        idle_timeout: Duration = "15s", kind::duration("1s"..="1h");
        /// Time for a line to arrive once its stream is open.
        read_timeout: Duration = "10s", kind::duration("1s"..="5m");
        /// Time a line may wait for room in the queue of its peer.
        write_timeout: Duration = "10s", kind::duration("1s"..="5m");
        /// Time for a peer to answer a hello or ping, as the pigeon has it.
        answer_timeout: Duration = "10s", kind::duration("1s"..="5m");
        /// Time for a peer to close the stream of a line, which acknowledges it.
        ack_timeout: Duration = "30s", kind::duration("1s"..="5m");
    }

    /// What the conduct of a peer on the wire makes of its reliability.
    "reliability" ReliabilitySettings {
        /// "decaying": weighted conduct that is forgotten; newcomers start low. "pigeon": the plain mean of
        /// all 0/1 ratings ever, as the Go pigeon has it.
        model: ReliabilityModel = "decaying", kind::word();
        /// After this time conduct counts half.
        half_life: Duration = "48h", kind::duration("1m"..="365d");
        /// The reliability of a peer of which nothing is known yet.
        start: Reliability = 0.25, kind::reliability();
        /// The most good conduct that is remembered, in the unit of the weights, so that no history is
        /// long enough to hide behind.
        good_cap: f64 = 3.0, kind::number(0.0..=1_000.0);
        /// This much bad conduct at once halves the good conduct that is remembered.
        spend: f64 = 4.0, kind::number(0.1..=1_000.0);
        /// A peer whose reliability falls below this is cut off; 0: nobody is.
        cut_off_below: Reliability = 0.1, kind::reliability();
        /// Nobody is cut off for less bad conduct than this.
        least_bad: f64 = 5.0, kind::number(0.0..=64.0);
        /// How long it is cut off.
        cut_off_for: Duration = "1h", kind::duration("1s"..="365d");
    }

    /// What each kind of conduct weighs, for the peer or against it; the unit is one malformed message.
    "reliability.weights" Weights {
        /// It answered our hello in due form, or greeted us with a version that was new.
        greeted: f64 = 0.1, kind::number(0.0..=1_000.0);
        /// It answered a ping, or pinged at a decent interval.
        alive: f64 = 0.01, kind::number(0.0..=1_000.0);
        /// A line that is no line: blank, not UTF-8, too long, cut short.
        malformed_line: f64 = 1.0, kind::number(0.0..=1_000.0);
        /// A line whose base64, JSON or values are not what the contract allows.
        malformed_message: f64 = 1.0, kind::number(0.0..=1_000.0);
        /// A hello, or an answer to ours, of the wrong form.
        broken_hello: f64 = 0.5, kind::number(0.0..=1_000.0);
        /// A hello with the version already known.
        repeated_hello: f64 = 0.05, kind::number(0.0..=1_000.0);
        /// A ping less than five seconds after the last good one.
        ping_too_often: f64 = 0.02, kind::number(0.0..=1_000.0);
        /// More lines than its rate allows, each on a stream of its own.
        flooding: f64 = 0.1, kind::number(0.0..=1_000.0);
        /// Something else than pong came back.
        wrong_answer: f64 = 0.5, kind::number(0.0..=1_000.0);
        /// No answer in time, or a stream that could not be opened, written or read. Being away spends good
        /// conduct only: it is never held against a peer, and never cuts one off.
        no_answer: f64 = 0.05, kind::number(0.0..=1_000.0);
        /// It could not be dialled; the same holds.
        unreachable: f64 = 0.02, kind::number(0.0..=1_000.0);
    }

    /// How reports become an opinion.
    "reputation" Reputation {
        /// The trust model. "robust": liars cannot turn it (the default). "slips": the base model's meaning (each
        /// reporter's newest report and newest reliability, the address it had at the time). "slips-compat": what
        /// Slips 1.1.21 computes, quirks included. "fides", "mean", "median": for comparison.
        model: ModelKind = "robust", kind::word();
        /// Whether addresses of private ranges (10.0.0.0/8, 192.168.0.0/16, fd00::/8, ...) have no opinion
        /// outside this node. The same address is another host in another network; set it to false only where
        /// all peers share one.
        guard_private: bool = true, kind::truth();
    }

    /// How long the database remembers.
    "store" Store {
        /// Reports last repeated more days ago than this are removed.
        retention_days: u64 = 90, kind::whole(1..=36_500);
        /// Beyond this many reports the oldest are removed.
        max_reports: u64 = 5_000_000, kind::whole(1_000..=1_000_000_000);
        /// Beyond this size of the database file, in MB, the oldest reports are removed.
        max_size_mb: u64 = 2_048, kind::whole(16..=1_048_576);
        /// The most reports written in one transaction.
        max_batch_rows: usize = 4_096, kind::whole(1..=65_536);
        /// How often old reports are looked for.
        prune_interval: Duration = "10m", kind::duration("1s"..="7d");
    }

    /// What the program says about its doings, on stderr.
    "log" Log {
        /// How much: "error", "warn", "info", "debug" or "trace".
        level: LogLevel = "info", kind::word();
        /// "text" for people, "json" for one object a line.
        format: LogFormat = "text", kind::word();
    }
}

impl Weights {
    /// The weight of one kind of conduct.
    #[must_use]
    pub fn of(&self, conduct: Conduct) -> f64 {
        match conduct {
            Conduct::Greeted => self.greeted,
            Conduct::Alive => self.alive,
            Conduct::MalformedLine => self.malformed_line,
            Conduct::MalformedMessage => self.malformed_message,
            Conduct::BrokenHello => self.broken_hello,
            Conduct::RepeatedHello => self.repeated_hello,
            Conduct::PingTooOften => self.ping_too_often,
            Conduct::Flooding => self.flooding,
            Conduct::WrongAnswer => self.wrong_answer,
            Conduct::NoAnswer => self.no_answer,
            Conduct::Unreachable => self.unreachable,
        }
    }
}

/// The place of a setting in [`SETTINGS`].
pub(super) fn position(key: &str) -> Option<usize> {
    let (section, name) = key.rsplit_once('.')?;
    SETTINGS
        .iter()
        .position(|setting| setting.section == section && setting.name == name)
}
