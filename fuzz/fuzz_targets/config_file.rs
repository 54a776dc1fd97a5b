//! A config file: what is taken can be written out and read back the same; what is refused is told
//! on one line of bounded length, with a line of the file and a remedy.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use slips_p2p::config::{Origin, load_text};

/// Longer than any sentence of ours with a shortened key and value in it.
const LONGEST: usize = 2048;

fuzz_target!(|text: &[u8]| {
    let path = Path::new("config.toml");
    match load_text(path, text) {
        Ok(loaded) => {
            let again = load_text(path, loaded.render(false, true).as_bytes());
            assert!(again.is_ok_and(|again| again.config == loaded.config));
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
            for problem in error.problems {
                let said = problem.to_string();
                assert!(!said.contains('\n') && said.len() <= LONGEST, "{said}");
                assert!(!problem.wrong.is_empty() && !problem.remedy.is_empty());
                match problem.origin {
                    Origin::File { line, .. } => assert!((1..=lines).contains(&line), "{said}"),
                    // Combinations are judged as a whole, over defaults too.
                    origin => assert_eq!(origin, Origin::Default),
                }
            }
        }
    }
});
