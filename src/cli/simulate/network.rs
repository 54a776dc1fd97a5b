//! `slips-p2p simulate network`: how reports spread among nodes on simulated time and links.

use std::{path::PathBuf, time::Duration};

use super::{progress::Progress, spread};
use crate::{
    cli::{
        context::Context,
        exit::Exit,
        help,
        output::{Cell, Column, column, detail},
    },
    simulation::network::{self, Failure, Figures, Plan, Refusal, Stage},
};

/// Measure how reports spread among nodes on simulated links.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Measure how reports spread: many nodes with their real engine of gossip and catch-up, their own logs, keys and signatures, on simulated time. The bytes they send go over simulated links and are read by the real decoders. The same flags give the same bytes; TRACE is the SHA-256 of all that happened, so equal traces are equal runs.\n\nEach node dials --degree others by chance and is dialled by as many on average. In a real network a node dials every peer it knows, up to its limit of connections, which is easier.\n\nDELIVERY is the share of the pairs of a report and an honest node other than its author that came about, and the delays are those of all these pairs, from being said to being stored there: a pair that did not come about counts as never. CUT OFF are honest nodes that no chain of honest nodes connects with most of the others: nothing can help them. REPEATED is how many segments came to a node that had them, for each that was new. HEALED is how long after the partition everything said before its end was everywhere. CAUGHT UP is how long the node that missed something took from its first link on.\n\nMessages that are lost come later, after a time-out, as over TCP, and later ones wait for them. Nodes that refuse to forward say what their own Slips says; --refusal promising ones also tell that they have what others say, and do not hand it over. Pigeons are told in lines by whom they are linked with, and forward nothing.\n\nNothing is read but the flags: no configuration, no database, no network.",
    after_help = help::after(&[
        "slips-p2p simulate network --nodes 200 --seed 7",
        "slips-p2p simulate network --nodes 200 --seed 7 --refuse 0.75 --plot spread.svg",
        "slips-p2p simulate network --nodes 100 --partition 2s..12s --reports 300",
        "slips-p2p simulate network --nodes 50 --loss 0.02 --cuts 1 --bandwidth 125000",
        "slips-p2p simulate network --nodes 60 --authors 50 --reports 0 --past 1000000 --missed 1000",
        "slips-p2p -o csv simulate network --nodes 400 --degree 8 > figures.csv",
    ])
)]
pub struct Args {
    /// How many nodes, pigeons included.
    #[arg(long, value_name = "N", default_value_t = 200)]
    nodes: usize,
    /// Everything made up comes from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many others each node dials.
    #[arg(long, value_name = "N", default_value_t = 12)]
    degree: usize,
    /// From one end of a link to the other and back.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time)]
    rtt: Duration,
    /// A message takes up to this share longer, by chance.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    jitter: f64,
    /// The share of messages that are lost on the way and sent again.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    loss: f64,
    /// How often a link is cut in a minute, on average.
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    cuts: f64,
    /// Within which time a link cut is made again.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    redial: Duration,
    /// Bytes a second that a link carries in one direction; without it, as many as come.
    #[arg(long, value_name = "BYTES")]
    bandwidth: Option<u64>,
    /// How long a disk takes to write or to read.
    #[arg(long, value_name = "TIME", default_value = "2ms", value_parser = time)]
    disk: Duration,
    /// The share of nodes that refuse to forward.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    refuse: f64,
    /// How they refuse: silently, or promising what they do not hand over.
    #[arg(long, value_enum, default_value_t = How::Promising)]
    refusal: How,
    /// How many of the nodes speak the pigeon's protocol only.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pigeons: usize,
    /// How many nodes say something.
    #[arg(long, value_name = "N", default_value_t = 20)]
    authors: usize,
    /// How many reports are said.
    #[arg(long, value_name = "N", default_value_t = 200)]
    reports: u64,
    /// How many reports a second, all authors together.
    #[arg(long, value_name = "R", default_value_t = 20.0)]
    rate: f64,
    /// The network is in two halves from when to when, such as 2s..12s, since reports begin.
    #[arg(long, value_name = "FROM..TO", value_parser = from_to)]
    partition: Option<(Duration, Duration)>,
    /// How many entries everybody has from before.
    #[arg(long, value_name = "N", default_value_t = 0)]
    past: u64,
    /// How many of them, the newest, one node lacks; it comes when the others are connected.
    #[arg(long, value_name = "N", default_value_t = 0)]
    missed: u64,
    /// Draw the share of the nodes reached over time into this SVG file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// See [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// They hand on nothing and tell nobody of it.
    Silent,
    /// They tell that they have it, and do not hand it over.
    Promising,
}

const COLUMNS: &[Column] = &[
    column("nodes", "NODES"),
    column("seed", "SEED"),
    column("honest", "HONEST"),
    column("refusing", "REFUSING"),
    column("cut_off", "CUT OFF"),
    column("pigeons", "PIGEONS"),
    column("links", "LINKS"),
    column("reports", "REPORTS"),
    column("everywhere", "EVERYWHERE"),
    column("delivery", "DELIVERY"),
    column("p50_ms", "P50 MS"),
    column("p90_ms", "P90 MS"),
    column("p99_ms", "P99 MS"),
    column("max_ms", "MAX MS"),
    column("repeated", "REPEATED"),
    column("bytes_per_node", "BYTES A NODE"),
    column("bytes_most", "BYTES OF THE BUSIEST"),
    column("bytes_segments", "BYTES OF SEGMENTS"),
    column("bytes_tips", "BYTES OF TIPS"),
    detail("bytes"),
    column("messages", "MESSAGES"),
    column("verified", "VERIFIED"),
    column("wants", "WANTS"),
    column("wants_broken", "NOT ANSWERED"),
    detail("put_off"),
    detail("refused"),
    column("pigeon_lines", "LINES TO PIGEONS"),
    column("healed_ms", "HEALED MS"),
    column("caught_up_ms", "CAUGHT UP MS"),
    column("caught_up_round_trips", "IN ROUND TRIPS"),
    column("agree", "ALL AGREE"),
    column("simulated_s", "SIMULATED S"),
    column("trace", "TRACE"),
];

/// Runs the command.
///
/// # Errors
/// What was asked makes no sense, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let plan = args.plan();
    super::check_place(args.plot.as_deref())?;
    let progress = Progress::new(0);
    let figures = network::run(&plan, &mut |stage| progress.note(|| said(stage)));
    // What it said must be gone before the figures come.
    drop(progress);
    let figures = figures.map_err(|failure| match failure {
        Failure::Senseless(_) => Exit::Usage.because(failure),
        other => other.into(),
    })?;
    context.record(COLUMNS, row(&plan, &figures))?;
    if let Some(file) = &args.plot {
        spread::write(file, &plan, &figures)?;
    }
    Ok(Exit::Ok)
}

impl Args {
    fn plan(&self) -> Plan {
        Plan {
            nodes: self.nodes,
            seed: self.seed,
            degree: self.degree,
            round_trip: self.rtt,
            jitter: self.jitter,
            loss: self.loss,
            cuts: self.cuts,
            redial: self.redial,
            bandwidth: self.bandwidth,
            disk: self.disk,
            refuse: self.refuse,
            refusal: match self.refusal {
                How::Silent => Refusal::Silent,
                How::Promising => Refusal::Promising,
            },
            pigeons: self.pigeons,
            authors: self.authors,
            reports: self.reports,
            rate: self.rate,
            partition: self.partition,
            past: self.past,
            missed: self.missed,
        }
    }
}

fn said(stage: &Stage) -> String {
    match stage {
        Stage::Past { made, of } => format!("{made} of {of} entries of the past"),
        Stage::Running {
            seconds,
            everywhere,
            of,
        } => format!("{seconds:.1} s simulated, {everywhere} of {of} reports everywhere"),
    }
}

fn row(plan: &Plan, figures: &Figures) -> Vec<Cell> {
    let count = |number: usize| Cell::count(number as u64);
    let delay = |share| millis(figures.delay(share));
    let catch_up = figures.catch_up;
    vec![
        count(plan.nodes),
        Cell::count(plan.seed),
        count(figures.honest),
        count(figures.refusers),
        count(figures.cut_off),
        count(figures.pigeons),
        count(figures.links),
        Cell::count(figures.reports),
        Cell::count(figures.everywhere),
        figures.delivery().into(),
        delay(0.5),
        delay(0.9),
        delay(0.99),
        delay(1.0),
        figures.repeated_each().into(),
        figures.sent_each().round().into(),
        Cell::count(figures.most_sent),
        Cell::count(figures.sent.segments),
        Cell::count(figures.sent.tips),
        Cell::count(figures.sent.bytes),
        Cell::count(figures.sent.messages),
        Cell::count(figures.verified),
        Cell::count(figures.wants),
        Cell::count(figures.broken),
        Cell::count(figures.shed),
        Cell::count(figures.refused),
        Cell::count(figures.lines),
        millis(figures.healed_after),
        millis(catch_up.and_then(|catch_up| catch_up.took)),
        catch_up.and_then(|catch_up| catch_up.round_trips).into(),
        figures.agree.into(),
        figures.lasted.as_secs_f64().into(),
        figures.trace.as_str().into(),
    ]
}

fn millis(span: Option<Duration>) -> Cell {
    // Whole microseconds, so that no rounding shows.
    let micros = |span: Duration| u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
    span.map(|span| f64::from(micros(span)) / 1e3).into()
}

/// `100ms`, `1.5s`, `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let span: Option<jiff::SignedDuration> = text.parse().ok();
    span.and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| format!("`{text}` is no span of time; write 100ms, 1.5s or 2m"))
}

/// `2s..12s`.
fn from_to(text: &str) -> Result<(Duration, Duration), String> {
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| format!("`{text}` is not FROM..TO; write 2s..12s"))?;
    Ok((time(from)?, time(to)?))
}
