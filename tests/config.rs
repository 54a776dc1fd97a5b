//! Every layer of the configuration, and what it says about mistakes.

#[path = "config/lists.rs"]
mod lists;
#[path = "config/planted.rs"]
mod planted;
#[path = "config/properties.rs"]
mod properties;

use std::{fs, path::Path, time::Duration};

use slips_p2p::{
    config::{
        Config, Flag, ForwardMode, Layout, Loaded, Origin, Sources, Word, default_file, load,
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
