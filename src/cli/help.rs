//! What stands below every `--help`: examples that work, and the exit codes.

use std::fmt::Write as _;

use super::exit::Exit;

/// The part after the options: examples, each a line of its own, and the exit codes.
#[must_use]
pub fn after(examples: &[&str]) -> String {
    let mut text = String::from("Examples:\n");
    for example in examples {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {example}");
    }
    text.push_str("\nExit codes:\n");
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {}  {}", exit.code(), exit.meaning());
    }
    text.truncate(text.trim_end().len());
    text
}
