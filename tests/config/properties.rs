//! Random texts against the reader.

use std::path::Path;

use proptest::prelude::*;
use slips_p2p::config::{Flag, Origin, Sources, default_file, load, load_text, table::SETTINGS};

/// Pieces of which broken configurations are made.
const PIECES: &[&str] = &[
    "[redis]",
    "[reliability.weights]",
    "[[network]]",
    "[[anchor]]",
    "[[never_block]]",
    "[anchor]",
    "anchor",
    "trust",
    "peer",
    "expires",
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
