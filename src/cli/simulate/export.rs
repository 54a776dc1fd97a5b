//! Stories as lines for `replay`, and the truth beside them.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    domain::{Confidence, PeerId, Score, Subject},
    reputation::Fact,
    simulation::{Scenario, Story, What},
};

/// A line of events.
#[derive(Debug, Serialize)]
struct Line {
    t: i64,
    #[serde(flatten)]
    what: Happening,
}

/// What a line tells.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Happening {
    PeerUpdate {
        peerid: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reliability: Option<f64>,
    },
    Report {
        reporter: String,
        key_type: &'static str,
        key: String,
        evaluation_type: &'static str,
        evaluation: Evaluation,
    },
    Local {
        key: String,
        evaluation: Evaluation,
    },
    Anchor {
        peerid: String,
        trust: f64,
    },
    Query {
        id: u64,
        key: String,
    },
}

/// What is said of an address.
#[derive(Debug, Serialize)]
struct Evaluation {
    score: f64,
    confidence: f64,
}

/// The answer to a question.
#[derive(Debug, Serialize)]
struct Truth {
    id: u64,
    key: String,
    malicious: bool,
}

/// Writes two files for each scenario and seed: `NAME-SEED.events.jsonl` and `NAME-SEED.truth.jsonl`.
///
/// # Errors
/// A file cannot be written.
pub fn write(dir: &Path, scenarios: &[&Scenario], first: u64, seeds: u64) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| {
        format!(
            "cannot make {} (--export names another directory)",
            dir.display()
        )
    })?;
    for scenario in scenarios {
        for number in 0..seeds {
            let seed = first.wrapping_add(number);
            let story = Story::tell(scenario, seed);
            let name = |what| dir.join(format!("{}-{seed}.{what}.jsonl", scenario.name));
            write_file(&name("events"), events(&story))?;
            write_file(&name("truth"), truths(&story))?;
        }
    }
    Ok(())
}

fn write_file(path: &Path, lines: impl Iterator<Item = impl Serialize>) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut file = BufWriter::new(file);
        for line in lines {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn events(story: &Story) -> impl Iterator<Item = Line> {
    story.events.iter().map(|event| Line {
        t: event.at.as_secs(),
        what: match &event.what {
            What::Fact(fact) => happening(fact),
            What::Query(query) => Happening::Query {
                id: query.id,
                key: query.subject.to_string(),
            },
        },
    })
}

fn truths(story: &Story) -> impl Iterator<Item = Truth> {
    story.queries().map(|query| Truth {
        id: query.id,
        key: query.subject.to_string(),
        malicious: query.malicious,
    })
}

fn happening(fact: &Fact) -> Happening {
    match *fact {
        Fact::PeerAddress { peer, ip } => update(peer, Some(ip.to_string()), None),
        Fact::PeerReliability { peer, reliability } => update(peer, None, Some(reliability.get())),
        Fact::Report {
            author,
            subject,
            score,
            confidence,
        } => Happening::Report {
            reporter: author.to_string(),
            key_type: subject.key_type(),
            key: subject.to_string(),
            evaluation_type: "score_confidence",
            evaluation: evaluation(score, confidence),
        },
        Fact::OwnStatement {
            subject,
            score,
            confidence,
        } => local(subject, score, confidence),
        Fact::Anchor { peer, trust } => anchor(peer, trust.get()),
        Fact::AnchorLifted { peer } => anchor(peer, 0.0),
        // No simulated peer forks; that nobody trusts it is what the format can say.
        Fact::Forked { author } => anchor(author.0, 0.0),
    }
}

fn update(peer: PeerId, ip: Option<String>, reliability: Option<f64>) -> Happening {
    Happening::PeerUpdate {
        peerid: peer.to_string(),
        ip,
        reliability,
    }
}

fn local(subject: Subject, score: Score, confidence: Confidence) -> Happening {
    Happening::Local {
        key: subject.to_string(),
        evaluation: evaluation(score, confidence),
    }
}

fn anchor(peer: PeerId, trust: f64) -> Happening {
    Happening::Anchor {
        peerid: peer.to_string(),
        trust,
    }
}

fn evaluation(score: Score, confidence: Confidence) -> Evaluation {
    Evaluation {
        score: score.get(),
        confidence: confidence.get(),
    }
}
