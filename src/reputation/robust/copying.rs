//! Copies count once: who says the same as others, just after them, again and again.

use std::{cell::OnceCell, time::Duration};

use crate::reputation::lru::Handle;

use super::{
    RobustParameters,
    tables::{Compared, Peer, Report},
};

/// Two first reports on an address further apart are not compared: two days (specification).
const TOGETHER: Duration = Duration::from_secs(2 * 86_400);
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
    let mut sieve = Sieve::default();
    for compared in &peer.compared {
        sieve.put(compared.with);
    }
    let mut seldom = 0;
    for other in others {
        let is_old = other.first_at().plus(TOGETHER) < report.said_at;
        if other.author == report.author || is_old {
            continue;
        }
        let same = u16::from(other.resembles(report, p.dep_eps));
        let mut among = peer.compared.iter_mut();
        let known = (sieve.may_hold(other.author))
            .then(|| among.find(|c| c.with == other.author))
            .flatten();
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
            if peer.compared.len() < p.dep_max {
                peer.compared.push(new);
            } else {
                replace_seldom(&mut peer.compared, new, &mut seldom);
            }
            sieve.put(other.author);
        }
    }
    peer.copies = peer.compared.iter().any(|c| c.degree() > 0.0);
}

/// Who is surely not among some peers: most of a crowd were never compared with each other.
#[derive(Default)]
struct Sieve([u64; 8]);

impl Sieve {
    fn place(who: Handle) -> (usize, u64) {
        (who.place() / 64 % 8, 1 << (who.place() % 64))
    }

    fn put(&mut self, who: Handle) {
        let (word, bit) = Self::place(who);
        self.0[word] |= bit;
    }

    fn may_hold(&self, who: Handle) -> bool {
        let (word, bit) = Self::place(who);
        self.0[word] & bit != 0
    }
}

/// In a full list the one seldom compared with gives way, among equals the one that was first. That
/// is one seen once, or the new one itself. `from`: before that place none was seen once.
fn replace_seldom(compared: &mut Vec<Compared>, new: Compared, from: &mut usize) {
    let rest = compared.iter().skip(*from);
    *from += rest.take_while(|c| c.together > 1).count();
    if *from < compared.len() {
        compared.remove(*from);
        compared.push(new);
    }
}
