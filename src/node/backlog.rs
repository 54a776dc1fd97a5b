//! The outbox in the database, as the bridge's publisher reads it.

use crate::bridge::Backlog;
use crate::domain::{Parcel, ParcelId};
use crate::store::{Batch, Store};

/// The store seen through the one keyhole the bridge knows.
#[derive(Clone)]
pub struct StoreBacklog(pub Store);

impl Backlog for StoreBacklog {
    async fn after(&self, id: ParcelId, limit: usize) -> Result<Vec<Parcel>, String> {
        self.0
            .outbox_after(id, limit)
            .await
            .map_err(|e| e.to_string())
    }

    async fn delivered(&self, up_to: ParcelId) -> Result<(), String> {
        let batch = Batch {
            delivered: Some(up_to),
            ..Batch::default()
        };
        self.0
            .commit(batch)
            .await
            .map(|_| ())
            .map_err(|e| e.to_string())
    }
}
