//! What our Slips says goes to its peers; what it says of addresses by itself is remembered.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{Counters, NodeError, StopProcess, lane};
use crate::bridge::{Inbound, InboundQueue};
use crate::domain::{OwnStatement, Recipient, Subject, Timestamp};
use crate::network::Handle;
use crate::store::Store;
use crate::wire::message::{self, Message};

/// How long an own statement may wait for room when the database is slow; the message itself must
/// not wait longer for the sake of remembering it.
const STATEMENT_WAIT: Duration = Duration::from_secs(1);

/// What this task works with.
pub(super) struct Speaking {
    pub(super) store: Store,
    pub(super) network: Handle,
    pub(super) statements: mpsc::Sender<OwnStatement>,
    pub(super) stop: mpsc::Sender<StopProcess>,
    /// To whom our log is; `None`: there is none.
    pub(super) log: Option<OwnLog>,
    pub(super) counters: Arc<Counters>,
}

/// The way into our log.
pub(super) struct OwnLog {
    /// Messages to be appended.
    pub(super) say: mpsc::Sender<String>,
    /// Ends when all of them are on disk and handed to the network.
    pub(super) said: oneshot::Receiver<()>,
}

/// Runs until the subscriber ends and what it handed over is on its way.
pub(super) async fn run(
    mut speaking: Speaking,
    mut from_slips: InboundQueue,
) -> Result<(), NodeError> {
    while let Some(inbound) = from_slips.next().await {
        match inbound {
            Inbound::Send { recipient, message } => speaking.send(recipient, message).await,
            Inbound::StopProcess => {
                // A second request while the first is under way changes nothing.
                let _ = speaking.stop.try_send(StopProcess);
            }
        }
    }
    if let Some(OwnLog { say, said }) = speaking.log.take() {
        drop(say);
        let _ = said.await;
    }
    Ok(())
}

impl Speaking {
    async fn send(&self, recipient: Recipient, text: String) {
        // Slips' own channel carries only what Slips vouches for; what does not decode as one of
        // the known messages is relayed all the same, it just says nothing about an address.
        let decoded = message::decode(&text).ok();
        if let Some(statement) = own_statement(recipient, decoded.as_ref(), Timestamp::now()) {
            self.remember(statement).await;
        }
        let lane = lane(&text, decoded.as_ref().and_then(subject));
        match recipient {
            Recipient::All if let Some(log) = self.log_for(decoded.as_ref()) => {
                // Pigeons wait for no disk of ours; others get it as soon as our log has it.
                let pigeons = self.network.send_to_pigeons(text.clone(), lane).await;
                let peers = pigeons + self.network.sync_sessions();
                if log.say.send(text).await.is_err() {
                    self.undeliverable("the log has ended");
                }
                self.counters.sent.add(peers as u64);
            }
            Recipient::All => {
                let peers = self.network.send_to_all(text, lane).await;
                if peers == 0 {
                    self.undeliverable("no peer is connected");
                }
                self.counters.sent.add(peers as u64);
            }
            Recipient::One(peer) => match self.network.send(peer, text, lane).await {
                Ok(()) => {
                    self.counters.sent.add(1);
                }
                Err(error) => self.undeliverable(&error.to_string()),
            },
        }
    }

    /// Our log, if that is where a message to everybody goes: what Slips finds and accuses of.
    fn log_for(&self, decoded: Option<&Message>) -> Option<&OwnLog> {
        let goes = matches!(decoded, Some(Message::Report { .. } | Message::Blame));
        self.log.as_ref().filter(|_| goes)
    }

    /// Hands the statement to `incoming`. While the disk is full that one stands still; relaying
    /// goes on all the same, and what is not remembered is counted.
    async fn remember(&self, statement: OwnStatement) {
        let kept = if self.store.stalled().is_some() {
            self.statements.try_send(statement).is_ok()
        } else {
            let sending = self.statements.send(statement);
            matches!(
                tokio::time::timeout(STATEMENT_WAIT, sending).await,
                Ok(Ok(()))
            )
        };
        if !kept {
            self.counters.statements_shed.add(1);
        }
    }

    /// Said at the 1st, 2nd, 4th, 8th ... time, so that a Slips that talks to nobody fills no log.
    fn undeliverable(&self, why: &str) {
        let times = self.counters.undeliverable.add(1);
        if times.is_power_of_two() {
            warn!(times, why, "a message of Slips was not sent");
        }
    }
}

/// The address a message is about.
fn subject(message: &Message) -> Option<Subject> {
    match *message {
        Message::Report { subject, .. }
        | Message::NothingKnown { subject }
        | Message::Request { subject } => Some(subject),
        Message::Blame => None,
    }
}

/// What the message says of an address by our Slips' own evidence.
///
/// Only a report to everybody is that: Slips shares its own detections so. A report to one peer
/// answers a question from a table that peers' reports have written into (contract 8.4), so it
/// may be hearsay.
fn own_statement(
    recipient: Recipient,
    decoded: Option<&Message>,
    now: Timestamp,
) -> Option<OwnStatement> {
    match (recipient, decoded?) {
        (
            Recipient::All,
            &Message::Report {
                subject,
                score,
                confidence,
            },
        ) => Some(OwnStatement {
            subject,
            score,
            confidence,
            said_at: now,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Confidence, PeerId, Score};

    #[test]
    fn only_a_report_to_everybody_is_our_own_statement() {
        let report = Message::Report {
            subject: "192.0.2.7".parse().unwrap(),
            score: Score::new(0.8).unwrap(),
            confidence: Confidence::new(0.9).unwrap(),
        };
        let now = Timestamp::from_micros(7);
        let own = own_statement(Recipient::All, Some(&report), now).unwrap();
        assert_eq!((own.score.get(), own.said_at), (0.8, now));
        assert_eq!(
            own_statement(Recipient::One(PeerId::random()), Some(&report), now),
            None
        );
        assert_eq!(own_statement(Recipient::All, None, now), None);
    }
}
