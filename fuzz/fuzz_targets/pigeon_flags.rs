//! The command line of the pigeon, its arguments parted by zero bytes: what is taken says the same
//! when each flag is spelled out, and makes settings that hold or are refused by the flag's name;
//! what is refused names the argument and the usage.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    config::{Flag, Origin, Sources, load},
    pigeon_flags::{self, Flags, Outcome, Setting},
};

const MISTAKES: [&str; 5] = [
    "flag provided but not defined: -",
    "flag needs an argument: -",
    "invalid value \"",
    "invalid boolean value \"",
    "bad flag syntax: -",
];

fuzz_target!(|text: &str| {
    let arguments: Vec<String> = text.split('\0').map(str::to_owned).collect();
    match pigeon_flags::parse("p2p4slips", &arguments) {
        Outcome::Run(flags) => {
            let spelled = spell(&flags);
            let Outcome::Run(again) = pigeon_flags::parse("p2p4slips", &spelled) else {
                panic!("{spelled:?} is refused");
            };
            assert_eq!(spell(&again), spelled);
            assert!(flags.given.iter().all(|flag| again.given.contains(flag)));
            settle(&flags);
        }
        Outcome::Exit {
            code: 0,
            stdout,
            stderr,
        } => {
            assert!(stderr.contains("-redis-channel-gopy string"));
            assert!(stdout.is_empty() || stdout.ends_with("Usage:\n"));
        }
        Outcome::Exit {
            code,
            stdout,
            stderr,
        } => {
            assert!(code == 2 && stdout.is_empty());
            assert!(
                MISTAKES.iter().any(|mistake| stderr.starts_with(mistake)),
                "{stderr}"
            );
            assert!(stderr.contains("\nUsage of p2p4slips:\n"), "{stderr}");
        }
    }
});

/// The same flags, each with its value.
fn spell(flags: &Flags) -> Vec<String> {
    vec![
        format!("-rendezvous={}", flags.rendezvous),
        format!("--host={}", flags.host),
        format!("-pid={}", flags.pid),
        format!("-port={}", flags.port),
        format!("-key-file={}", flags.key_file),
        format!("-key-reset={}", flags.key_reset),
        format!("-peerstore-file={}", flags.peerstore_file),
        format!("-rename-with-port={}", flags.rename_with_port),
        format!("-redis-db={}", flags.redis_db),
        format!("-redis-delete={}", flags.redis_delete),
        format!("-test={}", flags.test),
        format!("-redis-channel-pygo={}", flags.redis_channel_pygo),
        format!("-redis-channel-gopy={}", flags.redis_channel_gopy),
        format!("-help={}", flags.help),
    ]
}

/// Makes a config of the flags, as the program does.
fn settle(flags: &Flags) {
    let setting = |(key, value, typed): Setting| Flag {
        key: key.into(),
        value,
        name: typed.into(),
    };
    let settings = flags.settings();
    let sources = Sources {
        preset: Some((
            "p2p4slips",
            settings.presets.into_iter().map(setting).collect(),
        )),
        flags: settings.given.into_iter().map(setting).collect(),
        ..Sources::default()
    };
    if let Err(error) = load(&sources) {
        for problem in error.problems {
            let said = problem.to_string();
            assert!(!said.contains('\n'), "{said}");
            assert!(!problem.remedy.is_empty() && !problem.wrong.is_empty());
            if let Origin::Flag(name) = problem.origin {
                assert!(name.starts_with('-'), "{said}");
            }
        }
    }
}
