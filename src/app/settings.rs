//! The checked config as each room's own settings.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::PathBuf,
    time::Duration,
};

use libp2p::identity::Keypair;

use super::Role;
use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::config::{self, Config};
use crate::domain::{Contact, Decision, PeerId, Timestamp, ip_of};
use crate::network::identity::{self, KeyError, Loose};
use crate::reputation::{anchors::Anchors, guards::Guards, reliability};
use crate::{bridge, network, node, store};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A newcomer's mass of conduct, for and against together; `reliability.start` divides it.
const PRIOR_MASS: f64 = 0.4;
const MIB: usize = 1024 * 1024;

/// How the database of this configuration is opened for writing.
#[must_use]
pub fn store(config: &Config) -> store::Settings {
    store::Settings {
        path: config.node.database.clone(),
        max_batch_rows: config.store.max_batch_rows,
        retention: store::Retention {
            max_age: DAY
                .saturating_mul(u32::try_from(config.store.retention_days).unwrap_or(u32::MAX)),
            max_reports: config.store.max_reports,
            max_bytes: config.store.max_size_mb.saturating_mul(1_000_000),
        },
        outbox_max_age: config.outbox.max_age,
        outbox_max_rows: config.outbox.max_messages,
    }
}

pub(super) fn bridge(config: &Config) -> bridge::Settings {
    let redis = &config.redis;
    bridge::Settings {
        url: redis.url.expose().to_owned(),
        cache_url: redis.cache_url.as_ref().map(|url| url.expose().to_owned()),
        ca_file: redis.ca_file.clone(),
        from_slips: redis.from_slips.clone(),
        to_slips: redis.to_slips.clone(),
        layout: match redis.layout {
            config::Layout::Hash => bridge::Layout::Hash,
            config::Layout::Json => bridge::Layout::Json,
        },
        write_back: redis.write_back,
        write_back_ttl: redis.write_back_ttl,
        version: redis.version.clone(),
        version_files: redis.version_files.clone(),
        version_wait: redis.version_wait,
        queue_bytes: redis.queue_bytes,
    }
}

/// The socket on which commands reach the node of this configuration.
#[must_use]
pub fn control_socket(config: &Config) -> PathBuf {
    let beside = || store::beside(&config.node.database, ".sock");
    config.node.control_socket.clone().unwrap_or_else(beside)
}

pub(super) fn network(config: &Config, loaded: &store::Loaded) -> network::Settings {
    let contacts = &loaded.contacts;
    let decided = |decision| {
        let those = contacts
            .iter()
            .filter(move |it| it.decided() == Some(decision));
        those.map(|contact| contact.peer).collect()
    };
    let pinned = contacts.iter().filter(|contact| contact.pinned);
    let (network, limits) = (&config.network, &config.limits);
    network::Settings {
        listen: listen(network),
        quic: network.quic,
        protocol: network.protocol.clone(),
        frames: network.frames,
        rendezvous: network.rendezvous.clone(),
        legacy_mdns: network.legacy_mdns,
        legacy_mdns_port: network.legacy_mdns_port,
        legacy_mdns_interval: network.legacy_mdns_interval,
        mdns: network.mdns,
        static_peers: network.peers.clone(),
        unknown_peers: match network.unknown_peers {
            config::UnknownPeers::Accept => network::UnknownPeers::Accept,
            config::UnknownPeers::Probation => network::UnknownPeers::Probation,
            config::UnknownPeers::Ask => network::UnknownPeers::Ask,
            config::UnknownPeers::Deny => network::UnknownPeers::Deny,
        },
        acquainted: acquainted(config, loaded),
        proven: proven(config, loaded),
        probation_lines_per_second: limits.probation_messages_per_second,
        probation_lines_burst: limits.probation_burst,
        probation_connections: limits.probation_connections,
        probation_for: limits.probation_for,
        max_parked: limits.parked,
        alias: config.node.alias.clone().unwrap_or_default(),
        pinned: pinned.map(|it| (it.peer, it.addresses.clone())).collect(),
        accepted: decided(Decision::Accepted),
        rejected: decided(Decision::Rejected),
        max_line_bytes: limits.max_line_bytes,
        max_connections: limits.connections,
        max_connections_incoming: limits.connections_inbound,
        max_connections_per_network: limits.connections_per_network,
        max_pending_incoming: limits.pending_inbound,
        max_pending_dials: limits.pending_outbound,
        max_known_peers: limits.known_peers,
        max_memory_bytes: limits.memory_mib.saturating_mul(MIB),
        max_lines_reading: limits.lines_reading,
        max_lines_reading_per_connection: limits.lines_reading_per_connection,
        lines_per_second: limits.messages_per_second,
        lines_burst: limits.burst,
        bytes_per_second: limits.bytes_per_second,
        network_share: limits.network_share,
        handshake_timeout: limits.handshake_timeout,
        idle_timeout: limits.idle_timeout,
        read_timeout: limits.read_timeout,
        write_timeout: limits.write_timeout,
        answer_timeout: limits.answer_timeout,
        ack_timeout: limits.ack_timeout,
        ping_after_min: network.ping_after_min,
        ping_after_max: network.ping_after_max,
        lost_after: network.lost_after,
        backoff_min: network.dial_backoff_min,
        backoff_max: network.dial_backoff_max,
        unreachable_after: network.unreachable_after,
        max_in_flight: limits.in_flight,
        send_queue_bytes: limits.send_queue_bytes,
        ..network::Settings::default()
    }
}

/// Peers that are no strangers: those of the address book and those the operator trusts.
fn acquainted(config: &Config, loaded: &store::Loaded) -> Vec<PeerId> {
    let now = Timestamp::now();
    let anchors = (config.anchors.iter())
        .filter(|anchor| anchor.expires.is_none_or(|end| end > now))
        .map(|anchor| anchor.peer);
    let undecided = |contact: &&Contact| {
        matches!(
            contact.decided(),
            Some(Decision::Pending | Decision::Rejected)
        )
    };
    let contacts = loaded.contacts.iter().filter(|it| !undecided(it));
    let contacts = contacts.map(|contact| contact.peer);
    anchors.chain(contacts).collect()
}

/// With probation, those that an earlier run met at least its length ago and whose conduct is worth no
/// less than a newcomer's.
fn proven(config: &Config, loaded: &store::Loaded) -> Vec<PeerId> {
    let now = Timestamp::now();
    let proven = |record: &&store::PeerRecord| {
        config.network.unknown_peers == config::UnknownPeers::Probation
            && now.since(record.first_seen) >= config.limits.probation_for
            && record.conduct_at > Timestamp::ZERO
            && record.reliability >= config.reliability.start
    };
    (loaded.peers.iter())
        .filter(proven)
        .map(|record| record.peer)
        .collect()
}

/// Where to listen; with QUIC switched on and no address for it, on the UDP port beside each TCP one.
fn listen(network: &config::Network) -> Vec<Multiaddr> {
    let mut listen = network.listen.clone();
    let is_quic = |address: &Multiaddr| address.iter().any(|part| part == Protocol::QuicV1);
    if network.quic && !listen.iter().any(is_quic) {
        let beside = |address: &Multiaddr| {
            let part = |part| match part {
                Protocol::Tcp(port) => vec![Protocol::Udp(port), Protocol::QuicV1],
                other => vec![other],
            };
            address.iter().flat_map(part).collect()
        };
        let quic: Vec<Multiaddr> = network.listen.iter().map(beside).collect();
        listen.extend(quic);
    }
    listen
}

/// The peers of earlier runs and of the address book that can be dialled. Where a peer was last comes
/// before what the operator wrote.
pub(super) fn known(peers: &[store::PeerRecord], contacts: &[Contact]) -> Vec<network::Known> {
    let written: HashMap<PeerId, &Contact> = contacts.iter().map(|it| (it.peer, it)).collect();
    let known = |record: &store::PeerRecord| network::Known {
        peer: record.peer,
        addresses: record
            .multiaddr
            .iter()
            .filter_map(|text| text.parse().ok())
            .chain(
                written
                    .get(&record.peer)
                    .iter()
                    .flat_map(|it| it.addresses.clone()),
            )
            .collect(),
        greeted: record.greeted,
    };
    peers.iter().map(known).collect()
}

/// The identity: from the key file, or for this run only.
///
/// The pigeon leaves its key file open to all (contract section 4), so its heir tightens it.
pub(super) fn keypair(config: &Config, role: Role) -> Result<Keypair, KeyError> {
    let loose = match role {
        Role::Node => Loose::Refuse,
        Role::Pigeon => Loose::Tighten,
    };
    match &config.node.key_file {
        Some(path) => identity::load_or_create(path, loose),
        None => Ok(identity::one_time()),
    }
}

/// The guards of the configuration for a node that has these addresses.
#[must_use]
pub fn guards(config: &Config, own: HashSet<IpAddr>) -> Guards {
    Guards {
        own,
        named: config.network.peers.iter().filter_map(ip_of).collect(),
        never_block: config.never_block.clone(),
        private: config.reputation.guard_private,
    }
}

pub(super) fn node(config: &Config, own: HashSet<IpAddr>) -> node::Settings {
    let blame = config.forward.blame;
    node::Settings {
        forward: match config.forward.mode {
            config::ForwardMode::Sanitized => node::Forward::Sanitized { blame },
            config::ForwardMode::Verbatim => node::Forward::Verbatim,
        },
        answer_requests: match config.forward.answer_requests {
            config::AnswerRequests::Slips => node::AnswerRequests::Slips,
            config::AnswerRequests::Node => node::AnswerRequests::Node,
            config::AnswerRequests::None => node::AnswerRequests::Nobody,
        },
        write_back: config.redis.write_back,
        // Half its life: there is always a live one while somebody confirms it.
        write_again_after: (!config.redis.write_back_ttl.is_zero())
            .then_some(config.redis.write_back_ttl / 2),
        reliability: reliability(config),
        cut_off_for: config.reliability.cut_off_for,
        guards: guards(config, own),
        anchors: Anchors::default(),
        remember_for: DAY
            .saturating_mul(u32::try_from(config.store.retention_days).unwrap_or(u32::MAX)),
        max_peers: config.limits.known_peers,
    }
}

fn reliability(config: &Config) -> reliability::Parameters {
    let (settings, weights) = (&config.reliability, &config.weights);
    // More than nothing, or a newcomer's reliability would be 0 / 0.
    let prior_good = (PRIOR_MASS * settings.start.get()).max(f64::MIN_POSITIVE);
    reliability::Parameters {
        model: match settings.model {
            config::ReliabilityModel::Decaying => reliability::ReliabilityModel::Decaying,
            config::ReliabilityModel::Pigeon => reliability::ReliabilityModel::Pigeon,
        },
        weights: reliability::Weights {
            greeted: weights.greeted,
            alive: weights.alive,
            malformed_line: weights.malformed_line,
            malformed_message: weights.malformed_message,
            broken_hello: weights.broken_hello,
            repeated_hello: weights.repeated_hello,
            ping_too_often: weights.ping_too_often,
            flooding: weights.flooding,
            wrong_answer: weights.wrong_answer,
            no_answer: weights.no_answer,
            unreachable: weights.unreachable,
        },
        half_life: settings.half_life,
        good_cap: settings.good_cap,
        spend: settings.spend,
        prior_good,
        prior_bad: PRIOR_MASS - prior_good,
        limit: settings.cut_off_below.get(),
        least_bad: settings.least_bad,
    }
}

pub(super) fn banned(bans: &[crate::domain::Ban]) -> Vec<PeerId> {
    bans.iter().map(|ban| ban.peer).collect()
}
