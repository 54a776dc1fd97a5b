//! Keys cost nothing: whoever brings thousands of authors displaces its own, and nobody who was there.

use slips_p2p::{
    domain::{Author, Timestamp},
    mesh::{OwnLog, Settings},
    wire::sync::Message,
};

use crate::world::{NETWORK, STEADY, World, author, key, millis, report};

/// Keys of the adversary.
const KEYS: u64 = 10_000;
/// Places in memory.
const PLACES: usize = 256;
/// The first of its keys; those of the nodes are below.
const FIRST: u64 = 1_000;

/// Says a report as the author of a number; its log goes on, or begins.
fn said(log: &mut OwnLog, number: u64) -> Vec<u8> {
    let reports = [(Timestamp::from_micros(1), report(number))];
    let unsent = log.append(&reports).expect("a report");
    let bytes = unsent.segments().map(|(bytes, ..)| bytes.to_vec()).next();
    let _ = log.persisted(unsent);
    bytes.expect("one")
}

fn log(number: u64) -> OwnLog {
    OwnLog::new(key(number), NETWORK, None).expect("a key that signs")
}

/// Node 0 is the adversary, 1 its victim, 2 a neighbour of the victim, behind which are 3 and 4.
fn world(seed: u64) -> World {
    let mut world = World::new(5, STEADY, seed);
    world.settings = Settings {
        authors: PLACES,
        ..Settings::default()
    };
    for number in 0..5 {
        let disk = world.nodes[number].disk.clone();
        world.restart(number, disk);
    }
    for (a, b) in [(0, 1), (1, 2), (2, 3)] {
        world.connect(a, b);
    }
    world
}

fn push(world: &mut World, segment: Vec<u8>) {
    let segments = vec![segment];
    let answer = None;
    let frame = Message::Segments { answer, segments }.encode();
    world.send(0, 1, frame.into());
}

fn hears(world: &World, author: Author, seq: u64) -> bool {
    world.nodes[1].heard.contains_key(&(author, seq))
}

fn is_at_hand(world: &World, author: Author) -> bool {
    world.nodes[1].mesh.tips().any(|tip| tip.author == author)
}

#[test]
fn ten_thousand_keys_over_an_hour_displace_each_other() {
    let mut world = world(60);
    world.say(3, &[1]);
    let mut logs = Vec::new();
    let mut most = 0;
    for number in 0..KEYS {
        let mut log = log(FIRST + number);
        push(&mut world, said(&mut log, number));
        logs.push(log);
        world.run(millis(300));
        most = most.max(world.nodes[1].mesh.authors_in_memory());
        if number == 2_500 {
            // 12 minutes after its first report.
            world.say(3, &[2]);
        }
    }
    assert!(most <= PLACES + 5, "{most} authors in memory");
    // All came, for they came slowly.
    assert!(hears(&world, author(FIRST + KEYS - 1), 1));
    assert_eq!(world.nodes[1].disk.tips.len() as u64, KEYS + 1);
    // Who had a past has its place, and who comes by another neighbour gets one.
    assert!(is_at_hand(&world, author(3)));
    world.connect(4, 2);
    world.say(4, &[3]);
    world.run(millis(500));
    assert!(hears(&world, author(4), 1) && is_at_hand(&world, author(4)));
    // One that was displaced goes on where it was; what it said before is not heard again.
    let early = author(FIRST + 7);
    assert!(!is_at_hand(&world, early));
    push(&mut world, said(&mut log(FIRST + 7), 7));
    push(&mut world, said(&mut logs[7], 8));
    world.run(millis(500));
    assert!(hears(&world, early, 2));
    assert_eq!(world.nodes[1].disk.tips[&early].seq, 2);
    let of_early = world.nodes[1].heard.keys().filter(|(of, _)| *of == early);
    assert_eq!(of_early.count(), 2);
    // And one that is displaced and forks is found out, by what is on disk.
    let forking = author(FIRST + 9);
    assert!(!is_at_hand(&world, forking));
    push(&mut world, said(&mut log(FIRST + 9), 77));
    world.run(millis(500));
    let found = |node: usize| {
        let forks = &world.nodes[node].forks;
        forks.iter().any(|fork| fork.author == forking)
    };
    assert!(found(1) && found(2));
}

#[test]
fn ten_thousand_keys_at_once_are_taken_within_the_introducers_budget() {
    let mut world = world(61);
    for number in 0..KEYS {
        push(&mut world, said(&mut log(FIRST + number), number));
    }
    world.run(millis(200));
    world.connect(4, 2);
    world.say(4, &[3]);
    world.run(millis(500));
    assert!(hears(&world, author(4), 1));
    let taken = world.nodes[1].mesh.counters().taken;
    // As many as there are places, until they are on disk; 512 at once and four a second at most.
    assert!((PLACES as u64 - 5..=520).contains(&taken), "{taken} taken");
    assert!(world.nodes[1].mesh.authors_in_memory() <= PLACES + 5);
    // To leave and come back wins nothing: it is 512 in all, and four a second.
    world.cut(0, 1);
    world.connect(0, 1);
    for number in KEYS..KEYS + 600 {
        push(&mut world, said(&mut log(FIRST + number), number));
        world.run(millis(5));
    }
    world.run(millis(200));
    let after = world.nodes[1].mesh.counters().taken;
    assert!((taken..=535).contains(&after), "{after} taken");
}

#[test]
fn forks_of_throwaway_keys_are_bounded_and_known_again_after_a_restart() {
    let mut world = world(62);
    for number in 0..2_000 {
        for report in [1, 2] {
            push(&mut world, said(&mut log(FIRST + number), report));
        }
        world.run(millis(20));
    }
    world.run(millis(500));
    let forks = world.nodes[1].forks.len();
    // 512 at once and four a second for 40 s.
    assert!((500..=700).contains(&forks), "{forks} forks");
    assert!(world.nodes[1].mesh.authors_in_memory() <= PLACES + 5);
    let disk = world.nodes[1].disk.clone();
    world.kill(1);
    world.restart(1, disk);
    world.connect(0, 1);
    // Its evidence is not at hand any more, and nothing of it is taken.
    let forked = world.nodes[1].disk.forks[0].author;
    let (now, heard) = (world.now, world.nodes[1].heard.len());
    let mut again = log(FIRST);
    said(&mut again, 1);
    assert_eq!(forked, again.author());
    push(&mut world, said(&mut again, 3));
    world.run(millis(500));
    assert_eq!(world.nodes[1].heard.len(), heard, "since {now}");
    assert!(world.nodes[1].mesh.forked().any(|author| author == forked));
}
