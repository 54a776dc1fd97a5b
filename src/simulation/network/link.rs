//! When bytes arrive at the other end of a link.

use std::time::Duration;

use super::{super::chance::Chance, plan::Plan};
use crate::domain::Timestamp;

/// The shortest time-out before TCP sends again, as in Linux.
const MIN_RETRANSMISSION: Duration = Duration::from_millis(200);
/// A transport gives up after so many; then the link would be cut.
const MAX_LOSSES: u32 = 8;
/// The length before each frame.
pub const FRAME_BYTES: usize = 4;
/// What may wait for a slow link before the sender is told to stop, in bytes.
const FULL: u64 = 1 << 20;

/// A pair of nodes, linked or not.
#[derive(Debug)]
pub struct Link {
    /// Who.
    pub ends: [usize; 2],
    /// Tells one connection from the next; `None` while there is none.
    pub open: Option<u64>,
    ways: [Way; 2],
}

/// One direction.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    /// When the last byte put in has left.
    free_at: Option<Timestamp>,
    /// When the last byte put in arrives.
    last_at: Option<Timestamp>,
    blocked: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it arrives.
    pub at: Timestamp,
    /// Too much waits: the sender must stop, and may go on at this time.
    pub full_until: Option<Timestamp>,
}

impl Link {
    /// A link that is not open.
    pub fn new(ends: [usize; 2]) -> Self {
        Self {
            ends,
            open: None,
            ways: [Way::default(); 2],
        }
    }

    /// Opens it, with everything of an earlier connection forgotten.
    pub fn open(&mut self, session: u64) {
        self.open = Some(session);
        self.ways = [Way::default(); 2];
    }

    /// The other end.
    pub fn other(&self, end: usize) -> usize {
        self.ends[usize::from(self.ends[0] == end)]
    }

    /// Puts a message in at one end.
    pub fn send(
        &mut self,
        from: usize,
        bytes: usize,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> Sent {
        let way = &mut self.ways[usize::from(self.ends[1] == from)];
        let mut leaves = now;
        let mut full_until = None;
        if let Some(rate) = plan.bandwidth {
            let takes = micros((bytes + FRAME_BYTES) as u64, rate);
            let free = way.free_at.map_or(now, |at| at.max(now));
            leaves = free.plus(takes);
            way.free_at = Some(leaves);
            let room = micros(FULL, rate);
            if !way.blocked && leaves.since(now) > room {
                way.blocked = true;
                full_until = Some(leaves.minus(room / 2));
            }
        }
        let one_way = plan.round_trip / 2;
        let mut takes = one_way.mul_f64(1.0 + plan.jitter * chance.between(0.0, 1.0));
        let mut again = MIN_RETRANSMISSION.max(plan.round_trip.mul_f64(1.5));
        let mut losses = 0;
        while losses < MAX_LOSSES && chance.happens(plan.loss) {
            takes += again;
            again *= 2;
            losses += 1;
        }
        let at = leaves.plus(takes);
        let at = way.last_at.map_or(at, |last| at.max(last));
        way.last_at = Some(at);
        Sent { at, full_until }
    }

    /// There is room again in this direction.
    pub fn unblock(&mut self, from: usize) {
        self.ways[usize::from(self.ends[1] == from)].blocked = false;
    }
}

fn micros(bytes: u64, rate: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000).div_ceil(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_in_order_and_a_slow_link_fills() {
        let mut chance = Chance::stream(1, 1);
        let lossy = Plan {
            loss: 0.3,
            ..Plan::default()
        };
        let mut link = Link::new([3, 5]);
        let mut last = Timestamp::ZERO;
        let mut now = Timestamp::from_micros(1);
        let mut late = 0;
        for _ in 0..200 {
            now = now.plus(Duration::from_millis(5));
            let at = link.send(5, 100, &lossy, &mut chance, now).at;
            assert!(at >= last && at >= now.plus(Duration::from_millis(50)));
            late += u32::from(at.since(now) > Duration::from_millis(250));
            last = at;
        }
        assert!(late > 20, "{late}");
        let slow = Plan {
            bandwidth: Some(1 << 20),
            ..Plan::default()
        };
        let mut full = None;
        for sent in 1..=20 {
            let message = link.send(3, 1 << 16, &slow, &mut chance, now);
            if let Some(until) = message.full_until {
                assert!(full.is_none() && sent >= 16 && until > now);
                full = Some(until);
            }
        }
        assert!(full.is_some());
        assert_eq!((link.other(3), link.other(5)), (5, 3));
    }
}
