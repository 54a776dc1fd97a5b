//! Text that somebody announced or typed, made fit to be kept and shown: one line of plain words.
//!
//! Names of peers land in terminals, logs and lists, beside names the operator gave. So nothing stays
//! that moves a cursor, reorders what is read, or cannot be seen: two names that look the same to this
//! program's user are the same as far as invisible characters go.

use std::{iter::Peekable, str::Chars};

/// The text on one line without whatever acts on a terminal or cannot be seen, and at most `max_chars`
/// characters of it (so at most four times as many bytes).
///
/// Escape sequences go as a whole (ECMA-48: `ESC [`, `ESC ]` and their C1 forms with all that belongs to
/// them), so that no `[31m` is left over. White space of any kind, line ends too, becomes one space between words. The
/// result may be empty. Cleaning it again changes nothing.
#[must_use]
pub fn plain(text: &str, max_chars: usize) -> String {
    let mut kept = String::new();
    let mut room = max_chars;
    let mut gap = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            _ if c.is_whitespace() => gap = !kept.is_empty(),
            _ if !is_plain(c) => {}
            _ => {
                let needed = 1 + usize::from(gap);
                if room < needed {
                    break;
                }
                room -= needed;
                if std::mem::take(&mut gap) {
                    kept.push(' ');
                }
                kept.push(c);
            }
        }
    }
    kept
}

/// More characters than there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// As many as [`plain`] would leave.
    pub length: usize,
    /// As many as there may be.
    pub most: usize,
}

/// The whole text, as [`plain`] leaves it.
///
/// # Errors
/// More than `max_chars` characters are left of it.
pub fn plain_whole(text: &str, max_chars: usize) -> Result<String, TooLong> {
    let whole = plain(text, usize::MAX);
    match whole.chars().count() {
        length if length > max_chars => Err(TooLong {
            length,
            most: max_chars,
        }),
        _ => Ok(whole),
    }
}

/// Whether a character is one that people see and that does nothing: no control, no format or tag
/// character, no bidirectional mark, no filler that shows as nothing, no private or unassigned code.
#[must_use]
pub fn is_plain(c: char) -> bool {
    if c == ' ' {
        return true;
    }
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c,
            // Format characters (general category Cf) and the bidirectional controls among them.
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Default ignorable: they join, select or fill, and show as nothing.
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
            // Private use: every font draws something else.
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
        // The last two of every plane, and a block in the first, are no characters.
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}'))
}

/// What follows an escape: a sequence, a string with its end, or some intermediates and a final.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        _ => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
    }
}

/// Parameters, intermediates and the final character.
fn skip_control_sequence(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| matches!(c, '0'..='?')).is_some() {}
    while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Everything up to the bell or the string terminator; without one, to the end of the line.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| !matches!(c, '\n' | '\r')) {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if chars.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}
