//! Planted mistakes in every layer, and what must be said about them.

use crate::{error, from_file, with};

/// Each planted mistake: the file, and what its one error must be, from place to remedy.
const PLANTED: &[(&str, &str)] = &[
    // Keys that name nothing.
    (
        "[redis]\nulr = \"redis://h\"",
        "config.toml:2: redis.ulr = \"redis://h\": is no setting; did you mean redis.url?",
    ),
    (
        "[rediss]\n",
        "config.toml:1: rediss: is no section; did you mean [redis]?",
    ),
    (
        "\n[redis]\nmax_line_bytes = 9999",
        "config.toml:3: redis.max_line_bytes = 9999: is no setting; did you mean limits.max_line_bytes?",
    ),
    (
        "[forward]\nmod = \"verbatim\"",
        "config.toml:2: forward.mod = \"verbatim\": is no setting; did you mean forward.mode?",
    ),
    (
        "[limits]\nmax_line = 1",
        "config.toml:2: limits.max_line = 1: is no setting; did you mean limits.max_line_bytes?",
    ),
    (
        "url = \"redis://h\"",
        "config.toml:1: url = \"redis://h\": is no setting; did you mean redis.url?",
    ),
    (
        "[log]\nxyzzy = 1",
        "config.toml:2: log.xyzzy = 1: is no setting; remove it, or see `slips-p2p config show`",
    ),
    (
        "redis = \"redis://h\"",
        "config.toml:1: redis = \"redis://h\": is a section, not a setting; write [redis] on a line",
    ),
    (
        "[reliability.weights]\ngreeting = 1.0",
        "config.toml:2: reliability.weights.greeting = 1.0: is no setting; did you mean reliability.weights.greeted?",
    ),
    (
        "network.listn = []",
        "config.toml:1: network.listn = []: is no setting; did you mean network.listen?",
    ),
    // Texts that peers would not be shown as they stand.
    (
        "[node]\nalias = \"1234567890123456789012345678901234567890123456789\"",
        "config.toml:2: node.alias = \"1234567890123456789012345678901234567890123456789\": has 49 characters; write a name of at most 48 characters",
    ),
    (
        "[node]\nstatus_message = \"a\\u202eb\"",
        "has a character that peers are not shown, \\u{202e}; write a sentence of at most 120 characters",
    ),
    // Addresses nothing here could dial.
    (
        "[network]\npeers = [\"/ip4/192.0.2.7/tcp/4001/ws\"]",
        "`/ip4/192.0.2.7/tcp/4001/ws` goes on after what can be used here; write an address, such as",
    ),
    (
        "[network]\npeers = [\"/ip4/0.0.0.0/tcp/4001\"]",
        "`/ip4/0.0.0.0/tcp/4001` has the unspecified address, which is no host's own; write an address, such as",
    ),
    (
        "[network]\npeers = [\"/unix/run%2Fx.sock\"]",
        "`/unix/run%2Fx.sock` does not begin with /ip4/ or /ip6/; write an address, such as",
    ),
    // Values of the wrong form.
    (
        "[redis]\nurl = 6379",
        "config.toml:2: redis.url = 6379: is a whole number; write a URL, such as",
    ),
    (
        "[network]\nquic = \"yes\"",
        "config.toml:2: network.quic = \"yes\": is text; write true or false, without quotes",
    ),
    (
        "[network]\nlisten = \"/ip4/0.0.0.0/tcp/1\"",
        "config.toml:2: network.listen = \"/ip4/0.0.0.0/tcp/1\": is text; write a list of addresses",
    ),
    (
        "[redis]\nversion_wait = 5",
        "config.toml:2: redis.version_wait = 5: is a whole number; write a span of time from \"0s\" to \"1h\", such as \"90s\"",
    ),
    (
        "[redis.url]\nhost = 1",
        "config.toml:1: redis.url = [redis.url]: is a table; write a URL, such as",
    ),
    (
        "[[network]]\nlisten = []",
        "config.toml:1: network = [[network]]: is a section, not a setting; write [network] on a line",
    ),
    (
        "[log]\nlevel = 1979-05-27",
        "config.toml:2: log.level = 1979-05-27: is a date; write one of",
    ),
    (
        "[limits]\nconnections = 1.5",
        "config.toml:2: limits.connections = 1.5: is a number with a fraction; write a whole number from 1 to",
    ),
    (
        "[store]\nmax_reports = 99999999999999999999",
        "config.toml:2: store.max_reports = 99999999999999999999: is a number that fits no 64 bits; write a whole number",
    ),
    // Values that cannot be.
    (
        "[redis]\nurl = \"127.0.0.1:6379\"",
        "config.toml:2: redis.url = \"127.0.0.1:6379\": has no scheme such as redis://; write a URL, such as \"redis://127.0.0.1:6379\"",
    ),
    (
        "[redis]\nurl = \"http://h\"",
        "config.toml:2: redis.url = \"http://h\": has the unknown scheme `http`; write a URL",
    ),
    (
        "[redis]\nurl = \"redis://h:70000\"",
        "config.toml:2: redis.url = \"redis://h:70000\": the port `70000` is not a number from 1 to 65535; write",
    ),
    (
        "[redis]\nurl = \"redis://h/one\"",
        "config.toml:2: redis.url = \"redis://h/one\": its path is not the number of a database; write",
    ),
    (
        "[redis]\ncache_url = \"unix://run/r.sock\"",
        "config.toml:2: redis.cache_url = \"unix://run/r.sock\": names no absolute path of a socket; write",
    ),
    (
        "[redis]\nlayout = \"hahs\"",
        "config.toml:2: redis.layout = \"hahs\": is no choice here; write one of \"hash\", \"json\"; did you mean \"hash\"?",
    ),
    (
        "[redis]\nfrom_slips = \"\"",
        "config.toml:2: redis.from_slips = \"\": is empty; write the name of a channel",
    ),
    (
        "[forward]\nmode = \"sanitised\"",
        "config.toml:2: forward.mode = \"sanitised\": is no choice here; write one of \"sanitized\", \"verbatim\"; did you mean \"sanitized\"?",
    ),
    (
        "[outbox]\nmax_age = \"24\"",
        "config.toml:2: outbox.max_age = \"24\": is no span of time; write a span of time",
    ),
    (
        "[outbox]\nmax_age = \"2s\"",
        "config.toml:2: outbox.max_age = \"2s\": is too short; write a span of time from \"1m\"",
    ),
    (
        "[outbox]\nmax_messages = 10",
        "config.toml:2: outbox.max_messages = 10: is out of range; write a whole number from 1000 to",
    ),
    (
        "[network]\nlisten = [\"0.0.0.0:4001\"]",
        "config.toml:2: network.listen = [\"0.0.0.0:4001\"]: item 1 `0.0.0.0:4001` is no multiaddress",
    ),
    (
        "[network]\npeers = [\"/dns4/peer.example/tcp/4001\"]",
        "config.toml:2: network.peers = [\"/dns4/peer.example/tcp/4001\"]: item 1 `/dns4/peer.example/tcp/4001` has a name where an IP address must stand; write",
    ),
    (
        "[network]\npeers = [\"/ip4/192.0.2.1\"]",
        "item 1 `/ip4/192.0.2.1` lacks /tcp/<port> or /udp/<port>/quic-v1 after the IP address; write",
    ),
    (
        "[network]\npeers = [\"/ip4/192.0.2.1/tcp/0\"]",
        "item 1 `/ip4/192.0.2.1/tcp/0` has port 0; write",
    ),
    (
        "[network]\nprotocol = \"slips\"",
        "config.toml:2: network.protocol = \"slips\": is no protocol name; write a protocol name that begins with a slash",
    ),
    (
        "[network]\nrendezvous = \"a b\"",
        "config.toml:2: network.rendezvous = \"a b\": is no service name; write 1 to 63 letters",
    ),
    (
        "[reliability]\nstart = 1.5",
        "config.toml:2: reliability.start = 1.5: is out of range; write a number from 0 to 1",
    ),
    (
        "[reliability]\nstart = nan",
        "config.toml:2: reliability.start = nan: is out of range; write a number from 0 to 1",
    ),
    (
        "[reputation]\nmodel = \"slips_compat\"",
        "config.toml:2: reputation.model = \"slips_compat\": is no choice here; write one of \"robust\", \"slips\", \"slips-compat\", \"fides\", \"mean\", \"median\"; did you mean \"slips-compat\"?",
    ),
    (
        "[log]\nlevel = \"warning\"",
        "config.toml:2: log.level = \"warning\": is no choice here; write one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"; did you mean \"warn\"?",
    ),
    // Lines that are no TOML.
    (
        "[log]\nlevel = info",
        "config.toml:2: level = info: is not TOML (",
    ),
    (
        "[log\nlevel = \"info\"",
        "config.toml:1: [log: is not TOML (",
    ),
    (
        "[log]\nlevel = \"info\"\nlevel = \"warn\"",
        "config.toml:3: level = \"warn\": is not TOML (duplicate key); keep one of the two",
    ),
    // Combinations that cannot be meant.
    (
        "[forward]\nmode = \"verbatim\"\nanswer_requests = \"node\"",
        "config.toml:3: forward.answer_requests = \"node\": in verbatim mode every request goes to Slips, which then answers, with forward.mode = \"verbatim\" (config.toml:2); set",
    ),
    (
        "[network]\nlisten = [\"/ip4/0.0.0.0/udp/1/quic-v1\"]",
        "config.toml:2: network.listen = [\"/ip4/0.0.0.0/udp/1/quic-v1\"]: an address is for QUIC, which is off, with network.quic = false (default); set network.quic = true",
    ),
    (
        "[network]\nlisten = []\nlegacy_mdns = false",
        "config.toml:2: network.listen = []: this node could meet nobody, with",
    ),
    (
        "[network]\ndial_backoff_min = \"1h\"",
        "config.toml:2: network.dial_backoff_min = \"1h\": the shortest wait is longer than the longest, with network.dial_backoff_max = \"5m\" (default); lower",
    ),
    (
        "[network]\nlost_after = \"10s\"",
        "config.toml:2: network.lost_after = \"10s\": a peer would be given up before it is asked, with network.ping_after_max = \"20s\" (default); lower",
    ),
    (
        "[limits]\nconnections = 99",
        "config.toml:2: limits.connections = 99: more connections of others than connections in all, with limits.connections_inbound = 256 (default); lower",
    ),
    (
        "[reliability]\nstart = 0.05",
        "config.toml:2: reliability.start = 0.05: every newcomer would be cut off at once, with reliability.cut_off_below = 0.1 (default); raise",
    ),
    (
        "[node]\nkey_file = \"a\"\ndatabase = \"a\"",
        "config.toml:2: node.key_file = \"a\": key and database are the same file, with node.database = \"a\" (config.toml:3); give each its own",
    ),
    (
        "[network]\npeers = [\"/ip4/192.0.2.1/tcp/1\", \"/ip4/192.0.2.1/tcp/1\"]",
        "an address is there twice; remove one of the two",
    ),
    (
        "[redis]\nqueue_bytes = 65536",
        "config.toml:2: redis.queue_bytes = 65536: the queue has no room for two of the longest lines, with limits.max_line_bytes = 65536 (default); raise",
    ),
];

#[test]
fn every_planted_mistake_is_told_once_with_line_key_value_and_remedy() {
    let mut wrong = Vec::new();
    for (text, expected) in PLANTED {
        let said = from_file(text).err().unwrap_or_else(|| "nothing".into());
        if !said.contains(expected) || said.lines().count() != 1 {
            wrong.push(format!(
                "{text}\n  said:     {said}\n  expected: {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(PLANTED.len() >= 30);
}

#[test]
fn all_mistakes_of_all_layers_are_told_together_in_the_order_they_are_read() {
    let said = error(with(
        "[redis]\nulr = \"x\"\nlayout = \"y\"\n[limits]\nburst = 0\nbroken",
        &[("10-a.toml", "[log]\nlevel = \"loud\"\n")],
        &[("SLIPS_P2P__FORWARD__MODE", "raw")],
        &[("forward.blame", "maybe", "--blame")],
    ));
    let places: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(
        places,
        [
            "config.toml:6",
            "config.toml:2",
            "config.toml:3",
            "config.toml:5",
            "config.d/10-a.toml:2",
            "environment variable SLIPS_P2P__FORWARD__MODE",
            "flag --blame"
        ],
        "{said}"
    );
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    for (name, value, expected) in [
        (
            "SLIPS_P2P__REDIS__LAYOUT",
            "hahs",
            "environment variable SLIPS_P2P__REDIS__LAYOUT: redis.layout = hahs: is no choice here; write one of \"hash\", \"json\"; did you mean \"hash\"?",
        ),
        (
            "SLIPS_P2P__LIMITS__BURST",
            "many",
            "environment variable SLIPS_P2P__LIMITS__BURST: limits.burst = many: is text; write a whole number",
        ),
        (
            "SLIPS_P2P__REDIS__ULR",
            "redis://h",
            "environment variable SLIPS_P2P__REDIS__ULR: names no setting (value redis://h); did you mean SLIPS_P2P__REDIS__URL?",
        ),
        (
            "SLIPS_P2P_REDIS_URL",
            "redis://h",
            "environment variable SLIPS_P2P_REDIS_URL: names no setting (value redis://h); did you mean SLIPS_P2P__REDIS__URL?",
        ),
        (
            "SLIPS_P2P__redis__url",
            "redis://h",
            "environment variable SLIPS_P2P__redis__url: names no setting (value redis://h); did you mean SLIPS_P2P__REDIS__URL?",
        ),
        (
            "SLIPS_P2P__NETWORK__LISTEN",
            "/ip4/0.0.0.0/tcp/1,here",
            "environment variable SLIPS_P2P__NETWORK__LISTEN: network.listen = /ip4/0.0.0.0/tcp/1,here: item 2 `here` is no multiaddress",
        ),
    ] {
        let said = error(with("", &[], &[(name, value)], &[]));
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{name}: {said}"
        );
    }
}

#[test]
fn a_mistake_in_a_flag_names_the_flag() {
    for (key, value, name, expected) in [
        (
            "log.level",
            "loud",
            "--log-level",
            "flag --log-level: log.level = loud: is no choice here; write one of",
        ),
        (
            "log.levle",
            "info",
            "--set",
            "flag --set: log.levle = info: is no setting; did you mean log.level?",
        ),
        (
            "redis.url",
            "h",
            "--redis-url",
            "flag --redis-url: redis.url = h: has no scheme such as redis://; write a URL",
        ),
    ] {
        let said = error(with("", &[], &[], &[(key, value, name)]));
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{name}: {said}"
        );
    }
}

#[test]
fn a_mistake_is_told_on_one_line_of_bounded_length_whatever_was_written() {
    let long = "x".repeat(5000);
    let text = format!("[redis]\n\"a\\nb{long}\" = 1\nurl = \"re\\ndis{long}://h\"\n");
    let address = format!("/ip4/192.0.2.7\nx{long}");
    let flags = [
        ("network.peers", &*address, "--peer"),
        ("no\nsetting", "1", "--flag"),
    ];
    let said = error(with(&text, &[], &[], &flags));
    let lines: Vec<_> = said.split('\n').collect();
    assert_eq!(lines.len(), 4, "{said}");
    for line in lines {
        assert!(line.contains("; ") && line.len() < 1200, "{line}");
    }
}
