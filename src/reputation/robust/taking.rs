//! Taking facts in: what each changes, and what gives way when a table is full.

use std::{iter, net::IpAddr, time::Duration};

use crate::{
    domain::{Confidence, PeerId, Score, Subject, Timestamp},
    reputation::{Fact, Touched, lru::Handle},
};

use super::{
    Robust, copying,
    copying::Index,
    feedback::{self, Order},
    found::dispute_among,
    sweep,
    tables::{Before, Own, Past, Peer, Report},
};

/// So many entries are passed over for being proven before one gives way all the same: a bound on
/// the work of one fact. A guess.
const SECOND_CHANCES: usize = 16;

impl Robust {
    /// Whether a fact is a repetition, a replay or a report of a peer about itself.
    pub(super) fn changes_nothing(&self, fact: &Fact, now: Timestamp) -> bool {
        match *fact {
            Fact::PeerAddress { peer, ip } => {
                (self.peers.get(&peer)).is_some_and(|p| p.ip == Some(ip.to_canonical()))
            }
            Fact::PeerReliability { peer, reliability } => self
                .peers
                .get(&peer)
                .is_some_and(|p| p.reliability == reliability.get()),
            Fact::Report {
                author,
                subject,
                score,
                confidence,
            } => self.is_old_news(author.0, subject, score, confidence, now),
            Fact::OwnStatement {
                subject,
                score,
                confidence,
            } => self.own.of(subject) == Some(own(score, confidence, now)),
            Fact::Forked { author } => self.peers.get(&author.0).is_none(),
            Fact::Anchor { peer, trust } => self.anchors.get(&peer) == Some(&trust.get()),
            Fact::AnchorLifted { peer } => !self.anchors.contains_key(&peer),
        }
    }

    fn is_old_news(
        &self,
        author: PeerId,
        subject: Subject,
        score: Score,
        confidence: Confidence,
        now: Timestamp,
    ) -> bool {
        let Some(handle) = self.peers.handle(&author) else {
            return false;
        };
        let speaks_of_itself = |(_, peer): (_, &Peer)| peer.ip == Some(subject.ip());
        if self.peers.at(handle).is_some_and(speaks_of_itself) {
            return true;
        }
        let Some(known) = self.page(subject).iter().find(|r| r.author == handle) else {
            return false;
        };
        let (harm, confidence) = (score.get().max(0.0), confidence.get());
        let said = (known.harm(), known.confidence.get()) == (harm, confidence);
        let p = &self.parameters;
        let replayed = |past: &Past| {
            (past.harm, past.confidence) == (harm, confidence)
                && now.since(past.until) < hours(p.prev_h)
        };
        said && now.since(known.said_at) < hours(p.refresh_h)
            || known
                .before
                .iter()
                .flat_map(|before| &before.replaced)
                .any(replayed)
    }

    /// Does what is due at `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let gate = self.gate();
        let tables = sweep::Tables {
            peers: &mut self.peers,
            pages: &self.pages,
            own: &self.own,
        };
        self.schedule.advance(now, gate, tables, &self.parameters);
    }

    /// Takes in a fact that changes something.
    pub(super) fn take(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        match *fact {
            Fact::PeerAddress { peer, ip } => self.moved(peer, ip, now),
            Fact::PeerReliability { peer, reliability } => {
                self.peer(peer, now).1.reliability = reliability.get();
            }
            Fact::Report {
                author,
                subject,
                score,
                confidence,
            } => {
                let (author, _) = self.peer(author.0, now);
                let report = Report {
                    author,
                    said_at: now,
                    score,
                    confidence,
                    before: None,
                    label: None,
                };
                self.report(subject, report, now);
                return Touched::Subject(subject);
            }
            Fact::OwnStatement {
                subject,
                score,
                confidence,
            } => self.state(subject, own(score, confidence, now), now),
            Fact::Forked { author } => {
                self.anchor(author.0, 0.0);
                self.forget_author(author.0);
            }
            Fact::Anchor { peer, trust } => self.anchor(peer, trust.get()),
            Fact::AnchorLifted { peer } => self.anchor(peer, 0.0),
        }
        Touched::Unlisted
    }

    /// The entry of a peer that was seen now.
    fn peer(&mut self, id: PeerId, now: Timestamp) -> (Handle, &mut Peer) {
        if self.peers.is_full() && self.peers.get(&id).is_none() {
            for _ in 0..SECOND_CHANCES {
                match self.peers.oldest() {
                    Some((proven, peer)) if peer.is_proven(now, &self.parameters) => {
                        self.peers.touch(proven);
                    }
                    _ => break,
                }
            }
        }
        let (handle, peer, evicted) = self.peers.touch(id);
        self.evicted.peers += u64::from(evicted.is_some());
        if peer.first.is_none() {
            peer.first = Some(now);
            peer.at = now;
            peer.anchor = self.anchors.get(&id).copied().unwrap_or(0.0);
        }
        (handle, peer)
    }

    fn moved(&mut self, id: PeerId, ip: IpAddr, now: Timestamp) {
        let (_, peer) = self.peer(id, now);
        let left = peer.move_to(ip.to_canonical());
        self.evicted.former_addresses += u64::from(left.is_some());
    }

    /// Everything a peer said goes. What others' coins took from it stays, as it does when any report
    /// is forgotten.
    fn forget_author(&mut self, id: PeerId) {
        let Some(author) = self.peers.handle(&id) else {
            return;
        };
        let mut gone = 0;
        self.pages.retain(|page| {
            let before = page.len();
            page.retain(|report| report.author != author);
            gone += before - page.len();
            !page.is_empty()
        });
        self.reports -= gone;
    }

    fn anchor(&mut self, id: PeerId, trust: f64) {
        let before = if trust > 0.0 {
            self.anchors.insert(id, trust)
        } else {
            self.anchors.remove(&id)
        };
        self.anchored = if self.anchors.is_empty() {
            0.0
        } else {
            (self.anchored + trust - before.unwrap_or(0.0)).max(0.0)
        };
        if let Some(handle) = self.peers.handle(&id)
            && let Some((_, peer)) = self.peers.at_mut(handle)
        {
            peer.change(|_, anchor| *anchor = trust);
        }
    }

    /// A report that is no repetition.
    fn report(&mut self, subject: Subject, mut report: Report, now: Timestamp) {
        let author = report.author;
        self.make_room_for(subject, now);
        let (_, page, evicted) = self.pages.touch(subject);
        self.evicted.addresses += u64::from(evicted.is_some());
        self.reports -= evicted.map_or(0, |page| page.len());
        let p = &self.parameters;
        match page.iter().position(|known| known.author == author) {
            Some(at) => replace(&mut report, page.remove(at), p.prev_max, now),
            None => {
                self.reports += 1;
                if let Some((_, peer)) = self.peers.at_mut(author) {
                    peer.sure += report.confidence.get();
                    peer.reports += 1.0;
                    copying::compare(peer, &report, page, p);
                }
            }
        }
        let after = page.partition_point(|known| known.order(&report).is_le());
        grow(page);
        page.insert(after, report);
        if page.len() > self.limits.reporters_per_address.max(1) {
            self.drop_weakest(subject, now);
        }
        self.keep_within_reports(now);
        self.hold_late(subject, author, now);
    }

    /// Holds a new report against what our own Slips had already said.
    fn hold_late(&mut self, subject: Subject, author: Handle, now: Timestamp) {
        let (p, own) = (&self.parameters, self.own.of(subject));
        let Some(own) = own.filter(|own| own.weight() > 0.0) else {
            return;
        };
        let handle = self.pages.handle(&subject);
        let Some((_, page)) = handle.and_then(|handle| self.pages.at_mut(handle)) else {
            return;
        };
        let Some(at) = page.iter().position(|report| report.author == author) else {
            return;
        };
        if page[at].label.is_some() {
            return;
        }
        if let Some((_, peer)) = self.peers.at_mut(author) {
            let index = Index::new(page);
            let independence = copying::independence(peer, &page[at], &index, p);
            // To agree with what we have said is no test, whoever else spoke.
            let dispute = dispute_among(iter::once(&page[at]), Some(&own), p);
            feedback::hold(
                peer,
                &page[at],
                independence,
                &own,
                Order::Late,
                dispute,
                now,
                p,
            );
        }
        page[at].label = Some(own.probability(p) > 0.5);
    }

    /// Our own Slips says this: every report on the address is held against it, once for each side.
    fn state(&mut self, subject: Subject, own: Own, now: Timestamp) {
        self.own.say(subject, own);
        let handle = self.pages.handle(&subject);
        let Some((_, page)) = handle.and_then(|handle| self.pages.at_mut(handle)) else {
            return;
        };
        if own.weight() <= 0.0 || page.is_empty() {
            return;
        }
        let p = &self.parameters;
        self.own.count(own.weight(), now, p);
        let side = Some(own.probability(p) > 0.5);
        let index = Index::new(page);
        let dispute = dispute_among(page.iter(), Some(&own), p);
        for report in page.iter().filter(|report| report.label != side) {
            if let Some((_, peer)) = self.peers.at_mut(report.author) {
                let independence = copying::independence(peer, report, &index, p);
                feedback::hold(
                    peer,
                    report,
                    independence,
                    &own,
                    Order::Early,
                    dispute,
                    now,
                    p,
                );
            }
        }
        for report in page.iter_mut() {
            report.label = side;
        }
    }

    /// Lets addresses stand back on which proven peers spoke, if a new one needs a place.
    fn make_room_for(&mut self, subject: Subject, now: Timestamp) {
        if self.pages.is_full() && self.pages.get(&subject).is_none() {
            self.pass_over_proven(now);
        }
    }

    fn pass_over_proven(&mut self, now: Timestamp) {
        let is_proven = |report: &Report| {
            let peer = self.peers.at(report.author);
            peer.is_some_and(|(_, peer)| peer.is_proven(now, &self.parameters))
        };
        for _ in 0..SECOND_CHANCES {
            match self.pages.oldest() {
                Some((subject, page)) if page.iter().any(is_proven) => {
                    self.pages.touch(subject);
                }
                _ => break,
            }
        }
    }

    fn keep_within_reports(&mut self, now: Timestamp) {
        while self.reports > self.limits.reports.max(1) && self.pages.len() > 1 {
            self.pass_over_proven(now);
            let Some(page) = self.pages.remove_oldest() else {
                return;
            };
            self.reports -= page.len();
            self.evicted.addresses += 1;
        }
    }

    /// The report of the least proven peer goes, among equals that of the newest.
    fn drop_weakest(&mut self, subject: Subject, now: Timestamp) {
        let rank = |report: &Report| match self.peers.at(report.author) {
            Some((_, peer)) => (self.voice(peer, now).rho, peer.first),
            None => (-1.0, None),
        };
        let ranked = self.page(subject).iter().map(rank).enumerate();
        let weakest = ranked.min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let handle = self.pages.handle(&subject);
        if let Some((at, _)) = weakest
            && let Some((_, page)) = handle.and_then(|handle| self.pages.at_mut(handle))
        {
            page.remove(at);
            self.reports -= 1;
            self.evicted.reports += 1;
        }
    }
}

/// Makes room for one more. Most addresses have one report: `Vec` would make room for four.
fn grow(page: &mut Vec<Report>) {
    if page.len() == page.capacity() {
        page.reserve_exact(page.len().div_ceil(2).max(1));
    }
}

/// A new statement in place of the one before.
fn replace(report: &mut Report, known: Report, most: usize, now: Timestamp) {
    let first_at = known.first_at();
    if (known.claim() > 0.5) == (report.claim() > 0.5) {
        report.label = known.label;
    }
    let past = Past {
        harm: known.harm(),
        confidence: known.confidence.get(),
        until: now,
    };
    let mut before = known.before.unwrap_or_else(|| {
        Box::new(Before {
            first_at,
            replaced: Vec::new(),
        })
    });
    before.replaced.push(past);
    let beyond = before.replaced.len().saturating_sub(most);
    before.replaced.drain(..beyond);
    report.before = Some(before);
}

fn own(score: Score, confidence: Confidence, now: Timestamp) -> Own {
    Own {
        harm: score.get().max(0.0),
        confidence: confidence.get(),
        said_at: now,
    }
}

fn hours(count: f64) -> Duration {
    Duration::from_secs_f64(count.clamp(0.0, 1e9) * 3600.0)
}
