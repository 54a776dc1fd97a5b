//! Messages of `/slips/sync/1`: what nodes tell each other about signed logs.
//!
//! Each is the JSON body of a frame as [`super::frame`] cuts them (four bytes of length before it,
//! which the network adds), an object with a `type`, at most [`MAX_BYTES`] long:
//!
//! ```text
//! {"type":"tips","fresh":false,"tips":[["12D3Koo..",71,"kq8..="]]}     what I have, of whom
//! {"type":"want","id":3,"spans":[["12D3Koo..",72,80]]}                give me these
//! {"type":"segments","answer":3,"segments":["AQAk.."]}                answering want 3
//! {"type":"segments","segments":["AQAk.."]}                           pushed
//! {"type":"pruned","author":"12D3Koo..","before":75}                  what is before 75 I no longer have
//! {"type":"done","id":3}                                              want 3 is answered
//! {"type":"prune","authors":["12D3Koo.."]}                            do not push these to me
//! {"type":"graft","authors":["12D3Koo.."]}                            do push these to me
//! {"type":"fork","segments":["AQAk..","AQAk.."]}                      proof that an author forked
//! {"type":"nothing_known","statement":"AQAk.."}                       see `super::nothing_known`
//! {"type":"error","code":"unknown_type","text":"no"}                  something was refused
//! ```
//!
//! A type nobody here knows is no fault; it is answered by an `error`. Unknown keys are ignored.
//! Segments stay bytes here: [`super::segment`] reads them. All binary is standard base64 with
//! padding.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    frame::Code,
    json::{self, Misfit},
    segment,
};
use crate::domain::{Author, Digest, Span, Tip};

mod read;

pub use read::decode;

/// The longest message, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most tips in one message: they fit, each with the longest id and number.
pub const MAX_TIPS: usize = 384;
/// The most spans in one want.
pub const MAX_SPANS: usize = 256;
/// The most authors in one prune or graft.
pub const MAX_AUTHORS: usize = 256;
/// The most segments in one message.
pub const MAX_SEGMENTS: usize = 256;
/// What [`Message::Segments`] has room for, in bytes of [`in_message`].
pub const SEGMENTS_ROOM: usize = MAX_BYTES - 256;
/// The longest text of an error, in bytes: a line of a log.
const MAX_ERROR_BYTES: usize = 256;
/// Peer ids of the kinds there are have at most 53 characters.
const MAX_ID_CHARS: usize = 64;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The ends of the logs the sender has.
    Tips {
        /// Whether these entries are new and perhaps still on their way by push; otherwise they
        /// must be asked for to be had.
        fresh: bool,
        /// At most [`MAX_TIPS`]; none to say that there is nothing.
        tips: Vec<Tip>,
    },
    /// Asks for all that the receiver has of some spans.
    Want {
        /// Names this want in the answer; the asker's own numbering.
        id: u64,
        /// At most [`MAX_SPANS`].
        spans: Vec<Span>,
    },
    /// Whole segments; an answer gives all that overlap a span wanted.
    Segments {
        /// The want that is answered; `None` for a push.
        answer: Option<u64>,
        /// Segments as bytes, at most [`MAX_SEGMENTS`], together at most [`SEGMENTS_ROOM`].
        segments: Vec<Vec<u8>>,
    },
    /// Part of an answer: of this author the sender has nothing any more before an entry.
    Pruned {
        /// Whose log.
        author: Author,
        /// The first entry there is.
        before: u64,
    },
    /// Everything that the sender gives for this want has been sent.
    Done {
        /// The want.
        id: u64,
    },
    /// Entries of these authors come to the sender by another way: only tell of them.
    Prune {
        /// At most [`MAX_AUTHORS`].
        authors: Vec<Author>,
    },
    /// Push entries of these authors to the sender.
    Graft {
        /// At most [`MAX_AUTHORS`].
        authors: Vec<Author>,
    },
    /// Two segments that prove that their author has two logs.
    Fork {
        /// Segments as bytes.
        segments: [Vec<u8>; 2],
    },
    /// A signed answer to a request; see [`super::nothing_known`].
    NothingKnown {
        /// The statement as bytes.
        statement: Vec<u8>,
    },
    /// Something of ours was refused.
    Error {
        /// The kind: a [`Code`]'s word, or a later one.
        code: String,
        /// For people.
        text: String,
    },
    /// A type this version does not know.
    Unknown {
        /// Its name, shortened and escaped.
        kind: String,
    },
}

/// Why a body is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not strict JSON, or not an object with the keys and kinds of values that belong there.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A list longer than its limit, or without anything.
    #[error("`{key}` has {count} items; 1 to {limit} are read")]
    Items {
        /// Of which key.
        key: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A number that is no whole number in its range.
    #[error("{0} is no number of an entry or a want")]
    NotANumber(String),
    /// A text that is no peer id.
    #[error("`{0}` is no peer id")]
    NotAnId(String),
    /// A text that is not base64 of what belongs there.
    #[error("`{0}` does not hold base64 of the right length")]
    NotBase64(&'static str),
    /// A span that ends before it begins.
    #[error("entries {from} to {to} are no span")]
    NotASpan {
        /// Its first entry.
        from: u64,
        /// Its last.
        to: u64,
    },
    /// A text longer than its key allows.
    #[error("`{key}` has {bytes} bytes; at most {limit} are read")]
    LongText {
        /// Of which key.
        key: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl Message {
    /// The word of its type; `unknown` for one this version does not know.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tips { .. } => "tips",
            Self::Want { .. } => "want",
            Self::Segments { .. } => "segments",
            Self::Pruned { .. } => "pruned",
            Self::Done { .. } => "done",
            Self::Prune { .. } => "prune",
            Self::Graft { .. } => "graft",
            Self::Fork { .. } => "fork",
            Self::NothingKnown { .. } => "nothing_known",
            Self::Error { .. } => "error",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// An error for the other side; a long text is cut.
    #[must_use]
    pub fn error(code: Code, text: &str) -> Self {
        let end = (0..=text.len().min(MAX_ERROR_BYTES))
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        Self::Error {
            code: code.word().into(),
            text: text[..end].into(),
        }
    }

    /// The body of the frame. Within [`MAX_BYTES`] when the bounds of the fields are kept.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{{\"type\":\"{}\"", self.kind());
        match self {
            Self::Tips { fresh, tips } => {
                out.push_str(if *fresh {
                    ",\"fresh\":true"
                } else {
                    ",\"fresh\":false"
                });
                push_list(&mut out, "tips", tips, |out, tip| {
                    out.push_str(&format!("[\"{}\",{},\"", tip.author, tip.seq));
                    STANDARD.encode_string(tip.digest.0, out);
                    out.push_str("\"]");
                });
            }
            Self::Want { id, spans } => {
                out.push_str(&format!(",\"id\":{id}"));
                push_list(&mut out, "spans", spans, |out, span| {
                    let Span { author, from, to } = span;
                    out.push_str(&format!("[\"{author}\",{from},{to}]"));
                });
            }
            Self::Segments { answer, segments } => {
                if let Some(answer) = answer {
                    out.push_str(&format!(",\"answer\":{answer}"));
                }
                push_list(&mut out, "segments", segments, |out, s| push_bytes(out, s));
            }
            Self::Pruned { author, before } => {
                out.push_str(&format!(",\"author\":\"{author}\",\"before\":{before}"));
            }
            Self::Done { id } => out.push_str(&format!(",\"id\":{id}")),
            Self::Prune { authors } | Self::Graft { authors } => {
                push_list(&mut out, "authors", authors, |out, author| {
                    out.push_str(&format!("\"{author}\""));
                });
            }
            Self::Fork { segments } => {
                push_list(&mut out, "segments", segments, |out, s| push_bytes(out, s));
            }
            Self::NothingKnown { statement } => {
                out.push_str(",\"statement\":");
                push_bytes(&mut out, statement);
            }
            Self::Error { code, text } => {
                out.push_str(",\"code\":");
                json::push_text(&mut out, code);
                out.push_str(",\"text\":");
                json::push_text(&mut out, text);
            }
            Self::Unknown { .. } => {}
        }
        out.push('}');
        out.into_bytes()
    }
}

/// How many bytes of a message a segment of so many bytes takes.
#[must_use]
pub fn in_message(segment: usize) -> usize {
    segment.div_ceil(3) * 4 + 3
}

fn push_list<T>(out: &mut String, key: &str, items: &[T], item: impl Fn(&mut String, &T)) {
    out.push_str(&format!(",\"{key}\":["));
    for (at, each) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        item(out, each);
    }
    out.push(']');
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    out.push('"');
    STANDARD.encode_string(bytes, out);
    out.push('"');
}

#[cfg(test)]
mod tests;
