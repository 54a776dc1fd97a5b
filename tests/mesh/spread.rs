//! How fast and at what price entries reach everybody.

use std::{collections::BTreeMap, time::Duration};

use slips_p2p::domain::{Author, Timestamp};

use crate::world::{STEADY, World, author, millis};

/// Lets nodes say things in turn; gives when each was said.
fn talk(
    world: &mut World,
    rounds: u64,
    speakers: &[usize],
    pause: Duration,
) -> BTreeMap<(Author, u64), Timestamp> {
    let mut said = BTreeMap::new();
    for round in 0..rounds {
        for speaker in speakers {
            let at = world.now;
            let tip = world.say(*speaker, &[round * 1000 + *speaker as u64]);
            said.insert((tip.author, tip.seq), at);
            world.run(pause);
        }
    }
    said
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

#[test]
fn two_hundred_nodes_hear_everything_within_600_ms() {
    let mut world = World::new(200, STEADY, 1);
    world.connect_all(4);
    world.run(millis(1000));
    let speakers: Vec<_> = (0..200).step_by(20).collect();
    let said = talk(&mut world, 3, &speakers, millis(100));
    world.run(millis(3000));
    let delays = world.delays(&said);
    assert_eq!(delays.len(), said.len() * 199, "some did not hear");
    let (p50, p99) = (percentile(&delays, 50), percentile(&delays, 99));
    let last = delays[delays.len() - 1];
    let segments: u64 = world
        .nodes
        .iter()
        .map(|node| node.mesh.counters().repeated)
        .sum();
    println!(
        "p50 {p50:?} p99 {p99:?} last {last:?}, repeated {segments} of {}",
        delays.len()
    );
    assert!(p99 <= millis(600), "p99 {p99:?}");
    assert!(last <= millis(1000), "{last:?}");
    assert!(world.blamed().is_empty(), "{:?}", world.blamed());
}

#[test]
fn trees_form_so_that_later_entries_are_hardly_repeated() {
    let mut world = World::new(60, STEADY, 2);
    world.connect_all(5);
    world.run(millis(1000));
    talk(&mut world, 2, &[0, 7], millis(500));
    let repeated = |world: &World| -> u64 {
        let counters = world.nodes.iter().map(|node| node.mesh.counters());
        counters.map(|counters| counters.repeated).sum()
    };
    let before = repeated(&world);
    talk(&mut world, 20, &[0, 7], millis(200));
    world.run(millis(2000));
    let later = repeated(&world) - before;
    // 40 entries to 59 nodes each.
    assert!(later * 20 <= 40 * 59, "{later} repetitions");
}

/// What was said reached all others of 200, and none later than 3 s.
fn all_hear_within_3_s(world: &World, said: &BTreeMap<(Author, u64), Timestamp>) {
    let delays = world.delays(said);
    assert_eq!(delays.len(), said.len() * 199, "some did not hear");
    let last = delays[delays.len() - 1];
    println!(
        "p50 {:?} p99 {:?} last {last:?}",
        percentile(&delays, 50),
        percentile(&delays, 99)
    );
    assert!(last <= millis(3000), "{last:?}");
}

#[test]
fn three_quarters_refusing_delay_entries_by_less_than_3_s() {
    let mut world = World::new(200, STEADY, 3);
    world.connect_all(12);
    for number in 0..200 {
        world.nodes[number].refuses = number % 4 != 0;
    }
    world.run(millis(1000));
    // Refusers say something as well.
    let speakers: Vec<_> = (0..200).step_by(25).collect();
    let said = talk(&mut world, 2, &speakers, millis(200));
    world.run(millis(6000));
    all_hear_within_3_s(&world, &said);
}

#[test]
fn neighbours_that_stop_handing_on_are_replaced_within_3_s() {
    let mut world = World::new(200, STEADY, 30);
    world.connect_all(12);
    world.run(millis(1000));
    let speakers: Vec<_> = (0..200).step_by(40).collect();
    // The trees grow while all behave.
    talk(&mut world, 3, &speakers, millis(300));
    for number in 0..200 {
        world.nodes[number].refuses = number % 4 != 0;
    }
    let said = talk(&mut world, 3, &speakers, millis(700));
    world.run(millis(6000));
    all_hear_within_3_s(&world, &said);
}

#[test]
fn a_lost_push_is_made_good_by_those_who_were_told() {
    // 0 says to 1, which pushes to 3 and so does 2, until pruned.
    let mut world = World::new(4, STEADY, 4);
    for (a, b) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
        world.connect(a, b);
    }
    world.run(millis(500));
    talk(&mut world, 3, &[0], millis(500));
    // Whoever is 3's parent goes.
    let (_, parent) = world.nodes[3].heard[&(author(0), 3)];
    let parent = world.index(parent);
    world.kill(parent);
    world.run(millis(100));
    let tip = world.say(0, &[77]);
    let took = world.run_until(millis(3000), |world| world.all_heard(tip.author, tip.seq));
    assert!(took.is_some_and(|took| took <= millis(600)), "{took:?}");
}
