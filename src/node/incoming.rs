//! What the network hands over: judged, committed, and only then passed on.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{debug, info};

use super::intake::{Intake, Outcome};
use super::requests::Question;
use super::{Counters, MAX_LINES_A_BATCH, NodeError};
use crate::bridge::Outbox;
use crate::domain::{OwnStatement, Timestamp};
use crate::network::{Event, Handle, Line};
use crate::store::Store;

/// What this task works with.
pub(super) struct Listening {
    pub(super) intake: Intake,
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) outbox: Outbox,
    pub(super) ask: mpsc::Sender<Question>,
    pub(super) counters: Arc<Counters>,
}

/// What this task reads.
pub(super) struct Inputs {
    pub(super) lines: mpsc::Receiver<Line>,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) own_statements: mpsc::Receiver<OwnStatement>,
    ended: Ended,
}

/// Which queues have ended.
#[derive(Default)]
struct Ended {
    lines: bool,
    events: bool,
    statements: bool,
}

/// What was waiting.
#[derive(Default)]
struct Arrived {
    lines: Vec<Line>,
    events: Vec<Event>,
    statements: Vec<OwnStatement>,
}

/// Runs until the network and `outgoing` have ended and everything they handed over is on disk.
pub(super) async fn run(mut listening: Listening, mut inputs: Inputs) -> Result<(), NodeError> {
    while let Some(arrived) = inputs.next().await {
        let outcome = listening.intake.take(
            arrived.events,
            arrived.statements,
            arrived.lines,
            Timestamp::now(),
        );
        listening.act(outcome).await?;
    }
    Ok(())
}

impl Inputs {
    /// The three queues, none ended yet.
    pub(super) fn new(
        lines: mpsc::Receiver<Line>,
        events: mpsc::Receiver<Event>,
        own_statements: mpsc::Receiver<OwnStatement>,
    ) -> Self {
        Self {
            lines,
            events,
            own_statements,
            ended: Ended::default(),
        }
    }

    /// Waits for something, then takes everything else that waits too, up to a batch. `None` when
    /// all three queues have ended and are empty.
    async fn next(&mut self) -> Option<Arrived> {
        let mut arrived = Arrived::default();
        loop {
            // A branch that loses the race has taken nothing; an ended queue answers 0 at once.
            let (taken, ended) = tokio::select! {
                biased;
                n = self.events.recv_many(&mut arrived.events, MAX_LINES_A_BATCH),
                    if !self.ended.events => (n, &mut self.ended.events),
                n = self.own_statements.recv_many(&mut arrived.statements, MAX_LINES_A_BATCH),
                    if !self.ended.statements => (n, &mut self.ended.statements),
                n = self.lines.recv_many(&mut arrived.lines, MAX_LINES_A_BATCH),
                    if !self.ended.lines => (n, &mut self.ended.lines),
                else => return None,
            };
            if taken > 0 {
                break;
            }
            *ended = true;
        }
        drain(&mut self.events, &mut arrived.events);
        drain(&mut self.own_statements, &mut arrived.statements);
        drain(&mut self.lines, &mut arrived.lines);
        Some(arrived)
    }
}

fn drain<T>(queue: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < MAX_LINES_A_BATCH
        && let Ok(one) = queue.try_recv()
    {
        into.push(one);
    }
}

impl Listening {
    async fn act(&mut self, outcome: Outcome) -> Result<(), NodeError> {
        let committed = self.store.commit(outcome.batch).await?;
        self.intake.messages_dropped(committed.dropped);
        self.outbox.offer(committed.parcels);
        for ban in outcome.bans {
            info!(peer = %ban.peer, until = %ban.until, reason = ban.reason, "peer cut off");
            self.network.ban(ban.peer, ban.until).await;
        }
        for question in outcome.questions {
            if let Err(mpsc::error::TrySendError::Full(question)) = self.ask.try_send(question) {
                debug!(peer = %question.from, "a question was shed: too many are waiting");
                self.counters.requests_unanswered.add(1);
            }
        }
        Ok(())
    }
}
