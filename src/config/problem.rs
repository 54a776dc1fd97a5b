//! What is wrong with a configuration, where it was said, and what to do about it.

use std::{fmt, path::PathBuf};

/// Where a value was said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything: the default of the table.
    Default,
    /// What a program sets for itself, below every file (`p2p4slips` takes over the pigeon's defaults).
    Preset(&'static str),
    /// A line of a file; line 0: the file as a whole.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable, by name.
    Environment(String),
    /// A flag of the command line, by name with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset(program) => write!(f, "default of {program}"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing wrong with the configuration. Its text never carries a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was said.
    pub origin: Origin,
    /// The dotted key, or what stood in its place; empty where there is none.
    pub key: String,
    /// The value as it was written, shortened.
    pub value: Option<String>,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        match (self.key.is_empty(), &self.value) {
            (false, Some(value)) => write!(f, "{} = {value}: ", self.key)?,
            (false, None) => write!(f, "{}: ", self.key)?,
            (true, _) => {}
        }
        write!(f, "{}; {}", self.wrong, self.remedy)
    }
}

/// Everything wrong with a configuration, one line each, in the order it was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// The longest part of a value that an error repeats, in characters.
const SHOWN: usize = 120;

/// The longest sentence about a value, in characters: one of ours with a value of that length in it.
const TOLD: usize = 480;

/// A value as an error may show it: one line, not too long, no password.
pub(super) fn shown(text: &str) -> String {
    one_line(text, SHOWN)
}

/// A sentence that may repeat a value: one line, not too long, no password.
pub(super) fn told(text: &str) -> String {
    one_line(text, TOLD)
}

fn one_line(text: &str, longest: usize) -> String {
    let line: String = redacted(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= longest {
        line
    } else {
        line.chars().take(longest).chain("...".chars()).collect()
    }
}

/// The text with the password of a URL replaced: `redis://user:***@host`, `unix:///sock?pass=***`.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut out = text.to_owned();
    let start = out.find("://").map_or(0, |i| i + 3);
    if let Some(at) = out.rfind('@').filter(|at| *at > start) {
        if let Some(colon) = out[start..at].find(':') {
            out.replace_range(start + colon + 1..at, "***");
        }
    } else if start > 0 {
        hide_in_place_of_port(&mut out, start);
    }
    if let Some(start) = out.find("pass=").map(|i| i + 5) {
        let end = out[start..]
            .find(['&', '"', '\''])
            .map_or(out.len(), |i| start + i);
        out.replace_range(start..end, "***");
    }
    out
}

/// `redis://user:password` whose host was forgotten: what stands for the port and is no number.
fn hide_in_place_of_port(out: &mut String, start: usize) {
    let is_v6 = out[start..].starts_with('[');
    let Some(port) = out[start..]
        .find(':')
        .map(|i| start + i + 1)
        .filter(|_| !is_v6)
    else {
        return;
    };
    let end = out[port..]
        .find(['/', '?', '#', '"', '\'', ','])
        .map_or(out.len(), |i| port + i);
    if out[port..end].bytes().any(|byte| !byte.is_ascii_digit()) {
        out.replace_range(port..end, "***");
    }
}

/// The candidate most like a mistyped word, if one is like it at all.
pub(super) fn nearest<'a>(
    typed: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Below this likeness a guess is noise: `ulr` and `url` reach 0.67, unrelated keys about 0.3.
    const LIKE_ENOUGH: f64 = 0.6;
    let typed = typed.to_lowercase();
    candidates
        .map(|candidate| {
            let begins =
                typed.len() > 2 && (candidate.starts_with(&typed) || typed.starts_with(candidate));
            let like = strsim::normalized_damerau_levenshtein(&typed, candidate);
            (like + if begins { 0.3 } else { 0.0 }, candidate)
        })
        .filter(|(like, _)| *like >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
