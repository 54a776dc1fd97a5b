//! How far a long simulation is, on stderr.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::Mutex,
    time::{Duration, Instant},
};

/// A terminal is told this often, a log less.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// See [`ON_TERMINAL`].
const IN_LOG: Duration = Duration::from_secs(10);

/// Counts steps and says now and then how many are done. What is over at once says nothing.
pub struct Progress {
    steps: u64,
    on_terminal: bool,
    state: Mutex<State>,
}

struct State {
    done: u64,
    said_at: Instant,
    has_said: bool,
}

impl Progress {
    /// Nothing done of so many steps.
    pub fn new(steps: u64) -> Self {
        Self {
            steps,
            on_terminal: io::stderr().is_terminal(),
            state: Mutex::new(State {
                done: 0,
                said_at: Instant::now(),
                has_said: false,
            }),
        }
    }

    /// One more step is done.
    pub fn step(&self, of_what: &str) {
        // A thread that panicked ends the command anyway.
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        state.done += 1;
        let done = state.done;
        self.now_and_then(&mut state, || {
            format!("{done} of {} runs, at {of_what}", self.steps)
        });
    }

    /// Says how far it is, where steps do not count.
    pub fn note(&self, how_far: impl FnOnce() -> String) {
        if let Ok(mut state) = self.state.lock() {
            self.now_and_then(&mut state, how_far);
        }
    }

    fn now_and_then(&self, state: &mut State, text: impl FnOnce() -> String) {
        let pause = if self.on_terminal {
            ON_TERMINAL
        } else {
            IN_LOG
        };
        if state.said_at.elapsed() >= pause {
            state.said_at = Instant::now();
            state.has_said = true;
            self.say(&text());
        }
    }

    fn say(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Nobody left to tell when stderr is closed.
        let _ = if self.on_terminal {
            write!(stderr, "\r\u{1b}[K{text}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{text}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let has_said = self.state.lock().is_ok_and(|state| state.has_said);
        if self.on_terminal && has_said {
            self.say("");
        }
    }
}
