//! Spreading: new segments are pushed to those who want them so, and told to the others.

use std::{collections::BTreeSet, sync::Arc};

use super::{Mesh, Near};
use crate::{
    domain::{Author, Neighbour, Timestamp, Tip},
    wire::sync::{self, Message},
};

/// A segment just taken.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    /// The first entry that was new.
    pub first: u64,
    pub tip: Tip,
    pub bytes: Arc<[u8]>,
    /// Who brought it; `None`: we made it.
    pub from: Option<Neighbour>,
}

/// Which of the fresh segments, and the messages that hold them.
type Encoded = (Vec<usize>, Vec<Arc<[u8]>>);

impl Mesh {
    /// Pushes what the present input brought.
    pub(super) fn push(&mut self, now: Timestamp) {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        let stubborn = self.stubborn();
        // Most neighbours get the same: it is encoded once.
        let mut encoded: Option<Encoded> = None;
        let everyone: Vec<_> = self.near.keys().copied().collect();
        for to in everyone {
            let Some(near) = self.near.get_mut(&to) else {
                continue;
            };
            let mut chosen = Vec::new();
            for (at, each) in fresh.iter().enumerate() {
                let own = each.tip.author == self.me && stubborn.contains(&to);
                if is_pushed(near, to, each, own) {
                    near.tell(each.tip.author, each.tip.seq);
                    chosen.push(at);
                }
            }
            if chosen.is_empty() {
                continue;
            }
            if encoded.as_ref().is_none_or(|(of, _)| *of != chosen) {
                let bodies = bodies(chosen.iter().map(|at| &*fresh[*at].bytes), None);
                encoded = Some((chosen, bodies));
            }
            if let Some((_, bodies)) = &encoded {
                for bytes in bodies {
                    self.out.push_back(super::Output::Send {
                        to,
                        kind: "segments",
                        bytes: Arc::clone(bytes),
                    });
                }
            }
        }
        for each in &fresh {
            self.recap.insert(each.tip.author);
        }
        self.recap_at.get_or_insert(now.plus(self.settings.recap));
        self.send_asides(now);
    }

    /// Who gets our own entries pushed though they asked us not to: so many that, with those who
    /// did not ask, the least number is reached. The most useful ones.
    fn stubborn(&self) -> BTreeSet<Neighbour> {
        let me = self.me;
        let (lazy, eager): (Vec<_>, Vec<_>) = self
            .near
            .iter()
            .partition(|(_, near)| near.lazy.contains(&me));
        let lacking = self.settings.eager.saturating_sub(eager.len());
        let mut lazy: Vec<_> = lazy
            .into_iter()
            .map(|(who, near)| {
                let score = near.score;
                (score.unreliability(), u64::MAX - score.firsts, *who)
            })
            .collect();
        lazy.sort_unstable();
        lazy.into_iter()
            .take(lacking)
            .map(|(_, _, who)| who)
            .collect()
    }

    /// Notes that an author's stored tip is to be told, and when.
    pub(super) fn tell_later(&mut self, stored: Tip, now: Timestamp) {
        for near in self.near.values_mut() {
            if near.knows(stored.author) < stored.seq {
                near.to_tell.insert(stored.author);
                self.flush_at
                    .get_or_insert(now.plus(self.settings.lazy_delay));
            }
        }
        self.recap.insert(stored.author);
        self.recap_at.get_or_insert(now.plus(self.settings.recap));
    }

    /// Tells the tips that were collected.
    pub(super) fn flush(&mut self, now: Timestamp) {
        let everyone: Vec<_> = self.near.keys().copied().collect();
        for to in everyone {
            if self.show_due_fork(to) {
                // One at a time, so that they do not fill the queue again.
                self.flush_at = Some(now.plus(self.settings.lazy_delay));
            }
            let Some(near) = self.near.get_mut(&to) else {
                continue;
            };
            if near.blocked || near.to_tell.is_empty() {
                continue;
            }
            let authors = std::mem::take(&mut near.to_tell);
            let mut tips = Vec::new();
            for author in authors {
                if let Some(log) = self.logs.get(&author)
                    && log.is_good()
                    && near.knows(author) < log.stored.seq
                {
                    near.tell(author, log.stored.seq);
                    tips.push(log.stored);
                }
            }
            self.tell_tips(to, &tips, true);
        }
    }

    /// Tells again what was pushed or told of late, to those who have not shown that they have it.
    pub(super) fn recapitulate(&mut self) {
        let authors = std::mem::take(&mut self.recap);
        let everyone: Vec<_> = self.near.keys().copied().collect();
        for to in everyone {
            let near = &self.near[&to];
            if near.blocked {
                continue;
            }
            let tips: Vec<_> = authors
                .iter()
                .filter_map(|author| self.logs.get(author))
                .filter(|log| log.is_good() && near.has(log.tip.author) < log.stored.seq)
                .map(|log| log.stored)
                .collect();
            self.tell_tips(to, &tips, true);
        }
    }

    /// Tells one neighbour a stretch of all tips, each time the next one.
    pub(super) fn sweep(&mut self) {
        use std::ops::Bound::{Excluded, Unbounded};
        let (mut to, mut after) = self.swept;
        let bound = to.map_or(Unbounded, Excluded);
        to = self.near.range((bound, Unbounded)).map(|(n, _)| *n).next();
        if to.is_none() {
            // Everybody had this stretch: on to the next.
            to = self.near.keys().next().copied();
            let start = after.map_or(Unbounded, Excluded);
            after = self
                .logs
                .range((start, Unbounded))
                .map(|(author, _)| *author)
                .take(super::super::settings::SWEEP_TIPS)
                .last();
        }
        let start = after.map_or(Unbounded, Excluded);
        let tips: Vec<_> = self
            .logs
            .range((start, Unbounded))
            .take(super::super::settings::SWEEP_TIPS)
            .filter(|(_, log)| log.is_good() && log.stored.seq > 0)
            .map(|(_, log)| log.stored)
            .collect();
        if let Some(to) = to
            && !self.near[&to].blocked
        {
            self.tell_tips(to, &tips, false);
        }
        self.swept = (to, after);
    }

    /// All tips, when a neighbour connects; at least one message, so that it knows that it was told.
    pub(super) fn greet(&mut self, to: Neighbour) {
        let tips: Vec<_> = self.tips().collect();
        if tips.is_empty() {
            let message = Message::Tips {
                fresh: false,
                tips: Vec::new(),
            };
            return self.send(to, &message);
        }
        if let Some(near) = self.near.get_mut(&to) {
            for tip in &tips {
                near.tell(tip.author, tip.seq);
            }
        }
        self.tell_tips(to, &tips, false);
    }

    pub(super) fn tell_tips(&mut self, to: Neighbour, tips: &[Tip], fresh: bool) {
        for tips in tips.chunks(sync::MAX_TIPS) {
            let tips = tips.to_vec();
            self.send(to, &Message::Tips { fresh, tips });
        }
    }

    /// Sends the prunes and grafts that the present input made.
    pub(super) fn send_asides(&mut self, _now: Timestamp) {
        let everyone: Vec<_> = self.near.keys().copied().collect();
        for to in everyone {
            let Some(near) = self.near.get_mut(&to) else {
                continue;
            };
            let prunes = std::mem::take(&mut near.to_prune);
            let grafts = std::mem::take(&mut near.to_graft);
            for authors in in_parts(prunes) {
                self.send(to, &Message::Prune { authors });
            }
            for authors in in_parts(grafts) {
                self.send(to, &Message::Graft { authors });
            }
        }
    }
}

/// Whether a neighbour gets a segment at once: it lacks it, can use it and wants it so.
fn is_pushed(near: &Near, to: Neighbour, fresh: &Fresh, stubborn: bool) -> bool {
    let author = fresh.tip.author;
    !near.blocked
        && fresh.from != Some(to)
        && author.0 != to.0
        && (stubborn || !near.lazy.contains(&author))
        && near.has(author) < fresh.tip.seq
        // What leaves a gap is only told of: it has to ask for more anyway.
        && near.knows(author) + 1 >= fresh.first
}

fn in_parts(authors: BTreeSet<Author>) -> Vec<Vec<Author>> {
    let authors: Vec<_> = authors.into_iter().collect();
    let parts = authors.chunks(sync::MAX_AUTHORS);
    parts.map(<[Author]>::to_vec).collect()
}

/// Messages of segments, each as full as may be.
pub(super) fn bodies<'a>(
    segments: impl Iterator<Item = &'a [u8]>,
    answer: Option<u64>,
) -> Vec<Arc<[u8]>> {
    let mut bodies = Vec::new();
    let mut filling = Vec::new();
    let mut room = sync::SEGMENTS_ROOM;
    let mut close = |filling: &mut Vec<Vec<u8>>| {
        let segments = std::mem::take(filling);
        if !segments.is_empty() {
            let message = Message::Segments { answer, segments };
            bodies.push(message.encode().into());
        }
    };
    for segment in segments {
        let takes = sync::in_message(segment.len());
        if takes > room || filling.len() == sync::MAX_SEGMENTS {
            close(&mut filling);
            room = sync::SEGMENTS_ROOM;
        }
        room = room.saturating_sub(takes);
        filling.push(segment.to_vec());
    }
    close(&mut filling);
    bodies
}
