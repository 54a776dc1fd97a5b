//! The user's end of the network.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    SyncRefused,
    pigeon::{PeerQueue, Refused},
    sync::Sessions,
};
use crate::domain::{Presence, Timestamp};

/// The queues of the peers lines can be sent to.
pub(super) type Queues = Arc<HashMap<PeerId, Arc<PeerQueue>>>;

/// What the loop is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Ban(PeerId, Timestamp),
    Unban(PeerId),
    Pin(PeerId, Vec<Multiaddr>),
    Unpin(PeerId),
    Know(PeerId, Vec<Multiaddr>),
    Admit(PeerId),
    Refuse(PeerId),
    Forget(PeerId),
    Misbehaved(PeerId),
    Announce(Presence),
    Goodbye(Duration, oneshot::Sender<()>),
}

/// Why a line was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection to that peer: it may come back, or never have been there.
    #[error("not connected to {0}")]
    NotConnected(PeerId),
    /// The peer takes nothing: its queue is full and stayed so.
    #[error("{0} takes no more lines: its queue stayed full")]
    Stalled(PeerId),
    /// The network has ended.
    #[error("the network has ended")]
    Closed,
    /// Longer than a line may be.
    #[error("a line of {bytes} bytes is longer than the limit of {limit} (raise max_line_bytes)")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It holds a newline, or nothing but blanks.
    #[error("the text is not one line")]
    NotALine,
}

/// Sends lines and gives orders. Cloneable; when the last one is dropped the network says goodbye
/// and ends.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) local: PeerId,
    pub(super) queues: watch::Receiver<Queues>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) deaf: CancellationToken,
    pub(super) max_line_bytes: usize,
    pub(super) write_timeout: Duration,
    pub(super) quic: bool,
}

impl Handle {
    /// Queues a line (without its newline) for one peer and returns; waits for room, at most the
    /// settings' `write_timeout`. Lines of one `lane` arrive in order, each after the one before was
    /// acknowledged; different lanes go side by side.
    ///
    /// # Errors
    /// [`SendError`]: the line was not queued.
    pub async fn send(&self, to: PeerId, line: String, lane: u64) -> Result<(), SendError> {
        let line = self.check(line)?;
        let queue = self.queues.borrow().get(&to).map(Arc::clone);
        let Some(queue) = queue else {
            return Err(if self.commands.is_closed() {
                SendError::Closed
            } else {
                SendError::NotConnected(to)
            });
        };
        queue
            .push(lane, line, self.write_timeout)
            .await
            .map_err(|refused| match refused {
                Refused::Stalled => SendError::Stalled(to),
                Refused::Closed => SendError::NotConnected(to),
            })
    }

    /// Queues a line for every connected peer, like [`Self::send`] for each of them at once. Says
    /// for how many it was queued: 0 for what is no line or too long.
    pub async fn send_to_all(&self, line: String, lane: u64) -> usize {
        self.send_to_those(line, lane, |_| true).await
    }

    /// Like [`Self::send_to_all`], leaving out the peers that speak `/slips/sync/1`.
    pub async fn send_to_pigeons(&self, line: String, lane: u64) -> usize {
        self.send_to_those(line, lane, |peer| !self.sessions.speaks(peer))
            .await
    }

    /// Like [`Self::send_to_all`], leaving out these peers.
    pub async fn send_to_all_but(&self, line: String, lane: u64, out: &HashSet<PeerId>) -> usize {
        self.send_to_those(line, lane, |peer| !out.contains(peer))
            .await
    }

    async fn send_to_those(&self, line: String, lane: u64, to: impl Fn(&PeerId) -> bool) -> usize {
        let Ok(line) = self.check(line) else { return 0 };
        let all = Arc::clone(&self.queues.borrow());
        let wanted = all.iter().filter(|(peer, _)| to(peer));
        let queues: Vec<_> = wanted.map(|(_, queue)| Arc::clone(queue)).collect();
        let pushed = queues
            .iter()
            .map(|queue| queue.push_for_all(lane, Arc::clone(&line), self.write_timeout));
        join_all(pushed)
            .await
            .into_iter()
            .filter(Result::is_ok)
            .count()
    }

    /// Queues a frame of `/slips/sync/1` for a peer with a session; never waits.
    ///
    /// # Errors
    /// [`SyncRefused`]: the frame was not queued.
    pub fn send_sync(&self, to: PeerId, frame: Vec<u8>) -> Result<(), SyncRefused> {
        self.sessions.send(to, frame)
    }

    /// How many peers have a sync session now.
    #[must_use]
    pub fn sync_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The peers that have one.
    #[must_use]
    pub fn synced_peers(&self) -> HashSet<PeerId> {
        self.sessions.peers()
    }

    /// The peers lines can be sent to now.
    #[must_use]
    pub fn connected(&self) -> Vec<PeerId> {
        self.queues.borrow().keys().copied().collect()
    }

    /// Waits until everything queued is acknowledged or given up, and every sync frame written, at
    /// most `limit`.
    pub async fn flush(&self, limit: Duration) {
        let queues: Vec<_> = self.queues.borrow().values().map(Arc::clone).collect();
        let lines = join_all(queues.iter().map(|queue| queue.until_empty()));
        let all = async { tokio::join!(lines, self.sessions.until_empty()) };
        let _ = tokio::time::timeout(limit, all).await;
    }

    /// Cuts a peer off until then; returns when that is under way.
    pub async fn ban(&self, peer: PeerId, until: Timestamp) {
        let _ = self.commands.send(Command::Ban(peer, until)).await;
    }

    /// Lets a banned peer connect again, and dials it if its address is known.
    pub async fn unban(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Unban(peer)).await;
    }

    /// Dials a peer at once, keeps it, dials it again with back-off whenever it is lost, and never
    /// counts it against limits. A ban stands above that.
    pub async fn pin(&self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let _ = self.commands.send(Command::Pin(peer, addresses)).await;
    }

    /// Treats a peer like every other again; a connection that stands stays. One of the settings'
    /// `static_peers` stays pinned.
    pub async fn unpin(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Unpin(peer)).await;
    }

    /// A peer can be dialled at these addresses, and is, unless it is connected.
    pub async fn know(&self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let _ = self.commands.send(Command::Know(peer, addresses)).await;
    }

    /// Remembers that this peer is welcome.
    pub async fn admit(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Admit(peer)).await;
    }

    /// Remembers that this peer is rejected: it is disconnected, and not accepted again until
    /// [`Self::admit`] or [`Self::forget`].
    pub async fn refuse(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Refuse(peer)).await;
    }

    /// The operator no longer says anything of this peer: neither pinned, nor welcome, nor rejected.
    pub async fn forget(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Forget(peer)).await;
    }

    /// A peer did something amiss that the network cannot see: if it is on probation, the time in
    /// which it has to behave begins anew.
    pub async fn misbehaved(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Misbehaved(peer)).await;
    }

    /// How this node is from now on: said to every connected peer of our kind, and to those to come.
    pub async fn announce(&self, presence: Presence) {
        let _ = self.commands.send(Command::Announce(presence)).await;
    }

    /// Whether it dials over QUIC.
    #[must_use]
    pub fn dials_quic(&self) -> bool {
        self.quic
    }

    /// Our own peer id.
    #[must_use]
    pub fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// Returns when the network has ended, for whatever reason.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Says goodbye to all peers at once, closes and ends; returns when that is done, at most
    /// `limit` and a moment later.
    pub async fn goodbye(self, limit: Duration) {
        let (done, ended) = oneshot::channel();
        if self
            .commands
            .send(Command::Goodbye(limit, done))
            .await
            .is_ok()
        {
            let _ = ended.await;
        }
    }

    /// Takes no new connections and is found by nobody any more; those that stand stay.
    pub fn stop_listening(&self) {
        self.deaf.cancel();
    }

    fn check(&self, mut line: String) -> Result<Arc<str>, SendError> {
        if line.len() > self.max_line_bytes {
            return Err(SendError::TooLong {
                bytes: line.len(),
                limit: self.max_line_bytes,
            });
        }
        if line.contains('\n') || line.trim().is_empty() {
            return Err(SendError::NotALine);
        }
        line.push('\n');
        Ok(line.into())
    }
}
