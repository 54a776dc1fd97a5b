//! The judging step: what arrived, and what follows from it, without waiting or IO.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::peers::Peers;
use super::requests::Question;
use super::{Counters, Forward, Settings};
use crate::domain::{
    Author, Ban, Conduct, Content, Neighbour, Opinion, OwnStatement, PeerId, ReceivedReport,
    Subject, Timestamp,
};
use crate::network::{Event, Line};
use crate::reputation::{Engine, Fact, TrustModel};
use crate::store::{Batch, PeerAddress, PeerReachability};
use crate::wire::message::{self, Message};
use crate::wire::slips;

/// Addresses whose last written opinion is remembered, so that it is written again only when it
/// changed; at about 70 bytes each, 7 MB. Past that one is forgotten and written once more.
const MAX_WRITTEN: usize = 100_000;

/// The node's knowledge and the rules by which it takes things in.
pub struct Intake {
    settings: Settings,
    peers: Peers,
    engine: Engine,
    written: HashMap<Subject, Opinion>,
    counters: Arc<Counters>,
}

/// What follows from what arrived.
#[derive(Default)]
pub struct Outcome {
    /// What must be on disk before anything else happens.
    pub batch: Batch,
    /// Peers' questions, to be answered elsewhere.
    pub questions: Vec<Question>,
    /// Peers to cut off.
    pub bans: Vec<Ban>,
}

/// One step's working state.
struct Step {
    now: Timestamp,
    outcome: Outcome,
    /// Addresses whose opinion is computed anew when all has been taken in.
    subjects: BTreeSet<Subject>,
    /// Peers of whom Slips may have to be told.
    peers: BTreeSet<PeerId>,
    /// Peers whose conduct changed.
    conduct: BTreeSet<PeerId>,
}

impl Intake {
    /// Starts from what the database knows.
    #[must_use]
    pub fn new(settings: Settings, peers: Peers, engine: Engine, counters: Arc<Counters>) -> Self {
        Self {
            settings,
            peers,
            engine,
            written: HashMap::new(),
            counters,
        }
    }

    /// Takes in what arrived, in its order, at `now`.
    pub fn take(
        &mut self,
        events: Vec<Event>,
        statements: Vec<OwnStatement>,
        lines: Vec<Line>,
        now: Timestamp,
    ) -> Outcome {
        let mut step = Step {
            now,
            outcome: Outcome::default(),
            subjects: BTreeSet::new(),
            peers: BTreeSet::new(),
            conduct: BTreeSet::new(),
        };
        for event in events {
            self.event(event, &mut step);
        }
        for statement in statements {
            self.statement(statement, &mut step);
        }
        for line in lines {
            self.line(line, &mut step);
        }
        self.conclude(step)
    }

    fn event(&mut self, event: Event, step: &mut Step) {
        match event {
            // Its end of the connection: whence it called, not where it can be dialled.
            Event::Connected { peer, ip, .. } => self.address(peer, ip, None, step),
            Event::Address { peer, address, ip } => {
                self.address(peer, ip, Some(address.to_string()), step)
            }
            Event::Discovered { .. } | Event::Stopped => {}
            Event::Greeted { peer, .. } => step.outcome.batch.greeted.push(peer),
            Event::Reachability { peer, state } => {
                let row = PeerReachability {
                    peer,
                    state,
                    at: step.now,
                };
                step.outcome.batch.reachability.push(row);
            }
            Event::Conduct { peer, conduct } => self.conduct(peer.0, conduct, step),
        }
    }

    fn address(
        &mut self,
        peer: PeerId,
        ip: std::net::IpAddr,
        multiaddr: Option<String>,
        step: &mut Step,
    ) {
        step.peers.insert(peer);
        let is_news = self.peers.seen(peer, ip, step.now);
        if is_news {
            self.engine.learn(&Fact::PeerAddress { peer, ip }, step.now);
        }
        if is_news || multiaddr.is_some() {
            let multiaddr = multiaddr.unwrap_or_default();
            let row = PeerAddress {
                peer,
                ip,
                multiaddr,
                seen_at: step.now,
            };
            step.outcome.batch.addresses.push(row);
        }
    }

    fn statement(&mut self, statement: OwnStatement, step: &mut Step) {
        let OwnStatement {
            subject,
            score,
            confidence,
            said_at,
        } = statement;
        self.engine.learn(
            &Fact::OwnStatement {
                subject,
                score,
                confidence,
            },
            said_at,
        );
        step.outcome.batch.statements.push(statement);
    }

    fn line(&mut self, line: Line, step: &mut Step) {
        self.counters.lines.add(1);
        // The clock may have been set back since the line was read; Slips drops what lies ahead.
        let received_at = line.received_at.min(step.now);
        let peer = line.from.0;
        self.address(peer, line.ip, None, step);
        let decoded = message::decode(&line.text);
        if let Ok(Message::Report {
            subject,
            score,
            confidence,
        }) = decoded
        {
            let report = ReceivedReport {
                author: Author(peer),
                heard_from: line.from,
                subject,
                score,
                confidence,
                received_at,
            };
            self.report(report, step);
        }
        match (self.settings.forward, decoded) {
            (Forward::Verbatim, _) => self.pass_on(peer, received_at, &line.text, step),
            (Forward::Sanitized { .. }, Err(fault)) => {
                tracing::debug!(%peer, %fault, "a message was refused");
                self.counters.malformed.add(1);
                self.conduct(peer, Conduct::MalformedMessage, step);
            }
            (Forward::Sanitized { .. }, Ok(Message::Request { subject })) => {
                let from = Neighbour(peer);
                let text = line.text;
                step.outcome.questions.push(Question {
                    from,
                    subject,
                    text,
                    received_at,
                });
            }
            (Forward::Sanitized { blame: false }, Ok(Message::Blame)) => {
                self.counters.blames_withheld.add(1);
            }
            (Forward::Sanitized { .. }, Ok(_)) => {
                self.pass_on(peer, received_at, &line.text, step);
            }
        }
    }

    fn report(&mut self, report: ReceivedReport, step: &mut Step) {
        let ReceivedReport {
            author,
            subject,
            score,
            confidence,
            received_at,
            ..
        } = report;
        self.engine.learn(
            &Fact::Report {
                author,
                subject,
                score,
                confidence,
            },
            received_at,
        );
        self.counters.reports.add(1);
        step.subjects.insert(subject);
        step.outcome.batch.reports.push(report);
    }

    /// Slips must hear of a peer before it hears from it, or it drops what it hears.
    fn pass_on(&mut self, peer: PeerId, received_at: Timestamp, text: &str, step: &mut Step) {
        if self.peers.is_untold(peer) {
            self.tell(peer, step);
        }
        let payload = slips::go_data(peer, received_at, text);
        step.outcome
            .batch
            .outbox
            .push((step.now, Content::Publish(payload)));
    }

    fn tell(&mut self, peer: PeerId, step: &mut Step) {
        if let Some(told) = self.peers.tell(peer, step.now, &self.settings.reliability) {
            let payload = slips::peer_update(peer, told.ip, Some(told.reliability), step.now);
            step.outcome
                .batch
                .outbox
                .push((step.now, Content::Publish(payload)));
            let reliability = told.reliability;
            self.engine
                .learn(&Fact::PeerReliability { peer, reliability }, step.now);
            // What the model learned it must learn again after a restart, a newcomer's value too.
            let row = self
                .peers
                .conduct(peer, step.now, &self.settings.reliability);
            step.outcome.batch.conduct.extend(row);
        }
    }

    fn conduct(&mut self, peer: PeerId, conduct: Conduct, step: &mut Step) {
        self.peers
            .record(peer, conduct, step.now, &self.settings.reliability);
        step.peers.insert(peer);
        step.conduct.insert(peer);
        // A peer that is back and behaves is not sent away again for what it did before.
        if !conduct.is_good()
            && self
                .peers
                .is_intolerable(peer, step.now, &self.settings.reliability)
        {
            let until = step.now.plus(self.settings.cut_off_for);
            self.peers.cut_off(peer, until, step.now);
            self.counters.cut_off.add(1);
            step.outcome.bans.push(Ban {
                peer,
                since: step.now,
                until,
                reason: format!("reliability below the limit, last for {conduct}"),
            });
        }
    }

    fn conclude(&mut self, mut step: Step) -> Outcome {
        for peer in std::mem::take(&mut step.peers) {
            self.tell(peer, &mut step);
        }
        for peer in std::mem::take(&mut step.conduct) {
            let row = self
                .peers
                .conduct(peer, step.now, &self.settings.reliability);
            step.outcome.batch.conduct.extend(row);
        }
        for subject in std::mem::take(&mut step.subjects) {
            self.opine(subject, &mut step);
        }
        step.outcome.batch.bans.clone_from(&step.outcome.bans);
        step.outcome
    }

    fn opine(&mut self, subject: Subject, step: &mut Step) {
        let Some(opinion) = self.engine.opinion(subject, step.now) else {
            return;
        };
        if !self.is_news(&opinion) {
            return;
        }
        if self.settings.write_back {
            self.counters.opinions.add(1);
            let content = Content::WriteBack(subject, slips::p2p4slips(&opinion));
            step.outcome.batch.outbox.push((step.now, content));
        }
        if self.written.len() >= MAX_WRITTEN
            && let Some(&any) = self.written.keys().next()
        {
            self.written.remove(&any);
        }
        self.written.insert(subject, opinion.clone());
        step.outcome.batch.opinions.push(opinion);
    }

    /// Whether it says something else than what was written last, or that is about to expire.
    fn is_news(&self, opinion: &Opinion) -> bool {
        self.written.get(&opinion.subject).is_none_or(|last| {
            let age = opinion.computed_at.since(last.computed_at);
            !last.says_the_same(opinion)
                || self
                    .settings
                    .write_again_after
                    .is_some_and(|limit| age >= limit)
        })
    }
}
