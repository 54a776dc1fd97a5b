//! How fast one peer may send, and all of one network together: beyond it, lines wait here and their
//! streams stay open.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, QuantaInstant},
};
use tokio::time::Instant;

use crate::network::{
    Settings,
    standing::{Pass, Standing},
};

/// A newcomer that waits is looked at again so often: it may have been admitted.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A flood is told at most so often a peer.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What may pass in the long run and at once, for a peer or for all of one network.
pub(crate) struct Budget {
    lines: DefaultDirectRateLimiter,
    /// What it may until it has behaved for a while.
    newcomers: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
    /// What may pass at once in bytes; no single line counts for more.
    most_bytes: NonZeroU32,
}

impl Budget {
    /// `shares` times what the settings give a peer; 0 counts as 1 everywhere.
    pub(crate) fn new(settings: &Settings, shares: u32) -> Self {
        let times = |n: u32| NonZeroU32::new(n.saturating_mul(shares)).unwrap_or(NonZeroU32::MIN);
        let limiter = |per_second, burst| {
            RateLimiter::direct(Quota::per_second(times(per_second)).allow_burst(burst))
        };
        // A second's worth at once, and any line.
        let longest = u32::try_from(settings.max_line_bytes).unwrap_or(u32::MAX);
        let most_bytes = times(settings.bytes_per_second.max(longest));
        Self {
            lines: limiter(settings.lines_per_second, times(settings.lines_burst)),
            newcomers: limiter(
                settings.probation_lines_per_second,
                times(settings.probation_lines_burst),
            ),
            bytes: limiter(settings.bytes_per_second, most_bytes),
            most_bytes,
        }
    }

    fn check_bytes(&self, bytes: usize) -> Result<(), NotUntil<QuantaInstant>> {
        let bytes = u32::try_from(bytes).ok().and_then(NonZeroU32::new);
        let bytes = bytes.unwrap_or(NonZeroU32::MIN).min(self.most_bytes);
        // What may pass at once always has the capacity.
        self.bytes.check_n(bytes).unwrap_or(Ok(()))
    }
}

/// The rate of one peer over all its connections.
pub(crate) struct Rate {
    own: Budget,
    pass: Arc<Pass>,
    clock: DefaultClock,
    turn: tokio::sync::Mutex<()>,
    told: Mutex<Option<Instant>>,
}

impl Rate {
    pub(crate) fn new(own: Budget, pass: Arc<Pass>) -> Self {
        Self {
            own,
            pass,
            clock: DefaultClock::default(),
            turn: tokio::sync::Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Waits until one more line of so many bytes may pass, by its own budget and by that of its
    /// `network`, which does not bind peers the operator knows. Says whether this flood is to be told
    /// now: a peer is not blamed for its network.
    ///
    /// One at a time watches the clock; the others queue behind it, in order.
    pub(crate) async fn admit(&self, network: &Budget, bytes: usize) -> bool {
        let _turn = self.turn.lock().await;
        self.admit_newcomer(&self.own).await;
        let mut tell = false;
        while let Err(early) = (self.own.lines.check()).and_then(|()| self.own.check_bytes(bytes)) {
            tell |= self.worth_telling();
            self.wait(&early).await;
        }
        if !self.pass.is_chosen() {
            self.admit_newcomer(network).await;
            while !self.pass.is_chosen()
                && let Err(early) =
                    (network.lines.check()).and_then(|()| network.check_bytes(bytes))
            {
                let wait = early.wait_time_from(self.clock.now()).min(LOOK_AGAIN);
                tokio::time::sleep(wait).await;
            }
        }
        tell
    }

    /// To be held back as a newcomer is no flood: an honest peer knows nothing of its small budget.
    async fn admit_newcomer(&self, budget: &Budget) {
        while self.pass.standing() < Standing::Admitted
            && let Err(early) = budget.newcomers.check()
        {
            let wait = early.wait_time_from(self.clock.now()).min(LOOK_AGAIN);
            tokio::time::sleep(wait).await;
        }
    }

    async fn wait(&self, early: &NotUntil<QuantaInstant>) {
        tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
    }

    fn worth_telling(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = told.is_none_or(|last| now.duration_since(last) >= TELL_EVERY);
        if due {
            *told = Some(now);
        }
        due
    }
}
