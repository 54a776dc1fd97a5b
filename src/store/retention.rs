//! Retention: what is too old, too many or too big goes, a few rows a transaction, so that commits
//! only ever wait for one small step.

use tokio::sync::oneshot;

use super::{
    Store, StoreError, log,
    prune::{STEP_ROWS, Step, StepDone},
    queue::Command,
    rows::count,
};
use crate::domain::Timestamp;

/// How many peers are kept that have no report and no ban; a churn of identities is not remembered.
const PEERS_KEPT: u64 = 65_536;
/// The share of logs in `max_bytes` is one part in so many: they hold what the reports hold, but with
/// the exact words.
const LOG_SHARE: u64 = 2;
/// How many logs are kept that are older than reports are: four times what the mesh holds in memory.
/// Each is a line and its last segment, some 700 bytes and 33 KiB at most.
const HEADS_KEPT: u64 = 16_384;
/// How many proofs of forks are kept that are older than reports are, some 1.5 KiB each and 66 KiB at
/// most. Of authors of whom anything else is kept they stay.
const FORKS_KEPT: u64 = 4_096;
/// What a retention run removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Reports too old, too many or taking too much room.
    pub reports: u64,
    /// Own statements, by the same rules of age and number.
    pub statements: u64,
    /// Opinions of addresses on which no report is left.
    pub opinions: u64,
    /// Segments of logs, by age and size.
    pub segments: u64,
    /// Logs that ended too long ago, beyond a number.
    pub logs: u64,
    /// Proofs of forks found too long ago, beyond a number.
    pub forks: u64,
    /// Messages for Slips dropped undelivered because they were too old.
    pub outbox: u64,
    /// Addresses peers had before the oldest report kept, or too many of one peer.
    pub addresses: u64,
    /// Bans that have run out.
    pub bans: u64,
    /// Peers not heard of for longer than reports are kept.
    pub peers: u64,
}

/// Removes everything that has to go, step by step; commits go on between the steps.
pub(super) async fn run(store: &Store, now: Timestamp) -> Result<Pruned, StoreError> {
    let kept = store.settings.retention;
    let before = now.minus(kept.max_age);
    let reports = |before, rows| Step::Reports { before, rows };
    let statements = |before, rows| Step::Statements { before, rows };
    let peers = |before, rows| Step::Peers { before, rows };

    let mut gone = aged(store, reports(before, STEP_ROWS)).await?;
    gone += surplus(
        store,
        "SELECT count(*) FROM report",
        kept.max_reports,
        reports,
    )
    .await?;
    gone += too_big(store, kept.max_bytes).await?;
    let mut own = aged(store, statements(before, STEP_ROWS)).await?;
    own += surplus(
        store,
        "SELECT count(*) FROM own_statement",
        kept.max_reports,
        statements,
    )
    .await?;
    let segments = logs(store, before).await?;
    let heads = match store.own.get() {
        Some(&own) => {
            let heads = |_, rows| Step::Heads { own, before, rows };
            surplus(store, "SELECT count(*) FROM log_author", HEADS_KEPT, heads).await?
        }
        None => StepDone::default(),
    };
    let forks = |_, rows| Step::Forks { before, rows };
    let forks = surplus(store, "SELECT count(*) FROM log_fork", FORKS_KEPT, forks).await?;
    let outbox = stale(store, now).await?;
    let mut addresses = aged(store, Step::OldAddresses { before }).await?;
    addresses += aged(store, Step::SurplusAddresses).await?;
    aged(store, Step::SurplusReliabilities).await?;
    aged(store, Step::SurplusTrust).await?;
    let bans = aged(store, Step::Bans { before: now }).await?;
    let mut silent = aged(store, peers(before, STEP_ROWS)).await?;
    silent += surplus(store, "SELECT count(*) FROM peer", PEERS_KEPT, peers).await?;

    Ok(Pruned {
        reports: gone.removed,
        statements: own.removed,
        opinions: gone.opinions,
        segments,
        logs: heads.removed,
        forks: forks.removed,
        outbox,
        addresses: addresses.removed,
        bans: bans.removed,
        peers: silent.removed,
    })
}

/// Drops the messages to Slips that grew too old undelivered; says how many.
pub(super) async fn stale(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let before = now.minus(store.settings.outbox_max_age);
    let dropped = aged(store, Step::Outbox { before }).await?.removed;
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "messages to Slips grew too old undelivered and were dropped"
        );
    }
    Ok(dropped)
}

/// One step, in the writer's queue like any commit.
async fn ask(store: &Store, step: Step) -> Result<StepDone, StoreError> {
    let (reply, answer) = oneshot::channel();
    store
        .commands
        .send(Command::Prune(step, reply))
        .await
        .map_err(|_| StoreError::Closed)?;
    answer.await.map_err(|_| StoreError::Closed)?
}

/// The same step until nothing of the kind is left.
async fn aged(store: &Store, step: Step) -> Result<StepDone, StoreError> {
    let mut all = StepDone::default();
    loop {
        let done = ask(store, step).await?;
        all += done;
        if !done.is_full() {
            return Ok(all);
        }
    }
}

/// The oldest rows beyond a number. Counted by a reader, so that the writer need not.
async fn surplus(
    store: &Store,
    count: &'static str,
    keep: u64,
    step: impl Fn(Timestamp, i64) -> Step,
) -> Result<StepDone, StoreError> {
    let there: i64 = sqlx::query_scalar(count).fetch_one(&store.readers).await?;
    let mut left = there.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
    let mut all = StepDone::default();
    while left > 0 {
        let done = ask(store, step(Timestamp::from_micros(i64::MAX), left)).await?;
        if done.removed == 0 {
            break;
        }
        left = left.saturating_sub_unsigned(done.removed);
        all += done;
    }
    Ok(all)
}

/// The oldest reports until what is in use fits. Freed pages are used again before the file grows.
async fn too_big(store: &Store, max_bytes: u64) -> Result<StepDone, StoreError> {
    let mut all = StepDone::default();
    while used_bytes(store).await? > max_bytes {
        let done = ask(
            store,
            Step::Reports {
                before: Timestamp::from_micros(i64::MAX),
                rows: STEP_ROWS,
            },
        )
        .await?;
        if done.removed == 0 {
            break;
        }
        all += done;
    }
    Ok(all)
}

/// The oldest segments of logs: those that are too old, then those that are too much for their share
/// of the file. Says how many went.
async fn logs(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let mut gone = 0;
    loop {
        let removed = ask(store, Step::Segments { before }).await?.removed;
        gone += removed;
        if removed < log::STEP_SEGMENTS.unsigned_abs() {
            break;
        }
    }
    let most = store.settings.retention.max_bytes / LOG_SHARE;
    let bytes: i64 = sqlx::query_scalar("SELECT coalesce(sum(length(body)), 0) FROM log_segment")
        .fetch_one(&store.readers)
        .await?;
    let segments: i64 = sqlx::query_scalar("SELECT count(*) FROM log_segment")
        .fetch_one(&store.readers)
        .await?;
    let surplus = count(bytes).saturating_sub(most);
    // In whole steps, of segments of the mean size: the next run corrects what that misses.
    let mean = count(bytes) / count(segments).max(1);
    let mut left = surplus.div_ceil(mean.max(1));
    while left > 0 {
        let before = Timestamp::from_micros(i64::MAX);
        let removed = ask(store, Step::Segments { before }).await?.removed;
        if removed == 0 {
            break;
        }
        gone += removed;
        left = left.saturating_sub(removed);
    }
    Ok(gone)
}

async fn used_bytes(store: &Store) -> Result<u64, StoreError> {
    let used: i64 = sqlx::query_scalar(
        "SELECT (p.page_count - f.freelist_count) * s.page_size
         FROM pragma_page_count() AS p, pragma_freelist_count() AS f, pragma_page_size() AS s",
    )
    .fetch_one(&store.readers)
    .await?;
    Ok(count(used))
}
