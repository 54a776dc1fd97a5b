//! What peers say of themselves: kept and shown, and no fact of any kind.

use std::time::Duration;

use super::{Intake, Step};
use crate::domain::{Hello, PeerId, Timestamp};
use crate::network::Event;
use crate::store::{PeerSaying, Saying};

impl Intake {
    pub(super) fn keep_saying(&mut self, event: Event, step: &mut Step) {
        match event {
            Event::Hello { peer, hello } => {
                if let Some(told) = clocks_apart(&hello, step.now)
                    && self.is_to_be_told(step.now)
                {
                    tracing::warn!(%peer, "{told}");
                }
                keep(peer, Saying::Hello(hello), step);
            }
            Event::Status { peer, presence } => keep(peer, Saying::Status(presence), step),
            Event::Farewell { peer, farewell } => keep(peer, Saying::Farewell(farewell), step),
            Event::Parked { peer, .. } => step.outcome.batch.parked.push((peer, step.now)),
            _ => {}
        }
    }
}

/// Clocks further apart than this are told of. Anybody's NTP keeps within seconds; beyond a day,
/// nothing that the slower one signs is heard by the other.
const CLOCKS_APART: Duration = Duration::from_secs(3600);

/// How often at most the log is told of that.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What the operator should know of the clock of who says this hello at `now`, if anything.
fn clocks_apart(hello: &Hello, now: Timestamp) -> Option<String> {
    let theirs = hello.time?;
    let (behind, ahead) = (now.since(theirs), theirs.since(now));
    let (by, where_to) = if behind > ahead {
        (behind, "behind")
    } else {
        (ahead, "ahead of")
    };
    (by > CLOCKS_APART).then(|| {
        let minutes = by.as_secs() / 60;
        format!(
            "its clock is {minutes} min {where_to} ours: set the wrong one, or what one of the two signs is taken for old and not judged"
        )
    })
}

impl Intake {
    /// Whether the log may be told of clocks again: once a minute at most, whoever says hello how often.
    fn is_to_be_told(&mut self, now: Timestamp) -> bool {
        let is_due = now.since(self.clocks_told_at) >= TELL_EVERY;
        if is_due {
            self.clocks_told_at = now;
        }
        is_due
    }
}

fn keep(peer: PeerId, said: Saying, step: &mut Step) {
    let row = PeerSaying {
        peer,
        said,
        at: step.now,
    };
    step.outcome.batch.sayings.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_far_apart_are_told_with_how_far() {
        let hour = Duration::from_secs(3600);
        let now = Timestamp::from_micros(1_785_000_000_000_000);
        let told = |time| {
            clocks_apart(
                &Hello {
                    time,
                    ..Hello::default()
                },
                now,
            )
        };
        let behind = told(Some(now.minus(26 * hour))).expect("a day");
        assert!(behind.contains("1560 min behind ours"), "{behind}");
        let ahead = told(Some(now.plus(2 * hour))).expect("two hours");
        assert!(ahead.contains("120 min ahead of ours"), "{ahead}");
        for near in [None, Some(now), Some(now.minus(hour)), Some(now.plus(hour))] {
            assert_eq!(told(near), None);
        }
    }
}
