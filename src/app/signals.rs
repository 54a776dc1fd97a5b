//! What tells the program to stop: SIGINT, SIGTERM, or the death of the process that started it.

use std::io;
use std::os::unix::process::parent_id;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often a child looks whether its parent still lives. Slips gives no other sign when its
/// module dies (contract 1.3), and half a second is soon enough to free the port for the next.
const PARENT_LOOK: Duration = Duration::from_millis(500);

/// Why the program is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// SIGINT or SIGTERM.
    Signal(&'static str),
    /// The process that started this one has ended.
    ParentDied,
}

/// SIGINT and SIGTERM from now on. Further ones while stopping are swallowed.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    parent: Option<u32>,
}

impl Signals {
    /// Listens from now on; `watch_parent` also for the death of the parent.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen(watch_parent: bool) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            parent: watch_parent.then(parent_id),
        })
    }

    /// Waits for the first reason to stop.
    pub async fn next(&mut self) -> Reason {
        let parent = self.parent;
        tokio::select! {
            _ = self.interrupt.recv() => Reason::Signal("SIGINT"),
            _ = self.terminate.recv() => Reason::Signal("SIGTERM"),
            () = orphaned(parent) => Reason::ParentDied,
        }
    }
}

/// Ends when the parent is another process than `first`; never when there is none to watch.
async fn orphaned(first: Option<u32>) {
    let Some(first) = first else {
        return std::future::pending().await;
    };
    while parent_id() == first {
        tokio::time::sleep(PARENT_LOOK).await;
    }
}
