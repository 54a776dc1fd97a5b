//! What a neighbour only claims neither silences a node nor costs it entries.

use std::time::Duration;

use slips_p2p::{
    domain::{Author, Digest, Tip},
    wire::sync::Message,
};

use crate::world::{STEADY, World, author, millis};

/// Node `from` says that it has a log of `author` up to `seq`.
fn claim(world: &mut World, from: usize, to: usize, author: Author, seq: u64) {
    let tip = Tip {
        author,
        seq,
        digest: Digest([9; 32]),
    };
    let fresh = false;
    let tips = vec![tip];
    world.send(from, to, Message::Tips { fresh, tips }.encode().into());
}

#[test]
fn a_claim_about_our_own_log_that_nobody_fulfils_silences_nobody() {
    let mut world = World::new(3, STEADY, 40);
    world.say(0, &[1]);
    world.connect(0, 1);
    world.run(millis(500));
    assert!(!world.nodes[0].mesh.own_behind());
    claim(&mut world, 1, 0, author(0), 1 << 40);
    world.run(millis(60));
    assert!(world.nodes[0].mesh.own_behind(), "it may be true");
    let free = world.run_until(Duration::from_secs(6), |world| {
        !world.nodes[0].mesh.own_behind()
    });
    assert!(free.is_some());
    // Again and again, higher each time, in the same session and in others: never again.
    for round in 1..20 {
        if round % 3 == 0 {
            world.cut(0, 1);
            world.connect(0, 1);
        }
        claim(&mut world, 1, 0, author(0), (1 << 40) + round);
        let held = world.run_until(millis(400), |world| world.nodes[0].mesh.own_behind());
        assert_eq!(held, None, "round {round}");
    }
}

#[test]
fn a_claimant_that_answers_nothing_at_all_holds_for_seconds_only() {
    let mut world = World::new(2, STEADY, 41);
    world.say(0, &[1]);
    world.nodes[1].refuses = true;
    world.connect(0, 1);
    world.run(millis(500));
    // It hands nothing on and never says done.
    claim(&mut world, 1, 0, author(0), 50);
    world.run(millis(100));
    let from = world.now;
    let free = world.run_until(Duration::from_secs(10), |world| {
        !world.nodes[0].mesh.own_behind()
    });
    assert!(free.is_some_and(|took| took <= millis(5000)), "{free:?}");
    assert!(world.now.since(from) > millis(500));
}

#[test]
fn many_liars_in_a_row_hold_for_a_minute_in_all() {
    let mut world = World::new(30, STEADY, 42);
    world.say(0, &[1]);
    let mut held = Duration::ZERO;
    for liar in 1..30 {
        world.nodes[liar].refuses = true;
        world.connect(0, liar);
        world.run(millis(200));
        claim(&mut world, liar, 0, author(0), 50);
        for _ in 0..600 {
            world.run(millis(10));
            if world.nodes[0].mesh.own_behind() {
                held += millis(10);
            }
        }
    }
    assert!(held > Duration::from_secs(5), "{held:?}");
    assert!(held <= Duration::from_secs(61), "{held:?}");
}

#[test]
fn a_backup_beside_a_liar_waits_until_the_honest_have_given_back_all() {
    let mut world = World::new(3, STEADY, 43);
    world.connect(0, 1);
    world.say(0, &[1]);
    let backup = world.nodes[0].disk.clone();
    for round in 0..40 {
        let reports: Vec<_> = (round * 64..round * 64 + 64).collect();
        world.say(0, &reports);
        world.run(millis(100));
    }
    let last = world.nodes[1].mesh.tips().map(|tip| tip.seq).max();
    world.kill(0);
    world.restart(0, backup);
    world.connect(0, 2);
    world.connect(0, 1);
    claim(&mut world, 2, 0, author(0), 1 << 30);
    world.run(millis(200));
    assert!(world.nodes[0].mesh.own_behind());
    let free = world.run_until(Duration::from_secs(20), |world| {
        !world.nodes[0].mesh.own_behind()
    });
    assert!(free.is_some());
    assert_eq!(world.nodes[0].own_advanced.map(|tip| tip.seq), last);
    world.say(0, &[7]);
    world.run(millis(2000));
    assert!(world.nodes.iter().all(|node| node.forks.is_empty()));
}

#[test]
fn one_that_says_entries_are_gone_makes_nobody_lose_them() {
    for later in [500, 5_000, 9_990] {
        let mut world = World::new(4, STEADY, 44);
        world.connect(0, 1);
        world.connect(0, 2);
        world.connect(0, 3);
        for round in 0..2 {
            world.say(0, &[round]);
            world.run(millis(200));
        }
        // 3 is away while most is said.
        world.cut(0, 3);
        for round in 2..10 {
            world.say(0, &[round]);
            world.run(millis(200));
        }
        world.kill(0);
        world.nodes[1].disk.prune(author(0), 8);
        assert_eq!(world.nodes[1].disk.pruned[&author(0)], 8);
        world.connect(1, 3);
        world.run(millis(later));
        assert_eq!(world.nodes[3].heard.len(), 2, "after {later} ms");
        world.connect(2, 3);
        let took = world.run_until(millis(3000), |world| world.nodes[3].heard.len() == 10);
        assert!(took.is_some(), "{later}: {:?}", world.nodes[3].heard.len());
        assert!(world.nodes[3].disk.pruned.is_empty());
        assert!(world.blamed().is_empty(), "{:?}", world.blamed());
    }
}
