//! What came of a simulated network.

use std::time::Duration;

use super::{ledger::Ledger, person::Traffic};

/// How the node that missed something caught up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CatchUp {
    /// From its first link to everything stored; `None`: not in time.
    pub took: Option<Duration>,
    /// Round trips: half the longest chain of messages, each sent after the one before had come.
    /// Telling tips, which both sides do at once, is half a one.
    pub round_trips: Option<f64>,
}

/// What came of it. Where a node is meant, it is one that speaks sync and is honest, unless said
/// otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Nodes that forward.
    pub honest: usize,
    /// Nodes that do not.
    pub refusers: usize,
    /// Nodes that speak the pigeon's protocol.
    pub pigeons: usize,
    /// Links in all.
    pub links: usize,
    /// Honest nodes that no chain of honest nodes connects with most of the others.
    pub cut_off: usize,
    /// Reports said.
    pub reports: u64,
    /// Reports that came to every node.
    pub everywhere: u64,
    /// Pairs of a report and a node, its author excepted.
    pub pairs: u64,
    /// After how long the pairs came about, ascending; as many as did.
    pub delays: Vec<Duration>,
    /// The same of each report by itself.
    pub by_report: Vec<Vec<Duration>>,
    /// Lines that came to pigeons.
    pub lines: u64,
    /// Segments that came to nodes that had them.
    pub repeated: u64,
    /// Segments that nodes refused.
    pub refused: u64,
    /// Segments that nodes put off for a budget or a bound.
    pub shed: u64,
    /// Wants sent, and those not answered.
    pub wants: u64,
    /// See `wants`.
    pub broken: u64,
    /// Signatures verified.
    pub verified: u64,
    /// What all nodes sent, and what the busiest one sent, in bytes.
    pub sent: Traffic,
    /// See `sent`.
    pub most_sent: u64,
    /// How long after the partition everything said before its end was everywhere; `None`: there
    /// was no partition, or not in time.
    pub healed_after: Option<Duration>,
    /// How the last node caught up, if it missed something.
    pub catch_up: Option<CatchUp>,
    /// Whether all nodes have the same whole logs in the end.
    pub agree: bool,
    /// Simulated time, from the first report that could be said.
    pub lasted: Duration,
    /// SHA-256 over all events with their bytes.
    pub trace: String,
}

impl Figures {
    /// The share of the pairs that came about; 1 where nothing was said.
    #[must_use]
    pub fn delivery(&self) -> f64 {
        ratio(self.delays.len() as u64, self.pairs).unwrap_or(1.0)
    }

    /// The delay within which this share of all pairs came about; `None` where so many did not.
    #[must_use]
    pub fn delay(&self, share: f64) -> Option<Duration> {
        quantile(&self.delays, self.pairs, share)
    }

    /// Repeated segments for each pair that came about.
    #[must_use]
    pub fn repeated_each(&self) -> Option<f64> {
        ratio(self.repeated, self.delays.len() as u64)
    }

    /// Bytes that a node, refusers included, sent on average.
    #[must_use]
    pub fn sent_each(&self) -> f64 {
        ratio(self.sent.bytes, (self.honest + self.refusers) as u64).unwrap_or(0.0)
    }

    /// The share of the nodes at which a report was, this long after it was said, its author
    /// included: on average over all reports, and of the report that was at the fewest.
    #[must_use]
    pub fn reached(&self, after: Duration) -> (f64, f64) {
        let (mut sum, mut least) = (0, usize::MAX);
        for report in &self.by_report {
            let here = 1 + report.partition_point(|delay| *delay <= after);
            sum += here;
            least = least.min(here);
        }
        let all = (self.by_report.len() * self.honest) as u64;
        let mean = ratio(sum as u64, all).unwrap_or(0.0);
        (
            mean,
            ratio(least as u64, self.honest as u64)
                .unwrap_or(0.0)
                .min(mean),
        )
    }

    pub(super) fn delays_of(ledger: &Ledger) -> (Vec<Duration>, Vec<Vec<Duration>>) {
        let by_report: Vec<_> = ledger.said.iter().map(|said| said.came.clone()).collect();
        let mut delays: Vec<_> = by_report.iter().flatten().copied().collect();
        delays.sort_unstable();
        (delays, by_report)
    }
}

/// The value at a share of `all`, of which `sorted` are known and the others later than all of them.
fn quantile(sorted: &[Duration], all: u64, share: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "far below 2^52"
    )]
    let rank = (all as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn ratio(part: u64, of: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ratio = part as f64 / of as f64;
    (of > 0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_come_counts_as_never() {
        let come: Vec<_> = (1..=90).map(Duration::from_millis).collect();
        assert_eq!(quantile(&come, 100, 0.5), Some(Duration::from_millis(50)));
        assert_eq!(quantile(&come, 100, 0.9), Some(Duration::from_millis(90)));
        assert_eq!(quantile(&come, 100, 0.99), None);
        assert_eq!(quantile(&come, 90, 1.0), Some(Duration::from_millis(90)));
        assert_eq!(quantile(&[], 0, 0.5), None);
    }
}
