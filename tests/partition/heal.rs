//! A network that falls into two halves and grows together again.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use slips_p2p::domain::Reachability;
use testkit::{
    netns::{Island, inside_within},
    wait,
};

use super::lan::{LONG, Node, all_equal, are_sound};

/// How often the network is cut in an ordinary run, which takes about 30 s; the variable sets another
/// number: 100 take about 9 minutes.
const ROUNDS: usize = 5;
const ROUNDS_VARIABLE: &str = "SLIPS_P2P_PARTITIONS";
/// How long the cuts last, one after the other: TCP survives the short ones. `None`: until every
/// connection across is lost, and a while.
const CUTS: [Option<Duration>; 5] = [
    Some(Duration::from_millis(300)),
    None,
    Some(Duration::from_secs(2)),
    Some(Duration::from_secs(1)),
    Some(Duration::from_secs(6)),
];
/// TCP, and the node, hold out so long in any case.
const SURVIVED: Duration = Duration::from_secs(4);
/// By then a cut shows.
const SHOWN: Duration = Duration::from_secs(15);
/// After healing all must have the same.
const HEALED: Duration = Duration::from_secs(5);
/// What every Slips says while the network is cut.
const REPORTS: u64 = 5;

fn across(nodes: &[Node]) -> impl Iterator<Item = (&Node, &Node)> {
    let (west, east) = nodes.split_at(2);
    let pairs = west
        .iter()
        .flat_map(move |one| east.iter().map(move |other| (one, other)));
    pairs.flat_map(|(one, other)| [(one, other), (other, one)])
}

fn losses(nodes: &[Node]) -> usize {
    nodes.iter().map(Node::losses).sum()
}

/// Cuts the network, lets all speak, and heals it; how long it took until all had everything.
fn round(number: usize, nodes: &mut [Node], island: &Island) -> Duration {
    let length = CUTS[number % CUTS.len()];
    let lost_before = losses(nodes);
    island.join(false);
    let cut = Instant::now();
    let before: Vec<u64> = nodes.iter().map(|node| node.said).collect();
    nodes.iter_mut().for_each(|node| node.say(REPORTS));
    for half in nodes.chunks(2) {
        wait::until("each half to have what it said", LONG, || {
            let pairs = half
                .iter()
                .flat_map(|one| half.iter().map(move |other| (one, other)));
            pairs
                .into_iter()
                .all(|(one, other)| one.has_of(other) == other.said)
                .then_some(())
        });
    }
    match length {
        Some(length) => thread::sleep(length.saturating_sub(cut.elapsed())),
        None => {
            wait::until("the cut to show on both sides", SHOWN, || {
                across(nodes)
                    .all(|(one, other)| !one.reaches(other))
                    .then_some(())
            });
            assert!(cut.elapsed() < SHOWN, "{:?}", cut.elapsed());
            // Healed at another moment between two dials each time.
            thread::sleep(Duration::from_millis(number as u64 * 370 % 4000));
        }
    }
    for (place, node) in nodes.iter().enumerate() {
        let far = nodes.iter().enumerate().filter(|(n, _)| n / 2 != place / 2);
        for (n, other) in far {
            assert_eq!(node.has_of(other), before[n], "nothing comes across a cut");
        }
    }
    let (lasted, lost) = (cut.elapsed(), losses(nodes) - lost_before);
    island.join(true);
    let healed = Instant::now();
    wait::until("all to have the same", LONG, || {
        all_equal(nodes).then_some(())
    });
    let took = healed.elapsed();
    println!("cut {number}: {lasted:.1?}, {lost} connections lost, the same after {took:.2?}");
    if lasted < SURVIVED {
        assert_eq!(lost, 0, "a cut of {lasted:?}");
    } else if length.is_none() {
        // Not all need to have been there again when this cut followed a short one.
        assert!(lost > 0, "a cut of {lasted:?}");
    }
    took
}

#[test]
fn after_every_cut_all_have_the_same_within_five_seconds() {
    let rounds = env::var(ROUNDS_VARIABLE)
        .map_or(ROUNDS, |text| text.parse().expect("a number of partitions"));
    let name = "heal::after_every_cut_all_have_the_same_within_five_seconds";
    let limit = Duration::from_secs(120 + 30 * rounds as u64);
    inside_within(name, limit, |lan| {
        let island = lan.island();
        let mut nodes: Vec<Node> = Vec::new();
        for host in [lan.host(1), lan.host(2), island.host(3), island.host(4)] {
            let mut others: Vec<&mut Node> = nodes.iter_mut().collect();
            let node = Node::start(host, &mut others);
            nodes.push(node);
        }
        nodes.iter_mut().for_each(|node| node.say(REPORTS));
        wait::until("all to have the same", LONG, || {
            all_equal(&nodes).then_some(())
        });
        let mut took: Vec<Duration> = (0..rounds)
            .map(|number| round(number, &mut nodes, &island))
            .collect();
        took.sort();
        let worst = took.last().expect("at least one partition");
        println!(
            "{rounds} partitions: median {:.2?}, worst {worst:.2?}",
            took[rounds / 2]
        );
        assert!(*worst < HEALED, "{took:?}");
        are_sound(&nodes);
    });
}

#[test]
fn of_two_that_hear_each_other_one_way_only_both_get_everything_through_a_third() {
    let name = "heal::of_two_that_hear_each_other_one_way_only_both_get_everything_through_a_third";
    inside_within(name, Duration::from_secs(180), |lan| {
        let mut nodes: Vec<Node> = Vec::new();
        for host in [lan.host(1), lan.host(2), lan.host(3)] {
            let mut others: Vec<&mut Node> = nodes.iter_mut().collect();
            let node = Node::start(host, &mut others);
            nodes.push(node);
        }
        let same = |nodes: &[Node]| {
            wait::until("all to have the same", LONG, || {
                all_equal(nodes).then_some(())
            });
        };
        nodes.iter_mut().for_each(|node| node.say(REPORTS));
        same(&nodes);
        lan.hears(&nodes[1].host, &nodes[0].host, false);
        let cut = Instant::now();
        nodes.iter_mut().for_each(|node| node.say(REPORTS));
        same(&nodes);
        println!("one way only: the same after {:.2?}", cut.elapsed());
        // Who is heard and does not hear is lost to both.
        wait::until("the cut to show on both sides", SHOWN, || {
            let (a, b) = (&nodes[0], &nodes[1]);
            (!a.reaches(b) && !b.reaches(a)).then_some(())
        });
        assert!(cut.elapsed() < SHOWN, "{:?}", cut.elapsed());
        nodes.iter_mut().for_each(|node| node.say(REPORTS));
        same(&nodes);
        for (one, other) in [(0, 1), (1, 0)] {
            wait::until("a dial in vain", LONG, || {
                match nodes[one].state_of(&nodes[other])? {
                    Reachability::Connected => None,
                    Reachability::Retrying { reason, .. }
                    | Reachability::Unreachable { reason, .. } => {
                        reason.starts_with("time-out").then_some(())
                    }
                }
            });
        }
        assert!(!nodes[0].reaches(&nodes[1]) && !nodes[1].reaches(&nodes[0]));
        assert!(nodes[2].reaches(&nodes[0]) && nodes[2].reaches(&nodes[1]));
        lan.hears(&nodes[1].host, &nodes[0].host, true);
        let healed = Instant::now();
        nodes[0].meets(&nodes[1]);
        nodes[1].meets(&nodes[0]);
        println!("one way only: connected after {:.2?}", healed.elapsed());
        assert!(healed.elapsed() < 2 * HEALED, "{:?}", healed.elapsed());
        nodes.iter_mut().for_each(|node| node.say(REPORTS));
        same(&nodes);
        are_sound(&nodes);
    });
}
