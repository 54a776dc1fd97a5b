//! Peers' questions: passed on to Slips only where it can answer, or answered from its database.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{AnswerRequests, Counters, NodeError, lane};
use crate::bridge::{Outbox, SlipsDb};
use crate::domain::{Content, Neighbour, PeerId, Subject, Timestamp};
use crate::network::Handle;
use crate::store::{Batch, Store};
use crate::wire::{message, slips};

/// A peer asks about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub from: Neighbour,
    /// About what.
    pub subject: Subject,
    /// The message as it came, for passing on.
    pub text: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// What this task works with.
pub(super) struct Answering {
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) outbox: Outbox,
    pub(super) slips_db: SlipsDb,
    pub(super) by: AnswerRequests,
    /// To whom the key is: whom to tell that nothing is known, and of what. Ended without a log.
    pub(super) unanswered: mpsc::Sender<(PeerId, Subject)>,
    pub(super) counters: Arc<Counters>,
}

/// Runs until `incoming` ends.
pub(super) async fn run(
    answering: Answering,
    mut questions: mpsc::Receiver<Question>,
) -> Result<(), NodeError> {
    while let Some(question) = questions.recv().await {
        if answering.answer(question).await? {
            answering.counters.requests_answered.add(1);
        } else {
            answering.counters.requests_unanswered.add(1);
        }
    }
    Ok(())
}

impl Answering {
    /// Whether the question was answered or passed on.
    async fn answer(&self, question: Question) -> Result<bool, NodeError> {
        if self.by == AnswerRequests::Nobody {
            return Ok(false);
        }
        // Slips 1.1.21 dies of a question about an address it has no score and confidence of
        // (contract 0.5), so both ways need them.
        let (score, confidence) = match self.slips_db.evaluation(question.subject).await {
            Ok(Some(evaluation)) => evaluation,
            Ok(None) => {
                let nothing = (question.from.0, question.subject);
                if let Err(mpsc::error::TrySendError::Full(_)) = self.unanswered.try_send(nothing) {
                    self.counters.nothing_shed.add(1);
                }
                return Ok(false);
            }
            Err(error) => {
                warn!(%error, subject = %question.subject, "a peer's question is left unanswered");
                return Ok(false);
            }
        };
        match self.by {
            AnswerRequests::Node => {
                let text = message::encode_report(question.subject, score, confidence);
                let lane = lane(&text, Some(question.subject));
                let sent = self.network.send(question.from.0, text, lane).await;
                if let Err(error) = &sent {
                    debug!(peer = %question.from, %error, "an answer was not sent");
                }
                Ok(sent.is_ok())
            }
            AnswerRequests::Slips => {
                let payload = slips::go_data(question.from.0, question.received_at, &question.text);
                let outbox = vec![(question.received_at, Content::Publish(payload))];
                let batch = Batch {
                    outbox,
                    ..Batch::default()
                };
                let committed = self.store.commit(batch).await?;
                self.outbox.offer(committed.parcels);
                Ok(true)
            }
            AnswerRequests::Nobody => Ok(false),
        }
    }
}
