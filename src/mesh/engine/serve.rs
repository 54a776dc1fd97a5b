//! Serving what neighbours want, and looking up what is stored to compare it.

use std::sync::Arc;

use super::{
    super::{
        output::{Found, Output, ReadId},
        settings::{ANSWER_BYTES, MAX_COMPARING},
    },
    Mesh, spread,
};
use crate::{
    domain::{Neighbour, Span, Timestamp},
    wire::{
        segment::{MAX_BYTES, Segment},
        sync::Message,
    },
};

/// What a read is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A neighbour wants it.
    Serve {
        to: Neighbour,
        session: u64,
        want: u64,
        spans: Vec<Span>,
    },
    /// A signed segment may differ from what is stored.
    Compare { from: Neighbour, other: Arc<[u8]> },
}

impl Mesh {
    /// Reads the next want of a neighbour, if its turn has come.
    pub(super) fn serve(&mut self, to: Neighbour, now: Timestamp) {
        loop {
            let Some(near) = self.near.get_mut(&to) else {
                return;
            };
            if near.reading || near.blocked || !near.served.is_open(now) {
                return;
            }
            let Some((want, spans)) = near.serving.pop_front() else {
                return;
            };
            if spans.is_empty() {
                self.send(to, &Message::Done { id: want });
                continue;
            }
            near.reading = true;
            let purpose = Purpose::Serve {
                to,
                session: near.session,
                want,
                spans: spans.clone(),
            };
            self.look_up(purpose, spans, ANSWER_BYTES);
        }
    }

    /// When the next want that waits for the budget of its neighbour is served.
    pub(super) fn serves_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let waiting = self
            .near
            .values_mut()
            .filter(|near| !near.reading && !near.blocked && !near.serving.is_empty());
        waiting.map(|near| near.served.opens_at(now)).min()
    }

    /// Answers an [`Output::Read`].
    pub fn read(&mut self, id: ReadId, found: Found, now: Timestamp) {
        match self.reads.remove(&id) {
            None => {}
            Some(Purpose::Serve {
                to,
                session,
                want,
                spans,
            }) => {
                let here = self.near.get_mut(&to);
                if let Some(near) = here.filter(|near| near.session == session) {
                    near.reading = false;
                    self.answer(to, want, &spans, &found, now);
                    self.serve(to, now);
                }
            }
            Some(Purpose::Compare { from, other }) => {
                self.comparing -= 1;
                self.compared(from, &other, &found, now);
                self.push(now);
                self.plan(now);
            }
        }
    }

    fn answer(&mut self, to: Neighbour, want: u64, spans: &[Span], found: &Found, now: Timestamp) {
        let bytes: usize = found.segments.iter().map(Vec::len).sum();
        if let Some(near) = self.near.get_mut(&to) {
            near.served.charge(bytes as u64, now);
            if bytes < ANSWER_BYTES {
                for span in spans {
                    if self.logs.contains_key(&span.author) {
                        near.tell(span.author, span.to);
                    }
                }
            }
        }
        for (author, before) in &found.pruned {
            let (author, before) = (*author, *before);
            self.send(to, &Message::Pruned { author, before });
        }
        let segments = found.segments.iter().map(Vec::as_slice);
        let fitting = segments.filter(|segment| segment.len() <= MAX_BYTES);
        for bytes in spread::bodies(fitting, Some(want)) {
            let kind = "segments";
            self.out.push_back(Output::Send { to, kind, bytes });
        }
        self.send(to, &Message::Done { id: want });
    }

    /// Looks up what is stored from `first` to `last` to compare it with a segment of that author,
    /// whose signature is good.
    pub(super) fn compare(
        &mut self,
        from: Neighbour,
        other: Arc<[u8]>,
        first: u64,
        last: u64,
        _now: Timestamp,
    ) {
        let Ok(segment) = Segment::decode(&other) else {
            return;
        };
        if self.comparing >= MAX_COMPARING {
            self.counters.shed += 1;
            return;
        }
        self.comparing += 1;
        let span = Span {
            author: segment.author(),
            from: first.max(1),
            to: last.max(1),
        };
        drop(segment);
        self.look_up(Purpose::Compare { from, other }, vec![span], ANSWER_BYTES);
    }

    fn look_up(&mut self, purpose: Purpose, spans: Vec<Span>, max_bytes: usize) {
        let id = ReadId(self.next_read);
        self.next_read += 1;
        self.reads.insert(id, purpose);
        self.out.push_back(Output::Read {
            id,
            spans,
            max_bytes,
        });
    }
}
