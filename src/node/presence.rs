//! How this node is, told to its peers when it changes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Counters, NodeError};
use crate::bridge;
use crate::domain::{Presence, Status};
use crate::network::Handle;
use crate::store::Store;

/// How often the signs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Peers are asked to spare a node that sheds for so long; what it still sheds then, it says again.
const SPARE_FOR: Duration = Duration::from_secs(10);
/// While it goes on shedding, it asks again so often.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What the node is judged by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signs {
    /// How much was shed since the start.
    pub(super) shed: u64,
    /// Redis does not answer.
    pub(super) redis_away: bool,
    /// The disk takes nothing.
    pub(super) disk_full: bool,
    /// Our own key has signed two things as one.
    pub(super) forked: bool,
    /// Our own log lacks what our key has signed.
    pub(super) log_lost: bool,
}

/// Makes of signs what is to be announced.
#[derive(Debug)]
pub(super) struct Judge {
    /// What the operator has the node say while all is well.
    message: String,
    shed: u64,
    shed_at: Option<Instant>,
    asked_at: Option<Instant>,
    announced: Presence,
}

impl Judge {
    pub(super) fn new(message: String) -> Self {
        Self {
            message,
            shed: 0,
            shed_at: None,
            asked_at: None,
            announced: Presence::default(),
        }
    }

    /// What is to be announced now; `None`: nothing new.
    pub(super) fn judge(&mut self, signs: Signs, now: Instant) -> Option<Presence> {
        let sheds = std::mem::replace(&mut self.shed, signs.shed) != signs.shed;
        if sheds {
            self.shed_at = Some(now);
        }
        let within =
            |at: Option<Instant>, limit| at.is_some_and(|at| now.duration_since(at) < limit);
        let presence = if within(self.shed_at, SPARE_FOR) {
            let message = "it sheds what it cannot take";
            Presence::new(Status::Busy, message, Some(SPARE_FOR))
        } else if signs.disk_full {
            Presence::new(Status::Degraded, "its disk takes nothing", None)
        } else if signs.redis_away {
            Presence::new(Status::Degraded, "its Redis does not answer", None)
        } else if signs.forked {
            let message = "its key has signed two things as one: what it says counts nowhere";
            Presence::new(Status::Degraded, message, None)
        } else if signs.log_lost {
            let message = "its database lacks what its key has signed: it signs nothing";
            Presence::new(Status::Degraded, message, None)
        } else {
            Presence::new(Status::Available, &self.message, None)
        };
        let asks_again =
            sheds && presence.status == Status::Busy && !within(self.asked_at, ASK_AGAIN);
        if presence == self.announced && !asks_again {
            return None;
        }
        if presence.status == Status::Busy {
            self.asked_at = Some(now);
        }
        self.announced = presence.clone();
        Some(presence)
    }
}

/// What this task works with.
pub(super) struct Watching {
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) counters: Arc<Counters>,
    pub(super) bridge: Arc<bridge::Counters>,
    pub(super) message: String,
    pub(super) stopping: CancellationToken,
    /// How our own log does; `None`: there is none.
    pub(super) own_log: Option<LogHealth>,
}

/// What is wrong with our own log, as its task finds it out.
#[derive(Debug, Clone, Default)]
pub(super) struct LogHealth {
    /// Our own key has signed two things as one: somebody has shown us.
    pub(super) forked: Arc<AtomicBool>,
    /// It lacks entries our key has signed.
    pub(super) lost: Arc<AtomicBool>,
}

/// Runs until the node is told to stop, which is the last thing announced.
pub(super) async fn run(watching: Watching) -> Result<(), NodeError> {
    let mut judge = Judge::new(watching.message.clone());
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = watching.stopping.cancelled() => break,
            _ = look.tick() => {}
        }
        if let Some(presence) = judge.judge(watching.signs(), Instant::now()) {
            match presence.status {
                Status::Available => {
                    tracing::info!(status = %presence.status, message = presence.message, "this node's status")
                }
                _ => {
                    tracing::warn!(status = %presence.status, message = presence.message, "this node's status")
                }
            }
            watching.network.announce(presence).await;
        }
    }
    let draining = Presence::new(Status::Draining, "this node is stopping", None);
    watching.network.announce(draining).await;
    Ok(())
}

impl Watching {
    fn signs(&self) -> Signs {
        let log = self.own_log.as_ref();
        let is = |sign: fn(&LogHealth) -> &AtomicBool| {
            log.is_some_and(|log| sign(log).load(Ordering::Acquire))
        };
        let shed = self.counters.requests_shed.get()
            + self.counters.statements_shed.get()
            + bridge::Counters::get(&self.bridge.dropped);
        Signs {
            shed,
            redis_away: self.bridge.is_away(),
            disk_full: self.store.stalled().is_some(),
            forked: is(|log| &log.forked),
            log_lost: is(|log| &log.lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(said: Option<Presence>) -> Option<Status> {
        said.map(|presence| presence.status)
    }

    #[test]
    fn a_node_that_sheds_is_busy_until_it_has_shed_nothing_for_a_while() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut judge = Judge::new(String::new());
        let shed = |shed| Signs {
            shed,
            redis_away: true,
            ..Signs::default()
        };
        assert_eq!(status(judge.judge(shed(0), start)), Some(Status::Degraded));
        let busy = judge.judge(shed(3), after(1)).expect("news");
        assert_eq!(busy.spare_for(), Some(SPARE_FOR));
        assert_eq!(judge.judge(shed(4), after(2)), None, "not at once again");
        assert_eq!(status(judge.judge(shed(5), after(6))), Some(Status::Busy));
        assert_eq!(judge.judge(shed(5), after(15)), None);
        assert_eq!(
            status(judge.judge(shed(5), after(16))),
            Some(Status::Degraded)
        );
    }

    #[test]
    fn disk_and_redis_are_named_and_the_operators_words_come_back() {
        let now = Instant::now();
        let mut judge = Judge::new("patrolling".into());
        let well = judge.judge(Signs::default(), now).expect("its message");
        assert_eq!(
            (well.status, well.message.as_str()),
            (Status::Available, "patrolling")
        );
        let signs = |disk_full, redis_away, forked, log_lost| Signs {
            disk_full,
            redis_away,
            forked,
            log_lost,
            shed: 0,
        };
        for (signs, what) in [
            (signs(true, true, true, true), "disk"),
            (signs(false, true, true, true), "Redis"),
            (signs(false, false, true, true), "counts nowhere"),
            (signs(false, false, false, true), "signs nothing"),
        ] {
            let said = judge.judge(signs, now).expect("news");
            assert_eq!(said.status, Status::Degraded);
            assert!(said.message.contains(what), "{}", said.message);
        }
        assert_eq!(judge.judge(Signs::default(), now), Some(well));
    }
}
