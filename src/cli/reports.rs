//! `slips-p2p reports`: what peers said, as it was accepted; with `--follow` as it comes.

use std::{collections::HashMap, io, os::fd::AsFd as _, time::Duration};

use tokio::{
    io::Interest,
    net::unix::pipe,
    signal::unix::{SignalKind, signal},
    time::MissedTickBehavior,
};

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Cell, Column, Format, Printer, Tone, column, detail},
    peers,
    when::Since,
};
use crate::{
    domain::{PeerId, Subject, Timestamp},
    store::{Reader, ReportFilter, ReportRow},
};

/// How many reports are shown without `--limit`.
const SHOWN: usize = 1000;
/// How many are shown before following, as `tail -f` does.
const SHOWN_BEFORE_FOLLOWING: usize = 10;
/// How many rows are fetched at a time: a few hundred kilobytes.
const PAGE: usize = 4096;
/// How often a follower looks: soon enough for eyes, and one index look-up is all it costs.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// From this score on a report is pointed out on a terminal: clearly on the malicious side.
const MALICIOUS: f64 = 0.5;

/// Show the reports of peers.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show the reports that peers made, oldest first, the newest at the end. A peer that repeats itself word for word makes no new report: times counts how often it said it, last_at when last.\n\n--follow goes on with each new report as it is accepted, until SIGINT or until the reader goes away; repetitions are not shown again.",
    after_help = help::after(&[
        "slips-p2p reports --since 1h",
        "slips-p2p reports --ip 192.0.2.7 --limit 20",
        "slips-p2p reports --peer 12D3KooWGzBv --since 2026-11-20T15:00:00Z",
        "slips-p2p -o jsonl reports --follow",
        "slips-p2p -o csv reports --limit 0 > reports.csv",
    ])
)]
pub struct Args {
    /// Only reports about this address.
    #[arg(long, value_name = "IP")]
    ip: Option<Subject>,
    /// Only reports by this peer: its id, its alias, or the beginning of its id.
    #[arg(long, value_name = "PEER")]
    peer: Option<String>,
    /// Only what was said since then: how long ago (90s, 15m, 1h, 2d12h, 1w), a day, or RFC 3339.
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Only the newest N of them; 0 for all. Without it 1000, with --follow 10.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on with new reports as they are accepted.
    #[arg(long, short)]
    follow: bool,
}

const COLUMNS: &[Column] = &[
    detail("id"),
    column("last_at", "LAST SAID"),
    column("address", "ADDRESS"),
    column("score", "SCORE"),
    column("confidence", "CONFIDENCE"),
    column("times", "TIMES"),
    column("peer", "PEER"),
    detail("first_at"),
];

/// Runs the command.
///
/// # Errors
/// The database cannot be read, the peer is not known, or the output cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let reader = &database.reader;
    let peer = match &args.peer {
        Some(wanted) => Some(peers::find(wanted, reader).await?.peer),
        None => None,
    };
    let filter = ReportFilter {
        ip: args.ip.map(Subject::ip),
        peer,
        since: args.since.map(|since| since.from(Timestamp::now())),
        ..ReportFilter::default()
    };
    // Asked before anything is printed: what comes after it is either printed or followed.
    let newest = newest(reader).await?;
    let mut printer = context.printer(COLUMNS)?;
    let last = print_kept(args, reader, filter, &mut printer).await?;
    if args.follow {
        if !database.is_in_use() {
            eprintln!("note: no node is running on {}", database.path.display());
        }
        let new = ReportFilter {
            since: None,
            ..filter
        };
        follow(reader, new, last.max(newest), &mut printer).await?;
    }
    if printer.end()? == 0 && context.format() == Format::Human {
        eprintln!("note: no such report");
    }
    Ok(Exit::Ok)
}

/// The largest id there is; 0 where there is none.
async fn newest(reader: &Reader) -> anyhow::Result<i64> {
    let one = ReportFilter {
        limit: 1,
        ..ReportFilter::default()
    };
    Ok(reader.reports(one).await?.first().map_or(0, |row| row.id))
}

/// Prints what there is already; answers the id of the last one.
async fn print_kept(
    args: &Args,
    reader: &Reader,
    filter: ReportFilter,
    printer: &mut Printer<'_>,
) -> anyhow::Result<i64> {
    let usual = if args.follow {
        SHOWN_BEFORE_FOLLOWING
    } else {
        SHOWN
    };
    let limit = args.limit.unwrap_or(usual);
    if limit == 0 {
        return print_after(reader, filter, 0, printer).await;
    }
    // One more than is shown tells whether there are more.
    let asked = ReportFilter {
        limit: limit.saturating_add(1),
        ..filter
    };
    let mut rows = reader.reports(asked).await?;
    if rows.len() > limit {
        rows.remove(0);
        if args.limit.is_none() && !args.follow {
            eprintln!("note: only the newest {limit} reports are shown; --limit 0 shows all");
        }
    }
    Ok(print(&rows, printer)?.unwrap_or(0))
}

/// Prints new reports until a signal comes or the reader of our output goes away.
async fn follow(
    reader: &Reader,
    filter: ReportFilter,
    mut last: i64,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let gone = reader_gone();
    tokio::pin!(gone);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        printer.flush()?;
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = &mut gone => return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
            _ = look.tick() => last = print_after(reader, filter, last, printer).await?,
        }
    }
}

/// Ends when stdout is a pipe that nobody reads any more; without it, that would be noticed only
/// with the next report. What is no pipe never ends it.
async fn reader_gone() {
    let watched = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        // Unchecked: nothing is written through it, so it need not be non-blocking.
        .and_then(pipe::Sender::from_owned_fd_unchecked);
    if let Ok(stdout) = watched
        && stdout.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Prints all reports after `last`, page by page; answers the id of the last one.
async fn print_after(
    reader: &Reader,
    filter: ReportFilter,
    mut last: i64,
    printer: &mut Printer<'_>,
) -> anyhow::Result<i64> {
    loop {
        let page = ReportFilter {
            after_id: Some(last),
            limit: PAGE,
            ..filter
        };
        let rows = reader.reports(page).await?;
        last = print(&rows, printer)?.unwrap_or(last);
        if rows.len() < PAGE {
            return Ok(last);
        }
        printer.flush()?;
    }
}

/// Prints rows; answers the id of the last one.
fn print(rows: &[ReportRow], printer: &mut Printer<'_>) -> anyhow::Result<Option<i64>> {
    // Spelling out a peer's id costs more than the rest of a row.
    let mut authors: HashMap<PeerId, Cell> = HashMap::new();
    for row in rows {
        let author = authors
            .entry(row.author)
            .or_insert_with(|| row.author.into());
        let tone = if row.score.get() >= MALICIOUS {
            Tone::Warn
        } else {
            Tone::Plain
        };
        printer.toned(
            tone,
            vec![
                row.id.into(),
                row.last_at.into(),
                row.subject.to_string().into(),
                row.score.get().into(),
                row.confidence.get().into(),
                Cell::count(u64::from(row.repeats) + 1),
                author.clone(),
                row.first_at.into(),
            ],
        )?;
    }
    Ok(rows.last().map(|row| row.id))
}
