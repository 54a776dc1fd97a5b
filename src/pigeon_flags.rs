//! The command line of the Go pigeon: Go's `flag` package to the letter, because Slips relies on it.
//!
//! Pure: arguments in, an [`Outcome`] out. Facts: one dash or two; `-f v` and `-f=v`, the next
//! argument taken as it is; truth values only after `=`; parsing ends at the first argument that is
//! no flag, after `--`, or at a lone `-`; the last of a repeated flag wins; what is wrong is said
//! on stderr with the usage, exit code 2.

mod go;
mod settings;

use std::fmt::Write as _;

use go::{parse_bool, parse_int, quote};
pub use settings::{Setting, Settings};

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Run with these.
    Run(Flags),
    /// Say this and end.
    Exit {
        /// The exit code: 0 for help, 2 for a mistake.
        code: u8,
        /// For stdout.
        stdout: String,
        /// For stderr.
        stderr: String,
    },
}

macro_rules! flags {
    ($($(#[doc = $sentence:literal])+ $field:ident: $type:ident = $flag:literal, $default:expr;)+) => {
        /// The flags with their values.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Flags {
            $($(#[doc = $sentence])+ pub $field: flags!(@type $type),)+
            /// The flags that stood on the command line.
            pub given: Vec<&'static str>,
        }

        impl Default for Flags {
            fn default() -> Self {
                Self { $($field: $default.into(),)+ given: Vec::new() }
            }
        }

        impl Flags {
            /// Every flag in the order of the alphabet, as the usage lists them.
            fn each(&mut self) -> Vec<Flag<'_>> {
                let mut all = vec![$(Flag {
                    name: $flag,
                    sentence: concat!($($sentence),+).trim_ascii(),
                    slot: Slot::$type(&mut self.$field),
                },)+];
                all.sort_by_key(|flag| flag.name);
                all
            }
        }
    };
    (@type Text) => { String };
    (@type Int) => { i64 };
    (@type Truth) => { bool };
}

struct Flag<'a> {
    name: &'static str,
    sentence: &'static str,
    slot: Slot<'a>,
}

enum Slot<'a> {
    Text(&'a mut String),
    Int(&'a mut i64),
    Truth(&'a mut bool),
}

flags! {
    /// name under which peers look for each other by multicast DNS on the local network
    rendezvous: Text = "rendezvous", "slips";
    /// IPv4 address of this host to listen on (needed)
    host: Text = "host", "";
    /// name of the protocol spoken on streams between peers
    pid: Text = "pid", "/slips/1.0";
    /// TCP port to listen on
    port: Int = "port", 4001_i64;
    /// file with the private key, made when missing; empty: a key for this run only
    key_file: Text = "key-file", "";
    /// throw away the key in the key file and make a new one
    key_reset: Truth = "key-reset", false;
    /// taken for the old pigeon's sake and not used: what is known of peers is in the database p2p4slips.db beside the key file
    peerstore_file: Text = "peerstore-file", "";
    /// append the port to the key file, to the database and to both channels, so that several can run side by side
    rename_with_port: Truth = "rename-with-port", false;
    /// host:port of the Redis server of Slips
    redis_db: Text = "redis-db", "localhost:6379";
    /// taken for the old pigeon's sake and not used
    redis_delete: Truth = "redis-delete", false;
    /// only check flags and settings, then end
    test: Truth = "test", false;
    /// channel on which Slips says what is meant for peers
    redis_channel_pygo: Text = "redis-channel-pygo", "p2p_pygo";
    /// channel on which Slips hears what peers say
    redis_channel_gopy: Text = "redis-channel-gopy", "p2p_gopy";
    /// show this help
    help: Truth = "help", false;
}

const INTRODUCTION: &str = "\
p2p4slips connects the intrusion prevention system Slips with its peers on the local network.
Slips starts it; it takes the flags of the Go program it stands in for. The key lies in -key-file, all
else in the database p2p4slips.db beside it. Every setting of slips-p2p can be set as well, in
p2p4slips.toml beside the key file or this program, or by variables such as
SLIPS_P2P__LOG__LEVEL=debug; flags win over both.

Example: p2p4slips -host 192.0.2.1 -port 6668 -key-file pigeon.keys -redis-db localhost:6379

Usage:
";

/// Reads the arguments; `program` is the name by which it was called, `arguments` what follows it.
#[must_use]
pub fn parse(program: &str, arguments: &[String]) -> Outcome {
    let mut flags = Flags::default();
    match read(&mut flags, arguments) {
        Ok(()) if flags.help => Outcome::Exit {
            code: 0,
            stdout: INTRODUCTION.into(),
            stderr: defaults(),
        },
        Ok(()) => Outcome::Run(flags),
        Err(Stop::Help) => Outcome::Exit {
            code: 0,
            stdout: String::new(),
            stderr: usage(program),
        },
        Err(Stop::Mistake(what)) => {
            let stderr = format!("{what}\n{}", usage(program));
            Outcome::Exit {
                code: 2,
                stdout: String::new(),
                stderr,
            }
        }
    }
}

enum Stop {
    Help,
    Mistake(String),
}

fn read(flags: &mut Flags, arguments: &[String]) -> Result<(), Stop> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.clone().next() {
        let Some(body) = argument
            .strip_prefix('-')
            .filter(|body| !body.is_empty() && *body != "-")
        else {
            break;
        };
        rest.next();
        let body = body.strip_prefix('-').unwrap_or(body);
        if body.starts_with(['-', '=']) {
            return Err(Stop::Mistake(format!("bad flag syntax: {argument}")));
        }
        let (name, value) = body
            .split_once('=')
            .map_or((body, None), |(name, value)| (name, Some(value)));
        let Some(flag) = flags.each().into_iter().find(|flag| flag.name == name) else {
            let help = name == "h";
            let unknown = || Stop::Mistake(format!("flag provided but not defined: -{name}"));
            return Err(if help { Stop::Help } else { unknown() });
        };
        let name = flag.name;
        set(flag, value, &mut rest).map_err(Stop::Mistake)?;
        flags.given.push(name);
    }
    Ok(())
}

fn set<'a>(
    flag: Flag<'_>,
    value: Option<&'a str>,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    let name = flag.name;
    if let Slot::Truth(slot) = flag.slot {
        let value = value.unwrap_or("true");
        *slot = parse_bool(value).ok_or_else(|| {
            format!(
                "invalid boolean value {} for -{name}: parse error",
                quote(value)
            )
        })?;
        return Ok(());
    }
    let value = value
        .or_else(|| rest.next().map(String::as_str))
        .ok_or_else(|| format!("flag needs an argument: -{name}"))?;
    match flag.slot {
        Slot::Text(slot) => value.clone_into(slot),
        Slot::Int(slot) => {
            *slot = parse_int(value)
                .map_err(|why| format!("invalid value {} for flag -{name}: {why}", quote(value)))?;
        }
        Slot::Truth(_) => {}
    }
    Ok(())
}

fn usage(program: &str) -> String {
    format!("Usage of {program}:\n{}", defaults())
}

/// The list of flags as Go prints it.
fn defaults() -> String {
    let mut out = String::new();
    for flag in Flags::default().each() {
        let (kind, default) = match &flag.slot {
            Slot::Text(text) if text.is_empty() => (" string", String::new()),
            Slot::Text(text) => (" string", format!(" (default {})", quote(text))),
            Slot::Int(number) => (" int", format!(" (default {number})")),
            Slot::Truth(_) => ("", String::new()),
        };
        let _ = writeln!(
            out,
            "  -{}{kind}\n    \t{}{default}",
            flag.name, flag.sentence
        );
    }
    out
}
