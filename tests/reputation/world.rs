//! An engine with named peers and short verbs: the only place where these tests touch the API.

use std::time::Duration;

use slips_p2p::{
    domain::{Author, Confidence, Opinion, PeerId, Reliability, Score, Subject, Timestamp, Trust},
    reputation::{
        Engine, Explanation, Fact, Limits, ModelKind, Parameters, SlipsParameters, TrustModel,
    },
};

/// The peer of this name, the same in every run.
pub fn peer(name: &str) -> PeerId {
    // A multihash: 0x00 for "the bytes themselves", their number, the bytes.
    let length = u8::try_from(name.len()).expect("a short name");
    PeerId::from_bytes(&[&[0, length], name.as_bytes()].concat()).expect("at most 42 bytes")
}

/// So many seconds after the epoch.
pub fn at(seconds: f64) -> Timestamp {
    Timestamp::from_secs_f64(seconds)
}

/// So long after the epoch.
pub fn after(span: Duration) -> Timestamp {
    Timestamp::ZERO.plus(span)
}

/// An address, as it is written.
pub fn subject(text: &str) -> Subject {
    text.parse().expect("an address")
}

/// The two models of Slips.
pub const OF_SLIPS: [ModelKind; 2] = [ModelKind::Slips, ModelKind::SlipsCompat];

/// A number in -1..=1.
pub fn score(value: f64) -> Score {
    Score::new(value).expect("in range")
}

/// A number in 0..=1.
pub fn confidence(value: f64) -> Confidence {
    Confidence::new(value).expect("in range")
}

/// A peer is known to be at this address.
pub fn moved(name: &str, ip: &str) -> Fact {
    Fact::PeerAddress {
        peer: peer(name),
        ip: subject(ip).ip(),
    }
}

/// A peer's conduct is worth this.
pub fn rated(name: &str, value: f64) -> Fact {
    Fact::PeerReliability {
        peer: peer(name),
        reliability: Reliability::new(value).expect("in range"),
    }
}

/// A peer says this of an address.
pub fn says(name: &str, of: &str, score_value: f64, confidence_value: f64) -> Fact {
    Fact::Report {
        author: Author(peer(name)),
        subject: subject(of),
        score: score(score_value),
        confidence: confidence(confidence_value),
    }
}

/// Our own Slips says this of an address.
pub fn own(of: &str, score_value: f64, confidence_value: f64) -> Fact {
    Fact::OwnStatement {
        subject: subject(of),
        score: score(score_value),
        confidence: confidence(confidence_value),
    }
}

/// The operator trusts a peer this much.
pub fn anchored(name: &str, trust: f64) -> Fact {
    Fact::Anchor {
        peer: peer(name),
        trust: Trust::new(trust).expect("in range"),
    }
}

/// The operator no longer vouches for a peer.
pub fn lifted(name: &str) -> Fact {
    Fact::AnchorLifted { peer: peer(name) }
}

/// A model that leaves out reporters our Slips never mentioned, as the bare one does.
pub fn bare(kind: ModelKind) -> Engine {
    with_limits(kind, Limits::default())
}

/// The same within other limits.
pub fn with_limits(kind: ModelKind, limits: Limits) -> Engine {
    let slips = SlipsParameters {
        unknown_reporter: None,
    };
    let parameters = Parameters {
        slips,
        limits,
        ..Parameters::default()
    };
    Engine::new(kind, parameters)
}

/// What a model that has learned these facts says of an address.
pub fn explain_after(mut engine: Engine, facts: &[(Timestamp, Fact)], of: &str) -> Explanation {
    for (time, fact) in facts {
        engine.learn(fact, *time);
    }
    let now = at(1e6);
    let explanation = engine.explain(subject(of), now);
    assert_eq!(
        explanation.opinion,
        engine.opinion(subject(of), now),
        "explained as answered"
    );
    explanation
}

/// Every number of an opinion, as bits.
pub fn bits(opinion: Option<&Opinion>) -> Option<[u64; 4]> {
    opinion.map(|o| {
        [
            o.score.get(),
            o.confidence.get(),
            o.network_score.get(),
            f64::from(o.reporters),
        ]
        .map(f64::to_bits)
    })
}
