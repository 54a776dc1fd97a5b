//! Fetching: only the gap, from whoever has it, and elsewhere when a promise is broken.

use std::{collections::BTreeMap, time::Duration};

use rand::Rng as _;

use super::{
    super::settings::{
        AVOID, GIVE_UP, MAX_ASKED, MAX_HEDGE, MAX_LONG_HEDGE, MAX_SPAN, MAX_WANT, MAX_WANTS,
        SHORT_SPAN, SKIP_AFTER,
    },
    Mesh,
    near::Want,
};
use crate::{
    domain::{Author, Conduct, Neighbour, Span, Timestamp, Tip},
    wire::sync::{self, Message},
};

/// A neighbour that did not deliver an author's entries so often in a row is not asked again for
/// them before it tells anew.
const MAX_FAILS: u32 = 5;
/// The longest wait between wants that nobody answers.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// When all who could be asked are busy, they are looked at again after this.
const BUSY_WAIT: Duration = Duration::from_millis(10);
/// However near a neighbour is, its disk may be busy for so long.
const MIN_WAIT: Duration = Duration::from_millis(150);
const MIN_GRAFT_WAIT: Duration = Duration::from_millis(20);
const MAX_GRAFT_WAIT: Duration = Duration::from_secs(1);

/// What is about to be asked of whom, and how many entries that is.
type Asks = BTreeMap<Neighbour, (Vec<Span>, u64)>;

/// How a want ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The neighbour says that this is all.
    Done,
    /// Nothing came for too long.
    Late,
}

impl Mesh {
    /// Entries of an author are missing: ask for them at a time, if not before.
    pub(super) fn ask_at(&mut self, author: Author, at: Timestamp) {
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        if !log.is_good() || log.due.is_some_and(|due| due <= at) {
            return;
        }
        if let Some(due) = log.due.replace(at) {
            self.due.remove(&(due, author));
        }
        self.due.insert((at, author));
    }

    /// How long what a neighbour told of may still come by push.
    pub(super) fn graft_wait(&self, from: Neighbour) -> Duration {
        let near = self.near.get(&from);
        let trip = near.and_then(|near| near.round_trip);
        trip.map_or(self.settings.graft_wait, |trip| {
            trip.clamp(MIN_GRAFT_WAIT, MAX_GRAFT_WAIT)
                .max(self.settings.graft_wait)
        })
    }

    /// Asks for whatever is due.
    pub(super) fn plan(&mut self, now: Timestamp) {
        let mut asks = Asks::new();
        while let Some(&(at, author)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            if let Some(log) = self.logs.get_mut(&author) {
                log.due = None;
            }
            self.choose(author, &mut asks, now);
        }
        for (to, (spans, _)) in asks {
            for spans in spans.chunks(sync::MAX_SPANS) {
                self.want(to, spans.to_vec(), now);
            }
        }
        self.send_asides(now);
    }

    /// Chooses whom to ask for what is missing of an author.
    fn choose(&mut self, author: Author, asks: &mut Asks, now: Timestamp) {
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        let held = log.tip.seq;
        if !log.is_good() || !self.near.values().any(|near| near.has(author) > held) {
            return;
        }
        // One (two of what is new), then more each time that nothing comes; fewer for long spans.
        let most = self.near.values().map(|near| near.has(author)).max();
        let short = most.unwrap_or(0) - held <= SHORT_SPAN;
        let most = if short { MAX_HEDGE } else { MAX_LONG_HEDGE };
        let at_once = if log.urgent && short {
            2 * 8_usize.pow(log.tries.min(3))
        } else {
            (2 << log.tries.min(6)) - 1
        };
        let at_once = at_once.min(most);
        // Those that let us wait do not stand in the way of others.
        let is_slow = |(who, id): &(Neighbour, u64)| {
            let want = self.near.get(who).and_then(|near| near.wants.get(id));
            want.is_some_and(|want| want.slow && want.delivered == 0)
        };
        let waiting = log.asking.iter().filter(|ask| !is_slow(ask)).count();
        let open = at_once.saturating_sub(waiting);
        if open == 0 {
            return;
        }
        let budget = log.entries.opens_at(now).max(log.bytes.opens_at(now));
        if budget > now {
            return self.ask_at(author, budget);
        }
        let asking: Vec<_> = log.asking.iter().map(|(who, _)| *who).collect();
        let first_held = log.held.keys().next().copied();

        let mut free = Vec::new();
        let mut busy = false;
        for (who, near) in &mut self.near {
            if near.has(author) <= held || asking.contains(who) {
                continue;
            }
            let asked = near.asked + asks.get(who).map_or(0, |(_, entries)| *entries);
            // What holds back our own signing does not wait behind what others said.
            let beyond = asked >= MAX_ASKED && author != self.me;
            let full = near.wants.len() >= MAX_WANTS || beyond;
            let spent = self.shares.is_full_of(*who) || self.shares.verifies_at(near, now) > now;
            if full || spent {
                busy = true;
                continue;
            }
            let rank = (
                near.is_avoided(author, now),
                near.score.unreliability(),
                asked / 64,
                self.rng.random::<u32>(),
            );
            free.push((rank, *who));
        }
        free.sort_unstable();
        if free.is_empty() {
            if busy {
                self.ask_at(author, now.plus(BUSY_WAIT));
            }
            return;
        }
        // Who still has the next entry; if nobody has, the log goes on where somebody's begins.
        let from = self.first_offered(author, held);
        let skip_to = (from > held + 1).then_some(from);
        if !self.may_begin(author, skip_to, now) {
            return;
        }
        let begins = |who: &Neighbour| self.near[who].pruned_before(author);
        free.retain(|(_, who)| begins(who) <= from);
        if free.is_empty() {
            return self.ask_at(author, now.plus(BUSY_WAIT));
        }
        if let Some(log) = self.logs.get_mut(&author) {
            log.skip_to = skip_to;
        }
        let all_avoided = free.iter().all(|((avoided, ..), _)| *avoided);
        if all_avoided && !asking.is_empty() {
            return;
        }
        for (_, who) in free.into_iter().take(open) {
            let has = self.near[&who].has(author);
            let before_held = first_held.filter(|first| *first > from);
            let to = before_held.map_or(has, |first| has.min(first - 1));
            let to = to.min(from + MAX_SPAN - 1);
            let span = Span { author, from, to };
            let (spans, entries) = asks.entry(who).or_default();
            spans.push(span);
            *entries += span.entries();
            if let Some(near) = self.near.get_mut(&who)
                && near.pruned.remove(&author).is_some()
            {
                near.to_graft.insert(author);
            }
        }
    }

    /// The first entry after those held that a neighbour does not say it no longer has.
    pub(super) fn first_offered(&self, author: Author, held: u64) -> u64 {
        let all = self.near.values().filter(|near| near.has(author) > held);
        let earliest = all.map(|near| near.pruned_before(author)).min();
        (held + 1).max(earliest.unwrap_or(1))
    }

    /// Whether a log may go on at once: when something is to be skipped, only after all connected
    /// have said for long that it is gone. Otherwise it is looked at again then.
    fn may_begin(&mut self, author: Author, skip_to: Option<u64>, now: Timestamp) -> bool {
        let Some(log) = self.logs.get_mut(&author) else {
            return false;
        };
        if skip_to.is_none() {
            log.gone_since = None;
            return true;
        }
        // A clock that was set back begins anew.
        let since = log.gone_since.filter(|since| *since <= now).unwrap_or(now);
        log.gone_since = Some(since);
        if now.since(since) >= SKIP_AFTER {
            return true;
        }
        log.skip_to = None;
        self.ask_at(author, since.plus(SKIP_AFTER));
        false
    }

    /// Asks a neighbour whose log differs from ours for the entry in question.
    pub(super) fn suspect(&mut self, from: Neighbour, tip: Tip, now: Timestamp) {
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        if near.wants.len() < MAX_WANTS && near.suspected.insert(tip.author) {
            let span = Span {
                author: tip.author,
                from: tip.seq,
                to: tip.seq,
            };
            self.want(from, vec![span], now);
        }
    }

    fn want(&mut self, to: Neighbour, spans: Vec<Span>, now: Timestamp) {
        let id = self.next_want;
        let Some(near) = self.near.get_mut(&to) else {
            return;
        };
        self.next_want += 1;
        self.counters.wants += 1;
        let wait = near.round_trip.map_or(self.settings.want_wait, |trip| {
            (trip * 2).clamp(MIN_WAIT, GIVE_UP)
        });
        let deadline = now.plus(wait);
        let entries = spans.iter().map(Span::entries).sum();
        for span in &spans {
            if let Some(log) = self.logs.get_mut(&span.author) {
                log.asking.insert((to, id));
            }
        }
        near.asked += entries;
        near.wants.insert(
            id,
            Want {
                spans: spans.clone(),
                entries,
                sent_at: now,
                deadline,
                delivered: 0,
                useful: false,
                slow: false,
            },
        );
        self.deadlines.insert((deadline, to, id));
        self.send(to, &Message::Want { id, spans });
    }

    /// Part of an answer has come.
    pub(super) fn answering(&mut self, from: Neighbour, id: u64, now: Timestamp) {
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        let Some(want) = near.wants.get_mut(&id) else {
            return;
        };
        if want.delivered == 0 {
            // A running mean over some four answers.
            let trip = now.since(want.sent_at);
            let mean = near.round_trip.map_or(trip, |mean| (mean * 3 + trip) / 4);
            near.round_trip = Some(mean);
        }
        want.delivered += 1;
        self.deadlines.remove(&(want.deadline, from, id));
        want.slow = true;
        want.deadline = now.plus(GIVE_UP).min(want.sent_at.plus(MAX_WANT));
        self.deadlines.insert((want.deadline, from, id));
    }

    /// A neighbour no longer has the beginning of what it was asked for.
    pub(super) fn pruned(&mut self, from: Neighbour, author: Author, before: u64) {
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        if !self.logs.contains_key(&author) {
            // It has left memory since it was asked for, and what was known of its tips with it.
            return;
        }
        let asked = near.wants.values().flat_map(|want| &want.spans);
        let asked = asked.filter(|span| span.author == author && span.from < before);
        if asked.count() > 0 {
            // Beyond what is known of its tips it says nothing; they were forgotten if the author has left
            // memory meanwhile and come back.
            if before <= near.has(author) {
                near.pruned_before.insert(author, before);
            }
        } else {
            let why = format!("says that entries of {author} before {before} are gone, unasked");
            self.bad(from, why);
        }
    }

    /// A neighbour says that a want is answered.
    pub(super) fn done(&mut self, from: Neighbour, id: u64, now: Timestamp) {
        if id >= self.next_want {
            return self.bad(from, format!("ends want {id}, which was never sent"));
        }
        self.end(from, id, End::Done, now);
    }

    /// Asks others as well for what is slow to come, and gives up the wants whose time has passed.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some(&(deadline, from, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let near = self.near.get_mut(&from);
            let want = near.and_then(|near| near.wants.get_mut(&id));
            match want {
                Some(want) if !want.slow => {
                    want.slow = true;
                    want.deadline = want.sent_at.plus(GIVE_UP).max(now);
                    self.deadlines.insert((want.deadline, from, id));
                    let spans = want.spans.clone();
                    self.slow(from, &spans, now);
                }
                _ => self.end(from, id, End::Late, now),
            }
        }
    }

    /// No part of an answer came in the usual time: no offence, but no recommendation.
    fn slow(&mut self, from: Neighbour, spans: &[Span], now: Timestamp) {
        for span in spans {
            let Some(log) = self.logs.get_mut(&span.author) else {
                continue;
            };
            if log.tip.seq >= span.to {
                continue;
            }
            log.tries += 1;
            if let Some(near) = self.near.get_mut(&from) {
                let (until, _) = near.avoid.entry(span.author).or_insert((now, 0));
                *until = now.plus(AVOID);
            }
            self.ask_at(span.author, now);
        }
        if let Some(near) = self.near.get_mut(&from) {
            near.score.broken += 1;
        }
    }

    fn end(&mut self, from: Neighbour, id: u64, end: End, now: Timestamp) {
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        let Some(want) = near.wants.remove(&id) else {
            return;
        };
        self.deadlines.remove(&(want.deadline, from, id));
        near.asked -= want.entries;
        let mut lacking = Vec::new();
        for span in &want.spans {
            let Some(log) = self.logs.get_mut(&span.author) else {
                continue;
            };
            log.asking.remove(&(from, id));
            if !log.is_good() || near.has(span.author) <= log.tip.seq {
                continue;
            }
            // Somebody else may have brought it meanwhile.
            let progress = log.tip.seq >= span.from;
            let begins_later = near.pruned_before(span.author) > span.from;
            let cut_short = want.useful && end == End::Done;
            if !(progress || begins_later || cut_short) {
                log.tries += 1;
                let (until, fails) = near.avoid.entry(span.author).or_insert((now, 0));
                *until = now.plus(AVOID);
                *fails += 1;
                if span.author == self.me {
                    self.own_claims.broken(from);
                }
                if end == End::Done || *fails >= MAX_FAILS {
                    near.avoid.remove(&span.author);
                    near.has.remove(&span.author);
                }
                lacking.push((span.author, log.tries));
            } else {
                lacking.push((span.author, 0));
            }
        }
        let failed = lacking.iter().any(|(_, tries)| *tries > 0);
        let silent = end == End::Late && want.delivered == 0;
        if silent || (failed && !want.useful) {
            self.counters.broken += 1;
            if end == End::Done {
                near.score.broken += 1;
            }
            let why = format!("told of entries and did not deliver them (want {id})");
            self.conduct(from, Conduct::NoAnswer, why);
        } else if want.useful {
            near.score.kept += 1;
        }
        for (author, tries) in lacking {
            let at = now.plus(self.backoff(author, tries, now));
            self.ask_at(author, at);
        }
    }

    /// How long to wait with the next want: not at all while there is somebody new to ask.
    fn backoff(&self, author: Author, tries: u32, now: Timestamp) -> Duration {
        if tries == 0 {
            return Duration::ZERO;
        }
        let held = self.logs.get(&author).map_or(0, |log| log.tip.seq);
        let someone = self
            .near
            .values()
            .any(|near| near.has(author) > held && !near.is_avoided(author, now));
        if someone {
            Duration::ZERO
        } else {
            let doubled = self.settings.want_wait * (1 << tries.min(5));
            doubled.min(MAX_BACKOFF)
        }
    }
}
