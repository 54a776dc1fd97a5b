//! Whatever happens to links and nodes: those connected in the end have the same logs, soon.

use std::time::Duration;

use proptest::prelude::*;

use crate::world::{Links, World, millis};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Say(usize, u64),
    Connect(usize, usize),
    Cut(usize, usize),
    Crash(usize),
    Wait(u64),
}

fn steps(nodes: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..nodes, 1..70_u64).prop_map(|(who, many)| Step::Say(who, many)),
        3 => (0..nodes, 0..nodes).prop_map(|(a, b)| Step::Connect(a, b)),
        2 => (0..nodes, 0..nodes).prop_map(|(a, b)| Step::Cut(a, b)),
        1 => (0..nodes).prop_map(Step::Crash),
        2 => (1..700_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

fn links() -> impl Strategy<Value = Links> {
    (1..150_u64, 0..100_u64, 0..25_u32, any::<bool>()).prop_map(
        |(delay, jitter, loss, reorders)| Links {
            delay: millis(delay),
            jitter: millis(jitter),
            loss,
            reorders,
        },
    )
}

fn play(nodes: usize, links: Links, steps: &[Step], seed: u64) -> World {
    let mut world = World::new(nodes, links, seed);
    for at in 1..nodes {
        let other = world.below(at);
        world.connect(at, other);
    }
    for step in steps {
        match *step {
            Step::Say(who, many) => {
                let first = who as u64 * 1000;
                let reports: Vec<_> = (first..first + many).collect();
                world.say(who, &reports);
            }
            Step::Connect(a, b) => world.connect(a, b),
            Step::Cut(a, b) => world.cut(a, b),
            Step::Crash(who) => {
                world.kill(who);
                let disk = world.nodes[who].disk.clone();
                world.restart(who, disk);
            }
            Step::Wait(ms) => world.run(millis(ms)),
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_that_are_connected_in_the_end_have_the_same_logs(
        nodes in 2..9_usize,
        links in links(),
        steps in steps(8),
        seed in any::<u64>(),
    ) {
        let steps: Vec<_> = steps.into_iter().filter(|step| match step {
            Step::Say(a, _) | Step::Crash(a) => *a < nodes,
            Step::Connect(a, b) | Step::Cut(a, b) => *a < nodes && *b < nodes,
            Step::Wait(_) => true,
        }).collect();
        let mut world = play(nodes, links, &steps, seed);
        for at in 1..nodes {
            world.connect(at - 1, at);
        }
        let took = world.run_until(Duration::from_secs(120), World::agree);
        prop_assert!(took.is_some(), "no agreement: {:?}", world.nodes.iter().map(|n| n.mesh.missing()).collect::<Vec<_>>());
        // Nothing honest is ever taken for a fork, or for made up.
        for node in &world.nodes {
            prop_assert!(node.forks.is_empty(), "{:?}", node.forks);
        }
        let blamed = world.blamed();
        prop_assert!(blamed.iter().all(|why| why.starts_with("no_answer")), "{blamed:?}");
        if links.loss == 0 {
            let limit = links.delay + links.jitter;
            prop_assert!(took.is_some_and(|took| took <= millis(5000) + limit * 40), "{took:?}");
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_frames(links in links(), steps in steps(4), seed in any::<u64>()) {
        let (mut one, mut other) = (play(4, links, &steps, seed), play(4, links, &steps, seed));
        one.run(millis(2000));
        other.run(millis(2000));
        prop_assert_eq!(one.trace, other.trace);
    }
}

#[test]
fn a_healed_partition_agrees_within_5_s() {
    let links = Links {
        delay: millis(50),
        jitter: millis(5),
        loss: 0,
        reorders: false,
    };
    let mut world = World::new(20, links, 5);
    for side in [0, 10] {
        for at in side..side + 10 {
            for other in side..at {
                world.connect(at, other);
            }
        }
    }
    world.run(millis(500));
    for round in 0..20 {
        for node in 0..20 {
            world.say(node, &[round, round + 1, round + 2]);
        }
        world.run(millis(100));
    }
    assert!(!world.agree());
    world.connect(3, 13);
    let took = world.run_until(Duration::from_secs(20), World::agree);
    println!("healed after {took:?}");
    assert!(took.is_some_and(|took| took <= millis(5000)), "{took:?}");
}
