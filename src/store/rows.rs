//! Rows are input: turned into domain types here, or refused with table, row and column.

use std::{fmt::Display, str::FromStr};

use super::StoreError;
use crate::domain::{
    Confidence, OutOfRange, PeerId, Reachability, Reliability, Score, Subject, Timestamp, Trust,
};

/// Which row is being read, for messages.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub table: &'static str,
    pub row: &'a dyn Display,
}

impl Place<'_> {
    /// The error for a value that cannot be.
    pub fn bad(self, column: &'static str, value: impl Display, why: impl Display) -> StoreError {
        StoreError::BadRow {
            table: self.table,
            row: self.row.to_string(),
            column,
            value: value.to_string(),
            why: why.to_string(),
        }
    }

    fn parsed<T: FromStr<Err: Display>>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|why| self.bad(column, text, why))
    }

    fn ranged<T>(
        self,
        column: &'static str,
        value: f64,
        make: impl Fn(f64) -> Result<T, OutOfRange>,
    ) -> Result<T, StoreError> {
        make(value).map_err(|why| self.bad(column, value, why))
    }

    pub fn peer(self, column: &'static str, text: &str) -> Result<PeerId, StoreError> {
        self.parsed(column, text)
    }

    pub fn subject(self, column: &'static str, text: &str) -> Result<Subject, StoreError> {
        self.parsed(column, text)
    }

    pub fn word<T: FromStr<Err: Display>>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        self.parsed(column, text)
    }

    pub fn score(self, value: f64) -> Result<Score, StoreError> {
        self.ranged("score", value, Score::new)
    }

    pub fn confidence(self, value: f64) -> Result<Confidence, StoreError> {
        self.ranged("confidence", value, Confidence::new)
    }

    pub fn trust(self, value: f64) -> Result<Trust, StoreError> {
        self.ranged("network_score", value, Trust::new)
    }

    pub fn reliability(self, value: f64) -> Result<Reliability, StoreError> {
        self.ranged("reliability", value, Reliability::new)
    }

    pub fn count32(self, column: &'static str, value: i64) -> Result<u32, StoreError> {
        u32::try_from(value).map_err(|why| self.bad(column, value, why))
    }

    /// A state from its columns.
    pub fn reachability(
        self,
        word: &str,
        reason: String,
        next_try: Option<i64>,
    ) -> Result<Reachability, StoreError> {
        let next_try = next_try.map(Timestamp::from_micros);
        match (word, next_try) {
            ("connected", _) => Ok(Reachability::Connected),
            ("retrying", Some(next_try)) => Ok(Reachability::Retrying { reason, next_try }),
            ("retrying", None) => {
                Err(self.bad("next_try", "NULL", "a peer that is retried has a next try"))
            }
            ("unreachable", next_try) => Ok(Reachability::Unreachable { reason, next_try }),
            _ => Err(self.bad("state", word, "not one of connected, retrying, unreachable")),
        }
    }
}

/// The columns of a state: word, reason, next try.
pub(super) fn state_columns(state: &Reachability) -> (&'static str, &str, Option<i64>) {
    let (reason, next_try) = match state {
        Reachability::Connected => ("", None),
        Reachability::Retrying { reason, next_try } => (reason.as_str(), Some(*next_try)),
        Reachability::Unreachable { reason, next_try } => (reason.as_str(), *next_try),
    };
    (state.word(), reason, next_try.map(Timestamp::as_micros))
}

/// A count from the database, where it cannot be negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A limit for the database.
pub(super) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
