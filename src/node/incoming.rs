//! What the network hands over: judged, committed, and only then passed on and acknowledged.
//!
//! While one batch is on its way to the disk the next is judged. It is committed when the first is
//! on disk, so the order stays, and nothing is done about a batch before its own commit.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info};

use super::intake::{FromLog, Intake, Ordered, Outcome};
use super::requests::Question;
use super::{Counters, MAX_LINES_A_BATCH, NodeError};
use crate::bridge::Outbox;
use crate::domain::{Ban, Judgement, OwnStatement, PeerId, Subject, Timestamp, Tip};
use crate::network::{Event, Handle, Line, Lines, Receipt};
use crate::store::{Committed, Pending, Store};

/// Entries a segment holds at the most; wire::segment has it so.
const MOST_IN_A_SEGMENT: usize = 64;

/// What this task works with.
pub(super) struct Listening {
    pub(super) intake: Intake,
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) outbox: Outbox,
    pub(super) ask: mpsc::Sender<Question>,
    /// To whom the logs are, who hears what of them is on disk.
    pub(super) kept: mpsc::Sender<Kept>,
    pub(super) counters: Arc<Counters>,
    /// Batches that wait for the company of others, in their order.
    pub(super) patient: VecDeque<Pending>,
}

/// The heads of segments of others that are on disk, in their order.
pub(super) type Kept = Vec<Tip>;
/// Something ordered, and who waits until it is on disk.
pub(super) type Order = (Ordered, oneshot::Sender<()>);
/// A question what is thought of an address, and where the answer goes.
pub type Asked = (Subject, oneshot::Sender<Judgement>);
/// A batch judged, and who waits for its being on disk: for lines, for logs, for orders.
type Judged = (Outcome, Vec<Receipt>, Kept, Vec<oneshot::Sender<()>>);

/// What this task reads.
pub(super) struct Inputs {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) lines: Lines,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) own_statements: mpsc::Receiver<OwnStatement>,
    pub(super) logs: mpsc::Receiver<FromLog>,
    ended: Ended,
}

/// Which queues have ended.
#[derive(Default)]
struct Ended {
    orders: bool,
    asked: bool,
    lines: bool,
    events: bool,
    statements: bool,
    logs: bool,
}

/// What was waiting.
#[derive(Default)]
struct Arrived {
    orders: Vec<Order>,
    asked: Vec<Asked>,
    lines: Vec<Line>,
    events: Vec<Event>,
    statements: Vec<OwnStatement>,
    logs: Vec<FromLog>,
}

/// A batch on its way to the disk, and what is to be done when it is there.
struct Committing {
    commit: Pending,
    then: Then,
}

/// What a batch's being on disk allows.
struct Then {
    questions: Vec<Question>,
    bans: Vec<Ban>,
    offenders: BTreeSet<PeerId>,
    receipts: Vec<Receipt>,
    kept: Kept,
    ordered: Vec<oneshot::Sender<()>>,
}

/// Runs until the network and `outgoing` have ended and everything they handed over is on disk.
pub(super) async fn run(mut listening: Listening, mut inputs: Inputs) -> Result<(), NodeError> {
    let mut under_way: Option<Committing> = None;
    loop {
        let Some(arrived) = listening.gather(&mut inputs, &mut under_way).await? else {
            break;
        };
        let is_patient = arrived.is_of_ourselves();
        let judged = listening.judge(arrived);
        if is_patient {
            listening.begin_patiently(judged).await?;
            continue;
        }
        if let Some(before) = under_way.take() {
            listening.finish(before).await?;
        }
        under_way = Some(listening.begin(judged).await?);
    }
    if let Some(last) = under_way {
        listening.finish(last).await?;
    }
    for last in listening.patient {
        last.await?;
    }
    Ok(())
}

impl Inputs {
    /// The queues, none ended yet.
    pub(super) fn new(
        (orders, asked): (mpsc::Receiver<Order>, mpsc::Receiver<Asked>),
        lines: Lines,
        events: mpsc::Receiver<Event>,
        own_statements: mpsc::Receiver<OwnStatement>,
        logs: mpsc::Receiver<FromLog>,
    ) -> Self {
        Self {
            orders,
            asked,
            lines,
            events,
            own_statements,
            logs,
            ended: Ended::default(),
        }
    }

    /// Waits for something, then takes everything else that waits too, up to a batch. `None` when
    /// all queues have ended and are empty. Nothing is lost when it is dropped while it waits.
    async fn next(&mut self, arrived: &mut Arrived) -> Option<()> {
        loop {
            let rooms = (
                room(&arrived.orders),
                room(&arrived.asked),
                room(&arrived.events),
                room(&arrived.statements),
                room(&arrived.lines),
                room_for_logs(&arrived.logs),
            );
            // A branch that loses the race has taken nothing; an ended queue answers 0 at once.
            let (taken, ended) = tokio::select! {
                biased;
                n = self.orders.recv_many(&mut arrived.orders, rooms.0),
                    if !self.ended.orders => (n, &mut self.ended.orders),
                n = self.asked.recv_many(&mut arrived.asked, rooms.1),
                    if !self.ended.asked => (n, &mut self.ended.asked),
                n = self.events.recv_many(&mut arrived.events, rooms.2),
                    if !self.ended.events => (n, &mut self.ended.events),
                n = self.own_statements.recv_many(&mut arrived.statements, rooms.3),
                    if !self.ended.statements => (n, &mut self.ended.statements),
                n = self.lines.recv_many(&mut arrived.lines, rooms.4),
                    if !self.ended.lines => (n, &mut self.ended.lines),
                n = self.logs.recv_many(&mut arrived.logs, rooms.5),
                    if !self.ended.logs => (n, &mut self.ended.logs),
                else => return None,
            };
            if taken > 0 {
                break;
            }
            *ended = true;
        }
        drain(&mut self.orders, &mut arrived.orders);
        drain(&mut self.events, &mut arrived.events);
        drain(&mut self.own_statements, &mut arrived.statements);
        let room = MAX_LINES_A_BATCH.saturating_sub(arrived.lines.len());
        self.lines.drain(&mut arrived.lines, room);
        while entries(&arrived.logs) < MAX_LINES_A_BATCH
            && let Ok(one) = self.logs.try_recv()
        {
            arrived.logs.push(one);
        }
        Some(())
    }
}

impl Arrived {
    fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.asked.is_empty()
            && self.lines.is_empty()
            && self.events.is_empty()
            && self.statements.is_empty()
            && self.logs.is_empty()
    }

    /// Whether it is only what our Slips said: nobody waits for its being on disk.
    fn is_of_ourselves(&self) -> bool {
        self.orders.is_empty()
            && self.lines.is_empty()
            && self.events.is_empty()
            && self.logs.is_empty()
    }

    /// More would make the next transaction longer and not cheaper.
    fn is_full(&self) -> bool {
        let most = self
            .lines
            .len()
            .max(self.orders.len())
            .max(self.asked.len())
            .max(self.events.len())
            .max(self.statements.len())
            .max(entries(&self.logs));
        most >= MAX_LINES_A_BATCH
    }
}

/// Never 0 while a batch is not full, which would look like the end of a queue.
fn room<T>(taken: &[T]) -> usize {
    MAX_LINES_A_BATCH.saturating_sub(taken.len()).max(1)
}

/// Never 0 either; a segment that is over the batch makes it a little longer.
fn room_for_logs(taken: &[FromLog]) -> usize {
    (MAX_LINES_A_BATCH.saturating_sub(entries(taken)) / MOST_IN_A_SEGMENT).max(1)
}

/// How many entries there are in what came of logs.
fn entries(logs: &[FromLog]) -> usize {
    let each = |log: &FromLog| match log {
        FromLog::Segment(logged) => logged.said.len().max(1),
        FromLog::Fork(_) | FromLog::Conduct(..) => 1,
    };
    logs.iter().map(each).sum()
}

fn drain<T>(queue: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < MAX_LINES_A_BATCH
        && let Ok(one) = queue.try_recv()
    {
        into.push(one);
    }
}

impl Listening {
    /// What is to be judged next: while a batch is under way, all that comes until it is on disk, up
    /// to a batch; otherwise whatever is there.
    async fn gather(
        &mut self,
        inputs: &mut Inputs,
        under_way: &mut Option<Committing>,
    ) -> Result<Option<Arrived>, NodeError> {
        let mut arrived = Arrived::default();
        let mut ended = false;
        while let Some(before) = under_way
            && !ended
            && !arrived.is_full()
        {
            tokio::select! {
                biased;
                committed = &mut before.commit => {
                    let committed = committed?;
                    if let Some(before) = under_way.take() {
                        self.done(committed, before.then).await;
                    }
                }
                more = inputs.next(&mut arrived) => ended = more.is_none(),
            }
            if arrived.is_of_ourselves() && !arrived.is_empty() {
                return Ok(Some(arrived));
            }
        }
        if arrived.is_empty() && (ended || inputs.next(&mut arrived).await.is_none()) {
            return Ok(None);
        }
        Ok(Some(arrived))
    }

    fn judge(&mut self, mut arrived: Arrived) -> Judged {
        for (subject, answer) in arrived.asked {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(self.intake.judgement(subject, Timestamp::now()));
        }
        let receipt = |line: &mut Line| std::mem::take(&mut line.receipt);
        let receipts = arrived.lines.iter_mut().map(receipt).collect();
        let kept = |log: &FromLog| match log {
            FromLog::Segment(logged) => Some(logged.tip()),
            FromLog::Fork(_) | FromLog::Conduct(..) => None,
        };
        let kept = arrived.logs.iter().filter_map(kept).collect();
        if !arrived.lines.is_empty() {
            self.intake.synced_with(self.network.synced_peers());
        }
        let (orders, ordered) = arrived.orders.into_iter().unzip();
        let outcome = self.intake.take_all(
            orders,
            arrived.events,
            arrived.statements,
            arrived.lines,
            arrived.logs,
            Timestamp::now(),
        );
        (outcome, receipts, kept, ordered)
    }

    async fn begin(
        &self,
        (outcome, receipts, kept, ordered): Judged,
    ) -> Result<Committing, NodeError> {
        Ok(Committing {
            commit: self.store.begin(outcome.batch).await?,
            then: Then {
                questions: outcome.questions,
                bans: outcome.bans,
                offenders: outcome.offenders,
                receipts,
                kept,
                ordered,
            },
        })
    }

    /// What our Slips said goes along with the next batch: nothing follows from it.
    async fn begin_patiently(&mut self, (outcome, ..): Judged) -> Result<(), NodeError> {
        while let Some(first) = self.patient.front_mut()
            && let Some(committed) = first.now_or_never()
        {
            committed?;
            self.patient.pop_front();
        }
        let pending = self.store.begin_patiently(outcome.batch).await?;
        self.patient.push_back(pending);
        Ok(())
    }

    async fn finish(&mut self, batch: Committing) -> Result<(), NodeError> {
        let committed = batch.commit.await?;
        self.done(committed, batch.then).await;
        Ok(())
    }

    /// A batch is on disk.
    async fn done(&mut self, committed: Committed, then: Then) {
        Receipt::acknowledge_all(then.receipts);
        if !then.kept.is_empty() {
            // That one never waits for us; it may have ended.
            let _ = self.kept.send(then.kept).await;
        }
        self.intake.messages_dropped(committed.dropped);
        self.outbox.offer(committed.parcels);
        for ban in then.bans {
            info!(peer = %ban.peer, until = %ban.until, reason = ban.reason, "peer cut off");
            self.network.ban(ban.peer, ban.until).await;
        }
        for peer in then.offenders {
            self.network.misbehaved(peer).await;
        }
        for waits in then.ordered {
            // Whoever gave the order may have stopped waiting.
            let _ = waits.send(());
        }
        for question in then.questions {
            if let Err(mpsc::error::TrySendError::Full(question)) = self.ask.try_send(question) {
                debug!(peer = %question.from, "a question was shed: too many are waiting");
                self.counters.requests_unanswered.add(1);
                self.counters.requests_shed.add(1);
            }
        }
    }
}
