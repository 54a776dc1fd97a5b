//! What happens when time passes.

use super::Mesh;
use crate::domain::Timestamp;

impl Mesh {
    /// When [`Mesh::tick`] has something to do next; `None`: not before another input.
    pub fn next_time(&mut self, now: Timestamp) -> Option<Timestamp> {
        [
            self.due.first().map(|(at, _)| *at),
            self.deadlines.first().map(|(at, ..)| *at),
            self.flush_at,
            self.recap_at,
            self.sweep_at.filter(|_| !self.near.is_empty()),
            self.serves_at(now),
            self.own_claims.next_time(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed. May be called at any time; must be called when [`Mesh::next_time`] has come.
    pub fn tick(&mut self, now: Timestamp) {
        self.expire(now);
        self.end_own_claims(now);
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush_at = None;
            self.flush(now);
        }
        if self.recap_at.is_some_and(|at| at <= now) {
            self.recap_at = None;
            self.recapitulate();
        }
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = Some(now.plus(self.settings.sweep));
            self.sweep();
        }
        let everyone: Vec<_> = self.near.keys().copied().collect();
        for neighbour in everyone {
            self.serve(neighbour, now);
        }
        self.plan(now);
        self.push(now);
    }
}
