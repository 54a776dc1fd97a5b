//! The bridge's tasks: who ended, and waiting for all of them.

use std::{collections::HashMap, future::Future, time::Duration};

use tokio::task::{Id, JoinSet};

/// The running tasks. Dropping it ends them all.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

/// How the end went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// Everything handed over is delivered.
    Clean,
    /// The time was over; these were still busy. What they had left stays in the outbox.
    Cut(Vec<&'static str>),
}

impl Tasks {
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for a task to fail and says which and how; for ever while none does. A task that
    /// ends because its handles were dropped has not failed.
    pub async fn failed(&mut self) -> String {
        loop {
            match self.running.join_next_with_id().await {
                Some(Ok((id, ()))) => {
                    self.names.remove(&id);
                }
                Some(Err(error)) => {
                    let name = self.names.remove(&error.id()).unwrap_or("unknown");
                    return format!("task `{name}` of the bridge failed: {error}");
                }
                None => return std::future::pending().await,
            }
        }
    }

    /// Waits until all have ended, at most for `limit`; then ends them. The handles
    /// ([`super::Outbox`], [`super::SlipsDb`]) must be dropped before, or the limit is reached.
    pub async fn finish(mut self, limit: Duration) -> Finished {
        let all = async {
            while let Some(end) = self.running.join_next_with_id().await {
                let id = match &end {
                    Ok((id, ())) => *id,
                    Err(error) => error.id(),
                };
                self.names.remove(&id);
            }
        };
        if tokio::time::timeout(limit, all).await.is_ok() {
            return Finished::Clean;
        }
        self.running.shutdown().await;
        let mut busy: Vec<_> = self.names.into_values().collect();
        busy.sort_unstable();
        Finished::Cut(busy)
    }
}
