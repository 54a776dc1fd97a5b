//! A node that was away: only the gap is fetched, in few round trips, from whoever has it.

use std::time::Duration;

use crate::world::{Disk, STEADY, World, author, millis};

/// A node with everything of 50 authors, 20,000 entries each being too many to sign in a test: 400.
fn full(world: &mut World, each: u64) -> Disk {
    for number in 0..50 {
        let reports: Vec<_> = (0..each).collect();
        world.say(number, &reports);
    }
    let mut all = Disk::default();
    for number in 0..50 {
        let disk = &world.nodes[number].disk;
        all.segments.extend(disk.segments.clone());
        all.tips.extend(disk.tips.clone());
    }
    all
}

#[test]
fn a_thousand_missed_entries_of_fifty_authors_come_in_two_round_trips() {
    let mut world = World::new(52, STEADY, 6);
    let before = full(&mut world, 400);
    let after = full(&mut world, 20);
    world.restart(50, after);
    world.restart(51, before);
    world.connect(50, 51);
    let took = world.run_until(millis(5000), |world| {
        world.nodes[51].disk.tips == world.nodes[50].disk.tips
    });
    // Tips, wants, segments: one and a half trips, and the disk.
    assert!(took.is_some_and(|took| took <= millis(200)), "{took:?}");
    let node = &world.nodes[51];
    assert_eq!(node.heard.len(), 1000);
    assert_eq!(node.sent["want"].1, 1);
    // What is not missing is not sent.
    let bytes = world.nodes[50].sent["segments"].0;
    assert!(bytes < 1000 * 400, "{bytes} bytes for 1000 entries");
}

#[test]
fn gaps_are_spread_over_those_who_have_them() {
    let mut world = World::new(55, STEADY, 7);
    let before = full(&mut world, 60);
    let after = full(&mut world, 60);
    for number in 50..54 {
        world.restart(number, after.clone());
        world.connect(number, 54);
    }
    world.kill(54);
    world.restart(54, before);
    for number in 50..54 {
        world.connect(number, 54);
    }
    let took = world.run_until(millis(5000), |world| {
        world.nodes[54].disk.tips == after.tips
    });
    assert!(took.is_some_and(|took| took <= millis(1000)), "{took:?}");
    // The first to tell is asked for what is asked of one at once, others for the rest.
    let sent = |node: &crate::world::Node| node.sent.get("segments").map_or(0, |sent| sent.0);
    let sent: Vec<_> = world.nodes[50..54].iter().map(sent).collect();
    let all: u64 = sent.iter().sum();
    assert!(
        sent.iter().filter(|bytes| **bytes > 0).count() >= 2,
        "{sent:?}"
    );
    assert!(sent.iter().all(|bytes| bytes * 4 <= all * 3), "{sent:?}");
}

#[test]
fn what_one_does_not_deliver_is_fetched_elsewhere() {
    let mut world = World::new(54, STEADY, 8);
    let all = full(&mut world, 30);
    for number in 50..53 {
        world.restart(number, all.clone());
        // It tells its tips and gives nothing.
        world.nodes[number].refuses = number < 52;
        world.connect(number, 53);
    }
    let took = world.run_until(millis(20_000), |world| {
        world.nodes[53].disk.tips == all.tips
    });
    assert!(took.is_some_and(|took| took <= millis(2000)), "{took:?}");
    world.run(millis(5000));
    let blamed = |number: usize| {
        let who = world.nodes[number].me;
        world.nodes[53]
            .conduct
            .iter()
            .any(|(n, why)| *n == who && why.starts_with("no_answer"))
    };
    assert!((blamed(50) || blamed(51)) && !blamed(52));
}

#[test]
fn what_nobody_has_any_more_is_skipped_and_what_somebody_has_is_not() {
    let mut world = World::new(4, STEADY, 9);
    world.connect(0, 1);
    for round in 0..10 {
        world.say(0, &[round]);
        world.run(millis(200));
    }
    world.nodes[1].disk.prune(author(0), 6);
    let pruned = world.nodes[1].disk.clone();
    let whole = world.nodes[0].disk.clone();
    world.kill(0);
    // Only 1, which has entries 6 to 10.
    world.connect(1, 2);
    let took = world.run_until(millis(15_000), |world| {
        world.nodes[2].disk.tips == pruned.tips
    });
    // Not at once: somebody who has them may come.
    assert!(
        took.is_some_and(|took| took >= millis(10_000)),
        "{:?}",
        world.nodes[2].disk.tips
    );
    assert_eq!(world.nodes[2].disk.pruned[&author(0)], 6);
    assert_eq!(world.nodes[2].heard.len(), 5);
    // Both the one that pruned and the one that has all.
    world.restart(0, whole);
    world.connect(1, 3);
    world.connect(0, 3);
    let took = world.run_until(millis(5000), |world| world.nodes[3].heard.len() == 10);
    assert!(took.is_some(), "{:?}", world.nodes[3].heard.len());
    assert!(world.blamed().is_empty(), "{:?}", world.blamed());
}

#[test]
fn a_restored_backup_fetches_its_own_entries_before_it_says_anything() {
    let mut world = World::new(2, STEADY, 10);
    world.connect(0, 1);
    world.say(0, &[1]);
    let backup = world.nodes[0].disk.clone();
    world.say(0, &[2]);
    world.say(0, &[3]);
    world.run(millis(1000));
    world.kill(0);
    world.restart(0, backup);
    world.connect(0, 1);
    let who = world.nodes[1].me;
    let told = world.run_until(millis(1000), |world| world.nodes[0].mesh.has_greeted(who));
    assert!(told.is_some() && world.nodes[0].mesh.own_behind());
    let current = world.run_until(millis(1000), |world| !world.nodes[0].mesh.own_behind());
    assert!(current.is_some());
    assert_eq!(world.nodes[0].own_advanced.map(|tip| tip.seq), Some(3));
    assert_eq!(world.say(0, &[4]).seq, 4);
    assert!(
        world
            .run_until(Duration::from_secs(2), World::agree)
            .is_some()
    );
    assert!(world.nodes.iter().all(|node| node.forks.is_empty()));
}
