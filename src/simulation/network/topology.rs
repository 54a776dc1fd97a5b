//! Who is what, and who is linked with whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{super::chance::Chance, plan::Plan};

/// Chance of the roles, of the links, and of the halves.
const STREAMS: [u64; 3] = [101, 102, 103];

/// The world as it is made at the beginning.
#[derive(Debug)]
pub struct Topology {
    /// Whether each node that speaks sync refuses to forward. Pigeons come after them.
    pub refuses: Vec<bool>,
    /// Who says something: honest nodes that speak sync.
    pub authors: Vec<usize>,
    /// Pairs of nodes, each once, the lower first.
    pub links: Vec<[usize; 2]>,
    /// In which half each node is when the network is in two.
    pub upper_half: Vec<bool>,
}

impl Topology {
    /// Made from a plan that makes sense, with so many nodes that speak sync.
    pub fn new(plan: &Plan, speaking: usize) -> Self {
        let [mut roles, mut dials, mut halves] =
            STREAMS.map(|number| Chance::stream(plan.seed, number));
        let mut refuses = vec![false; speaking];
        let order = roles.shuffled(speaking);
        let (refusers, honest) = order.split_at(plan.refusers(speaking));
        for refuser in refusers {
            refuses[*refuser] = true;
        }
        let authors = honest.iter().copied().take(plan.authors).collect();
        let mut links = BTreeSet::new();
        for one in 0..plan.nodes {
            let others = dials.shuffled(plan.nodes);
            let others = others.into_iter().filter(|other| *other != one);
            for other in others.take(plan.degree) {
                // Pigeons find each other without us.
                if one.min(other) < speaking {
                    links.insert([one.min(other), one.max(other)]);
                }
            }
        }
        let mut upper_half = vec![false; plan.nodes];
        for one in halves.shuffled(plan.nodes).into_iter().take(plan.nodes / 2) {
            upper_half[one] = true;
        }
        Self {
            refuses,
            authors,
            links: links.into_iter().collect(),
            upper_half,
        }
    }

    /// How many honest nodes no chain of honest nodes connects with the largest group of them.
    pub fn cut_off(&self) -> usize {
        let honest = |one: &usize| self.refuses.get(*one) == Some(&false);
        let mut near: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for [one, other] in &self.links {
            if honest(one) && honest(other) {
                near.entry(*one).or_default().push(*other);
                near.entry(*other).or_default().push(*one);
            }
        }
        let mut left: BTreeSet<usize> = (0..self.refuses.len()).filter(honest).collect();
        let all = left.len();
        let mut largest = 0;
        while let Some(start) = left.pop_first() {
            let mut group = 0;
            let mut open = vec![start];
            while let Some(one) = open.pop() {
                group += 1;
                let others = near.get(&one).into_iter().flatten();
                open.extend(others.filter(|other| left.remove(other)));
            }
            largest = largest.max(group);
        }
        all - largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_dials_and_who_is_behind_refusers_is_cut_off() {
        let plan = Plan {
            nodes: 40,
            degree: 3,
            refuse: 0.5,
            pigeons: 10,
            ..Plan::default()
        };
        let made = Topology::new(&plan, 30);
        assert_eq!(made.refuses.iter().filter(|refuses| **refuses).count(), 15);
        assert!(made.authors.iter().all(|author| !made.refuses[*author]));
        assert!(
            made.links
                .iter()
                .all(|[one, other]| one < other && *one < 30)
        );
        for node in 0..30 {
            assert!(
                made.links
                    .iter()
                    .filter(|link| link.contains(&node))
                    .count()
                    >= 3
            );
        }
        let chain = Topology {
            refuses: vec![false, false, true, false, false, false],
            authors: vec![0],
            links: vec![[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]],
            upper_half: vec![false; 6],
        };
        assert_eq!(chain.cut_off(), 2);
    }
}
