//! What the default model must make of what B's Slips was told, worked out beside the node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    checks,
    slips::{Heard, now},
    story,
};
use crate::{
    domain::{Author, Confidence, PeerId, Reliability, Score, Subject, Timestamp},
    reputation::{Engine, Fact, ModelKind, Parameters, TrustModel as _},
};

/// Reliability may move between an opinion and the moment it is compared (a ping in between), and
/// the demo's clock is read some milliseconds after the node's.
const TOLERANCE: f64 = 0.01;

/// What B's own Slips said, and when.
#[derive(Debug, Clone)]
pub struct Own {
    /// Of which address.
    pub address: String,
    /// How malicious.
    pub score: f64,
    /// How sure.
    pub confidence: f64,
    /// When, in seconds since 1970.
    pub at: f64,
}

/// What the model makes of the reports on an address.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// How many reports there were.
    pub reports: usize,
    /// The three numbers Slips is told; `None`: no opinion.
    numbers: Option<[f64; 3]>,
}

impl Expected {
    /// Works it out from what B's Slips was told (addresses and reliability of peers, their reports)
    /// and what it said itself.
    pub fn of(heard: &[Heard], own: &[Own], address: &str) -> Self {
        let mut facts: Vec<(f64, Fact)> = heard
            .iter()
            .flat_map(|h| facts_of(h).into_iter().map(|fact| (h.at, fact)))
            .collect();
        facts.extend(own.iter().filter_map(|own| Some((own.at, statement(own)?))));
        facts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut engine = Engine::new(ModelKind::Robust, Parameters::default());
        for (at, fact) in &facts {
            engine.learn(fact, Timestamp::from_secs_f64(*at));
        }
        let opinion = address
            .parse()
            .ok()
            .and_then(|subject| engine.opinion(subject, Timestamp::now()));
        Self {
            reports: checks::reports_on(heard, address).len(),
            numbers: opinion.map(|opinion| {
                [
                    opinion.score.get(),
                    opinion.confidence.get(),
                    opinion.network_score.get(),
                ]
            }),
        }
    }

    /// What is wrong with an opinion; `None`: nothing.
    pub fn differs_from(&self, opinion: &Value) -> Option<String> {
        let due = self.numbers.unwrap_or([f64::NAN; 3]);
        let near = ["score", "confidence", "network_score"]
            .iter()
            .zip(due)
            .all(|(key, due)| {
                let found = opinion[key].as_f64();
                found.is_some_and(|value| (value - due).abs() <= TOLERANCE)
            });
        let keys = checks::keys(opinion)
            == BTreeSet::from(["score", "confidence", "network_score", "timestamp"]);
        let in_time = opinion["timestamp"]
            .as_f64()
            .is_some_and(|time| time <= now());
        (!(keys && in_time && near)).then(|| format!("{opinion}, due was {self:?}"))
    }
}

/// What a message to Slips says of a peer or of an address.
fn facts_of(heard: &Heard) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(update) = heard.of_type("peer_update")
        && let Some(peer) = peer(&update["peerid"])
    {
        let ip = update["ip"].as_str().and_then(|ip| ip.parse().ok());
        facts.extend(ip.map(|ip| Fact::PeerAddress { peer, ip }));
        let reliability = checks::reliability_of(update).map(Reliability::clamped);
        facts.extend(reliability.map(|reliability| Fact::PeerReliability { peer, reliability }));
    }
    if let Some(data) = heard.of_type("go_data")
        && let Some(peer) = peer(&data["reporter"])
        && let Some(content) = data["message"].as_str().and_then(story::decode)
        && content["message_type"] == "report"
        && let (Some(subject), Some(score), Some(confidence)) = (
            content["key"].as_str().and_then(|key| key.parse().ok()),
            content["evaluation"]["score"].as_f64(),
            content["evaluation"]["confidence"].as_f64(),
        )
    {
        facts.push(Fact::Report {
            author: Author(peer),
            subject,
            score: Score::clamped(score),
            confidence: Confidence::clamped(confidence),
        });
    }
    facts
}

fn peer(id: &Value) -> Option<PeerId> {
    id.as_str()?.parse().ok()
}

fn statement(own: &Own) -> Option<Fact> {
    let subject: Subject = own.address.parse().ok()?;
    Some(Fact::OwnStatement {
        subject,
        score: Score::clamped(own.score),
        confidence: Confidence::clamped(own.confidence),
    })
}
