//! What stands in every `--help`: a description that fits a terminal, examples that work, exit codes.

use std::fmt::Write as _;

use super::exit::Exit;

/// How wide a line of help gets.
const WIDTH: usize = 96;

/// A long description with its lines broken; an empty line begins a new paragraph.
#[must_use]
pub fn long(text: &str) -> String {
    let mut broken = String::with_capacity(text.len() + 16);
    for (at, line) in text.lines().enumerate() {
        if at > 0 {
            broken.push('\n');
        }
        let mut width = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            let gap = match width {
                0 => "",
                _ if width + 1 + length > WIDTH => "\n",
                _ => " ",
            };
            width = if gap == " " {
                width + 1 + length
            } else {
                length
            };
            broken.push_str(gap);
            broken.push_str(word);
        }
    }
    broken
}

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
