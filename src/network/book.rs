//! Whom we know, whom to dial and when. Pure: the time and the chance are passed in.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use libp2p::{Multiaddr, PeerId, core::multiaddr::Protocol};
use rand::{Rng, rngs::StdRng};
use tokio::time::Instant;

use super::settings::MAX_ADDRESSES;
use crate::domain::{Reachability, Timestamp};

mod fixed;
mod lost;
mod manners;

pub(crate) use manners::HelloIs;

/// A fresh find pulls the next dial of a known peer forward, but not more often than this.
const FOUND_AGAIN: Duration = Duration::from_secs(5);

/// Whom to dial: a peer, or an address whose peer shows only when it answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Peer(PeerId),
    Address(Multiaddr),
}

/// How a dial is spaced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spacing {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) unreachable_after: u32,
}

/// The wall clock and the steady one, read at the same moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) steady: Instant,
    pub(crate) wall: Timestamp,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self {
            steady: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    fn at(self, when: Instant) -> Timestamp {
        self.wall.plus(when.saturating_duration_since(self.steady))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing to do: no address, or cut off.
    Idle,
    /// To be dialled when its turn in the schedule comes.
    Due((Instant, u64)),
    /// Whether it counts among the dials under way, of which there may be only so many.
    Dialling {
        counted: bool,
    },
    Connected,
}

#[derive(Debug)]
struct Entry {
    addresses: Vec<Multiaddr>,
    fixed: bool,
    greeted: bool,
    version: Option<String>,
    last_ping: Option<Instant>,
    tries: u32,
    last_try: Option<Instant>,
    /// When its last connection went, until there is another.
    lost_at: Option<Instant>,
    /// It was lost when others were: something lies between, and it is not to blame.
    cut_off: bool,
    /// Since when it is connected, and for how long it was before.
    connected_at: Option<Instant>,
    together: Duration,
    phase: Phase,
}

/// The book.
pub(crate) struct Book {
    entries: HashMap<Target, Entry>,
    schedule: BTreeMap<(Instant, u64), Target>,
    /// The turns of those that are always kept: they wait for nobody else's dials.
    fixed_schedule: BTreeMap<(Instant, u64), Target>,
    spacing: Spacing,
    max: usize,
    next: u64,
    dialling: usize,
    rng: StdRng,
}

impl Book {
    pub(crate) fn new(spacing: Spacing, max: usize, rng: StdRng) -> Self {
        Self {
            entries: HashMap::new(),
            schedule: BTreeMap::new(),
            fixed_schedule: BTreeMap::new(),
            spacing,
            max,
            next: 0,
            dialling: 0,
            rng,
        }
    }

    /// A peer of an earlier run, dialled within a moment: not all of them at once.
    pub(crate) fn add_known(
        &mut self,
        peer: PeerId,
        addresses: &[Multiaddr],
        greeted: bool,
        now: Instant,
    ) {
        let target = Target::Peer(peer);
        let Some(entry) = self.entry(&target, false) else {
            return;
        };
        entry.greeted |= greeted;
        addresses
            .iter()
            .rev()
            .for_each(|address| _ = remember(entry, split(address).0));
        if !entry.addresses.is_empty() && entry.phase == Phase::Idle {
            let wait = self.rng.random_range(0.0..1.0);
            self.schedule(&target, now + self.spacing.min.mul_f64(wait));
        }
    }

    /// A peer was found at an address: it is dialled after `wait` unless it is connected or was
    /// tried just now. Says whether that is news.
    pub(crate) fn found(
        &mut self,
        peer: PeerId,
        address: Multiaddr,
        wait: Duration,
        now: Instant,
    ) -> bool {
        let target = Target::Peer(peer);
        let Some(entry) = self.entry(&target, false) else {
            return false;
        };
        let news = remember(entry, split(&address).0);
        let soon = match entry.phase {
            Phase::Idle => entry
                .last_try
                .is_none_or(|last| now.duration_since(last) >= FOUND_AGAIN),
            Phase::Due((at, _)) => {
                at > now + wait
                    && entry
                        .last_try
                        .is_none_or(|last| now.duration_since(last) >= FOUND_AGAIN)
            }
            Phase::Dialling { .. } | Phase::Connected => false,
        };
        if soon {
            self.schedule(&target, now + wait);
        }
        news
    }

    /// An address a connected peer can be dialled at. Says whether that is news.
    pub(crate) fn learn(&mut self, peer: PeerId, address: Multiaddr) -> bool {
        self.entry(&Target::Peer(peer), false)
            .is_some_and(|entry| remember(entry, address))
    }

    /// When [`Self::due`] has something next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let others = self.schedule.keys().next().map(|(at, _)| *at);
        self.next_due_fixed().into_iter().chain(others).min()
    }

    /// When [`Self::due_fixed`] has something next.
    pub(crate) fn next_due_fixed(&self) -> Option<Instant> {
        self.fixed_schedule.keys().next().map(|(at, _)| *at)
    }

    /// How many dials are under way, those of peers that are always kept left out.
    pub(crate) fn dialling(&self) -> usize {
        self.dialling
    }

    /// One target whose time has come; it counts as being dialled until it is told otherwise.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(Target, Vec<Multiaddr>)> {
        self.due_fixed(now).or_else(|| {
            let target = first_by(&mut self.schedule, now)?;
            self.dialled(target, true, now)
        })
    }

    /// The same, only of those that are always kept: they are dialled however many dials are under way.
    pub(crate) fn due_fixed(&mut self, now: Instant) -> Option<(Target, Vec<Multiaddr>)> {
        let target = first_by(&mut self.fixed_schedule, now)?;
        self.dialled(target, false, now)
    }

    fn dialled(
        &mut self,
        target: Target,
        counted: bool,
        now: Instant,
    ) -> Option<(Target, Vec<Multiaddr>)> {
        let entry = self.entries.get_mut(&target)?;
        entry.phase = Phase::Dialling { counted };
        entry.last_try = Some(now);
        self.dialling += usize::from(counted);
        Some((target, entry.addresses.clone()))
    }

    /// A connection to a peer stands. `via` is the target whose dial led to it, if one did. When it
    /// had been lost, other lost peers are due at once: what cut it off may be over for them too.
    pub(crate) fn connected(&mut self, peer: PeerId, via: Option<&Target>, now: Instant) {
        let target = Target::Peer(peer);
        if let Some(address @ Target::Address(_)) = via {
            // From now on the peer itself is known; the bare address is its to dial again.
            if let Some(bare) = self.take(address)
                && let Some(entry) = self.entry(&target, true)
            {
                entry.fixed |= bare.fixed;
                bare.addresses
                    .into_iter()
                    .for_each(|known| _ = remember(entry, known));
            }
        }
        if self.entry(&target, true).is_some() {
            self.unschedule(&target);
            self.set_phase(&target, Phase::Connected);
            if let Some(entry) = self.entries.get_mut(&target) {
                entry.tries = 0;
                entry.cut_off = false;
                entry.connected_at.get_or_insert(now);
                if entry.lost_at.take().is_some() {
                    self.hurry_lost(now);
                }
            }
        }
    }

    /// The last connection to a peer is gone, or its dial failed: when it is tried again.
    pub(crate) fn failed(
        &mut self,
        target: &Target,
        reason: &str,
        now: Now,
    ) -> Option<Reachability> {
        let entry = self.entries.get_mut(target)?;
        entry.tries = entry.tries.saturating_add(1);
        let (tries, reachable_somewhere) = (entry.tries, !entry.addresses.is_empty());
        let was_connected = entry.phase == Phase::Connected;
        if let Some(since) = entry.connected_at.take() {
            entry.together += now.steady.duration_since(since);
        }
        if was_connected {
            entry.lost_at = Some(now.steady);
            self.note_cut(now.steady);
        }
        let longest = self.longest_wait(target, now.steady);
        self.unschedule(target);
        self.set_phase(target, Phase::Idle);
        let reason = reason.to_owned();
        if !reachable_somewhere {
            return Some(Reachability::Unreachable {
                reason,
                next_try: None,
            });
        }
        let next = now.steady + self.wait(tries, longest);
        self.schedule(target, next);
        let next_try = now.at(next);
        Some(if tries >= self.spacing.unreachable_after {
            Reachability::Unreachable {
                reason,
                next_try: Some(next_try),
            }
        } else {
            Reachability::Retrying { reason, next_try }
        })
    }

    /// A peer we have no use for: it is tried as rarely as can be.
    pub(crate) fn useless(&mut self, peer: PeerId, reason: &str, now: Now) -> Option<Reachability> {
        let target = Target::Peer(peer);
        self.entries.get_mut(&target)?.tries = self.spacing.unreachable_after;
        // Its connection was none to us: there is nothing to get back.
        self.set_phase(&target, Phase::Idle);
        self.failed(&target, reason, now)
    }

    /// A peer is not to be dialled at all until [`Self::found`] or [`Self::retry`].
    pub(crate) fn rest(&mut self, peer: PeerId) {
        self.unschedule(&Target::Peer(peer));
        self.set_phase(&Target::Peer(peer), Phase::Idle);
    }

    /// A rested peer may be dialled again.
    pub(crate) fn retry(&mut self, peer: PeerId, now: Instant) {
        let target = Target::Peer(peer);
        let Some(entry) = self.entries.get_mut(&target) else {
            return;
        };
        entry.tries = 0;
        if entry.phase == Phase::Idle && !entry.addresses.is_empty() {
            self.schedule(&target, now);
        }
    }

    /// A target that is no use at all, such as our own address.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.take(target);
    }

    /// Doubles with each try up to the longest, then half to the whole of it by chance.
    fn wait(&mut self, tries: u32, longest: Duration) -> Duration {
        let doubled = self
            .spacing
            .min
            .saturating_mul(1_u32 << tries.saturating_sub(1).min(20));
        doubled
            .min(longest)
            .mul_f64(self.rng.random_range(0.5..1.0))
    }

    fn entry(&mut self, target: &Target, even_if_full: bool) -> Option<&mut Entry> {
        if !self.entries.contains_key(target) {
            if self.entries.len() >= self.max && !self.make_room() && !even_if_full {
                return None;
            }
            let entry = Entry {
                addresses: Vec::new(),
                fixed: false,
                greeted: false,
                version: None,
                last_ping: None,
                tries: 0,
                last_try: None,
                lost_at: None,
                cut_off: false,
                connected_at: None,
                together: Duration::ZERO,
                phase: Phase::Idle,
            };
            self.entries.insert(target.clone(), entry);
        }
        self.entries.get_mut(target)
    }

    /// Throws out a peer that is of little use: strangers who called and left no address first, then
    /// whoever was dialled in vain most often.
    fn make_room(&mut self) -> bool {
        let gone = self
            .entries
            .iter()
            .filter(|(_, e)| {
                !e.fixed && e.tries > 0 && matches!(e.phase, Phase::Idle | Phase::Due(_))
            })
            .max_by_key(|(_, e)| (e.addresses.is_empty(), !e.greeted, e.tries))
            .map(|(target, _)| target.clone());
        gone.is_some_and(|target| self.take(&target).is_some())
    }

    fn take(&mut self, target: &Target) -> Option<Entry> {
        self.unschedule(target);
        self.set_phase(target, Phase::Idle);
        self.entries.remove(target)
    }

    fn schedule(&mut self, target: &Target, at: Instant) {
        self.unschedule(target);
        let key = (at, self.next);
        self.next += 1;
        let fixed = self.entries.get(target).is_some_and(|entry| entry.fixed);
        let schedule = match fixed {
            true => &mut self.fixed_schedule,
            false => &mut self.schedule,
        };
        schedule.insert(key, target.clone());
        self.set_phase(target, Phase::Due(key));
    }

    fn unschedule(&mut self, target: &Target) {
        if let Some(Entry {
            phase: Phase::Due(key),
            ..
        }) = self.entries.get(target)
        {
            self.schedule.remove(key);
            self.fixed_schedule.remove(key);
        }
    }

    fn set_phase(&mut self, target: &Target, phase: Phase) {
        let Some(entry) = self.entries.get_mut(target) else {
            return;
        };
        if entry.phase == (Phase::Dialling { counted: true }) {
            self.dialling -= 1;
        }
        entry.phase = phase;
    }
}

/// Takes the first whose time has come off a schedule.
fn first_by(schedule: &mut BTreeMap<(Instant, u64), Target>, now: Instant) -> Option<Target> {
    let first = schedule.first_entry()?;
    (first.key().0 <= now).then(|| first.remove())
}

/// Takes the peer off an address.
pub(crate) fn split(address: &Multiaddr) -> (Multiaddr, Option<PeerId>) {
    let mut bare = address.clone();
    match bare.pop() {
        Some(Protocol::P2p(peer)) => (bare, Some(peer)),
        _ => (address.clone(), None),
    }
}

fn remember(entry: &mut Entry, address: Multiaddr) -> bool {
    let known = entry.addresses.iter().position(|have| *have == address);
    if let Some(at) = known {
        entry.addresses.remove(at);
    }
    entry.addresses.insert(0, address);
    entry.addresses.truncate(MAX_ADDRESSES);
    known.is_none()
}

#[cfg(test)]
mod tests;
