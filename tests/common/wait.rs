//! Waiting for an event with a limit, never for luck.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for anything that should take milliseconds, on a loaded machine of two cores.
pub const LIMIT: Duration = Duration::from_secs(20);

/// How often a condition that cannot call back is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Waits until `look` gives a value; panics with `what` when the limit is over.
///
/// # Panics
/// When the limit is over.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(
            start.elapsed() < limit,
            "waited {limit:?} in vain for: {what}"
        );
        thread::sleep(STEP);
    }
}
