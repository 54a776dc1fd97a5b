//! How far a peer is let in: by the policy for strangers, and by what the operator decided.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use libp2p::PeerId;
use tokio::sync::Notify;

/// What is done with a peer nobody has decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownPeers {
    /// It is a peer like any other.
    #[default]
    Accept,
    /// It may speak, within small budgets, until it has behaved for a while.
    Probation,
    /// It may say hello and waits for the operator.
    Ask,
    /// Its connections are closed at once.
    Deny,
}

/// How far a peer is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Standing {
    /// Not at all.
    Refused,
    /// It may say hello.
    Parked,
    /// It may speak, a little.
    Probation,
    /// As far as any peer.
    Admitted,
}

/// The standing of one peer, shared by whatever serves its connections.
#[derive(Debug)]
pub(crate) struct Pass {
    standing: AtomicU8,
    /// The operator knows the peer: it shares no budget with its network.
    chosen: AtomicBool,
    changed: Notify,
}

impl Pass {
    pub(crate) fn new(standing: Standing) -> Self {
        Self {
            standing: AtomicU8::new(standing as u8),
            chosen: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Acquire) {
            0 => Standing::Refused,
            1 => Standing::Parked,
            2 => Standing::Probation,
            _ => Standing::Admitted,
        }
    }

    /// Whether its messages are taken.
    pub(crate) fn may_speak(&self) -> bool {
        self.standing() >= Standing::Probation
    }

    /// Returns when its messages are taken.
    pub(crate) async fn until_it_may_speak(&self) {
        loop {
            let changed = self.changed.notified();
            if self.may_speak() {
                return;
            }
            changed.await;
        }
    }

    /// Whether its budget is its own.
    pub(crate) fn is_chosen(&self) -> bool {
        self.chosen.load(Ordering::Acquire)
    }

    fn set(&self, standing: Standing, chosen: bool) {
        self.chosen.store(chosen, Ordering::Release);
        self.standing.store(standing as u8, Ordering::Release);
        self.changed.notify_waiters();
    }
}

#[derive(Debug, Default)]
struct Table {
    /// Decided by the operator, by name or by configuration.
    admitted: HashSet<PeerId>,
    refused: HashSet<PeerId>,
    /// They have behaved for a while.
    proven: HashSet<PeerId>,
    /// Of peers something is held for.
    passes: HashMap<PeerId, Arc<Pass>>,
}

impl Table {
    fn has_chosen(&self, peer: &PeerId) -> bool {
        self.admitted.contains(peer) && !self.refused.contains(peer)
    }
}

/// The standings of all peers.
#[derive(Debug)]
pub(crate) struct Standings {
    policy: UnknownPeers,
    /// How many proven peers are remembered; past that any one is on probation again.
    max_proven: usize,
    table: Mutex<Table>,
}

impl Standings {
    pub(crate) fn new(
        policy: UnknownPeers,
        admitted: impl IntoIterator<Item = PeerId>,
        max_proven: usize,
    ) -> Self {
        let table = Table {
            admitted: admitted.into_iter().collect(),
            ..Table::default()
        };
        Self {
            policy,
            max_proven: max_proven.max(1),
            table: Mutex::new(table),
        }
    }

    /// How far a peer is let in now.
    pub(crate) fn of(&self, peer: &PeerId) -> Standing {
        self.judge(&self.lock(), peer)
    }

    /// Whether the operator knows a peer, by name or by configuration.
    pub(crate) fn is_chosen(&self, peer: &PeerId) -> bool {
        self.lock().has_chosen(peer)
    }

    /// The pass of a peer; as long as somebody holds it, it follows what is decided.
    pub(crate) fn pass(&self, peer: PeerId) -> Arc<Pass> {
        let mut table = self.lock();
        let (standing, chosen) = (self.judge(&table, &peer), table.has_chosen(&peer));
        // Passes nobody holds any more; held are those of connections, and of the last sync peers.
        if table.passes.len() >= table.passes.capacity() {
            table.passes.retain(|_, pass| Arc::strong_count(pass) > 1);
        }
        let pass = table
            .passes
            .entry(peer)
            .or_insert_with(|| Arc::new(Pass::new(standing)));
        pass.set(standing, chosen);
        Arc::clone(pass)
    }

    /// The operator, or the configuration, knows this peer.
    pub(crate) fn admit(&self, peer: PeerId) {
        self.change(peer, |table| {
            table.refused.remove(&peer);
            table.admitted.insert(peer);
        });
    }

    /// The same, but where it was refused that stands.
    pub(crate) fn acquaint(&self, peer: PeerId) {
        self.change(peer, |table| _ = table.admitted.insert(peer));
    }

    /// The operator does not want this peer.
    pub(crate) fn refuse(&self, peer: PeerId) {
        self.change(peer, |table| {
            table.admitted.remove(&peer);
            table.proven.remove(&peer);
            table.refused.insert(peer);
        });
    }

    /// Nothing is decided about this peer any more.
    pub(crate) fn forget(&self, peer: PeerId) {
        self.change(peer, |table| {
            table.admitted.remove(&peer);
            table.refused.remove(&peer);
        });
    }

    /// A peer has behaved for a while.
    pub(crate) fn prove(&self, peer: PeerId) {
        let most = self.max_proven;
        self.change(peer, |table| {
            if table.proven.len() >= most
                && let Some(&any) = table.proven.iter().next()
            {
                table.proven.remove(&any);
            }
            table.proven.insert(peer);
        });
    }

    fn change(&self, peer: PeerId, change: impl FnOnce(&mut Table)) {
        let mut table = self.lock();
        change(&mut table);
        let standing = self.judge(&table, &peer);
        if let Some(pass) = table.passes.get(&peer) {
            pass.set(standing, table.has_chosen(&peer));
        }
    }

    fn judge(&self, table: &Table, peer: &PeerId) -> Standing {
        if table.refused.contains(peer) {
            return Standing::Refused;
        }
        if table.admitted.contains(peer) {
            return Standing::Admitted;
        }
        match self.policy {
            UnknownPeers::Accept => Standing::Admitted,
            UnknownPeers::Probation if table.proven.contains(peer) => Standing::Admitted,
            UnknownPeers::Probation => Standing::Probation,
            UnknownPeers::Ask => Standing::Parked,
            UnknownPeers::Deny => Standing::Refused,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_follows_what_is_decided() {
        let (friend, stranger) = (PeerId::random(), PeerId::random());
        for (policy, first) in [
            (UnknownPeers::Accept, Standing::Admitted),
            (UnknownPeers::Probation, Standing::Probation),
            (UnknownPeers::Ask, Standing::Parked),
            (UnknownPeers::Deny, Standing::Refused),
        ] {
            let standings = Standings::new(policy, [friend], 2);
            assert_eq!(standings.of(&friend), Standing::Admitted);
            let pass = standings.pass(stranger);
            assert_eq!(pass.standing(), first, "{policy:?}");
            standings.admit(stranger);
            assert_eq!(pass.standing(), Standing::Admitted);
            standings.refuse(stranger);
            assert_eq!(pass.standing(), Standing::Refused);
        }
    }

    #[test]
    fn to_have_behaved_ends_probation_and_nothing_else() {
        let peers: Vec<PeerId> = (0..5).map(|_| PeerId::random()).collect();
        let probation = Standings::new(UnknownPeers::Probation, [], 3);
        peers.iter().for_each(|peer| probation.prove(*peer));
        let proven = |peer: &&PeerId| probation.of(peer) == Standing::Admitted;
        assert_eq!(peers.iter().filter(proven).count(), 3, "bounded");
        let ask = Standings::new(UnknownPeers::Ask, [], 3);
        ask.prove(peers[0]);
        assert_eq!(ask.of(&peers[0]), Standing::Parked);
    }

    #[test]
    fn passes_nobody_holds_do_not_pile_up() {
        let standings = Standings::new(UnknownPeers::Ask, [], 1);
        let held = standings.pass(PeerId::random());
        (0..10_000).for_each(|_| drop(standings.pass(PeerId::random())));
        assert!(standings.lock().passes.len() < 64);
        assert!(!held.may_speak());
    }
}
