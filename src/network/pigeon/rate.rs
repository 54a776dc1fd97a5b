//! How fast one peer may send: beyond it, its lines wait here and their streams stay open.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use tokio::time::Instant;

use crate::network::standing::{Pass, Standing};

/// A newcomer that waits is looked at again so often: it may have been admitted.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A flood is told at most so often a peer.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// So many lines in the long run and at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

impl Budget {
    /// 0 counts as 1.
    fn limiter(self) -> DefaultDirectRateLimiter {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        RateLimiter::direct(
            Quota::per_second(at_least_one(self.per_second)).allow_burst(at_least_one(self.burst)),
        )
    }
}

/// The rate of one peer over all its connections.
pub(crate) struct Rate {
    limiter: DefaultDirectRateLimiter,
    /// What it may until it has behaved for a while.
    newcomer: DefaultDirectRateLimiter,
    pass: Arc<Pass>,
    clock: DefaultClock,
    turn: tokio::sync::Mutex<()>,
    told: Mutex<Option<Instant>>,
}

impl Rate {
    pub(crate) fn new(budget: Budget, newcomer: Budget, pass: Arc<Pass>) -> Self {
        Self {
            limiter: budget.limiter(),
            newcomer: newcomer.limiter(),
            pass,
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
        self.admit_newcomer().await;
        let mut tell = false;
        while let Err(early) = self.limiter.check() {
            tell |= self.worth_telling();
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
        tell
    }

    /// To be held back as a newcomer is no flood: an honest peer knows nothing of its small budget.
    async fn admit_newcomer(&self) {
        while self.pass.standing() < Standing::Admitted
            && let Err(early) = self.newcomer.check()
        {
            let wait = early.wait_time_from(self.clock.now()).min(LOOK_AGAIN);
            tokio::time::sleep(wait).await;
        }
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
