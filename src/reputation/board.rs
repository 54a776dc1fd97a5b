//! The reports, by the address they are about, and what our own Slips says, within limits.

use crate::domain::{Confidence, Score, Subject, Timestamp};

use super::{
    Limits, Touched,
    lru::{Handle, Lru},
};

/// One report: 32 bytes, since there may be a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Who said it.
    pub author: Handle,
    /// How malicious.
    pub score: Score,
    /// How sure.
    pub confidence: Confidence,
    /// When.
    pub said_at: Timestamp,
}

/// The reports on every address.
#[derive(Debug)]
pub struct Board {
    pages: Lru<Subject, Vec<Row>>,
    rows: usize,
    most_rows: usize,
    /// Addresses pushed out with all their reports.
    pub evicted_addresses: u64,
    /// Reports pushed out of addresses still held.
    pub evicted_reports: u64,
}

impl Board {
    /// An empty board.
    pub fn new(limits: &Limits) -> Self {
        Self {
            pages: Lru::new(limits.addresses),
            rows: 0,
            most_rows: limits.reports.max(1),
            evicted_addresses: 0,
            evicted_reports: 0,
        }
    }

    /// How many addresses have reports.
    pub fn addresses(&self) -> usize {
        self.pages.len()
    }

    /// How many reports there are.
    pub fn reports(&self) -> usize {
        self.rows
    }

    /// The reports on an address.
    pub fn page(&self, subject: &Subject) -> &[Row] {
        self.pages.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Keeps the report if it is its author's newest on the address, in place of the one before.
    /// With `most` authors there already, the one of the lowest rank gives way, the newcomer
    /// included; among equals the oldest report. `rank` is `None` for an author pushed out.
    pub fn put_newest(
        &mut self,
        subject: Subject,
        row: Row,
        most: usize,
        rank: impl Fn(Handle) -> Option<f64>,
    ) -> Touched {
        let page = self.open(subject);
        if let Some(known) = page.iter_mut().find(|known| known.author == row.author) {
            if known.said_at > row.said_at || *known == row {
                return Touched::Nothing;
            }
            *known = row;
            return Touched::Subject(subject);
        }
        append(page, row);
        self.rows += 1;
        if self.page(&subject).len() > most.max(1) {
            self.drop_weakest(subject, rank);
        }
        self.keep_within_rows();
        Touched::Subject(subject)
    }

    /// Keeps the report beside all others; beyond `most` on the address the oldest entry goes.
    pub fn put(&mut self, subject: Subject, row: Row, most: usize) -> Touched {
        let page = self.open(subject);
        let full = page.len() >= most.max(1);
        if full {
            page.remove(0);
        }
        append(page, row);
        self.evicted_reports += u64::from(full);
        self.rows += usize::from(!full);
        self.keep_within_rows();
        Touched::Subject(subject)
    }

    /// Forgets the reports said before `oldest`; how many went.
    pub fn forget_before(&mut self, oldest: Timestamp) -> u64 {
        let mut gone = 0;
        self.pages.retain(|page| {
            let before = page.len();
            page.retain(|row| row.said_at >= oldest);
            gone += before - page.len();
            !page.is_empty()
        });
        self.rows -= gone;
        gone as u64
    }

    /// The addresses on which an author has reported, in the order of their places.
    pub fn reported_by(&self, author: Handle) -> Vec<Subject> {
        (0..self.pages.entries())
            .filter_map(|place| self.pages.entry(place))
            .filter(|(_, page)| page.iter().any(|row| row.author == author))
            .map(|(subject, _)| *subject)
            .collect()
    }

    /// Forgets the reports of an author; how many went.
    pub fn forget_author(&mut self, author: Handle) -> u64 {
        let mut gone = 0;
        self.pages.retain(|page| {
            let before = page.len();
            page.retain(|row| row.author != author);
            gone += before - page.len();
            !page.is_empty()
        });
        self.rows -= gone;
        gone as u64
    }

    fn open(&mut self, subject: Subject) -> &mut Vec<Row> {
        let (_, page, evicted) = self.pages.touch(subject);
        if let Some(evicted) = evicted {
            self.rows -= evicted.len();
            self.evicted_addresses += 1;
        }
        page
    }

    fn drop_weakest(&mut self, subject: Subject, rank: impl Fn(Handle) -> Option<f64>) {
        let (_, page, _) = self.pages.touch(subject);
        let weakest = page.iter().enumerate().min_by(|(_, a), (_, b)| {
            let [rank_a, rank_b] = [a, b].map(|row| rank(row.author).unwrap_or(f64::NEG_INFINITY));
            rank_a.total_cmp(&rank_b).then(a.said_at.cmp(&b.said_at))
        });
        if let Some((index, _)) = weakest {
            page.remove(index);
            self.rows -= 1;
            self.evicted_reports += 1;
        }
    }

    fn keep_within_rows(&mut self) {
        while self.rows > self.most_rows && self.pages.len() > 1 {
            let Some(page) = self.pages.remove_oldest() else {
                return;
            };
            self.rows -= page.len();
            self.evicted_addresses += 1;
        }
    }
}

/// Most addresses have one report: `Vec` would make room for four of this size.
fn append(page: &mut Vec<Row>, row: Row) {
    if page.len() == page.capacity() {
        page.reserve_exact(page.len().div_ceil(2).max(1));
    }
    page.push(row);
}

/// What our own Slips said last of each address.
#[derive(Debug)]
pub struct OwnViews {
    views: Lru<Subject, Option<View>>,
    /// Statements pushed out.
    pub evicted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    said_at: Timestamp,
    score: Score,
    confidence: Confidence,
}

impl OwnViews {
    /// No statements yet.
    pub fn new(most: usize) -> Self {
        Self {
            views: Lru::new(most),
            evicted: 0,
        }
    }

    /// Of how many addresses something was said.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// What was said last of an address.
    pub fn of(&self, subject: &Subject) -> Option<(Score, Confidence)> {
        self.views
            .get(subject)
            .copied()
            .flatten()
            .map(|view| (view.score, view.confidence))
    }

    /// Our Slips said this at `said_at`.
    pub fn said(
        &mut self,
        subject: Subject,
        score: Score,
        confidence: Confidence,
        said_at: Timestamp,
    ) -> Touched {
        let view = View {
            said_at,
            score,
            confidence,
        };
        let (_, known, evicted) = self.views.touch(subject);
        self.evicted += u64::from(evicted.is_some());
        match known {
            Some(known) if known.said_at > said_at || *known == view => Touched::Nothing,
            _ => {
                *known = Some(view);
                Touched::Unlisted
            }
        }
    }
}
