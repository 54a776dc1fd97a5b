//! Copies count once: who says the same as others, just after them, again and again.

use std::cell::OnceCell;

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

/// Where each author's report stands on a page; sorted when first asked.
pub struct Index<'a> {
    page: &'a [Report],
    sorted: OnceCell<Vec<(Handle, usize)>>,
}

impl<'a> Index<'a> {
    /// Of this page.
    pub fn new(page: &'a [Report]) -> Self {
        Self {
            page,
            sorted: OnceCell::new(),
        }
    }

    fn sorted(&self) -> &[(Handle, usize)] {
        self.sorted.get_or_init(|| {
            let authors = self.page.iter().enumerate();
            let mut sorted: Vec<_> = authors.map(|(at, report)| (report.author, at)).collect();
            sorted.sort_unstable();
            sorted
        })
    }

    fn of(&self, author: Handle) -> Option<&'a Report> {
        if self.page.len() <= FEW {
            return self.page.iter().find(|report| report.author == author);
        }
        let sorted = self.sorted();
        let at = sorted.binary_search_by_key(&author, |(author, _)| *author);
        at.ok().map(|at| &self.page[sorted[at].1])
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
                other.first_at() <= report.first_at() && other.resembles(report, p.dep_eps)
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
        if other.author == report.author || days(other.first_at(), report.said_at) > TOGETHER {
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
            let new = Compared {
                with: other.author,
                matches: same,
                together: 1,
            };
            remember(&mut peer.compared, new, p.dep_max);
        }
    }
    peer.copies = peer.compared.iter().any(|c| c.degree() > 0.0);
}

/// Beyond `most` the one seldom compared with gives way, among equals the one that was first. That
/// is one seen once, or the new one itself.
fn remember(compared: &mut Vec<Compared>, new: Compared, most: usize) {
    if compared.len() < most {
        compared.push(new);
    } else if let Some(at) = compared.iter().position(|c| c.together <= 1) {
        compared.remove(at);
        compared.push(new);
    }
}
