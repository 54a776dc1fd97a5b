//! Tells the backlog how far everything is done, without the publisher waiting for the disk.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    outbox::Backlog,
    said::{Backoff, Said},
};
use crate::domain::ParcelId;

/// At most this often: each word is a transaction on disk.
const EVERY: Duration = Duration::from_millis(20);
/// The longest pause between attempts.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Runs until the publisher and the write-back have ended and all is told.
pub(super) async fn acknowledge(
    backlog: impl Backlog,
    mut told: ParcelId,
    mut published: watch::Receiver<ParcelId>,
    mut held: watch::Receiver<Option<ParcelId>>,
) {
    let mut said = Said::default();
    let mut backoff = Backoff::up_to(TRY_AGAIN);
    let (mut publishing, mut writing) = (true, true);
    loop {
        // The order matters: what is held is read after how far publishing is, because an opinion
        // is held before the messages behind it are published.
        let published_up_to = *published.borrow_and_update();
        let hold = *held.borrow_and_update();
        let done = hold.map_or(published_up_to, |id| {
            published_up_to.min(ParcelId(id.0 - 1))
        });
        if done > told {
            match backlog.delivered(done).await {
                Ok(()) => {
                    told = done;
                    backoff.reset();
                    said.over("the outbox can be written again");
                    tokio::time::sleep(EVERY).await;
                }
                Err(error) => {
                    said.trouble(&format!(
                        "cannot note what was delivered, trying again: {error}"
                    ));
                    backoff.pause().await;
                }
            }
            continue;
        }
        if !publishing && !writing {
            return;
        }
        tokio::select! {
            changed = published.changed(), if publishing => publishing = changed.is_ok(),
            changed = held.changed(), if writing => writing = changed.is_ok(),
        }
    }
}
