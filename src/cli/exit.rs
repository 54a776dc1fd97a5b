//! How the program ends: the exit codes, and errors that carry one.

use std::{fmt, io, process::ExitCode};

/// The exit codes of every command; scripts may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// It failed: a file, the database, a port, Redis.
    Error = 1,
    /// What was asked makes no sense: a flag, an argument or the configuration.
    Usage = 2,
    /// What was asked for does not exist: the address, the peer, the key.
    NotFound = 3,
    /// A check was made and found a fault.
    Unhealthy = 4,
    /// The running node that was to answer does not.
    NodeUnreachable = 5,
}

impl Exit {
    /// Every code, in ascending order.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Error,
        Self::Usage,
        Self::NotFound,
        Self::Unhealthy,
        Self::NodeUnreachable,
    ];

    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a number another part of the program chose; an unknown one is an error.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Error)
    }

    /// What it means, in the words of `--help`.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Error => "error: a file, the database, a port or Redis",
            Self::Usage => "usage: a flag, an argument or the configuration is wrong",
            Self::NotFound => "not found: no such address, peer or key",
            Self::Unhealthy => "unhealthy: a check found a fault",
            Self::NodeUnreachable => "node unreachable: the running node does not answer",
        }
    }

    /// An error that ends the program with this code.
    pub fn because(self, why: impl fmt::Display) -> anyhow::Error {
        anyhow::Error::new(Failure {
            exit: self,
            why: why.to_string(),
        })
    }

    /// The code an error ends the program with; `None` where the reader of our output went away,
    /// which is no error.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Option<Self> {
        if error.chain().any(is_broken_pipe) {
            return None;
        }
        Some(
            error
                .downcast_ref::<Failure>()
                .map_or(Self::Error, |failure| failure.exit),
        )
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct Failure {
    exit: Exit,
    why: String,
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    let csv = cause
        .downcast_ref::<csv::Error>()
        .and_then(|error| match error.kind() {
            csv::ErrorKind::Io(io) => Some(io),
            _ => None,
        });
    let json = cause
        .downcast_ref::<serde_json::Error>()
        .and_then(serde_json::Error::io_error_kind);
    io.or(csv).map(io::Error::kind).or(json) == Some(io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_ones() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_keeps_its_code_under_context() {
        use anyhow::Context;
        let error = Err::<(), _>(Exit::NotFound.because("gone"))
            .context("looking")
            .unwrap_err();
        assert_eq!(Exit::of(&error), Some(Exit::NotFound));
        assert_eq!(Exit::of(&anyhow::anyhow!("plain")), Some(Exit::Error));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Exit::of(&anyhow::Error::new(pipe())), None);
        assert_eq!(
            Exit::of(&anyhow::Error::new(csv::Error::from(pipe()))),
            None
        );
        assert_eq!(
            Exit::of(&anyhow::Error::new(serde_json::Error::io(pipe()))),
            None
        );
        assert_eq!(
            Exit::of(&io::Error::from(io::ErrorKind::StorageFull).into()),
            Some(Exit::Error)
        );
    }
}
