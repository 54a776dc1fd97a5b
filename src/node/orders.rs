//! What the operator orders while the node runs: checked, on disk, and then done.
//!
//! The address book is read from the database for each order, which is a person's doing and rare; so
//! nothing here can differ from what a start would find.

use std::collections::VecDeque;

use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};
use tracing::{info, warn};

use super::NodeError;
use super::incoming;
use super::intake::Ordered;
use crate::domain::{Act, BookError, Change, Decision, Order, PeerId, Subject, Timestamp};
use crate::network::Handle;
use crate::store::{Store, StoreError};

/// An order, and where the answer goes: what went wrong, in words.
pub type Asked = (Order, oneshot::Sender<Result<(), String>>);

/// Addresses judged anew in one step: about as much work as a batch of lines.
const PAGE: usize = 512;

/// What this task works with.
pub(super) struct Obeying {
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) incoming: mpsc::Sender<incoming::Order>,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the node is stopping; do it again when it has stopped")]
    Stopping,
}

/// Runs until nobody can ask any more.
pub(super) async fn run(
    obeying: Obeying,
    mut asked: mpsc::Receiver<Asked>,
) -> Result<(), NodeError> {
    let changed = obeying.store.trust_unapplied().await?;
    let mut follows: VecDeque<Follow> = changed.into_iter().map(Follow::of).collect();
    loop {
        let next = match follows.pop_front() {
            // An order does not wait until all opinions follow the one before.
            Some(follow) => match asked.try_recv() {
                Ok(order) => {
                    follows.push_front(follow);
                    Some(order)
                }
                Err(TryRecvError::Empty) => {
                    follows.extend(obeying.follow(follow).await);
                    continue;
                }
                Err(TryRecvError::Disconnected) => None,
            },
            None => asked.recv().await,
        };
        let Some((order, answer)) = next else {
            return Ok(());
        };
        let done = obeying.carry_out(&order).await;
        let (peer, word) = (order.peer, order.act.word());
        match &done {
            Ok(_) => info!(%peer, order = word, "the operator's order is carried out"),
            Err(error) => info!(%peer, order = word, %error, "an order is refused"),
        }
        if done.as_ref().is_ok_and(|change| change.trust.is_some()) {
            follows.retain(|follow| follow.peer != peer);
            follows.push_back(Follow::of(peer));
        }
        // Whoever asked may have stopped waiting.
        let _ = answer.send(done.map(drop).map_err(|error| error.to_string()));
    }
}

/// A peer whose trust changed, and how far its opinions follow that.
struct Follow {
    peer: PeerId,
    /// The last address that was judged anew, in the order of their text.
    after: String,
}

impl Follow {
    fn of(peer: PeerId) -> Self {
        Self {
            peer,
            after: String::new(),
        }
    }
}

impl Obeying {
    async fn carry_out(&self, order: &Order) -> Result<Change, OrderError> {
        let book = self.store.address_book().await?;
        let book = book
            .owned_by(self.network.local_peer_id())
            .dialling_quic(self.network.dials_quic());
        let change = book.plan(order, Timestamp::now())?;
        self.hand_over(Ordered::Change(Box::new(change.clone())))
            .await?;
        self.tell_network(order, &change).await;
        Ok(change)
    }

    /// Waits until it is on disk.
    async fn hand_over(&self, ordered: Ordered) -> Result<(), OrderError> {
        let (done, on_disk) = oneshot::channel();
        let stopping = |_| OrderError::Stopping;
        self.incoming
            .send((ordered, done))
            .await
            .map_err(|_| OrderError::Stopping)?;
        on_disk.await.map_err(stopping)
    }

    async fn tell_network(&self, order: &Order, change: &Change) {
        let (peer, network) = (order.peer, &self.network);
        match &order.act {
            Act::Remove => network.forget(peer).await,
            Act::Unban => network.unban(peer).await,
            Act::Unpin => network.unpin(peer).await,
            Act::Accept => network.admit(peer).await,
            Act::Reject => network.refuse(peer).await,
            Act::Add { .. } | Act::Pin => {
                let Some(contact) = &change.contact else {
                    return;
                };
                let addresses = contact.addresses.clone();
                if contact.pinned {
                    network.pin(peer, addresses).await;
                } else if contact.decided() != Some(Decision::Rejected) {
                    network.know(peer, addresses).await;
                }
            }
            // `incoming` cuts a banned peer off, as it does one that misbehaves.
            Act::Ban { .. }
            | Act::Rename(_)
            | Act::Note(_)
            | Act::Tags(_)
            | Act::Trust(_)
            | Act::Untrust => {}
        }
    }

    /// Works out anew the opinions of a page of what a peer reported on; gives what is left. What a
    /// stop interrupts the next start does.
    async fn follow(&self, Follow { peer, after }: Follow) -> Option<Follow> {
        let page = match self.store.reported_by(peer, &after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                warn!(%peer, %error, "opinions do not follow the trust in a peer yet; the next start tries again");
                return None;
            }
        };
        let is_last = page.len() < PAGE;
        let after = page.last().map(Subject::to_string).unwrap_or_default();
        let ordered = Ordered::Recompute {
            subjects: page,
            applied: is_last.then_some(peer),
        };
        self.hand_over(ordered).await.ok()?;
        (!is_last).then_some(Follow { peer, after })
    }
}
