//! What a neighbour did on the wire: a small closed set. What each costs stands in the parameters
//! of `reputation::reliability`, not here.

use std::{fmt, str::FromStr};

/// One thing a neighbour did. Content that is merely wrong is a matter of trust, not of conduct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conduct {
    /// Answered our hello in due form, or greeted us with a version we had not heard from it.
    Greeted,
    /// Answered our ping with `pong`, or pinged us at a decent interval.
    Alive,
    /// A line that is no line: blank, not UTF-8, over the limit, ended before its newline.
    MalformedLine,
    /// A line whose base64, JSON or values are not what the contract allows.
    MalformedMessage,
    /// `hello` with the wrong number of words, or a malformed answer to ours.
    BrokenHello,
    /// `hello` again with the version already known.
    RepeatedHello,
    /// A ping less than five seconds after the last good one.
    PingTooOften,
    /// More lines on `/slips/1.0` than its rate allows; it was held back. A sender of frames is held
    /// back too, but goes as fast as it is let by design.
    Flooding,
    /// Something else than `pong` came back.
    WrongAnswer,
    /// No answer, or the stream could not be opened, written or read in time.
    NoAnswer,
    /// Could not be dialled.
    Unreachable,
}

/// A word that names no conduct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of conduct")]
pub struct ConductParseError(pub String);

impl Conduct {
    /// Whether it is no more than being away: nothing a peer can be blamed for.
    #[must_use]
    pub fn is_absence(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Unreachable)
    }

    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Greeted,
        Self::Alive,
        Self::MalformedLine,
        Self::MalformedMessage,
        Self::BrokenHello,
        Self::RepeatedHello,
        Self::PingTooOften,
        Self::Flooding,
        Self::WrongAnswer,
        Self::NoAnswer,
        Self::Unreachable,
    ];

    /// The word for it in the config, the database and the logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Greeted => "greeted",
            Self::Alive => "alive",
            Self::MalformedLine => "malformed_line",
            Self::MalformedMessage => "malformed_message",
            Self::BrokenHello => "broken_hello",
            Self::RepeatedHello => "repeated_hello",
            Self::PingTooOften => "ping_too_often",
            Self::Flooding => "flooding",
            Self::WrongAnswer => "wrong_answer",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether it speaks for the peer.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Greeted | Self::Alive)
    }
}

impl fmt::Display for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Conduct {
    type Err = ConductParseError;

    fn from_str(word: &str) -> Result<Self, ConductParseError> {
        Self::ALL
            .into_iter()
            .find(|c| c.word() == word)
            .ok_or_else(|| ConductParseError(word.into()))
    }
}
