//! Numbers, truth values and quoting as Go's `strconv` has them.

use std::fmt::Write as _;

/// Go's words for true and false, and no others.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// An integer whose base its prefix names: `0x`, `0o`, `0b`, a leading zero (octal), else decimal;
/// `_` between digits. The error is Go's wording.
pub(super) fn parse_int(text: &str) -> Result<i64, &'static str> {
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let value = i128::from(parse_uint(magnitude)?);
    i64::try_from(if negative { -value } else { value }).map_err(|_| OUT_OF_RANGE)
}

const SYNTAX: &str = "parse error";
const OUT_OF_RANGE: &str = "value out of range";

fn parse_uint(text: &str) -> Result<u64, &'static str> {
    if text.is_empty() {
        return Err(SYNTAX);
    }
    let (base, digits) = split_base(text);
    let mut value: u64 = 0;
    for c in digits.chars().filter(|c| *c != '_') {
        let digit = c.to_digit(base).ok_or(SYNTAX)?;
        // Go tells what overflows before it has seen what follows.
        let next = value
            .checked_mul(base.into())
            .and_then(|value| value.checked_add(digit.into()));
        value = next.ok_or(OUT_OF_RANGE)?;
    }
    if digits.contains('_') && !underscores_fit(text) {
        Err(SYNTAX)
    } else {
        Ok(value)
    }
}

fn split_base(text: &str) -> (u32, &str) {
    let Some(after_zero) = text.strip_prefix('0') else {
        return (10, text);
    };
    // A prefix with nothing after it is no prefix: `0x` is a zero and a bad digit.
    let base = match after_zero.as_bytes() {
        [b'x' | b'X', _, ..] => 16,
        [b'o' | b'O', _, ..] => 8,
        [b'b' | b'B', _, ..] => 2,
        _ => return (8, after_zero),
    };
    (base, &after_zero[1..])
}

/// An underscore stands only between digits; the prefix of a base counts as one.
fn underscores_fit(text: &str) -> bool {
    let prefixed = matches!(
        text.as_bytes(),
        [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]
    );
    let mut after_digit = prefixed;
    let mut after_underscore = false;
    for byte in text.bytes().skip(if prefixed { 2 } else { 0 }) {
        let underscore = byte == b'_';
        if underscore && !after_digit {
            return false;
        }
        after_digit = !underscore;
        after_underscore = underscore;
    }
    !after_underscore
}

/// A text in double quotes with Go's escapes, as `%q` prints it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
