//! Settings that are one word of a few.

/// A closed set of words a setting can have.
pub trait Word: Copy + PartialEq + Send + Sync + 'static {
    /// Every choice with its word in the config, in the order they are offered.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for it in the config.
    #[must_use]
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, it)| *it == self)
            .map_or("", |(word, _)| word)
    }
}

macro_rules! words {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+ })+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

            impl Word for $name {
                const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];
            }
        )+
    };
}

words! {
    /// How what is known of an address lies in Slips' database.
    Layout {
        /// Slips 1.1.17 and later: one hash a kind of fact, `HSET IPsInfo:p2p4slips <ip> <json>`.
        Hash = "hash",
        /// Older Slips: `p2p4slips` is a key of the JSON object in hash `IPsInfo`.
        Json = "json",
    }
    /// What is handed to Slips of what peers send.
    ForwardMode {
        /// Only what Slips can digest.
        Sanitized = "sanitized",
        /// Every line as it came; a hostile peer can then end Slips' module.
        Verbatim = "verbatim",
    }
    /// Who answers the requests of peers.
    AnswerRequests {
        /// Slips, when it holds a score of the address.
        Slips = "slips",
        /// This node, from Slips' database.
        Node = "node",
        /// Nobody.
        None = "none",
    }
    /// What is done with peers nobody has decided about.
    UnknownPeers {
        /// They are peers like any other.
        Accept = "accept",
        /// They may speak within small budgets until they have behaved for a while.
        Probation = "probation",
        /// They may say hello and wait for the operator.
        Ask = "ask",
        /// Their connections are closed at once.
        Deny = "deny",
    }
    /// How the conduct of a peer becomes its reliability.
    ReliabilityModel {
        /// Weighted conduct that is forgotten with a half-life; newcomers start low.
        Decaying = "decaying",
        /// The plain mean of all ratings ever, as the Go pigeon has it.
        Pigeon = "pigeon",
    }
    /// How much is logged.
    LogLevel {
        /// What stops something.
        Error = "error",
        /// And what a person should look at.
        Warn = "warn",
        /// And what happens.
        Info = "info",
        /// And why.
        Debug = "debug",
        /// And every step.
        Trace = "trace",
    }
    /// What a line of the log looks like.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}
