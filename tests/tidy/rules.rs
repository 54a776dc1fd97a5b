//! The rules, and for each a text that breaks it.

use super::{migrations, source};

/// Longest file, in lines; 300 is the aim, past this a noun is missing.
pub const MAX_LINES: usize = 450;

/// The rooms of `src/`, and which other rooms each may name.
const ROOMS: [(&str, &[&str]); 15] = [
    (
        "main",
        &[
            "cli",
            "pigeon_flags",
            "app",
            "config",
            "store",
            "reputation",
            "domain",
            "simulation",
            "service",
        ],
    ),
    ("pigeon_flags", &[]),
    (
        "cli",
        &[
            "app",
            "config",
            "store",
            "reputation",
            "domain",
            "simulation",
            "service",
            // `replay` reads lines, decoded where all decoders are.
            "wire",
        ],
    ),
    (
        "app",
        &[
            "config",
            "node",
            "network",
            "bridge",
            "store",
            "service",
            "control",
            "reputation",
            "wire",
            "domain",
        ],
    ),
    // How commands reach the running node; it hands orders on and decides nothing.
    ("control", &["wire", "domain"]),
    (
        "node",
        &[
            "reputation",
            "store",
            "network",
            "bridge",
            "mesh",
            "wire",
            "domain",
        ],
    ),
    ("mesh", &["wire", "domain"]),
    ("network", &["wire", "domain"]),
    ("bridge", &["wire", "domain"]),
    ("store", &["domain"]),
    ("wire", &["domain"]),
    ("reputation", &["domain"]),
    // It runs the engine of the mesh on simulated time and links.
    ("simulation", &["mesh", "reputation", "wire", "domain"]),
    // The parameters of the trust models are settings: one table for both.
    ("config", &["reputation", "domain"]),
    ("domain", &[]),
];

/// Other crates that only some places may name, by the start of the path.
/// The demo plays the three Slips itself, so it speaks to Redis as Slips does.
const CRATES: [(&str, &[&str]); 6] = [
    ("sqlx", &["src/store"]),
    ("redis", &["src/bridge", "src/cli/demo"]),
    ("hickory_proto", &["src/network"]),
    ("socket2", &["src/network"]),
    ("anyhow", &["src/main.rs", "src/bin/", "src/cli"]),
    (
        "clap",
        &["src/main.rs", "src/bin/", "src/cli", "src/config"],
    ),
];

/// Where types become JSON or TOML by themselves; the name of a model is a word of the configuration.
const SERDE_DERIVES: [&str; 5] = [
    "src/wire",
    "src/config",
    "src/cli",
    "src/service",
    "src/reputation/model.rs",
];

/// What of libp2p is vocabulary; everything else of it is behaviour, and the network's.
const LIBP2P_WORDS: [&str; 5] = ["PeerId", "Multiaddr", "multiaddr", "identity", "multihash"];

/// What would make the reputation core and the mesh depend on anything but their arguments.
const IMPURE: [&str; 9] = [
    "tokio",
    "SystemTime",
    "Instant",
    "thread_rng",
    "fs",
    "env",
    "thread",
    "File",
    "spawn",
];

/// What may not be left behind. In pieces, so that this file keeps the rule too.
pub const LEFTOVERS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ign", "ore"),
    concat!("allow(dead", "_code)"),
];

/// Everything wrong with one file, as `path:line: [rule] what`.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |line: usize, rule: &str, what: String| {
        found.push(format!("{path}:{line}: [{rule}] {what}"))
    };

    for (number, line) in text.lines().enumerate() {
        for word in LEFTOVERS.iter().filter(|word| line.contains(**word)) {
            say(number + 1, "leftover", format!("`{word}`"));
        }
        for place in [
            concat!("/wo", "rk/"),
            concat!("/tmp/", "seams"),
            concat!("/tmp/", "wt/"),
        ] {
            if line.contains(place) {
                say(
                    number + 1,
                    "machine path",
                    format!("`{place}` is a path of one machine"),
                );
            }
        }
    }
    if path.ends_with(".sql") {
        for (line, code) in migrations::unexplained(text) {
            say(
                line,
                "unexplained",
                format!("no comment says what this is for: {code}"),
            );
        }
    }
    if path.ends_with(".rs") {
        check_rust(path, text, &mut say);
    }
    found
}

fn check_rust(path: &str, text: &str, say: &mut impl FnMut(usize, &str, String)) {
    if !text.starts_with("//!") {
        say(
            1,
            "first line",
            "the first line says what the file is for, starting with `//!`".into(),
        );
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        say(
            lines,
            "length",
            format!("{lines} lines, at most {MAX_LINES}: which noun is missing?"),
        );
    }
    if path.ends_with("/mod.rs") {
        say(1, "mod.rs", "write `foo.rs` beside `foo/`".into());
    }
    if path.starts_with("src/") {
        let words = source::words(&source::code_only(text));
        check_rooms(path, &words, say);
        check_crates(path, &words, say);
        check_purity(path, &words, say);
    }
}

fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let head = inside.split('/').next()?.trim_end_matches(".rs");
    match head {
        "bin" => Some("main"),
        "lib" => None,
        other => Some(other),
    }
}

fn check_rooms(path: &str, words: &[source::Word], say: &mut impl FnMut(usize, &str, String)) {
    let Some(room) = room_of(path) else { return };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        say(
            1,
            "room",
            format!(
                "`{room}` is no room of the architecture; add it to ROOMS with what it may name"
            ),
        );
        return;
    };
    let depth = path.matches('/').count();
    for named in source::named_rooms(words, depth) {
        let name = named.text.as_str();
        if name == "*" {
            say(
                named.line,
                "room",
                "a glob of the crate's root hides who is named".into(),
            );
        }
        let is_room = ROOMS.iter().any(|(other, _)| *other == name) || name == "service";
        if is_room && name != room && !allowed.contains(&name) {
            say(
                named.line,
                "room",
                format!("`{room}` may not name `{name}`"),
            );
        }
    }
}

fn check_crates(path: &str, words: &[source::Word], say: &mut impl FnMut(usize, &str, String)) {
    for (name, places) in CRATES {
        if !places.iter().any(|place| path.starts_with(place)) {
            for (word, _) in source::uses_of(words, name) {
                say(
                    word.line,
                    "crate",
                    format!("only {} may name `{name}`", places.join(", ")),
                );
            }
        }
    }
    if !SERDE_DERIVES.iter().any(|place| path.starts_with(place)) {
        for word in source::derived(words) {
            if ["Serialize", "Deserialize"].contains(&word.text.as_str()) {
                say(
                    word.line,
                    "serde",
                    "only wire derives serde for messages".into(),
                );
            }
        }
    }
    if !path.starts_with("src/network") {
        for (word, names) in source::uses_of(words, "libp2p") {
            for name in names
                .iter()
                .filter(|name| !LIBP2P_WORDS.contains(&name.text.as_str()))
            {
                say(
                    word.line,
                    "crate",
                    format!("only src/network may name `libp2p::{}`", name.text),
                );
            }
        }
    }
}

fn check_purity(path: &str, words: &[source::Word], say: &mut impl FnMut(usize, &str, String)) {
    // A test may drive a future with whatever it likes.
    let pure = !path.ends_with("/tests.rs")
        && [
            "src/reputation",
            "src/simulation",
            "src/domain",
            "src/wire",
            "src/mesh",
        ]
        .iter()
        .any(|place| path.starts_with(place));
    if pure {
        for (word, _) in source::uses_of(words, "tokio") {
            say(word.line, "pure", "no tokio here".into());
        }
    }
    let is_simulation = path.starts_with("src/simulation");
    let is_core = path.starts_with("src/reputation") || path.starts_with("src/mesh");
    if !is_core && !is_simulation {
        return;
    }
    for (at, word) in words.iter().enumerate() {
        let behind_path = at > 0 && words[at - 1].text == "::";
        let in_group = at > 0 && ["{", ","].contains(&words[at - 1].text.as_str());
        let before_path = words.get(at + 1).is_some_and(|next| next.text == "::");
        let reads_clock = word.text == "now" && behind_path;
        // A simulation shares its seeds among threads, with the same result for any number.
        if is_simulation && ["thread", "spawn"].contains(&word.text.as_str()) {
            continue;
        }
        if reads_clock
            || (IMPURE.contains(&word.text.as_str()) && (behind_path || before_path || in_group))
        {
            say(
                word.line,
                "pure",
                format!(
                    "`{}`: no clock, no IO, no runtime here; `now` is an argument",
                    word.text
                ),
            );
        }
    }
}
