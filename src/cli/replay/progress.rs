//! How far a long piece of work is, on stderr.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// The clock is looked at once in so many steps.
const STRIDE: u64 = 4096;
/// Nothing is said of work that takes less.
const QUIET: Duration = Duration::from_secs(2);
/// Between two words on a terminal, where the line is written over.
const OFTEN: Duration = Duration::from_millis(200);
/// Between two words elsewhere, where each stays.
const RARELY: Duration = Duration::from_secs(10);

/// Work under way.
pub(in crate::cli) struct Progress {
    what: &'static str,
    size: Option<u64>,
    started: Instant,
    next: Duration,
    on_terminal: bool,
    shown: bool,
}

impl Progress {
    /// Work on things called `what`; `size`: how many bytes there are, if that is known.
    pub(in crate::cli) fn new(what: &'static str, size: Option<u64>) -> Self {
        Self {
            what,
            size,
            started: Instant::now(),
            next: QUIET,
            on_terminal: io::stderr().is_terminal(),
            shown: false,
        }
    }

    /// So many things are done, up to this byte.
    pub(in crate::cli) fn at(&mut self, done: u64, offset: u64) {
        if !done.is_multiple_of(STRIDE) {
            return;
        }
        let passed = self.started.elapsed();
        if passed < self.next {
            return;
        }
        self.next = passed + if self.on_terminal { OFTEN } else { RARELY };
        self.shown = true;
        let said = said(self.what, done, offset, self.size, passed);
        let (start, end) = if self.on_terminal {
            ("\r\u{1b}[K", "")
        } else {
            ("", "\n")
        };
        // Nobody left to tell when stderr is closed.
        let _ = write!(io::stderr(), "{start}{said}{end}");
    }

    /// Makes room for something else on the terminal.
    pub(in crate::cli) fn clear(&mut self) {
        if self.shown && self.on_terminal {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }

    /// The work is done.
    pub(in crate::cli) fn end(&mut self) {
        self.clear();
        self.shown = false;
    }
}

fn said(what: &str, done: u64, offset: u64, size: Option<u64>, passed: Duration) -> String {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "for people"
    )]
    let rate = (done as f64 / passed.as_secs_f64().max(1e-9)) as u64;
    let share = size.map(|size| format!(", {} %", offset.saturating_mul(100) / size.max(1)));
    format!(
        "{done} {what}, {rate} a second{}",
        share.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_number_rate_and_share() {
        let two = Duration::from_secs(2);
        assert_eq!(
            said("lines", 1000, 50, Some(200), two),
            "1000 lines, 500 a second, 25 %"
        );
        assert_eq!(
            said("facts", 1000, 0, None, two),
            "1000 facts, 500 a second"
        );
    }
}
