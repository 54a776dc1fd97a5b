//! `slips-p2p score`: what the network thinks of an address, and who made it think so.

mod verdict;

use super::{
    context::{Context, Database},
    exit::Exit,
    help,
    output::{Cell, Column, Format, Tone, column, detail, remark},
};
use crate::domain::{Subject, Timestamp};
use verdict::{Said, Verdict};

/// Show what the network thinks of addresses, and who said what.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show for each address the score (1 harmful, 0 harmless) and the confidence, both from 0 to 1, the network score (how far its reporters are trusted, by the model's own mean; 1 where a model trusts nobody in particular), when it was computed, what our own Slips said of it, and who said what, newest first.\n\nA running node is asked what it thinks now; where none runs, and with --recompute or --set, everything is worked out anew from the database by the model of the configuration (worked_out_by says which). What is shown then is what the node stored and told Slips last, as long as the model says the same of that time; where it says otherwise, differs is true and the opinion of now stands there. stored_* says what was stored, in any case. guard names what keeps an opinion inside the node. An address nobody spoke of has empty values; when that is so for all of them the exit code is 3.\n\nCSV has a row for each report (an address without one has one row).",
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
    /// Work everything out anew from the database, even while a node runs that could tell.
    #[arg(long)]
    recompute: bool,
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
const NESTED: &[Column] = &joined::<19>(
    ADDRESS,
    &[detail("reports"), detail("guard"), detail("worked_out_by")],
);

/// A report on each row, for CSV.
const FLAT: &[Column] = &joined::<27>(
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
        detail("guard"),
        detail("worked_out_by"),
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
    let verdicts = verdicts(&database, args, context.global.set.is_empty(), now).await?;
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
                cells.extend(verdict.sources());
                printer.row(cells)?;
            }
            printer.end()?;
        }
    }
    let known = verdicts.iter().any(Verdict::is_known);
    Ok(if known { Exit::Ok } else { Exit::NotFound })
}

/// The running node knows at once what takes a pass over the whole database otherwise. It is not asked
/// what it would think with other settings.
async fn verdicts(
    database: &Database,
    args: &Args,
    as_it_is: bool,
    now: Timestamp,
) -> anyhow::Result<Vec<Verdict>> {
    if as_it_is && !args.recompute && database.is_in_use() {
        match verdict::by_node(database, &args.addresses, now).await {
            Ok(verdicts) => return Ok(verdicts),
            Err(error) => eprintln!("note: {error}; working it out from the database instead"),
        }
    }
    verdict::by_database(database, &args.addresses, now).await
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
            let tone = if said.voice.left_out.is_some() {
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
