//! Trouble that lasts is said once and then from time to time, and so is its end; and waiting between attempts.

use std::time::{Duration, Instant};

/// The same trouble is said again after this long.
const SAY_AGAIN: Duration = Duration::from_secs(30);
/// Another trouble of the same part is said after this long.
const SAY_OTHER: Duration = Duration::from_secs(5);

/// What one part has said last.
#[derive(Debug, Default)]
pub(super) struct Said {
    last: Option<(Instant, String)>,
}

impl Said {
    /// Says a trouble unless it was said just now.
    pub(super) fn trouble(&mut self, text: &str) {
        let again = self.last.as_ref().is_none_or(|(at, before)| {
            at.elapsed() >= if before == text { SAY_AGAIN } else { SAY_OTHER }
        });
        if again {
            tracing::warn!("{text}");
            self.last = Some((Instant::now(), text.to_owned()));
        }
    }

    /// Says that it is over, when there was anything.
    pub(super) fn over(&mut self, text: &str) {
        if self.last.take().is_some() {
            tracing::info!("{text}");
        }
    }
}

/// Growing pauses between attempts.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(20);

    /// Pauses that double from 20 ms up to `max`.
    pub(super) fn up_to(max: Duration) -> Self {
        Self {
            next: Self::FIRST,
            max,
        }
    }

    /// Waits; the next pause is twice as long.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.max);
    }

    /// Starts again with the shortest pause.
    pub(super) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}
