//! The time things are told to the model at: what the database gives back in order of time is then
//! in the order it was taken in.

use std::time::Duration;

use super::{Intake, Step};
use crate::domain::Timestamp;
use crate::reputation::TrustModel;

/// What a step, and each thing the model is told in it, is later than the one before, at the least:
/// the database's unit of time.
const TICK: Duration = Duration::from_micros(1);
/// How far the clock may be set back without being followed.
const MOMENT: Duration = Duration::from_secs(60);

impl Intake {
    /// The time of a step, later than all there was before. A clock that was set back by more than
    /// a moment is followed.
    pub(super) fn tick(&mut self, now: Timestamp) -> Timestamp {
        let next = self.clock.plus(TICK);
        self.clock = if now < next && next.since(now) < MOMENT {
            next
        } else {
            now
        };
        self.lift();
        self.clock
    }

    /// A time that nothing else has.
    pub(super) fn moment(&mut self, step: &mut Step) -> Timestamp {
        self.clock = self.clock.plus(TICK);
        self.lift();
        step.now = self.clock;
        self.clock
    }

    /// Ends the operator's trust in peers at its time, whenever that is noticed.
    fn lift(&mut self) {
        let clock = self.clock;
        while let Some((end, peer, fact)) = self.settings.anchors.end(clock) {
            tracing::info!(%peer, %end, "the operator's trust in a peer has expired");
            self.engine.learn(&fact, end);
        }
    }
}
