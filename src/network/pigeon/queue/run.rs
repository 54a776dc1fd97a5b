//! Runs of lines on one stream: many go out before the first is acknowledged, all in their order.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use libp2p::swarm::ConnectionId;

use super::{Item, MAX_TRIES, PeerQueue};

/// What one stream has under way.
#[derive(Debug, Default)]
pub(super) struct Sent {
    owner: Option<ConnectionId>,
    lines: VecDeque<Item>,
    /// Something was acknowledged since the stream was opened.
    progress: bool,
    /// Streams in a row that broke with the first of `lines` under way and nothing acknowledged.
    tries: u8,
}

/// What came of asking for lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Run {
    /// Lines taken; from now on they are under way.
    pub(crate) taken: usize,
    /// Lines that cannot be sent at all; they are gone.
    pub(crate) unfit: usize,
}

/// More was acknowledged than is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overtaken;

impl PeerQueue {
    /// Takes what waits, in its order, until `push` has been given `max_bytes`; waits for the first
    /// line. `push` says whether a line (without its newline) can be sent at all.
    pub(crate) fn poll_run(
        &self,
        connection: ConnectionId,
        max_bytes: usize,
        mut push: impl FnMut(&str) -> bool,
        cx: &mut Context<'_>,
    ) -> Poll<Run> {
        let mut state = self.lock();
        // Order and counting need one stream at a time; another connection's comes to its end.
        let others = state.sent.owner.is_some_and(|owner| owner != connection)
            && !state.sent.lines.is_empty();
        if others || !state.lanes.is_empty() || state.waiting.is_empty() {
            state.wakers.insert(connection, cx.waker().clone());
            return Poll::Pending;
        }
        if state.sent.owner != Some(connection) {
            state.sent.owner = Some(connection);
            state.sent.progress = false;
        }
        let (mut run, mut bytes, mut unfit_cost) = (Run::default(), 0, 0);
        while bytes < max_bytes
            && let Some(item) = state.waiting.pop_front()
        {
            bytes += item.line.len();
            if push(item.line.trim_end_matches('\n')) {
                run.taken += 1;
                state.sent.lines.push_back(item);
            } else {
                run.unfit += 1;
                unfit_cost += self.cost(&item.line) as usize;
            }
        }
        if run.unfit > 0 {
            self.gone(state, run.unfit, unfit_cost);
        }
        Poll::Ready(run)
    }

    /// The first so many lines under way are acknowledged.
    pub(crate) fn acknowledged(
        &self,
        connection: ConnectionId,
        lines: usize,
    ) -> Result<(), Overtaken> {
        let mut state = self.lock();
        if lines == 0 {
            return Ok(());
        }
        if state.sent.owner != Some(connection) || lines > state.sent.lines.len() {
            return Err(Overtaken);
        }
        let cost = state
            .sent
            .lines
            .drain(..lines)
            .map(|item| self.cost(&item.line) as usize)
            .sum();
        state.sent.progress = true;
        state.sent.tries = 0;
        self.gone(state, lines, cost);
        Ok(())
    }

    /// The first line a stream has under way: it stays the same while nothing is acknowledged.
    pub(crate) fn first_under_way(&self, connection: ConnectionId) -> Option<u64> {
        let state = self.lock();
        let own = state.sent.owner == Some(connection);
        state.sent.lines.front().filter(|_| own).map(|i| i.place)
    }

    /// A stream is gone: what it had under way waits again, in its place. If it `broke` by itself
    /// with nothing acknowledged, a few times in a row, its first line is given up: it may be the
    /// one the peer cannot take. Says whether that is so.
    pub(crate) fn give_back(&self, connection: ConnectionId, broke: bool) -> bool {
        let mut state = self.lock();
        state.wakers.remove(&connection);
        if state.sent.owner != Some(connection) {
            return false;
        }
        state.sent.owner = None;
        let mut lost = None;
        if broke && !state.sent.progress && !state.sent.lines.is_empty() {
            state.sent.tries += 1;
            if state.sent.tries >= MAX_TRIES {
                state.sent.tries = 0;
                lost = state.sent.lines.pop_front();
            }
        }
        let back = std::mem::take(&mut state.sent.lines);
        for item in back.into_iter().rev() {
            state.waiting.push_front(item);
        }
        let (lines, cost) = lost
            .as_ref()
            .map_or((0, 0), |item: &Item| (1, self.cost(&item.line) as usize));
        self.gone(state, lines, cost);
        lost.is_some()
    }
}
