//! What can be asked of a simulated network.

use std::time::Duration;

/// The most nodes: those of a large organisation; some hundred MB.
pub const MAX_NODES: usize = 2_000;
/// The most pairs of a report and a node: each takes 8 bytes.
pub const MAX_PAIRS: u64 = 20_000_000;
/// The most entries of the past: about 300 bytes each.
pub const MAX_PAST: u64 = 4_000_000;

/// The longest of the times that something takes.
const MAX_SPAN: Duration = Duration::from_secs(60);
/// The longest time of reports and of a partition, in seconds: every node sweeps all the while.
const MAX_SECONDS: f64 = 3_600.0;

/// What nodes do that refuse to forward. All of them say what they have to say themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They hand nothing of others on and tell nobody that they have it.
    Silent,
    /// They tell everybody that they have it, and do not answer who asks for it.
    Promising,
}

/// A network and what happens in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Nodes in all, pigeons included; 2 to 2,000.
    pub nodes: usize,
    /// Everything made up comes from it.
    pub seed: u64,
    /// How many others a node dials; fewer where there are not so many.
    pub degree: usize,
    /// From one end of a link to the other and back.
    pub round_trip: Duration,
    /// A message takes up to this share longer, by chance; 0 to 10.
    pub jitter: f64,
    /// The share of messages lost on the way, and sent again; 0 to 0.9.
    pub loss: f64,
    /// Cuts of one link in a minute, on average.
    pub cuts: f64,
    /// A link cut is made again within this time.
    pub redial: Duration,
    /// Bytes a second that a link carries in one direction; `None`: as many as come.
    pub bandwidth: Option<u64>,
    /// How long a disk takes to write or to read.
    pub disk: Duration,
    /// The share of nodes that refuse to forward; 0 up to, not including, 1.
    pub refuse: f64,
    /// How they refuse.
    pub refusal: Refusal,
    /// Nodes that speak the pigeon's protocol only.
    pub pigeons: usize,
    /// How many nodes say something; fewer where fewer are honest.
    pub authors: usize,
    /// Reports in all.
    pub reports: u64,
    /// Reports a second of all authors together, at times by chance.
    pub rate: f64,
    /// From when to when the network is in two halves, since the first report may be said.
    pub partition: Option<(Duration, Duration)>,
    /// Entries that everybody had stored before, of all authors together.
    pub past: u64,
    /// How many of them the last node lacks.
    pub missed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            nodes: 200,
            seed: 1,
            degree: 12,
            round_trip: Duration::from_millis(100),
            jitter: 0.1,
            loss: 0.0,
            cuts: 0.0,
            redial: Duration::from_secs(1),
            bandwidth: None,
            disk: Duration::from_millis(2),
            refuse: 0.0,
            refusal: Refusal::Promising,
            pigeons: 0,
            authors: 20,
            reports: 200,
            rate: 20.0,
            partition: None,
            past: 0,
            missed: 0,
        }
    }
}

/// Why a plan makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Senseless(String);

impl Plan {
    /// Whether it makes sense, and how many nodes speak sync.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub fn check(&self) -> Result<usize, Senseless> {
        let wrong = |what: String| Err(Senseless(what));
        let ranges = [
            ("jitter", self.jitter, 0.0, 10.0),
            ("loss", self.loss, 0.0, 0.9),
            ("cuts", self.cuts, 0.0, 60.0),
            ("refuse", self.refuse, 0.0, 0.99),
            ("rate", self.rate, 0.001, 100_000.0),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return wrong(format!(
                    "--{name} {value} is out of range; give {low} to {high}"
                ));
            }
        }
        if !(2..=MAX_NODES).contains(&self.nodes) {
            return wrong(format!(
                "--nodes {} is out of range; give 2 to {MAX_NODES}",
                self.nodes
            ));
        }
        let speaking = self.nodes.saturating_sub(self.pigeons);
        if speaking - self.refusers(speaking) < 2 {
            return wrong(
                "fewer than 2 nodes that forward are left; lower --refuse or --pigeons".into(),
            );
        }
        if self.degree == 0 || self.authors == 0 {
            return wrong(
                "--degree 0 or --authors 0: nothing would be said; give 1 at least".into(),
            );
        }
        let pairs = self.reports.saturating_mul(self.nodes as u64);
        if pairs > MAX_PAIRS {
            return wrong(format!(
                "{} reports at {} nodes are {pairs} arrivals, and at most {MAX_PAIRS} are kept; lower --reports or --nodes",
                self.reports, self.nodes
            ));
        }
        if [self.round_trip, self.redial, self.disk]
            .iter()
            .any(|span| *span > MAX_SPAN)
        {
            return wrong("--rtt, --redial and --disk take 60s at most; give less".into());
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let speaking_for = self.reports as f64 / self.rate;
        let parted_to = self.partition.map_or(0.0, |(_, to)| to.as_secs_f64());
        if speaking_for.max(parted_to) > MAX_SECONDS {
            return wrong(format!(
                "reports for {speaking_for:.0} s and a partition to {parted_to:.0} s; both end within {MAX_SECONDS} s: lower --reports, raise --rate, or end --partition earlier"
            ));
        }
        if self.bandwidth.is_some_and(|rate| rate < 1_000) {
            return wrong("--bandwidth is below 1000 bytes a second; give 1000 at least".into());
        }
        if let Some((from, to)) = self.partition
            && from >= to
        {
            return wrong(
                "--partition ends before it begins; write FROM..TO, such as 2s..12s".into(),
            );
        }
        if self.past > MAX_PAST || self.missed > self.past {
            return wrong(format!(
                "--past {} --missed {}: give a past of at most {MAX_PAST}, and no more missed than there are",
                self.past, self.missed
            ));
        }
        Ok(speaking)
    }

    /// How many of the nodes that speak sync refuse.
    #[must_use]
    pub fn refusers(&self, speaking: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of some thousand"
        )]
        let refusers = (speaking as f64 * self.refuse).round() as usize;
        refusers.min(speaking)
    }
}
