//! Claims that others have entries of our own log which we lack: for how long they hold back signing.
//!
//! After a restored backup such a claim is true, and signing before the entries are here would make
//! a second log of ours. But anybody can claim anything: a claim counts for a bounded time, and only
//! entries that we did sign (and lacked) prolong it.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::settings::{MAX_OWN_CLAIMS, OWN_WAIT, OWN_WAIT_IN_ALL},
    Mesh,
};
use crate::domain::{Neighbour, Timestamp};

/// What a neighbour's claims about our log are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Its first claim counts until then.
    Until(Timestamp),
    /// It did not deliver what it claimed. Nothing it claims counts before it delivers.
    Vain,
}

/// The claims of all neighbours, also of those that are gone: coming again makes none anew.
#[derive(Debug, Default)]
pub(super) struct Claims {
    of: BTreeMap<Neighbour, Claim>,
    /// The end of the time held back so far, and how long that was in all since something came.
    until: Option<Timestamp>,
    spent: Duration,
}

impl Claims {
    fn counts(&self, who: Neighbour) -> bool {
        matches!(self.of.get(&who), Some(Claim::Until(_)))
    }

    /// A claim, unless its neighbour has made one before or there were too many.
    fn begin(&mut self, who: Neighbour, now: Timestamp) {
        if self.of.contains_key(&who) || self.of.len() >= MAX_OWN_CLAIMS {
            return;
        }
        let until = now.plus(OWN_WAIT);
        // Claims at one time cost their time once.
        let from = self
            .until
            .filter(|before| before.since(now) <= OWN_WAIT)
            .map_or(now, |before| before.max(now));
        let spent = self.spent + until.since(from);
        if spent <= OWN_WAIT_IN_ALL {
            self.spent = spent;
            self.until = Some(until);
            self.of.insert(who, Claim::Until(until));
        } else {
            self.of.insert(who, Claim::Vain);
        }
    }

    /// A neighbour did not deliver entries of ours.
    pub(super) fn broken(&mut self, who: Neighbour) {
        if let Some(claim) = self.of.get_mut(&who) {
            *claim = Claim::Vain;
        }
    }

    /// A neighbour brought entries that we signed and lacked.
    pub(super) fn kept(&mut self, who: Neighbour, now: Timestamp) {
        let until = now.plus(OWN_WAIT);
        self.spent = Duration::ZERO;
        self.until = Some(until);
        if self.of.contains_key(&who) || self.of.len() < MAX_OWN_CLAIMS {
            self.of.insert(who, Claim::Until(until));
        }
    }

    /// When the next claim ends.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        let ends = self.of.values().filter_map(|claim| match claim {
            Claim::Until(until) => Some(*until),
            Claim::Vain => None,
        });
        ends.min()
    }
}

impl Mesh {
    /// Whether others say that they have entries of our own author that we lack: append nothing
    /// before they are here, or the claim has lapsed. A neighbour's claim counts for `OWN_WAIT`
    /// (5 s) from the first time it is made, in this session or an earlier one; then, or when it
    /// was asked and did not deliver, no more until it brings entries of ours that we lacked. All
    /// claims that bring nothing count for `OWN_WAIT_IN_ALL` (60 s) since the start at most.
    #[must_use]
    pub fn own_behind(&self) -> bool {
        let log = &self.logs[&self.me];
        log.is_good()
            && (log.tip.seq > log.stored.seq || self.near.keys().any(|who| self.holds(*who)))
    }

    /// Whether a neighbour says that it has entries of ours that we lack, and that counts.
    fn holds(&self, who: Neighbour) -> bool {
        self.own_claims.counts(who) && self.claims_own(who)
    }

    fn claims_own(&self, who: Neighbour) -> bool {
        let near = self.near.get(&who);
        near.is_some_and(|near| near.has(self.me) > self.logs[&self.me].stored.seq)
    }

    /// A neighbour has said something: perhaps that it has entries of ours.
    pub(super) fn note_own_claim(&mut self, from: Neighbour, now: Timestamp) {
        if self.claims_own(from) {
            self.own_claims.begin(from, now);
        }
    }

    /// Ends the claims whose time has passed.
    pub(super) fn end_own_claims(&mut self, now: Timestamp) {
        // A clock that was set back prolongs nothing.
        let over = |until: &Timestamp| *until <= now || until.since(now) > OWN_WAIT;
        let claims = self.own_claims.of.iter();
        let ended: Vec<_> = claims
            .filter(|(_, claim)| matches!(claim, Claim::Until(until) if over(until)))
            .map(|(who, _)| *who)
            .collect();
        for who in ended {
            if self.near.contains_key(&who) && !self.claims_own(who) {
                // What it claimed is here.
                self.own_claims.of.remove(&who);
            } else {
                self.own_claims.broken(who);
            }
        }
    }
}
