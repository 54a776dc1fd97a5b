//! How fast one peer may send: beyond it, its lines wait here and their streams stay open.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use tokio::time::Instant;

/// A flood is told at most so often a peer.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The rate of one peer over all its connections.
pub(crate) struct Rate {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
    turn: tokio::sync::Mutex<()>,
    told: Mutex<Option<Instant>>,
}

impl Rate {
    /// At most `per_second` lines in the long run and `burst` at once; 0 counts as 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self {
            limiter: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            turn: tokio::sync::Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Waits until one more line may pass. Says whether this flood is to be told now.
    ///
    /// One at a time watches the clock; the others queue behind it, in order.
    pub(crate) async fn admit(&self) -> bool {
        let _turn = self.turn.lock().await;
        let mut tell = false;
        while let Err(early) = self.limiter.check() {
            tell |= self.worth_telling();
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
        tell
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
