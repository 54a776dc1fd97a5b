//! The judging step: what arrived, and what follows from it, without waiting or IO.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::peers::Peers;
use super::requests::Question;
use super::{Counters, Forward, Settings};
use crate::domain::{
    Author, Ban, Conduct, Content, Neighbour, OwnStatement, PeerId, ReceivedReport, Subject,
    Timestamp,
};
use crate::network::{Event, Line};
use crate::reputation::{Engine, Fact, Repetitions, Touched, TrustModel};
use crate::store::{Accepted, Batch, PeerAddress, PeerReachability, PeerReliability};
use crate::wire::message::{self, Message};
use crate::wire::slips;

mod clock;
mod doubles;
mod logged;
mod orders;
mod outside;
mod own;
mod said;

pub use logged::{FromLog, Logged, Said};
pub use orders::Ordered;
use outside::Written;

/// Addresses whose last written opinion is remembered, so that it is written again only when it
/// changed; at about 70 bytes each, 7 MB. Past that one is forgotten and written once more.
const MAX_WRITTEN: usize = 100_000;
/// Addresses our Slips spoke of last; as many as the trust models remember. Past that one is
/// forgotten, and a repetition counts as said anew.
const MAX_OWN: usize = 65_536;
/// How often the model forgets what the database no longer holds; it passes over everything then.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// The node's knowledge and the rules by which it takes things in.
pub struct Intake {
    settings: Settings,
    peers: Peers,
    engine: Engine,
    /// The last opinion of addresses, and whether Slips was told.
    written: HashMap<Subject, Written>,
    /// What our Slips said last of addresses, and when it began to say so.
    own: HashMap<Subject, OwnStatement>,
    clock: Timestamp,
    /// Messages to Slips dropped undelivered, as far as is known.
    dropped: u64,
    /// When the model last forgot what the database no longer holds.
    forgot_at: Timestamp,
    /// When the log was last told of a peer's clock.
    clocks_told_at: Timestamp,
    counters: Arc<Counters>,
    doubles: doubles::Doubles,
    /// Who signed two things as one: nothing of theirs is taken in.
    forked: HashSet<PeerId>,
    /// Who has a sync session with us: only messages for us alone come from them by line.
    synced: HashSet<PeerId>,
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
    /// Peers whose messages the contract does not allow: whoever is on probation stays on it.
    pub offenders: BTreeSet<PeerId>,
}

/// One step's working state.
struct Step {
    now: Timestamp,
    outcome: Outcome,
    /// Addresses whose opinion is computed anew when all has been taken in.
    subjects: BTreeSet<Subject>,
    /// Addresses that peers came to or left.
    moved: BTreeSet<Subject>,
    /// Peers of whom Slips may have to be told.
    peers: BTreeSet<PeerId>,
    /// Peers whose conduct changed.
    conduct: BTreeSet<PeerId>,
    /// Addresses on which something was said that no longer counts.
    void: BTreeSet<Subject>,
}

impl Intake {
    /// Starts from what the database knows.
    #[must_use]
    pub fn new(
        settings: Settings,
        mut peers: Peers,
        engine: Engine,
        counters: Arc<Counters>,
    ) -> Self {
        peers.hold_at_most(settings.max_peers);
        Self {
            settings,
            peers,
            engine,
            written: HashMap::new(),
            own: HashMap::new(),
            clock: Timestamp::ZERO,
            dropped: 0,
            forgot_at: Timestamp::ZERO,
            clocks_told_at: Timestamp::ZERO,
            counters,
            doubles: doubles::Doubles::default(),
            forked: HashSet::new(),
            synced: HashSet::new(),
        }
    }

    /// With who forked before this run.
    #[must_use]
    pub fn without(mut self, forked: impl IntoIterator<Item = PeerId>) -> Self {
        self.forked.extend(forked);
        self
    }

    /// With what our Slips said shortly before this run, so that repetitions are known as such, and
    /// the time of the last thing the model was told.
    #[must_use]
    pub fn having_heard(mut self, statements: Vec<OwnStatement>, latest: Timestamp) -> Self {
        self.clock = latest;
        for statement in statements.into_iter().take(MAX_OWN) {
            self.own.insert(statement.subject, statement);
        }
        self
    }

    /// Who has a sync session with us now.
    pub fn synced_with(&mut self, peers: HashSet<PeerId>) {
        self.synced = peers;
    }

    /// Messages to Slips were dropped undelivered, `dropped` in all: it may never have heard of the
    /// peers it was told of, and ignores what comes from a peer it has not heard of.
    pub fn messages_dropped(&mut self, dropped: u64) {
        if dropped > self.dropped {
            self.dropped = dropped;
            self.peers.forget_told();
        }
    }

    /// Takes in what arrived, in its order, from `now` on: each thing the model is told gets a time
    /// of its own, so that the database, which tells in order of time, tells in the same order.
    pub fn take(
        &mut self,
        events: Vec<Event>,
        statements: Vec<OwnStatement>,
        lines: Vec<Line>,
        now: Timestamp,
    ) -> Outcome {
        self.take_all(Vec::new(), events, statements, lines, Vec::new(), now)
    }

    /// Carries out what the operator ordered, then takes in what arrived, logs too.
    pub fn take_all(
        &mut self,
        orders: Vec<Ordered>,
        events: Vec<Event>,
        statements: Vec<OwnStatement>,
        lines: Vec<Line>,
        logs: Vec<FromLog>,
        now: Timestamp,
    ) -> Outcome {
        let now = self.tick(now);
        if now.since(self.forgot_at) >= FORGET_EVERY {
            self.forgot_at = now;
            self.engine
                .forget_before(now.minus(self.settings.remember_for));
        }
        let mut step = Step {
            now,
            outcome: Outcome::default(),
            subjects: BTreeSet::new(),
            moved: BTreeSet::new(),
            peers: BTreeSet::new(),
            conduct: BTreeSet::new(),
            void: BTreeSet::new(),
        };
        for order in orders {
            self.obey(order, &mut step);
        }
        for event in events {
            self.event(event, &mut step);
        }
        for statement in statements {
            self.statement(statement, &mut step);
        }
        for line in lines {
            self.line(line, &mut step);
        }
        for log in logs {
            self.take_log(log, &mut step);
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
            Event::Hello { .. }
            | Event::Status { .. }
            | Event::Farewell { .. }
            | Event::Parked { .. } => self.keep_saying(event, step),
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
        let left = self.peers.address(peer);
        let at = self.moment(step);
        let is_news = self.peers.seen(peer, ip, at);
        if is_news {
            // Whom it guards has changed.
            let places = left.into_iter().chain([ip]).map(Subject::from_ip);
            step.moved.extend(places);
            self.engine.learn(&Fact::PeerAddress { peer, ip }, at);
        }
        if is_news || multiaddr.is_some() {
            let multiaddr = multiaddr.unwrap_or_default();
            let row = PeerAddress {
                peer,
                ip,
                multiaddr,
                seen_at: at,
            };
            step.outcome.batch.addresses.push(row);
        }
    }

    fn line(&mut self, line: Line, step: &mut Step) {
        self.counters.lines.add(1);
        // The clock may have been set back since the line was read; Slips drops what lies ahead.
        let received_at = line.received_at.min(step.now);
        let peer = line.from.0;
        self.address(peer, line.ip, None, step);
        if self.forked.contains(&peer) {
            return;
        }
        if !self.synced.contains(&peer) {
            self.doubles.line(peer, &line.text, step.now);
        }
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
                received_at: self.moment(step),
            };
            self.report(report, step);
        }
        match (self.settings.forward, decoded) {
            (Forward::Verbatim, _) => self.pass_on(peer, received_at, &line.text, step),
            (Forward::Sanitized { .. }, Err(fault)) => {
                tracing::debug!(%peer, %fault, "a message was refused");
                self.counters.malformed.add(1);
                self.conduct(peer, Conduct::MalformedMessage, step);
                step.outcome.offenders.insert(peer);
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
        let fact = Fact::Report {
            author,
            subject,
            score,
            confidence,
        };
        let touched = self.engine.learn(&fact, received_at);
        let joins_since = match self.engine.kind().repetitions() {
            Repetitions::Unnoticed if touched == Touched::Nothing => Timestamp::ZERO,
            Repetitions::SameAddress => self.peers.there_since(author.0),
            Repetitions::Unnoticed | Repetitions::None => received_at,
        };
        self.counters.reports.add(1);
        step.subjects.insert(subject);
        let accepted = Accepted {
            report,
            joins_since,
        };
        step.outcome.batch.reports.push(accepted);
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
        // Of who forked Slips has heard that it is not to be believed, and hears nothing else.
        if self.forked.contains(&peer) {
            return;
        }
        let at = self.moment(step);
        if let Some(told) = self.peers.tell(peer, at, &self.settings.reliability) {
            let payload = slips::peer_update(peer, told.ip, Some(told.reliability), step.now);
            step.outcome
                .batch
                .outbox
                .push((step.now, Content::Publish(payload)));
            let reliability = told.reliability;
            let fact = Fact::PeerReliability { peer, reliability };
            if self.engine.learn(&fact, at) != Touched::Nothing {
                let told = PeerReliability {
                    peer,
                    reliability,
                    at,
                };
                step.outcome.batch.told.push(told);
            }
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
        // Whoever is back and behaves, or is merely away, is not sent away for what it did before.
        if !conduct.is_good()
            && !conduct.is_absence()
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
        for subject in std::mem::take(&mut step.void) {
            self.opine_anew(subject, &mut step);
        }
        for subject in std::mem::take(&mut step.subjects) {
            self.opine(subject, &mut step);
        }
        for subject in std::mem::take(&mut step.moved) {
            self.guard_anew(subject, &mut step);
        }
        step.outcome.batch.bans.clone_from(&step.outcome.bans);
        step.outcome
    }
}

/// Lets one entry go where there are as many as may be.
fn make_room<T>(table: &mut HashMap<Subject, T>, most: usize) {
    if table.len() >= most
        && let Some(&any) = table.keys().next()
    {
        table.remove(&any);
    }
}
