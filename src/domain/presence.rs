//! What nodes say of themselves: hello, how they are, goodbye. Claims, believed in nothing that matters.
//!
//! None of it is evidence: it is shown to people and spares a busy peer some lines, and no score and
//! no reliability is made of it. Texts are cleaned where a value is made, by [`plain`].

use std::{fmt, time::Duration};

use super::{Timestamp, plain};

/// The longest alias, in characters: a column of a terminal.
pub const ALIAS_CHARS: usize = 48;
/// The longest status message, in characters: a line of a terminal.
pub const MESSAGE_CHARS: usize = 120;
/// The longest name of a program, of a protocol and of a network, in characters.
pub const NAME_CHARS: usize = 64;
/// The longest text of a goodbye, in characters: a line of a terminal.
pub const FAREWELL_CHARS: usize = 120;
/// The longest that a peer can ask to be spared at once. What it asks beyond, it must ask again.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// All is well.
    #[default]
    Available,
    /// It sheds what it cannot take.
    Busy,
    /// It works, but its Redis or its disk does not.
    Degraded,
    /// It is stopping and finishes what it has.
    Draining,
    /// It is gone, and said so.
    Offline,
    /// A word of a later version.
    Other,
}

impl Status {
    /// Those this version says.
    pub const ALL: [Self; 5] = [
        Self::Available,
        Self::Busy,
        Self::Degraded,
        Self::Draining,
        Self::Offline,
    ];

    /// The word for it on the wire, in the database and for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Offline => "offline",
            Self::Other => "other",
        }
    }

    /// What a word says; one of a later version is [`Status::Other`].
    #[must_use]
    pub fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|status| status.word() == word);
        known.unwrap_or(Self::Other)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a node is, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// In a word.
    pub status: Status,
    /// For people; clean, at most [`MESSAGE_CHARS`] characters, may be empty.
    pub message: String,
    /// For how long it wants to be spared; at most [`MAX_RETRY_AFTER`], whole seconds.
    pub retry_after: Option<Duration>,
}

impl Presence {
    /// Cleans the message and cuts the time to what is allowed.
    #[must_use]
    pub fn new(status: Status, message: &str, retry_after: Option<Duration>) -> Self {
        let whole = |time: Duration| Duration::from_secs(time.min(MAX_RETRY_AFTER).as_secs());
        Self {
            status,
            message: plain(message, MESSAGE_CHARS),
            retry_after: retry_after.map(whole).filter(|time| !time.is_zero()),
        }
    }

    /// For how long a busy node wants to be spared.
    #[must_use]
    pub fn spare_for(&self) -> Option<Duration> {
        self.retry_after.filter(|_| self.status == Status::Busy)
    }
}

/// The newest entry of the sender's own log, as it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnTip {
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash.
    pub digest: [u8; 32],
}

/// The first thing a node says to another of our kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The protocol it means to speak; clean, at most [`NAME_CHARS`] characters.
    pub protocol: String,
    /// What it calls itself; clean, at most [`ALIAS_CHARS`] characters, may be empty.
    pub alias: String,
    /// How it is.
    pub presence: Presence,
    /// What it runs; clean, at most [`NAME_CHARS`] characters.
    pub software: String,
    /// Its clock.
    pub time: Option<Timestamp>,
    /// The network it is of; clean, at most [`NAME_CHARS`] characters. `None`: it does not say.
    pub network: Option<String>,
    /// Its own log.
    pub tip: Option<OwnTip>,
}

impl Hello {
    /// The same with every text cleaned and cut.
    #[must_use]
    pub fn cleaned(self) -> Self {
        let Presence {
            status,
            message,
            retry_after,
        } = self.presence;
        Self {
            protocol: plain(&self.protocol, NAME_CHARS),
            alias: plain(&self.alias, ALIAS_CHARS),
            presence: Presence::new(status, &message, retry_after),
            software: plain(&self.software, NAME_CHARS),
            network: self.network.map(|name| plain(&name, NAME_CHARS)),
            ..self
        }
    }
}

/// Why a node leaves, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// A word: `stopping`, `rejected`, `other_network`, or one of a later version; clean.
    pub reason: String,
    /// For people; clean, at most [`FAREWELL_CHARS`] characters, may be empty.
    pub text: String,
}

impl Farewell {
    /// The word of a node that stops.
    pub const STOPPING: &'static str = "stopping";
    /// The word of a node whose operator does not want the peer.
    pub const REJECTED: &'static str = "rejected";
    /// The word of a node of another network.
    pub const OTHER_NETWORK: &'static str = "other_network";

    /// Cleans both.
    #[must_use]
    pub fn new(reason: &str, text: &str) -> Self {
        Self {
            reason: plain(reason, NAME_CHARS),
            text: plain(text, FAREWELL_CHARS),
        }
    }
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason.as_str(), self.text.as_str()) {
            ("", text) => f.write_str(text),
            (reason, "") => f.write_str(reason),
            (reason, text) => write!(f, "{reason}: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_spared_only_while_it_is_busy_and_not_for_ever() {
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(Presence::new(Status::Degraded, "", day).spare_for(), None);
        let busy = Presence::new(Status::Busy, "", day);
        assert_eq!(busy.spare_for(), Some(MAX_RETRY_AFTER));
        let soon = Presence::new(Status::Busy, "", Some(Duration::from_millis(300)));
        assert_eq!(soon.spare_for(), None);
    }

    #[test]
    fn words_come_back_and_later_ones_are_other() {
        for status in Status::ALL {
            assert_eq!(Status::of(status.word()), status);
        }
        assert_eq!(Status::of("away"), Status::Other);
    }

    #[test]
    fn a_goodbye_reads_well_with_or_without_a_text() {
        assert_eq!(Farewell::new("stopping", "").to_string(), "stopping");
        assert_eq!(
            Farewell::new("stopping", "\u{1b}[31ma \u{202e}signal").to_string(),
            "stopping: a signal"
        );
    }
}
