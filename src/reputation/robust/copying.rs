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
    let (mut seldom, together_since) = (0, report.said_at.minus(TOGETHER));
    for other in others {
        if other.author == report.author || other.first_at() < together_since {
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
    peer.copies = peer.compared.iter().any(Compared::may_copy);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Confidence, Score, Timestamp},
        reputation::lru::Lru,
    };

    fn handles() -> Vec<Handle> {
        let mut table: Lru<u32, ()> = Lru::new(10_000);
        (0..5000).map(|name| table.touch(name).0).collect()
    }

    fn report(author: Handle, score: f64) -> Report {
        Report {
            author,
            said_at: Timestamp::ZERO,
            score: Score::clamped(score),
            confidence: Confidence::clamped(0.7),
            before: None,
            label: None,
        }
    }

    fn compared(peer: &Peer) -> Vec<(Handle, u16, u16)> {
        let each = peer.compared.iter();
        each.map(|c| (c.with, c.matches, c.together)).collect()
    }

    /// Compares a peer with these, one address after the other.
    fn meet(peer: &mut Peer, who: Handle, others: &[(Handle, f64)], most: usize) {
        let p = RobustParameters {
            dep_max: most,
            ..RobustParameters::default()
        };
        for (other, score) in others {
            compare(peer, &report(who, 0.9), &[report(*other, *score)], &p);
        }
    }

    #[test]
    fn who_was_met_is_counted_with_how_often_it_said_the_same() {
        let names = handles();
        let mut peer = Peer::default();
        // The places are 64 and 128 apart: nobody is taken for another, or met as two.
        let met = [
            (names[1], 0.9),
            (names[65], 0.9),
            (names[1], 0.1),
            (names[129], 0.1),
            (names[65], 0.9),
        ];
        meet(&mut peer, names[0], &met, 64);
        assert_eq!(
            compared(&peer),
            [(names[1], 1, 2), (names[65], 2, 2), (names[129], 0, 1)]
        );
        meet(&mut peer, names[0], &[(names[0], 0.9)], 64);
        assert_eq!(peer.compared.len(), 3, "never with itself");
    }

    #[test]
    fn a_whole_page_is_met_at_once() {
        let names = handles();
        let mut peer = Peer::default();
        let names = &names[4700..];
        let page: Vec<_> = names[1..].iter().map(|name| report(*name, 0.9)).collect();
        let p = RobustParameters {
            dep_max: 500,
            ..RobustParameters::default()
        };
        for _ in 0..3 {
            compare(&mut peer, &report(names[0], 0.9), &page, &p);
        }
        assert_eq!(
            compared(&peer),
            names[1..]
                .iter()
                .map(|name| (*name, 3, 3))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn in_a_full_list_the_first_seen_once_gives_way() {
        let names = handles();
        let mut peer = Peer::default();
        let met = [1, 2, 3, 2].map(|name| (names[name], 0.9));
        meet(&mut peer, names[0], &met, 3);
        let list = |peer: &Peer| peer.compared.iter().map(|c| c.with).collect::<Vec<_>>();
        assert_eq!(list(&peer), [1, 2, 3].map(|name| names[name]));
        meet(&mut peer, names[0], &[(names[4], 0.9)], 3);
        assert_eq!(list(&peer), [2, 3, 4].map(|name| names[name]));
        // Of two new ones on a page each takes the place of one seen once.
        let both = [report(names[5], 0.9), report(names[6], 0.9)];
        let p = RobustParameters {
            dep_max: 3,
            ..RobustParameters::default()
        };
        compare(&mut peer, &report(names[0], 0.9), &both, &p);
        assert_eq!(list(&peer), [2, 5, 6].map(|name| names[name]));
        // Where all were seen again, the new one finds no place.
        meet(
            &mut peer,
            names[0],
            &[(names[5], 0.9), (names[6], 0.9), (names[7], 0.9)],
            3,
        );
        assert_eq!(list(&peer), [2, 5, 6].map(|name| names[name]));
    }

    #[test]
    fn who_may_copy_is_who_copies_to_a_degree() {
        let with = handles()[0];
        for (together, matches) in (0..300).flat_map(|all| (0..=all).map(move |some| (all, some))) {
            let compared = Compared {
                with,
                matches,
                together,
            };
            assert_eq!(compared.may_copy(), compared.degree() > 0.0, "{compared:?}");
        }
    }

    #[test]
    fn counts_are_halved_before_they_overflow() {
        let names = handles();
        let mut peer = Peer::default();
        peer.compared.push(Compared {
            with: names[1],
            matches: 20_001,
            together: u16::MAX,
        });
        meet(&mut peer, names[0], &[(names[1], 0.9)], 64);
        assert_eq!(compared(&peer), [(names[1], 10_001, 32_768)]);
    }
}
