//! Tells the backlog how far everything is done, without the publisher waiting for the disk.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    outbox::Backlog,
    said::{Backoff, Said},
};
use crate::domain::{Done, ParcelId};

/// At most this often: each word is a transaction on disk.
const EVERY: Duration = Duration::from_millis(20);
/// The longest pause between attempts.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Runs until both lanes have ended and all is told; each says how far it is.
pub(super) async fn acknowledge(
    backlog: impl Backlog,
    mut told: Done,
    mut published: watch::Receiver<ParcelId>,
    mut written: watch::Receiver<ParcelId>,
) {
    let mut said = Said::default();
    let mut backoff = Backoff::up_to(TRY_AGAIN);
    let (mut publishing, mut writing) = (true, true);
    loop {
        let opinions = (*written.borrow_and_update()).max(told.opinions);
        let all = (*published.borrow_and_update()).min(opinions).max(told.all);
        let done = Done { all, opinions };
        if done != told {
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
            changed = written.changed(), if writing => writing = changed.is_ok(),
        }
    }
}
