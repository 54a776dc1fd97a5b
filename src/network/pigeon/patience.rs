//! Limits on the time others take, fair to them when it was this process that stood still.

use std::{future::Future, pin::pin, time::Duration};

use tokio::time::timeout;

/// What is added to every limit. After a stop (SIGSTOP, a sleeping host) all clocks ring before
/// the first socket is read: what came in time is still in there, and needs a moment to be taken.
const MOMENT: Duration = Duration::from_millis(500);

/// What `work` came to, if it took no longer than the limit and a moment.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    match timeout(limit, &mut work).await {
        Ok(done) => Some(done),
        Err(_) => timeout(MOMENT, work).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn what_never_comes_is_given_up() {
        assert_eq!(within(LIMIT, std::future::pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn what_is_seen_late_because_everything_stood_still_is_taken() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let taken = tokio::spawn(within(LIMIT, told));
        tokio::task::yield_now().await;
        // The one thread there is stands still; then all clocks ring, and only then it is told.
        std::thread::sleep(LIMIT * 2);
        tokio::time::sleep(LIMIT).await;
        tell.send(()).expect("it is still waited for");
        assert_eq!(taken.await.expect("ends"), Some(Ok(())));
    }
}
