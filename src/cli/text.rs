//! Text that others wrote, made fit for a terminal and for a spreadsheet.

use std::{borrow::Cow, fmt::Write as _, io};

/// Whether a character can move the cursor, change colours, reorder what is read or hide:
/// control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls,
/// invisible and tag characters.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every unsafe character spelt out as `\u{..}`; always one line.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            cleaned.extend(c.escape_unicode());
        } else {
            cleaned.push(c);
        }
    }
    Cow::Owned(cleaned)
}

/// The text as a CSV field no spreadsheet takes for a formula: a leading `=`, `+`, `-`, `@` gets
/// an apostrophe in front. (A leading tab or line end is already spelt out by [`clean`].)
#[must_use]
pub fn csv_field(text: &str) -> Cow<'_, str> {
    let cleaned = clean(text);
    if cleaned.starts_with(['=', '+', '-', '@']) {
        return Cow::Owned(format!("'{cleaned}"));
    }
    cleaned
}

/// JSON on one line whose strings hold unsafe characters only as `\uXXXX`: nothing is lost, and
/// nothing can act on a terminal.
#[derive(Debug, Default)]
pub struct SafeJson;

impl serde_json::ser::Formatter for SafeJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !fragment.contains(is_unsafe) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len() + 16);
        for c in fragment.chars() {
            if !is_unsafe(c) {
                escaped.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
        writer.write_all(escaped.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    const NASTY: &str = "a\u{1b}[31mb\r\nc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g\u{7f}h\u{e0041}";

    #[test]
    fn what_acts_on_a_terminal_is_spelt_out() {
        let cleaned = clean(NASTY);
        assert!(!cleaned.contains(is_unsafe), "{cleaned:?}");
        assert!(cleaned.contains("\\u{1b}[31m"));
        assert_eq!(clean("Zürich 東京 😀"), "Zürich 東京 😀");
    }

    #[test]
    fn json_escapes_it_and_loses_nothing() {
        let mut bytes = Vec::new();
        NASTY
            .serialize(&mut serde_json::Serializer::with_formatter(
                &mut bytes, SafeJson,
            ))
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(is_unsafe), "{text:?}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), NASTY);
    }

    #[test]
    fn no_field_starts_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let field = csv_field(formula);
            assert!(
                !field.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{field}"
            );
        }
        assert_eq!(csv_field("plain"), "plain");
    }
}
