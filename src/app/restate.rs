//! What Slips is told again at a start: opinions it may lack, and those it must not have.

use std::time::Duration;

use tracing::info;

use crate::bridge::Bridge;
use crate::domain::{Content, Subject, Timestamp};
use crate::node::{self, Peers};
use crate::store::{Batch, Store, StoreError};
use crate::wire::slips;

/// Opinions told again at the most, the newest; as many as wait for an absent cache database.
const MOST: usize = 65_536;
/// Takes back what earlier runs told Slips of addresses that are guarded now, and tells it again
/// what it would still hold had it heard of it: while the cache database is away an opinion waits
/// in memory, where the end of the program loses it. Slips drops what is older than `kept_for`
/// (zero: nothing), so that older ones are not told.
pub(super) async fn restate(
    store: &Store,
    bridge: &Bridge,
    settings: &node::Settings,
    kept_for: Duration,
    peers: &Peers,
) -> Result<(), StoreError> {
    if !settings.write_back {
        return Ok(());
    }
    let now = Timestamp::now();
    let is_guarded = |subject: &Subject| {
        let peer = peers.at(subject.ip(), now);
        settings.guards.of(*subject, peer, now).is_some()
    };
    let mut guarded = store.judged().await?;
    guarded.retain(is_guarded);
    let oldest = if kept_for.is_zero() {
        Timestamp::from_micros(i64::MIN)
    } else {
        now.minus(kept_for)
    };
    let mut opinions = store.opinions(oldest, MOST).await?;
    opinions.retain(|opinion| !is_guarded(&opinion.subject));
    if guarded.is_empty() && opinions.is_empty() {
        return Ok(());
    }
    info!(
        told = opinions.len(),
        guarded = guarded.len(),
        "opinions told to Slips again, and withheld from it"
    );
    let told = opinions.iter().rev();
    bridge.tell_again(told.map(|it| (it.subject, slips::p2p4slips(it))));
    let withdrawn = guarded.into_iter();
    let batch = Batch {
        outbox: withdrawn.map(|it| (now, Content::Withdraw(it))).collect(),
        ..Batch::default()
    };
    bridge.outbox.offer(store.commit(batch).await?.parcels);
    Ok(())
}
