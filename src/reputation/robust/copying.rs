//! Copies count once: who says the same as others, just after them, again and again.

use crate::reputation::lru::Handle;

use super::{
    RobustParameters,
    maths::days,
    tables::{Compared, Peer, Report},
};

/// Two first reports on an address further apart in days are not compared (specification).
const TOGETHER: f64 = 2.0;
/// Up to so many reports a page is searched from front to back.
const FEW: usize = 16;

/// Where each author's report stands on a page.
pub struct Index<'a> {
    page: &'a [Report],
    /// By author; empty for short pages.
    sorted: Vec<(Handle, usize)>,
}

impl<'a> Index<'a> {
    /// For pages on which nobody copies, say so: nobody is then looked up.
    pub fn new(page: &'a [Report], is_needed: bool) -> Self {
        let mut sorted = Vec::new();
        if is_needed && page.len() > FEW {
            let authors = page.iter().enumerate();
            sorted.extend(authors.map(|(at, report)| (report.author, at)));
            sorted.sort_unstable();
        }
        Self { page, sorted }
    }

    fn of(&self, author: Handle) -> Option<&'a Report> {
        if self.sorted.is_empty() {
            return self.page.iter().find(|report| report.author == author);
        }
        let at = self
            .sorted
            .binary_search_by_key(&author, |(author, _)| *author);
        at.ok().map(|at| &self.page[self.sorted[at].1])
    }
}

/// How much of a report is its author's own: 1 all of it, 0 a copy.
pub fn independence(peer: &Peer, report: &Report, index: &Index, p: &RobustParameters) -> f64 {
    let mut copied = 0.0_f64;
    if !peer.copies {
        return 1.0;
    }
    for compared in &peer.compared {
        let degree = compared.degree();
        if degree > copied
            && index.of(compared.with).is_some_and(|other| {
                other.first_at <= report.first_at && other.resembles(report, p.dep_eps)
            })
        {
            copied = degree;
            if copied >= 1.0 {
                break;
            }
        }
    }
    1.0 - copied
}

/// Compares a peer's first report on an address with what others had said of it.
pub fn compare(peer: &mut Peer, report: &Report, others: &[Report], p: &RobustParameters) {
    for other in others {
        if other.author == report.author || days(other.first_at, report.said_at) > TOGETHER {
            continue;
        }
        let same = u16::from(other.resembles(report, p.dep_eps));
        let known = peer.compared.iter_mut().find(|c| c.with == other.author);
        if let Some(compared) = known {
            // Halved before they overflow: only the ratio matters by then.
            if compared.together == u16::MAX {
                compared.together /= 2;
                compared.matches /= 2;
            }
            compared.together += 1;
            compared.matches += same;
        } else {
            peer.compared.push(Compared {
                with: other.author,
                matches: same,
                together: 1,
            });
            if peer.compared.len() > p.dep_max {
                forget_rarest(&mut peer.compared);
            }
        }
    }
    peer.copies = peer.compared.iter().any(|c| c.degree() > 0.0);
}

/// Among equals the one compared with longest ago.
fn forget_rarest(compared: &mut Vec<Compared>) {
    let rarest = compared.iter().enumerate().min_by_key(|(_, c)| c.together);
    if let Some((at, _)) = rarest {
        compared.remove(at);
    }
}
