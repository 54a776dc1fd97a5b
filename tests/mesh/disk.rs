//! What one node of the test world keeps on its disk.

use std::{collections::BTreeMap, sync::Arc};

use slips_p2p::{
    domain::{Author, Span, Timestamp, Tip},
    mesh::{Evidence, Found, Stored},
};

/// By author and last number: the first number, and the segment.
pub type Segments = BTreeMap<(Author, u64), (u64, Arc<[u8]>)>;

/// What one node keeps on its disk.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub segments: Segments,
    pub tips: BTreeMap<Author, Tip>,
    pub pruned: BTreeMap<Author, u64>,
    pub forks: Vec<Evidence>,
    /// When the first and the last segment of an author came.
    pub times: BTreeMap<Author, (Timestamp, Timestamp)>,
}

impl Disk {
    pub fn put(&mut self, tip: Tip, first: u64, bytes: Arc<[u8]>, skipped: bool) {
        let held = self.tips.get(&tip.author).map_or(0, |tip| tip.seq);
        assert!(tip.seq > held, "stored twice: {tip:?}, has {held}");
        assert!(skipped || first <= held + 1, "a gap: {first} after {held}");
        if skipped {
            self.pruned.insert(tip.author, first);
        }
        self.tips.insert(tip.author, tip);
        self.segments.insert((tip.author, tip.seq), (first, bytes));
    }

    pub fn note(&mut self, author: Author, now: Timestamp) {
        self.times.entry(author).or_insert((now, now)).1 = now;
    }

    pub fn stored(&self, author: Author) -> Option<Stored> {
        let nothing = Timestamp::from_micros(0);
        let (since, until) = self
            .times
            .get(&author)
            .copied()
            .unwrap_or((nothing, nothing));
        let tip = *self.tips.get(&author)?;
        Some(Stored { tip, since, until })
    }

    pub fn find(&self, spans: &[Span], max_bytes: usize) -> Found {
        let mut found = Found::default();
        let mut bytes = 0;
        for span in spans {
            if let Some(before) = self.pruned.get(&span.author)
                && *before > span.from
            {
                found.pruned.push((span.author, *before));
            }
            let from = (span.author, span.from)..=(span.author, u64::MAX);
            for (_, (first, segment)) in self.segments.range(from) {
                if *first > span.to || bytes >= max_bytes {
                    break;
                }
                bytes += segment.len();
                found.segments.push(segment.to_vec());
            }
        }
        found
    }

    /// Forgets everything before a number, as far as whole segments go.
    pub fn prune(&mut self, author: Author, before: u64) {
        let last = self.tips[&author].seq;
        self.segments
            .retain(|(of, seq), _| *of != author || *seq >= before || *seq == last);
        let mut left = self.segments.iter().filter(|((of, _), _)| *of == author);
        let first = left.next().map_or(1, |(_, (first, _))| *first);
        self.pruned.insert(author, first);
    }
}
