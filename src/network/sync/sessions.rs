//! Which peers have a session, shared by the connections and the handle.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::join_all;
use libp2p::PeerId;

use super::{MAX_SYNC_FRAME_BYTES, SessionId, SyncEvent, SyncRefused, gate::Gate, queue::Queue};

/// The sessions of all peers; a peer has two only while one of two connections goes.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// The last of a peer is the one in use.
    open: Mutex<HashMap<PeerId, Vec<Arc<Queue>>>>,
    /// Connected peers that speak the protocol, with or without a session, and on how many
    /// connections.
    speakers: Mutex<HashMap<PeerId, usize>>,
    last: AtomicU64,
}

impl Sessions {
    /// Begins a session and tells the node; `None` when the node has ended.
    pub(super) async fn begin(&self, gate: &Gate, capacity: usize) -> Option<Arc<Queue>> {
        let _turn = gate.way.telling.lock().await;
        let (peer, network) = (gate.peer, gate.network());
        let session = SessionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let ready = SyncEvent::Ready {
            peer,
            session,
            network,
        };
        let queue = Arc::new(Queue::new(session, capacity));
        let open = || {
            let queue = Arc::clone(&queue);
            self.lock().entry(peer).or_default().push(queue);
        };
        gate.tell(ready, open).await.ok()?;
        Some(queue)
    }

    /// Ends a session and tells the node.
    pub(super) async fn end(&self, gate: &Gate, session: SessionId) {
        let _turn = gate.way.telling.lock().await;
        let (peer, network) = (gate.peer, gate.network());
        let Some(now) = self.remove(peer, session) else {
            return;
        };
        let _ = gate.tell(SyncEvent::Gone { peer, session }, || {}).await;
        if let Some(session) = now {
            let ready = SyncEvent::Ready {
                peer,
                session,
                network,
            };
            let _ = gate.tell(ready, || {}).await;
        }
    }

    /// `None` when another session was in use; else the one that is from now on, if there is one.
    fn remove(&self, peer: PeerId, session: SessionId) -> Option<Option<SessionId>> {
        let mut open = self.lock();
        let all = open.get_mut(&peer)?;
        let in_use = all.last().is_some_and(|queue| queue.session == session);
        all.retain(|queue| queue.session != session);
        let now = all.last().map(|queue| queue.session);
        if all.is_empty() {
            open.remove(&peer);
        }
        in_use.then_some(now)
    }

    pub(crate) fn send(&self, peer: PeerId, frame: Vec<u8>) -> Result<(), SyncRefused> {
        if frame.len() > MAX_SYNC_FRAME_BYTES {
            return Err(SyncRefused::TooLong(frame.len()));
        }
        let open = self.lock();
        let queue = open.get(&peer).and_then(|all| all.last());
        let queue = queue.ok_or(SyncRefused::NotReady(peer))?;
        if queue.push(frame) {
            Ok(())
        } else {
            Err(SyncRefused::Full(peer))
        }
    }

    /// Returns when everything queued now is written; never for a session that ends meanwhile.
    pub(crate) async fn until_empty(&self) {
        let all: Vec<_> = self.lock().values().flatten().map(Arc::clone).collect();
        join_all(all.iter().map(|queue| queue.until_empty())).await;
    }

    /// A peer has shown on a connection that it speaks the protocol.
    pub(super) fn speaks_now(&self, peer: PeerId) {
        *self.speaking().entry(peer).or_default() += 1;
    }

    /// Such a connection is gone.
    pub(super) fn left(&self, peer: PeerId) {
        let mut speakers = self.speaking();
        if let Some(connections) = speakers.get_mut(&peer) {
            *connections -= 1;
            if *connections == 0 {
                speakers.remove(&peer);
            }
        }
    }

    /// Whether a connected peer speaks the protocol: it has a session, or will have one.
    pub(crate) fn speaks(&self, peer: &PeerId) -> bool {
        self.speaking().contains_key(peer)
    }

    /// The peers with a session.
    pub(crate) fn peers(&self) -> HashSet<PeerId> {
        self.lock().keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn speaking(&self) -> MutexGuard<'_, HashMap<PeerId, usize>> {
        self.speakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Vec<Arc<Queue>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::sync::Mutex;

    use super::{
        super::gate::{Way, allowance},
        *,
    };
    use crate::network::{
        Settings, SyncEvents,
        lines::sync_frames,
        pigeon::{Budget, Rate},
        standing::{Pass, Standing},
    };

    const SOMEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn gate() -> (Gate, SyncEvents) {
        let (into, told) = sync_frames(16);
        let pass = Arc::new(Pass::new(Standing::Admitted));
        let allowance = allowance(&Settings::default());
        let way = Way {
            source: into.source(),
            rate: Rate::new(Budget::new(allowance, 1), Arc::clone(&pass)),
            pass,
            telling: Mutex::default(),
        };
        let gate = Gate {
            peer: PeerId::random(),
            ip: SOMEWHERE,
            way: Arc::new(way),
            network: Arc::new(Budget::new(allowance, 4)),
        };
        (gate, told)
    }

    async fn all_told(gate: Gate, mut told: SyncEvents) -> Vec<SyncEvent> {
        drop(gate);
        let mut all = Vec::new();
        while let Some(event) = told.recv().await {
            all.push(event);
        }
        all
    }

    #[tokio::test]
    async fn of_two_sessions_the_newer_is_used_and_after_its_end_the_older_again() {
        let sessions = Sessions::default();
        let (gate, told) = gate();
        let peer = gate.peer;
        assert_eq!(
            sessions.send(peer, vec![]),
            Err(SyncRefused::NotReady(peer))
        );
        let begin = async || sessions.begin(&gate, 1 << 20).await.unwrap().session;
        let (one, two) = (begin().await, begin().await);
        assert!(sessions.peers().contains(&peer) && sessions.send(peer, vec![7]).is_ok());
        sessions.end(&gate, two).await;
        sessions.end(&gate, two).await;
        sessions.end(&gate, one).await;
        assert!(sessions.peers().is_empty());
        let network = Some(SOMEWHERE);
        let ready = |session| SyncEvent::Ready {
            peer,
            session,
            network,
        };
        let gone = |session| SyncEvent::Gone { peer, session };
        assert_eq!(
            all_told(gate, told).await,
            [ready(one), ready(two), gone(two), ready(one), gone(one)]
        );
    }

    #[tokio::test]
    async fn the_end_of_a_session_that_is_not_in_use_is_no_news() {
        let sessions = Sessions::default();
        let (gate, told) = gate();
        let one = sessions.begin(&gate, 1 << 20).await.unwrap().session;
        sessions.begin(&gate, 1 << 20).await.unwrap();
        sessions.end(&gate, one).await;
        assert_eq!(sessions.len(), 1);
        let all = all_told(gate, told).await;
        assert_eq!(all.len(), 2, "{all:?}");
    }
}
