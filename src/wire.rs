//! Bytes to domain and back: what Slips says and hears on Redis, and lines between peers.
//!
//! Everything that comes from outside passes a decoder here, with its size limits, exactly once.
//! The decoders are pure, never panic, and do an amount of work bounded by the limits named beside
//! them. What they refuse they name: every fault is one of a closed set and quotes the offending
//! value, shortened and escaped, so that it can go into a log as it is.

pub mod control;
pub mod frame;
pub mod json;
pub mod message;
pub mod nothing_known;
pub mod pigeon;
pub mod replay;
pub mod segment;
pub mod slips;
pub mod sync;

/// The most characters of a foreign text that a fault quotes: longer than any address, key name
/// or peer id, shorter than a line of a log.
const QUOTED_CHARS: usize = 64;

/// A foreign text as a fault quotes it: shortened, and escaped so that it cannot forge a log line.
fn quoted(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(QUOTED_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
