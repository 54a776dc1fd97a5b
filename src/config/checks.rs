//! Combinations of settings that cannot be meant.

use super::{
    AnswerRequests, Config, ForwardMode, ReliabilityModel,
    problem::{Problem, shown},
    values::Values,
};
use crate::domain::is_quic;

/// Every impossible combination of settings that are not wrong by themselves (`bad` are), each told
/// at a setting that somebody changed.
pub(super) fn combinations(config: &Config, values: &Values, bad: &[Problem]) -> Vec<Problem> {
    let mut found = Found {
        values,
        bad,
        problems: Vec::new(),
    };
    files(config, &mut found);
    authority(config, &mut found);
    forwarding(config, &mut found);
    network(config, &mut found);
    limits(config, &mut found);
    reliability(config, &mut found);
    found.problems
}

struct Found<'a> {
    values: &'a Values,
    bad: &'a [Problem],
    problems: Vec<Problem>,
}

impl Found<'_> {
    /// Records a contradiction between settings when `holds`; told at the first that has not its default.
    fn when(&mut self, holds: bool, keys: &[&str], wrong: &str, remedy: &str) {
        if !holds
            || self
                .bad
                .iter()
                .any(|problem| keys.contains(&problem.key.as_str()))
        {
            return;
        }
        let set = |key: &&&str| {
            self.values
                .get(key)
                .is_some_and(|it| it.origin != super::Origin::Default)
        };
        let Some(culprit) = keys
            .iter()
            .find(set)
            .or(keys.first())
            .and_then(|key| self.values.get(key))
        else {
            return;
        };
        let others = keys
            .iter()
            .filter(|key| **key != culprit.setting.key())
            .filter_map(|key| self.values.get(key));
        let others: Vec<String> = others
            .map(|other| {
                format!(
                    "{} = {} ({})",
                    other.setting.key(),
                    shown(&other.text(false)),
                    other.origin
                )
            })
            .collect();
        let beside = if others.is_empty() {
            String::new()
        } else {
            format!(", with {}", others.join(" and "))
        };
        self.problems.push(Problem {
            origin: culprit.origin.clone(),
            key: culprit.setting.key(),
            value: Some(shown(&culprit.text(false))),
            wrong: format!("{wrong}{beside}"),
            remedy: remedy.into(),
        });
    }
}

fn files(config: &Config, found: &mut Found<'_>) {
    found.when(
        config.node.key_file.as_ref() == Some(&config.node.database),
        &["node.key_file", "node.database"],
        "key and database are the same file",
        "give each its own",
    );
    let socket = config.node.control_socket.as_ref();
    found.when(
        socket == Some(&config.node.database),
        &["node.control_socket", "node.database"],
        "socket and database are the same file",
        "give each its own",
    );
    found.when(
        socket.is_some() && socket == config.node.key_file.as_ref(),
        &["node.control_socket", "node.key_file"],
        "socket and key are the same file",
        "give each its own",
    );
}

fn authority(config: &Config, found: &mut Found<'_>) {
    let over_tls = |url: &super::RedisUrl| url.expose().starts_with("rediss:");
    let cache = config.redis.cache_url.as_ref();
    found.when(
        config.redis.ca_file.is_some()
            && !over_tls(&config.redis.url)
            && !cache.is_some_and(over_tls),
        &["redis.ca_file", "redis.url"],
        "an authority for certificates, but no connection over TLS",
        "begin redis.url with rediss://, or leave redis.ca_file empty",
    );
}

fn forwarding(config: &Config, found: &mut Found<'_>) {
    found.when(
        config.forward.mode == ForwardMode::Verbatim
            && config.forward.answer_requests != AnswerRequests::Slips,
        &["forward.answer_requests", "forward.mode"],
        "in verbatim mode every request goes to Slips, which then answers",
        "set forward.answer_requests = \"slips\", or forward.mode = \"sanitized\"",
    );
    found.when(
        config.redis.queue_bytes < 2 * config.limits.max_line_bytes,
        &["redis.queue_bytes", "limits.max_line_bytes"],
        "the queue has no room for two of the longest lines",
        "raise redis.queue_bytes or lower limits.max_line_bytes",
    );
}

fn network(config: &Config, found: &mut Found<'_>) {
    let network = &config.network;
    let over_quic = |addresses: &[libp2p::Multiaddr]| addresses.iter().any(is_quic);
    for (key, addresses) in [
        ("network.listen", &network.listen),
        ("network.peers", &network.peers),
    ] {
        found.when(
            over_quic(addresses) && !network.quic,
            &[key, "network.quic"],
            "an address is for QUIC, which is off",
            "set network.quic = true, or remove the address",
        );
        let mut once = addresses.clone();
        once.sort();
        once.dedup();
        let twice = once.len() < addresses.len();
        found.when(
            twice,
            &[key],
            "an address is there twice",
            "remove one of the two",
        );
    }
    found.when(
        network.quic && !cfg!(feature = "quic"),
        &["network.quic"],
        "this build leaves out QUIC",
        "set network.quic = false, or build with the cargo feature `quic`",
    );
    let silent = !network.legacy_mdns && !network.mdns;
    found.when(
        network.listen.is_empty() && network.peers.is_empty() && silent,
        &[
            "network.listen",
            "network.peers",
            "network.legacy_mdns",
            "network.mdns",
        ],
        "this node could meet nobody",
        "listen on an address, name peers, or allow discovery",
    );
    found.when(
        network.dial_backoff_min > network.dial_backoff_max,
        &["network.dial_backoff_min", "network.dial_backoff_max"],
        "the shortest wait is longer than the longest",
        "lower network.dial_backoff_min or raise network.dial_backoff_max",
    );
    found.when(
        network.ping_after_min > network.ping_after_max,
        &["network.ping_after_min", "network.ping_after_max"],
        "the earliest ping comes after the latest",
        "lower network.ping_after_min or raise network.ping_after_max",
    );
    found.when(
        network.ping_after_max >= network.lost_after,
        &["network.ping_after_max", "network.lost_after"],
        "a peer would be given up before it is asked",
        "lower network.ping_after_max or raise network.lost_after",
    );
}

fn limits(config: &Config, found: &mut Found<'_>) {
    let limits = &config.limits;
    found.when(
        limits.connections_inbound > limits.connections,
        &["limits.connections_inbound", "limits.connections"],
        "more connections of others than connections in all",
        "lower limits.connections_inbound or raise limits.connections",
    );
    found.when(
        limits.lines_reading_per_connection > limits.lines_reading,
        &[
            "limits.lines_reading_per_connection",
            "limits.lines_reading",
        ],
        "the share of one connection is more than the whole",
        "lower limits.lines_reading_per_connection or raise limits.lines_reading",
    );
    found.when(
        limits.send_queue_bytes < 2 * limits.max_line_bytes,
        &["limits.send_queue_bytes", "limits.max_line_bytes"],
        "the queue of a peer has no room for two of the longest lines",
        "raise limits.send_queue_bytes or lower limits.max_line_bytes",
    );
    found.when(
        u32::try_from(config.network.peers.len()).unwrap_or(u32::MAX) > limits.connections,
        &["network.peers", "limits.connections"],
        "more static peers than connections",
        "raise limits.connections or name fewer peers",
    );
}

fn reliability(config: &Config, found: &mut Found<'_>) {
    let reliability = &config.reliability;
    found.when(
        reliability.model == ReliabilityModel::Decaying
            && reliability.start < reliability.cut_off_below,
        &["reliability.start", "reliability.cut_off_below"],
        "every newcomer would be cut off at once",
        "raise reliability.start or lower reliability.cut_off_below",
    );
}
