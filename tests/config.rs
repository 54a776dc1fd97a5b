//! Every layer of the configuration, and what it says about mistakes.

use std::{fs, path::Path, time::Duration};

use proptest::prelude::*;
use slips_p2p::{
    config::{
        Config, Flag, ForwardMode, Layout, Loaded, Origin, Sources, Word, default_file, load,
        load_text,
        table::{SECTIONS, SETTINGS},
    },
    domain::Conduct,
};

/// Loads one file with nothing around it.
fn from_file(text: &str) -> Result<Loaded, String> {
    with(text, &[], &[], &[])
}

/// Loads `config.toml`, files of `config.d`, environment and flags; errors as text without the
/// directory they were in.
fn with(
    text: &str,
    beside: &[(&str, &str)],
    environment: &[(&str, &str)],
    flags: &[(&str, &str, &str)],
) -> Result<Loaded, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    fs::write(&file, text).unwrap();
    if !beside.is_empty() {
        fs::create_dir(directory.path().join("config.d")).unwrap();
    }
    for (name, text) in beside {
        fs::write(directory.path().join("config.d").join(name), text).unwrap();
    }
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let flag = |(key, value, name): &(&str, &str, &str)| Flag {
        key: (*key).into(),
        value: (*value).into(),
        name: (*name).into(),
    };
    let sources = Sources {
        preset: None,
        file: Some(file),
        environment: environment.iter().map(pair).collect(),
        flags: flags.iter().map(flag).collect(),
    };
    load(&sources).map_err(|error| {
        error
            .to_string()
            .replace(&format!("{}/", directory.path().display()), "")
    })
}

fn error(result: Result<Loaded, String>) -> String {
    result.err().expect("this configuration must be refused")
}

fn config(result: Result<Loaded, String>) -> Config {
    result.unwrap_or_else(|error| panic!("{error}")).config
}

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
    ("[redis.url]\nhost = 1", "config.toml:1: redis.url = "),
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
        "config.toml:2: reputation.model = \"slips_compat\": is no choice here; write one of \"slips\", \"slips-compat\"; did you mean \"slips-compat\"?",
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
fn each_layer_wins_over_the_one_below_and_is_remembered_as_the_origin() {
    let file = "[redis]\nfrom_slips = \"file\"\n";
    let beside = [
        ("20.toml", "redis.from_slips = \"twenty\""),
        ("10.toml", "\nredis.from_slips = \"ten\""),
    ];
    let variable = [("SLIPS_P2P__REDIS__FROM_SLIPS", "variable")];
    let flags = [
        ("redis.from_slips", "once", "-c"),
        ("redis.from_slips", "flag", "--channel"),
    ];
    for (loaded, value, origin) in [
        (with("", &[], &[], &[]), "p2p_pygo", "default"),
        (with(file, &[], &[], &[]), "file", "config.toml:2"),
        (
            with(file, &beside[1..], &[], &[]),
            "ten",
            "config.d/10.toml:2",
        ),
        (
            with(file, &beside, &[], &[]),
            "twenty",
            "config.d/20.toml:1",
        ),
        (
            with(file, &beside, &variable, &[]),
            "variable",
            "environment variable SLIPS_P2P__REDIS__FROM_SLIPS",
        ),
        (
            with(file, &beside, &variable, &flags),
            "flag",
            "flag --channel",
        ),
    ] {
        let loaded = loaded.unwrap();
        assert_eq!(loaded.config.redis.from_slips, value);
        let said = loaded
            .values
            .get("redis.from_slips")
            .unwrap()
            .origin
            .to_string();
        assert!(
            said == origin || said.ends_with(&format!("/{origin}")),
            "{said} is not {origin}"
        );
        assert_eq!(
            loaded.config.redis.to_slips, "p2p_pygo",
            "the neighbour of a changed setting keeps its default"
        );
    }
}

#[test]
fn a_preset_of_a_program_lies_below_files_and_above_defaults() {
    let preset = |value: &str| {
        let flag = Flag {
            key: "redis.to_slips".into(),
            value: value.into(),
            name: String::new(),
        };
        Some(("p2p4slips", vec![flag]))
    };
    let loaded = load(&Sources {
        preset: preset("p2p_gopy"),
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(loaded.config.redis.to_slips, "p2p_gopy");
    assert_eq!(
        loaded.values.get("redis.to_slips").unwrap().origin,
        Origin::Preset("p2p4slips")
    );
    let environment = vec![("SLIPS_P2P__REDIS__TO_SLIPS".into(), "other".into())];
    let loaded = load(&Sources {
        preset: preset("p2p_gopy"),
        environment,
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(loaded.config.redis.to_slips, "other");
}

#[test]
fn bare_text_of_variables_and_flags_takes_the_form_of_its_setting() {
    let config = config(with(
        "",
        &[],
        &[
            (
                "SLIPS_P2P__NETWORK__LISTEN",
                "/ip4/127.0.0.1/tcp/1, /ip6/::1/tcp/2",
            ),
            ("SLIPS_P2P__NETWORK__PEERS", "[\"/ip4/192.0.2.1/tcp/4001\"]"),
            ("SLIPS_P2P__RELIABILITY__WEIGHTS__MALFORMED_LINE", "7"),
            ("SLIPS_P2P__LIMITS__BURST", "1_000"),
            ("SLIPS_VERSION", "1.1.21"),
            ("PATH", "/bin"),
        ],
        &[
            ("network.quic", "true", "--quic"),
            ("outbox.max_age", "1h 30m", "--max-age"),
            ("redis.version_files", "", "-f"),
        ],
    ));
    assert_eq!(config.network.listen.len(), 2);
    assert_eq!(
        config.network.peers[0].to_string(),
        "/ip4/192.0.2.1/tcp/4001"
    );
    assert!((config.weights.of(Conduct::MalformedLine) - 7.0).abs() < f64::EPSILON);
    assert_eq!(config.limits.burst, 1000);
    assert_eq!(config.redis.version.as_deref(), Some("1.1.21"));
    assert!(config.network.quic);
    assert_eq!(config.outbox.max_age, Duration::from_mins(90));
    assert!(config.redis.version_files.is_empty());
}

#[test]
fn a_file_of_every_form_is_understood() {
    let config = config(from_file(
        "forward.blame = true\n[redis]\nlayout = 'json'\nwrite_back_ttl = \"PT5M\"\nurl = \"unix:///run/redis.sock?db=2\"\n\
         [store]\nmax_reports = 0xffff\n[outbox]\nmax_age = \"7d\"\n[network]\nlisten = [\n\"/ip4/0.0.0.0/tcp/0\", # any\n]\n\
         [reliability]\nstart = 1\n[log]\nlevel = 'warn'",
    ));
    assert_eq!(config.redis.layout, Layout::Json);
    assert_eq!(config.redis.write_back_ttl, Duration::from_mins(5));
    assert_eq!(config.redis.url.expose(), "unix:///run/redis.sock?db=2");
    assert_eq!(config.store.max_reports, 65_535);
    assert_eq!(config.outbox.max_age, Duration::from_hours(168));
    assert!(config.forward.blame);
    assert!((config.reliability.start.get() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn files_of_the_node_lie_in_its_data_directory_unless_they_are_absolute() {
    let config = config(from_file(
        "[node]\ndata_dir = \"/var/lib/x\"\ndatabase = \"/elsewhere/y.db\"\n",
    ));
    assert_eq!(
        config.node.key_file.as_deref(),
        Some(Path::new("/var/lib/x/node.key"))
    );
    assert_eq!(config.node.database, Path::new("/elsewhere/y.db"));
    let config = self::config(from_file("[node]\nkey_file = \"\"\n"));
    assert_eq!(
        config.node.key_file, None,
        "an empty key file is an identity for one run"
    );
    assert_eq!(
        config.node.database,
        Path::new("slips-p2p-data/slips-p2p.db")
    );
}

#[test]
fn passwords_show_neither_in_errors_nor_in_what_holds_unless_asked() {
    let secret = "redis://user:hush@h:6379";
    let loaded = from_file(&format!(
        "[redis]\nurl = \"{secret}\"\ncache_url = \"unix:///r.sock?pass=hush&db=1\""
    ))
    .unwrap();
    let shown = loaded.render(true, false);
    assert!(
        shown.contains("redis://user:***@h:6379") && !shown.contains("hush"),
        "{shown}"
    );
    assert!(loaded.render(false, true).contains(secret));
    assert!(!format!("{:?}", loaded.config).contains("hush"));
    for text in [
        "[redis]\nurl = \"redis://user:hush@h:99999\"",
        "[redis]\nurl = \"redis://user:hush@h:6379\" trailing",
        "[redis]\nurll = \"redis://:hush@h\"",
        "[redis]\nurl = [\"redis://:hush@h\"]",
        "[redis]\nurl = \"redis://user:hu/hush@h\"",
        "[redis]\nurl = \"redis://user:hu@hush@h:x\"",
        "[redis]\nurl = \"redis://user:hush\"",
        "redis = 'redis://user:hush'",
        "[log]\nlevel = \"redis://user:hush@h\"",
        "[network]\npeers = [\"redis://user:hush@h\"]",
    ] {
        let said = error(from_file(text));
        assert!(!said.contains("hush"), "{said}");
    }
    let said = error(with(
        "",
        &[],
        &[("SLIPS_P2P__REDIS__URL", "http://u:hush@h")],
        &[],
    ));
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("none.toml");
    let missing = load(&Sources {
        file: Some(file.clone()),
        ..Sources::default()
    });
    let said = missing.err().unwrap().to_string();
    assert!(
        said.contains("none.toml: cannot be read") && said.contains("`slips-p2p init`"),
        "{said}"
    );
    fs::write(&file, b"[log]\nlevel = \"\xff\"").unwrap();
    let said = load(&Sources {
        file: Some(file),
        ..Sources::default()
    })
    .err()
    .unwrap()
    .to_string();
    assert!(
        said.ends_with("none.toml:2: is not UTF-8; save the file as UTF-8"),
        "{said}"
    );
}

#[test]
fn config_toml_at_the_top_holds_every_setting_with_its_default_and_a_sentence() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    if std::env::var_os("UPDATE_CONFIG_TOML").is_some() {
        fs::write(&path, default_file()).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        default_file(),
        "run UPDATE_CONFIG_TOML=1 cargo test --test config, and look at what changed"
    );
    let loaded = config(from_file(&text));
    assert_eq!(
        loaded,
        config(from_file("")),
        "the file says what holds without it"
    );
    assert!(
        SETTINGS
            .iter()
            .all(|setting| setting.sentence.ends_with('.') && setting.sentence.len() > 20)
    );
    assert!(
        SECTIONS
            .iter()
            .all(|section| section.sentence.ends_with('.'))
    );
}

#[test]
fn what_is_shown_can_be_read_back_and_every_line_has_its_origin() {
    let loaded =
        from_file("[forward]\nmode = \"verbatim\"\n[reliability.weights]\nalive = 2\n").unwrap();
    let shown = loaded.render(true, true);
    assert!(
        shown
            .lines()
            .all(|line| line.is_empty() || line.starts_with('[') || line.contains(" # ")),
        "{shown}"
    );
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("mode = \"verbatim\"") && line.ends_with("config.toml:2"))
    );
    let again = config(from_file(&shown));
    assert_eq!(again, loaded.config);
    assert_eq!(again.forward.mode, ForwardMode::Verbatim);
    assert_eq!(again.forward.mode.word(), "verbatim");
}

#[test]
fn every_kind_of_conduct_has_a_weight_of_its_name() {
    for (index, conduct) in Conduct::ALL.into_iter().enumerate() {
        let variable = format!(
            "SLIPS_P2P__RELIABILITY__WEIGHTS__{}",
            conduct.word().to_uppercase()
        );
        let value = format!("{}", index + 100);
        let config = config(with("", &[], &[(&variable, &value)], &[]));
        assert_eq!(config.weights.of(conduct).to_string(), value);
    }
}

/// Pieces of which broken configurations are made.
const PIECES: &[&str] = &[
    "[redis]",
    "[reliability.weights]",
    "[[network]]",
    "url",
    "listen",
    "layout",
    " = ",
    "=",
    ".",
    "\n",
    "\n\n",
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "1",
    "-1",
    "0x",
    "1e999",
    "nan",
    "true",
    "1979-05-27",
    "redis://h:6379",
    "redis://u:hush@h",
    "/ip4/192.0.2.1/tcp/1",
    "24h",
    "\u{feff}",
    "\u{0}",
    "\r",
    "é",
    "\\u",
    "log.level",
    "store",
];

proptest! {
    #[test]
    fn no_text_brings_the_reader_down_and_every_error_names_a_line_of_it(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        cut in 0_usize..12_000,
        whole in any::<bool>(),
    ) {
        let pieces = pieces.concat();
        let mut text = if whole { default_file() } else { String::new() };
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &pieces);
        if let Err(error) = load_text(Path::new("c.toml"), text.as_bytes()) {
            prop_assert!(!error.problems.is_empty());
            let lines = text.split('\n').count();
            for problem in error.problems {
                let said = problem.to_string();
                prop_assert!(!said.contains(":hush@") && said.lines().count() == 1, "{}", said);
                prop_assert!(!problem.remedy.is_empty() && !problem.wrong.is_empty());
                if let Origin::File { line, .. } = problem.origin {
                    prop_assert!((1..=lines).contains(&line), "{} of {}", said, lines);
                }
            }
        }
    }

    #[test]
    fn no_bytes_and_no_bare_text_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,40}") {
        let _ = load_text(Path::new("c.toml"), &bytes);
        let flags = SETTINGS.iter().map(|setting| Flag { key: setting.key(), value: text.clone(), name: "-f".into() });
        let _ = load(&Sources { flags: flags.collect(), ..Sources::default() });
    }
}
