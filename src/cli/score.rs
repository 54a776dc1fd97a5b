//! `slips-p2p score`: what the network thinks of an address, and who made it think so.

use std::collections::HashMap;

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Cell, Column, Format, Tone, column, detail, remark},
};
use crate::{
    app,
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Explanation, Fact, ModelKind, Share, TrustModel as _},
    store::{Reader, StatementRow, StoredFact},
};

/// Two opinions nearer than this say the same: the tolerance the models are held to.
const SAME: f64 = 1e-9;
/// From this score on an address is pointed out on a terminal: clearly on the malicious side.
const MALICIOUS: f64 = 0.5;

/// Show what the network thinks of addresses, and who said what.
#[derive(Debug, clap::Args)]
#[command(
    long_about = help::long("Show for each address the score (1 malicious, -1 benign), the confidence, the network score (mean trust of the reporters), when it was computed, what our own Slips said of it, and who said what, newest first.\n\nThe opinion is computed here from the reports in the database, by the model of the configuration. Where the node last told Slips something else, stored_* says what, and differs is true. An address nobody spoke of has empty values; when that is so for all of them the exit code is 3.\n\nCSV has a row for each report (an address without one has one row)."),
    after_help = help::after(&[
        "slips-p2p score 192.0.2.7",
        "slips-p2p score 192.0.2.7 2001:db8::7",
        "slips-p2p -o json score 192.0.2.7 | jq '.[0].reports[].peer'",
        "slips-p2p score 192.0.2.7 --set reputation.model=slips-compat",
    ])
)]
pub struct Args {
    /// The addresses, IPv4 or IPv6.
    #[arg(value_name = "IP", required = true)]
    addresses: Vec<Subject>,
}

/// The columns of an address.
const ADDRESS: &[Column] = &[
    column("address", "ADDRESS"),
    column("score", "SCORE"),
    column("confidence", "CONFIDENCE"),
    column("network_score", "NETWORK SCORE"),
    column("reporters", "REPORTERS"),
    column("computed_at", "COMPUTED AT"),
    detail("model"),
    column("own_score", "OUR SLIPS"),
    detail("own_confidence"),
    detail("own_said_at"),
    detail("stored_score"),
    detail("stored_confidence"),
    detail("stored_network_score"),
    detail("stored_at"),
    detail("differs"),
    remark("REMARK"),
];

/// The columns of a report on it.
const REPORT: &[Column] = &[
    detail("peer"),
    detail("peer_ip"),
    detail("score"),
    detail("confidence"),
    detail("said_at"),
    detail("times"),
    detail("trust"),
    detail("weight"),
    detail("left_out"),
];

/// An address with its reports inside, for JSON.
const NESTED: &[Column] = &joined::<17>(ADDRESS, &[detail("reports")]);

/// A report on each row, for CSV.
const FLAT: &[Column] = &joined::<25>(
    ADDRESS,
    &[
        detail("report_peer"),
        detail("report_peer_ip"),
        detail("report_score"),
        detail("report_confidence"),
        detail("report_said_at"),
        detail("report_times"),
        detail("report_trust"),
        detail("report_weight"),
        detail("report_left_out"),
    ],
);

/// Two lists of columns as one.
const fn joined<const N: usize>(first: &[Column], second: &[Column]) -> [Column; N] {
    let mut all = [detail(""); N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() {
            first[at]
        } else {
            second[at - first.len()]
        };
        at += 1;
    }
    all
}

/// Who said what, for people.
const WHO: &[Column] = &[
    column("address", "ADDRESS"),
    column("peer", "PEER"),
    column("peer_ip", "AT"),
    column("score", "SAYS"),
    column("confidence", "CONFIDENCE"),
    column("said_at", "LAST SAID"),
    column("times", "TIMES"),
    column("trust", "TRUST"),
    column("weight", "WEIGHT"),
    column("left_out", "LEFT OUT BECAUSE"),
];

/// Runs the command.
///
/// # Errors
/// The database cannot be read, or the output cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let now = Timestamp::now();
    let mut verdicts = Vec::with_capacity(args.addresses.len());
    for &subject in &args.addresses {
        let engine = app::engine(&database.config);
        verdicts.push(Verdict::of(&database.reader, engine, subject, now).await?);
    }
    match context.format() {
        Format::Human => for_people(&verdicts, context)?,
        Format::Csv => {
            let mut printer = context.printer(FLAT)?;
            for verdict in &verdicts {
                for row in verdict.flat() {
                    printer.row(row)?;
                }
            }
            printer.end()?;
        }
        Format::Json | Format::Jsonl => {
            let mut printer = context.printer(NESTED)?;
            for verdict in &verdicts {
                let mut cells = verdict.cells();
                cells.push(Cell::Rows(
                    REPORT,
                    verdict.said.iter().map(Said::cells).collect(),
                ));
                printer.row(cells)?;
            }
            printer.end()?;
        }
    }
    let known = verdicts.iter().any(Verdict::is_known);
    Ok(if known { Exit::Ok } else { Exit::NotFound })
}

fn for_people(verdicts: &[Verdict], context: &mut Context<'_>) -> anyhow::Result<()> {
    let mut printer = context.printer(ADDRESS)?;
    for verdict in verdicts {
        printer.toned(verdict.tone(), verdict.cells())?;
    }
    printer.end()?;
    if verdicts.iter().all(|verdict| verdict.said.is_empty()) {
        return Ok(());
    }
    writeln!(context.out)?;
    let mut printer = context.printer(WHO)?;
    for verdict in verdicts {
        for said in &verdict.said {
            let tone = if said.share.left_out.is_some() {
                Tone::Faint
            } else {
                Tone::Plain
            };
            let mut cells = vec![verdict.subject.to_string().into()];
            cells.extend(said.cells());
            printer.toned(tone, cells)?;
        }
    }
    printer.end()?;
    Ok(())
}

/// What is known of one address.
struct Verdict {
    subject: Subject,
    /// As the model computes it now.
    now: Option<Opinion>,
    /// As the node last stored it and told Slips.
    stored: Option<Opinion>,
    own: Option<StatementRow>,
    model: ModelKind,
    /// Why the model fails on it, if it does.
    failed: Option<&'static str>,
    /// Newest first.
    said: Vec<Said>,
}

/// One report and its part in the opinion.
struct Said {
    share: Share,
    times: u64,
}

impl Said {
    /// The cells of [`REPORT`].
    fn cells(&self) -> Vec<Cell> {
        let share = &self.share;
        vec![
            share.author.0.into(),
            share.address.map(|ip| ip.to_string()).into(),
            share.score.get().into(),
            share.confidence.get().into(),
            share.said_at.into(),
            Cell::count(self.times),
            share.trust.into(),
            share.weight.into(),
            share.left_out.into(),
        ]
    }
}

impl Verdict {
    async fn of(
        reader: &Reader,
        mut engine: Engine,
        subject: Subject,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let facts = reader.facts_about(subject).await?;
        let mut times = HashMap::new();
        for (at, fact) in facts {
            let (fact, said) = learnable(fact);
            if let Fact::Report { author, .. } = &fact {
                *times.entry((*author, at)).or_insert(0) += u64::from(said);
            }
            engine.learn_repeated(&fact, said, at);
        }
        let Explanation {
            opinion,
            shares,
            failed,
            ..
        } = engine.explain(subject, now);
        let mut said: Vec<Said> = shares
            .into_iter()
            .map(|share| Said {
                times: times
                    .get(&(share.author, share.said_at))
                    .copied()
                    .unwrap_or(1),
                share,
            })
            .collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.share.said_at));
        Ok(Self {
            subject,
            now: opinion,
            stored: reader.opinion(subject).await?,
            own: reader.statements(subject).await?.pop(),
            model: engine.kind(),
            failed,
            said,
        })
    }

    /// Whether anybody ever said anything of it.
    fn is_known(&self) -> bool {
        self.shown().is_some() || self.own.is_some() || !self.said.is_empty()
    }

    /// The opinion as it is now; the stored one where its reports are no longer kept.
    fn shown(&self) -> Option<&Opinion> {
        match (&self.now, &self.stored) {
            // The same opinion keeps the time it was computed at.
            (Some(now), Some(stored)) if same(now, stored) => Some(stored),
            (Some(now), _) => Some(now),
            (None, stored) => stored.as_ref(),
        }
    }

    fn differs(&self) -> bool {
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) => !same(now, stored),
            (None, None) => false,
            _ => true,
        }
    }

    fn tone(&self) -> Tone {
        match self.shown() {
            None => Tone::Faint,
            Some(opinion) if opinion.score.get() >= MALICIOUS => Tone::Bad,
            Some(_) => Tone::Plain,
        }
    }

    fn remark(&self) -> Option<String> {
        if let Some(failed) = self.failed {
            return Some(failed.into());
        }
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) if !same(now, stored) => Some(format!(
                "Slips was told {:.3}, confidence {:.3}, at {}",
                stored.score.get(),
                stored.confidence.get(),
                stored.computed_at
            )),
            (Some(_), None) => Some("Slips was told nothing yet".into()),
            (None, Some(_)) => Some("the reports behind it are no longer kept".into()),
            (None, None) if !self.said.is_empty() => Some("no report counts".into()),
            _ => None,
        }
    }

    /// The cells of [`ADDRESS`].
    fn cells(&self) -> Vec<Cell> {
        let shown = self.shown();
        let own = self.own.as_ref();
        let stored = self.stored.as_ref();
        vec![
            self.subject.to_string().into(),
            shown.map(|opinion| opinion.score.get()).into(),
            shown.map(|opinion| opinion.confidence.get()).into(),
            shown.map(|opinion| opinion.network_score.get()).into(),
            shown.map(|opinion| opinion.reporters).into(),
            shown.map(|opinion| opinion.computed_at).into(),
            self.model.word().into(),
            own.map(|own| own.score.get()).into(),
            own.map(|own| own.confidence.get()).into(),
            own.map(|own| own.last_at).into(),
            stored.map(|opinion| opinion.score.get()).into(),
            stored.map(|opinion| opinion.confidence.get()).into(),
            stored.map(|opinion| opinion.network_score.get()).into(),
            stored.map(|opinion| opinion.computed_at).into(),
            self.differs().into(),
            self.remark().into(),
        ]
    }

    /// A row for each report, or one without.
    fn flat(&self) -> Vec<Vec<Cell>> {
        let with = |report: Vec<Cell>| {
            let mut cells = self.cells();
            cells.extend(report);
            cells
        };
        if self.said.is_empty() {
            return vec![with(vec![Cell::Null; REPORT.len()])];
        }
        self.said.iter().map(|said| with(said.cells())).collect()
    }
}

/// Whether two opinions say the same, whenever they were computed.
fn same(one: &Opinion, other: &Opinion) -> bool {
    (one.score.get() - other.score.get()).abs() < SAME
        && (one.confidence.get() - other.confidence.get()).abs() < SAME
        && (one.network_score.get() - other.network_score.get()).abs() < SAME
}

/// A stored fact as the models learn it, and how often it was said.
fn learnable(fact: StoredFact) -> (Fact, u32) {
    match fact {
        StoredFact::PeerAddress { peer, ip } => (Fact::PeerAddress { peer, ip }, 1),
        StoredFact::PeerReliability { peer, reliability } => {
            (Fact::PeerReliability { peer, reliability }, 1)
        }
        StoredFact::Report(report, repeats) => (
            Fact::Report {
                author: report.author,
                subject: report.subject,
                score: report.score,
                confidence: report.confidence,
            },
            repeats.saturating_add(1),
        ),
        StoredFact::OwnStatement(own) => (
            Fact::OwnStatement {
                subject: own.subject,
                score: own.score,
                confidence: own.confidence,
            },
            1,
        ),
    }
}
