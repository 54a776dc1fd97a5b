//! Entries of logs: attributed to their author, whoever handed them over, and taken in like lines.

use std::time::Duration;

use super::{Intake, Step};
use crate::domain::{
    Author, Conduct, Content, Neighbour, PeerId, ReceivedReport, Reliability, Timestamp, Tip,
};
use crate::node::Forward;
use crate::reputation::{Fact, TrustModel};
use crate::store::{LogFork, LogSegment};
use crate::wire::{message::Message, slips};

/// Entries older than this are kept in the log and not judged: what is so old is no news, and a
/// newcomer would be flooded with a year of it. Slips forgets reports after two time windows.
const JUDGED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Something of a log, checked by whoever hands it over.
#[derive(Debug, Clone, PartialEq)]
pub enum FromLog {
    /// Entries and the segment they came in.
    Segment(Logged),
    /// What a neighbour did when it handed logs over.
    Conduct(Neighbour, Conduct),
    /// The proof that an author signed two things as one.
    Fork(LogFork),
}

/// Entries of another author's log; what is to be stored of them goes with what follows from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Who handed them over.
    pub heard_from: Neighbour,
    /// The segment; its author is theirs.
    pub segment: LogSegment,
    /// What the entries that are new here say.
    pub said: Vec<Said>,
}

impl Logged {
    /// The head that the segment is signed for.
    #[must_use]
    pub fn tip(&self) -> Tip {
        Tip {
            author: Author(self.segment.author),
            seq: self.segment.last,
            digest: self.segment.digest,
        }
    }
}

/// What one entry says.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// When, by the author's clock.
    pub at: Timestamp,
    /// The message.
    pub message: Message,
    /// Its exact words.
    pub text: String,
}

impl Intake {
    pub(super) fn take_log(&mut self, log: FromLog, step: &mut Step) {
        match log {
            FromLog::Segment(logged) => self.logged(logged, step),
            FromLog::Conduct(neighbour, conduct) => self.conduct(neighbour.0, conduct, step),
            FromLog::Fork(fork) => self.fork(fork, step),
        }
    }

    fn logged(&mut self, logged: Logged, step: &mut Step) {
        let author = logged.segment.author;
        if !self.forked.contains(&author) {
            for said in logged.said {
                self.said(author, logged.heard_from, said, step);
            }
        }
        step.outcome.batch.segments.push(logged.segment);
    }

    fn said(&mut self, author: PeerId, heard_from: Neighbour, said: Said, step: &mut Step) {
        self.counters.entries.add(1);
        if step.now.since(said.at) > JUDGED_WITHIN {
            self.counters.entries_old.add(1);
            return;
        }
        if self.doubles.entry(author, &said.text, step.now) {
            return;
        }
        if let Message::Report {
            subject,
            score,
            confidence,
        } = said.message
        {
            let report = ReceivedReport {
                author: Author(author),
                heard_from,
                subject,
                score,
                confidence,
                received_at: step.now,
            };
            self.report(report, step);
        }
        // Slips drops what lies ahead of its clock.
        let at = said.at.min(step.now);
        match (self.settings.forward, said.message) {
            // An entry is no question: nobody waits for its answer.
            (Forward::Sanitized { .. }, Message::Request { .. }) => {}
            (Forward::Sanitized { blame: false }, Message::Blame) => {
                self.counters.blames_withheld.add(1);
            }
            _ => self.pass_on(author, at, &said.text, step),
        }
    }

    /// From now on nothing of the author counts, nor what it said before.
    fn fork(&mut self, fork: LogFork, step: &mut Step) {
        let author = Author(fork.author);
        if !self.forked.insert(fork.author) {
            return;
        }
        self.counters.forks.add(1);
        tracing::warn!(
            %author, number = fork.number,
            "an author signed two things as one: nothing it says counts any more (see `peers evidence`)"
        );
        step.void.extend(self.engine.reported_by(author));
        self.engine.learn(&Fact::Forked { author }, step.now);
        let update = slips::peer_update(fork.author, None, Some(Reliability::MIN), step.now);
        let content = Content::Publish(update);
        step.outcome.batch.outbox.push((step.now, content));
        step.outcome.batch.forks.push(LogFork {
            found_at: step.now,
            ..fork
        });
    }
}
