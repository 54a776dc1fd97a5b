//! The pigeon's command line: Go's rules, what Slips passes, and what it means for the config.

#[path = "pigeon_flags/program.rs"]
mod program;

use proptest::prelude::*;
use slips_p2p::pigeon_flags::{Flags, Outcome, parse};

fn outcome(arguments: &[&str]) -> Outcome {
    parse(
        "p2p4slips",
        &arguments
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<Vec<_>>(),
    )
}

fn flags(arguments: &[&str]) -> Flags {
    match outcome(arguments) {
        Outcome::Run(flags) => flags,
        exit @ Outcome::Exit { .. } => panic!("{arguments:?} end with {exit:?}"),
    }
}

/// The first line on stderr of arguments that are refused; the usage follows it.
fn mistake(arguments: &[&str]) -> String {
    match outcome(arguments) {
        Outcome::Exit {
            code: 2,
            stdout,
            stderr,
        } if stdout.is_empty() => {
            let (first, usage) = stderr.split_once('\n').unwrap();
            assert!(
                usage.starts_with("Usage of p2p4slips:\n  -help\n    \t"),
                "{usage}"
            );
            first.to_owned()
        }
        other => panic!("{arguments:?} give {other:?}"),
    }
}

#[test]
fn the_arguments_of_slips_are_understood() {
    let flags = flags(&[
        "-port",
        "32768",
        "-host",
        "192.0.2.1",
        "-key-file",
        "pigeon.keys",
        "--redis-db",
        "localhost:6380",
        "-redis-channel-pygo",
        "p2p_pygo",
        "-redis-channel-gopy",
        "p2p_gopy",
    ]);
    assert_eq!(
        (flags.port, flags.host.as_str(), flags.key_file.as_str()),
        (32768, "192.0.2.1", "pigeon.keys")
    );
    let settings = flags.settings();
    let value = |key: &str| {
        settings
            .given
            .iter()
            .find(|it| it.0 == key)
            .map(|it| (it.1.as_str(), it.2))
    };
    assert_eq!(
        value("network.listen"),
        Some(("/ip4/192.0.2.1/tcp/32768", "-host with -port"))
    );
    assert_eq!(
        value("redis.url"),
        Some(("redis://localhost:6380/0", "-redis-db"))
    );
    assert_eq!(
        value("redis.from_slips"),
        Some(("p2p_pygo", "-redis-channel-pygo"))
    );
    assert_eq!(
        value("redis.to_slips"),
        Some(("p2p_gopy", "-redis-channel-gopy"))
    );
    assert_eq!(value("node.key_file"), Some(("pigeon.keys", "-key-file")));
    let preset = |key: &str| {
        settings
            .presets
            .iter()
            .find(|it| it.0 == key)
            .map(|it| it.1.as_str())
    };
    assert_eq!(preset("node.database"), Some("p2p4slips.db"));
    assert_eq!(preset("redis.cache_url"), Some("redis://127.0.0.1:6379/1"));
}

#[test]
fn without_arguments_the_defaults_are_the_pigeons() {
    let flags = flags(&[]);
    assert_eq!(flags, Flags::default());
    assert_eq!(
        (flags.port, flags.pid.as_str(), flags.rendezvous.as_str()),
        (4001, "/slips/1.0", "slips")
    );
    assert_eq!(flags.redis_db, "localhost:6379");
    assert_eq!(
        (
            flags.redis_channel_pygo.as_str(),
            flags.redis_channel_gopy.as_str()
        ),
        ("p2p_pygo", "p2p_gopy")
    );
    assert!(
        flags.settings().given.is_empty(),
        "what nobody typed lies below files and environment"
    );
    assert!(
        flags
            .settings()
            .presets
            .iter()
            .any(|it| it.0 == "redis.to_slips" && it.1 == "p2p_gopy")
    );
    assert!(
        !flags
            .settings()
            .presets
            .iter()
            .any(|it| it.0 == "node.database"),
        "no key file, no lasting database"
    );
}

#[test]
fn every_spelling_of_go_is_taken() {
    for (arguments, port, host) in [
        (&["-port", "1", "--host", "h"][..], 1, "h"),
        (&["--port=1", "-host=h"], 1, "h"),
        (&["-port", "1", "-host", "-port"], 1, "-port"),
        (&["-host", "--", "-port", "2"], 2, "--"),
        (&["-host=", "-port=3"], 3, ""),
        (&["-host=a=b"], 4001, "a=b"),
        (&["-port", "1", "-port", "2"], 2, ""),
        (&["-port", "1", "rest", "-host", "h"], 1, ""),
        (&["-port", "1", "--", "-host", "h"], 1, ""),
        (&["-port", "1", "-", "-host", "h"], 1, ""),
        (&["-port", "1", "", "-host", "h"], 1, ""),
        (&["-test", "false", "-port", "1"], 4001, ""),
    ] {
        let flags = flags(arguments);
        assert_eq!(
            (flags.port, flags.host.as_str()),
            (port, host),
            "{arguments:?}"
        );
    }
}

#[test]
fn truth_values_are_given_only_after_an_equals_sign() {
    for (text, truth) in [
        ("1", true),
        ("t", true),
        ("T", true),
        ("true", true),
        ("TRUE", true),
        ("True", true),
        ("0", false),
        ("f", false),
        ("F", false),
        ("false", false),
        ("FALSE", false),
        ("False", false),
    ] {
        assert_eq!(
            flags(&[&format!("-key-reset={text}")]).key_reset,
            truth,
            "{text}"
        );
    }
    assert!(flags(&["-rename-with-port"]).rename_with_port);
    assert!(
        flags(&["-test", "false"]).test,
        "a truth value takes no next argument"
    );
    assert!(
        !flags(&["-help", "-help=false"]).help,
        "the last of a repeated flag wins"
    );
}

#[test]
fn whole_numbers_are_read_as_go_reads_them() {
    for (text, number) in [
        ("0", 0),
        ("7", 7),
        ("+7", 7),
        ("-7", -7),
        ("0x1F90", 8080),
        ("0X1f90", 8080),
        ("0o17", 15),
        ("0O17", 15),
        ("017", 15),
        ("0b101", 5),
        ("0B101", 5),
        ("4_001", 4001),
        ("0x_1f", 31),
        ("0_17", 15),
        ("1_0_0", 100),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("-0x10", -16),
    ] {
        assert_eq!(flags(&["-port", text]).port, number, "{text}");
    }
    for text in [
        "", "abc", "08", "0x", "0b2", "_1", "1_", "1__0", "0x1_", "0_", "1.5", "1e3", "--1", "+-1",
        " 1", "1 ", "٣", "0_x1",
    ] {
        let value = format!("-port={text}");
        let said = mistake(&[&value]);
        assert_eq!(
            said,
            format!("invalid value \"{text}\" for flag -port: parse error"),
            "{text}"
        );
    }
    for text in [
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
        "0xffffffffffffffff",
    ] {
        let said = mistake(&["-port", text]);
        assert_eq!(
            said,
            format!("invalid value \"{text}\" for flag -port: value out of range"),
            "{text}"
        );
    }
}

#[test]
fn mistakes_are_told_in_gos_words_with_exit_code_2() {
    for (arguments, said) in [
        (
            &["-nonsense"][..],
            "flag provided but not defined: -nonsense",
        ),
        (
            &["--nonsense=3"],
            "flag provided but not defined: -nonsense",
        ),
        (&["-port"], "flag needs an argument: -port"),
        (
            &["-host", "h", "--key-file"],
            "flag needs an argument: -key-file",
        ),
        (&["---port", "1"], "bad flag syntax: ---port"),
        (&["-=x"], "bad flag syntax: -=x"),
        (&["--=x"], "bad flag syntax: --=x"),
        (&["---"], "bad flag syntax: ---"),
        (
            &["-test=maybe"],
            "invalid boolean value \"maybe\" for -test: parse error",
        ),
        (
            &["-test="],
            "invalid boolean value \"\" for -test: parse error",
        ),
        (
            &["-help=no"],
            "invalid boolean value \"no\" for -help: parse error",
        ),
        (
            &["-port", "a\"b\\c\td\u{1}é"],
            "invalid value \"a\\\"b\\\\c\\td\\x01é\" for flag -port: parse error",
        ),
        (&["-Port", "1"], "flag provided but not defined: -Port"),
        (
            &["-port", "1", "-x", "-port", "z"],
            "flag provided but not defined: -x",
        ),
    ] {
        assert_eq!(mistake(arguments), said, "{arguments:?}");
    }
}

#[test]
fn help_is_told_where_the_pigeon_tells_it() {
    let Outcome::Exit {
        code: 0,
        stdout,
        stderr,
    } = outcome(&["-host", "h", "--help"])
    else {
        panic!("-help must end with 0")
    };
    assert!(
        stdout.ends_with("Usage:\n") && stdout.contains("Example: p2p4slips -host"),
        "{stdout}"
    );
    assert!(
        stderr.starts_with("  -help\n    \tshow this help\n  -host string\n    \t"),
        "{stderr}"
    );
    assert!(
        stderr.contains("  -port int\n    \tTCP port to listen on (default 4001)\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains(" (default \"localhost:6379\")\n"),
        "{stderr}"
    );
    for short in ["-h", "--h", "-h=1"] {
        let Outcome::Exit {
            code: 0,
            stdout,
            stderr,
        } = outcome(&[short])
        else {
            panic!("{short} must end with 0")
        };
        assert!(
            stdout.is_empty() && stderr.starts_with("Usage of p2p4slips:\n  -help\n"),
            "{stderr}"
        );
    }
    assert_eq!(
        mistake(&["-help", "-port", "x"]),
        "invalid value \"x\" for flag -port: parse error"
    );
}

#[test]
fn renaming_appends_the_port_to_what_two_pigeons_would_share() {
    let settings = flags(&[
        "-rename-with-port",
        "-port",
        "0x10",
        "-key-file",
        "keys/pigeon.keys",
        "-host",
        "192.0.2.1",
    ])
    .settings();
    let all: Vec<_> = settings.given.iter().chain(&settings.presets).collect();
    let value = |key: &str| all.iter().find(|it| it.0 == key).map(|it| it.1.as_str());
    assert_eq!(value("node.key_file"), Some("keys/pigeon.keys16"));
    assert_eq!(value("node.database"), Some("keys/p2p4slips16.db"));
    assert_eq!(value("redis.from_slips"), Some("p2p_pygo16"));
    assert_eq!(value("redis.to_slips"), Some("p2p_gopy16"));
    let settings = flags(&["-rename-with-port"]).settings();
    let value = |key: &str| {
        settings
            .presets
            .iter()
            .find(|it| it.0 == key)
            .map(|it| it.1.as_str())
    };
    assert_eq!(
        value("node.key_file"),
        Some(""),
        "no name, nothing to append to"
    );
}

#[test]
fn redis_addresses_of_go_become_urls() {
    for (text, url) in [
        ("localhost:6379", "redis://localhost:6379/0"),
        ("[::1]:7000", "redis://[::1]:7000/0"),
        (":7000", "redis://localhost:7000/0"),
        ("", "redis://localhost:6379/0"),
    ] {
        let settings = flags(&["-redis-db", text]).settings();
        assert!(
            settings
                .given
                .contains(&("redis.url", url.into(), "-redis-db")),
            "{text}: {settings:?}"
        );
    }
}

proptest! {

    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_arguments_bring_the_parser_down(
        arguments in prop::collection::vec(prop_oneof!["\\PC{0,12}", "-{0,3}(port|host|test|help|h|x)?=?[-0-9a-fx_]{0,6}"], 0..8)
    ) {
        if let Outcome::Exit { code, stderr, .. } = parse("p", &arguments) {
            prop_assert!(!stderr.is_empty() && (code == 0 || code == 2));
        }
    }
}
