//! `slips-p2p replay`: what a trust model says of recorded events, from a file or a database.

mod answers;
mod lines;
mod progress;

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{context::Context, exit::Exit, help, when::Since};
use crate::{
    app::Recall,
    config::Config,
    domain::{Subject, Timestamp},
    reputation::{Engine, Fact, ModelKind},
    store::{Reader, StoredFact},
    wire::replay::{Decoder, Entry, Fault},
};
use answers::Answers;
use lines::Lines;
pub(super) use progress::Progress;

/// Answer what a trust model says of recorded events.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Read what reporters, our own Slips and the operator said as JSON lines, in the order of the file, and write an opinion for each query, nothing else, to stdout:\n\n{\"t\":0,\"type\":\"peer_update\",\"peerid\":\"p1\",\"ip\":\"192.0.2.1\",\"reliability\":0.9}\n{\"t\":1,\"type\":\"report\",\"reporter\":\"p1\",\"key_type\":\"ip\",\"key\":\"198.51.100.7\",\n \"evaluation_type\":\"score_confidence\",\"evaluation\":{\"score\":0.9,\"confidence\":0.6}} (one line)\n{\"t\":2,\"type\":\"local\",\"key\":\"198.51.100.7\",\"evaluation\":{\"score\":0.8,\"confidence\":0.9}}\n{\"t\":3,\"type\":\"anchor\",\"peerid\":\"p2\",\"trust\":0.95}\n{\"t\":4,\"type\":\"query\",\"id\":17,\"key\":\"198.51.100.7\"}\n\nt is in seconds and need not ascend; peers are named by any text; keys not named here are ignored, blank lines too. The answer to the last line is {\"id\":17,\"key\":\"198.51.100.7\",\"score\":..,\"confidence\":..,\"network_score\":..}, the three null without an opinion. What our own Slips said (local) is part of it, unless --network-only. Guards are not applied.\n\nAnswers are JSON lines, or what -o asks for: one JSON list of them, or a row each, where what --compare says stands in columns of its own.\n\nWith --db the events are those of a node's database, and every address in it is asked about, with ids from 1 on. Parameters of models are set by their names: --set kappa=0.",
    after_help = help::after(&[
        "slips-p2p replay events.jsonl --model robust",
        "slips-p2p replay events.jsonl --model robust --compare slips --set kappa=0",
        "slips-p2p replay --db slips-p2p.db --model fides --until 2026-11-20T15:00:00Z",
        "slips-p2p -o csv replay events.jsonl > opinions.csv",
    ])
)]
pub struct Args {
    /// JSON lines; - or nothing: stdin.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The trust model, robust, slips, slips-compat, fides, mean or median; else that of the configuration.
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelKind>,
    /// Another model to be asked too; its answer stands in each line under "compare", in rows beside the first.
    #[arg(long, value_name = "MODEL")]
    compare: Option<ModelKind>,
    /// Leave out what our own Slips said of the address itself, as the write-back to Slips does.
    #[arg(long)]
    network_only: bool,
    /// Name bad lines and go on, rather than end with code 1.
    #[arg(long)]
    lenient: bool,
    /// Take the events from a node's database.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "lenient"])]
    db: Option<PathBuf>,
    /// With --db: what was known then; a time (2026-11-20T15:00:00Z) or how long ago (2h).
    #[arg(long, value_name = "T", requires = "db")]
    until: Option<Since>,
    /// With --db: ask about this address only; may be given several times.
    #[arg(long, value_name = "IP", requires = "db")]
    address: Vec<Subject>,
}

/// Bad lines that are named one by one with --lenient; the rest is counted.
const NAMED: u64 = 1000;
/// What is read from the file at once.
const READ_AT_ONCE: usize = 1 << 18;

/// Runs the command.
///
/// # Errors
/// The file or the database cannot be read, a line is none, or the output cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    // clap waives `requires` when what is required conflicts with something that is there.
    if args.db.is_none() && (args.until.is_some() || !args.address.is_empty()) {
        return Err(Exit::Usage.because(
            "--until and --address go with --db FILE; lines are replayed whole, with their own queries",
        ));
    }
    let config = context.config()?.config;
    let kinds = [
        Some(args.model.unwrap_or(config.reputation.model)),
        args.compare,
    ];
    let kinds: Vec<ModelKind> = kinds.into_iter().flatten().collect();
    if let Some(db) = &args.db {
        return database(db, args, &kinds, &config, context).await;
    }
    let models = kinds
        .iter()
        .map(|kind| Engine::new(*kind, config.models))
        .collect();
    let answers = Answers::new(models, args.network_only, context)?;
    match args.file.as_deref().filter(|file| *file != Path::new("-")) {
        Some(path) => {
            let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (size, file) = opened.with_context(|| {
                format!(
                    "cannot open {} (name a file of JSON lines, or - for stdin)",
                    path.display()
                )
            })?;
            let reader = BufReader::with_capacity(READ_AT_ONCE, file);
            let name = path.display().to_string();
            Replay::new(name, args.lenient, Some(size), answers).run(reader)
        }
        None => {
            let reader = BufReader::with_capacity(READ_AT_ONCE, io::stdin().lock());
            Replay::new("-".into(), args.lenient, None, answers).run(reader)
        }
    }
}

/// One file while it is replayed.
struct Replay<'a> {
    name: String,
    lenient: bool,
    bad: u64,
    progress: Progress,
    decoder: Decoder,
    answers: Answers<'a>,
}

impl<'a> Replay<'a> {
    fn new(name: String, lenient: bool, size: Option<u64>, answers: Answers<'a>) -> Self {
        Self {
            name,
            lenient,
            bad: 0,
            progress: Progress::new("lines", size.filter(|size| *size > 0)),
            decoder: Decoder::default(),
            answers,
        }
    }

    /// What was answered before a line that ends it stands.
    fn run(mut self, reader: impl BufRead) -> anyhow::Result<Exit> {
        let read = self.read(reader);
        self.progress.end();
        if self.bad > NAMED {
            eprintln!("{}: {} bad lines in all were left out", self.name, self.bad);
        }
        self.answers.end()?;
        read.map(|()| Exit::Ok)
    }

    fn read(&mut self, reader: impl BufRead) -> anyhow::Result<()> {
        let mut lines = Lines::new(reader);
        loop {
            let line = lines
                .next()
                .with_context(|| format!("cannot read {}", self.name))?;
            let Some(line) = line else { break };
            self.progress.at(line.number, line.offset);
            let done = match line.text {
                Ok(text) if text.trim_ascii().is_empty() => continue,
                Ok(text) => take(text, &mut self.decoder, &mut self.answers)?,
                Err(too_long) => Err(too_long.to_string()),
            };
            if let Err(fault) = done {
                self.refuse(line.number, &fault)?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, number: u64, fault: &str) -> anyhow::Result<()> {
        let said = format!("{}:{number}: {fault}", self.name);
        if !self.lenient {
            return Err(Exit::Error.because(format!(
                "{said}; put it right, or leave bad lines out with --lenient"
            )));
        }
        self.bad += 1;
        if self.bad <= NAMED {
            self.progress.clear();
            eprintln!("{said}; left out");
        }
        Ok(())
    }
}

/// Takes in or answers one line; the inner error is the line's own fault.
fn take(
    text: &[u8],
    decoder: &mut Decoder,
    answers: &mut Answers<'_>,
) -> anyhow::Result<Result<(), String>> {
    let line = match decoder.decode(text) {
        Ok(line) => line,
        Err(fault) => return Ok(Err(Fault::to_string(&fault))),
    };
    let at = line.at;
    match line.entry {
        Entry::PeerUpdate {
            peer,
            ip,
            reliability,
        } => {
            if let Some(ip) = ip {
                answers.learn(&Fact::PeerAddress { peer, ip }, at);
            }
            if let Some(reliability) = reliability {
                answers.learn(&Fact::PeerReliability { peer, reliability }, at);
            }
        }
        Entry::Report {
            author,
            subject,
            score,
            confidence,
        } => answers.learn(
            &Fact::Report {
                author,
                subject,
                score,
                confidence,
            },
            at,
        ),
        Entry::Local {
            subject,
            score,
            confidence,
        } => answers.learn(
            &Fact::OwnStatement {
                subject,
                score,
                confidence,
            },
            at,
        ),
        Entry::Anchor { peer, trust } if trust.get() > 0.0 => {
            answers.learn(&Fact::Anchor { peer, trust }, at);
        }
        Entry::Anchor { peer, .. } => answers.learn(&Fact::AnchorLifted { peer }, at),
        Entry::Query { id, subject } => answers.answer(id, subject, at)?,
    }
    Ok(Ok(()))
}

async fn database(
    path: &Path,
    args: &Args,
    kinds: &[ModelKind],
    config: &Config,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let now = Timestamp::now();
    let until = args.until.map_or(now, |until| until.from(now));
    let reader = Reader::open(path).await?;
    let mut models: Vec<Recall> = kinds.iter().map(|kind| Recall::of(*kind, config)).collect();
    let mut asked: BTreeSet<Subject> = args.address.iter().copied().collect();
    let all = asked.is_empty();
    let (mut progress, mut facts) = (Progress::new("facts", None), 0);
    reader
        .facts(|at, fact| {
            if at > until {
                return;
            }
            if all && let Some(subject) = subject(&fact) {
                asked.insert(subject);
            }
            for model in &mut models {
                model.recall(at, fact.clone());
            }
            facts += 1;
            progress.at(facts, 0);
        })
        .await?;
    progress.end();
    let models = models.into_iter().map(|model| model.at(until)).collect();
    let mut answers = Answers::new(models, args.network_only, context)?;
    for (number, subject) in asked.into_iter().enumerate() {
        answers.answer(&(number + 1).to_string(), subject, until)?;
    }
    answers.end()?;
    Ok(Exit::Ok)
}

/// The address a fact is about, if it is about one.
fn subject(fact: &StoredFact) -> Option<Subject> {
    match fact {
        StoredFact::Report(report, _) => Some(report.subject),
        StoredFact::OwnStatement(own) => Some(own.subject),
        StoredFact::PeerAddress { .. }
        | StoredFact::PeerReliability { .. }
        | StoredFact::Trust(_)
        | StoredFact::Forked(_) => None,
    }
}
