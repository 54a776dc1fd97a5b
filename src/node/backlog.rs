//! The outbox in the database, as the bridge's publisher reads it.

use crate::bridge::Backlog;
use crate::domain::{Done, Lane, Page, ParcelId};
use crate::store::{Batch, Store};

/// The store seen through the one keyhole the bridge knows.
#[derive(Clone)]
pub struct StoreBacklog(pub Store);

impl Backlog for StoreBacklog {
    async fn after(&self, lane: Lane, id: ParcelId, limit: usize) -> Result<Page, String> {
        self.0
            .outbox_after(lane, id, limit)
            .await
            .map_err(|e| e.to_string())
    }

    async fn delivered(&self, done: Done) -> Result<(), String> {
        let batch = Batch {
            delivered: Some(done),
            ..Batch::default()
        };
        let noted = async { self.0.begin_patiently(batch).await?.await };
        noted.await.map(drop).map_err(|e| e.to_string())
    }
}
