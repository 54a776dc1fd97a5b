//! How fast one peer may send, and all of one network together: beyond it, lines and frames wait here
//! and their streams stay open.

use std::{
    collections::HashMap,
    net::IpAddr,
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

/// Networks whose budget is remembered, beside those somebody is connected from; at some 400 bytes
/// each 1.6 MB.
const MAX_NETWORKS: usize = 4_096;

/// What one peer may send: lines or frames, and bytes, a second in the long run and at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
    /// Until it has behaved for a while.
    pub(crate) newcomers_per_second: u32,
    pub(crate) newcomers_burst: u32,
    /// At once a second's worth, and the longest in any case.
    pub(crate) bytes_per_second: u32,
    pub(crate) longest: usize,
}

impl Allowance {
    pub(crate) fn of_lines(settings: &Settings) -> Self {
        Self {
            per_second: settings.lines_per_second,
            burst: settings.lines_burst,
            newcomers_per_second: settings.probation_lines_per_second,
            newcomers_burst: settings.probation_lines_burst,
            bytes_per_second: settings.bytes_per_second,
            longest: settings.max_line_bytes,
        }
    }
}

/// What all peers of one network share, for each.
pub(crate) struct Budgets {
    allowance: Allowance,
    shares: u32,
    of: HashMap<IpAddr, Arc<Budget>>,
}

impl Budgets {
    /// `shares` times what one peer may send.
    pub(crate) fn new(allowance: Allowance, shares: u32) -> Self {
        let of = HashMap::new();
        Self {
            allowance,
            shares,
            of,
        }
    }

    /// The budget of a network. Forgotten once nobody is connected from there and many others were:
    /// to come back sooner wins no new burst.
    pub(crate) fn of(&mut self, network: IpAddr) -> Arc<Budget> {
        if self.of.len() >= MAX_NETWORKS {
            self.of.retain(|_, budget| Arc::strong_count(budget) > 1);
        }
        let new = || Arc::new(Budget::new(self.allowance, self.shares));
        Arc::clone(self.of.entry(network).or_insert_with(new))
    }
}

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
    /// `shares` times what one peer may send; 0 counts as 1 everywhere.
    pub(crate) fn new(allowance: Allowance, shares: u32) -> Self {
        let times = |n: u32| NonZeroU32::new(n.saturating_mul(shares)).unwrap_or(NonZeroU32::MIN);
        let limiter = |per_second, burst| {
            RateLimiter::direct(Quota::per_second(times(per_second)).allow_burst(burst))
        };
        let longest = u32::try_from(allowance.longest).unwrap_or(u32::MAX);
        let most_bytes = times(allowance.bytes_per_second.max(longest));
        Self {
            lines: limiter(allowance.per_second, times(allowance.burst)),
            newcomers: limiter(
                allowance.newcomers_per_second,
                times(allowance.newcomers_burst),
            ),
            bytes: limiter(allowance.bytes_per_second, most_bytes),
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
