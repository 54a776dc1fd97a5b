//! How the node says that it has a line on disk, so that its sender may forget it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// How far one inbound stream has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    handed: AtomicU64,
    kept: AtomicU64,
    news: Notify,
}

impl Progress {
    /// The receipt of the next message.
    pub(super) fn hand(self: &Arc<Self>) -> Receipt {
        let number = self.handed.fetch_add(1, Ordering::Relaxed) + 1;
        Receipt(Some((Arc::clone(self), number)))
    }

    /// Messages given to the node so far.
    pub(super) fn handed(&self) -> u64 {
        self.handed.load(Ordering::Relaxed)
    }

    /// Messages the node has made safe.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Returns when [`Self::kept`] may have grown.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

/// What the sender of a line waits for. Whoever takes lines calls [`Receipt::acknowledge`] when a
/// line and all before it from the same peer are safe; a receipt that is dropped says nothing, and
/// its line is sent again one day.
///
/// A line of `/slips/1.0` has an empty one: the end of its stream has acknowledged it already.
#[derive(Clone, Default)]
pub struct Receipt(Option<(Arc<Progress>, u64)>);

impl Receipt {
    /// The line is safe, and with it those before it.
    pub fn acknowledge(self) {
        Self::acknowledge_all([self]);
    }

    /// All these lines are safe; for each stream that is said once.
    pub fn acknowledge_all(receipts: impl IntoIterator<Item = Self>) {
        let mut last: Option<Arc<Progress>> = None;
        for (progress, number) in receipts.into_iter().filter_map(|receipt| receipt.0) {
            progress.kept.fetch_max(number, Ordering::Release);
            if let Some(other) = last
                .replace(Arc::clone(&progress))
                .filter(|other| !Arc::ptr_eq(other, &progress))
            {
                other.news.notify_one();
            }
        }
        if let Some(progress) = last {
            progress.news.notify_one();
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.as_ref().map(|(_, number)| number);
        f.debug_tuple("Receipt").field(&number).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_the_highest_number_and_is_told_to_each_stream() {
        let (one, other) = (Arc::new(Progress::default()), Arc::new(Progress::default()));
        let receipts = [one.hand(), one.hand(), other.hand(), one.hand()];
        assert_eq!((one.handed(), one.kept()), (3, 0));
        Receipt::acknowledge_all(receipts);
        one.news().await;
        other.news().await;
        assert_eq!((one.kept(), other.kept()), (3, 1));
        Receipt::default().acknowledge();
    }
}
