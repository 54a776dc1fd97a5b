//! An author with two logs is found out, and everybody gets to see the proof.

use std::{sync::Arc, time::Duration};

use slips_p2p::{
    domain::Timestamp,
    mesh::{OwnLog, check, differ_at},
    wire::{segment::Segment, sync::Message},
};

use crate::world::{Disk, NETWORK, STEADY, World, author, key, millis, report};

/// Segments of an author that says these, one a segment, after what `own` has.
fn segments(own: &mut OwnLog, reports: &[u64]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for number in reports {
        let said = [(Timestamp::from_micros(5), report(*number))];
        let unsent = own.append(&said).expect("a report");
        all.extend(unsent.segments().map(|(bytes, ..)| bytes.to_vec()));
        let _ = own.persisted(unsent);
    }
    all
}

fn log(number: u64) -> OwnLog {
    OwnLog::new(key(number), NETWORK, None).expect("a key that signs")
}

fn push(segments: &[Vec<u8>]) -> Vec<u8> {
    Message::Segments {
        answer: None,
        segments: segments.to_vec(),
    }
    .encode()
}

/// Nodes 0 to 5 in a line; 9 shows one log to the first and another to the last.
fn forked(common: usize) -> World {
    let mut world = World::new(10, STEADY, 11);
    for at in 1..6 {
        world.connect(at - 1, at);
    }
    world.connect(9, 0);
    world.connect(9, 5);
    world.run(millis(500));
    let (mut one, mut other) = (log(9), log(9));
    let same: Vec<_> = (0..common as u64).collect();
    let mut left = segments(&mut one, &same);
    let mut right = segments(&mut other, &same);
    left.extend(segments(&mut one, &[100, 101]));
    right.extend(segments(&mut other, &[200, 201, 202]));
    world.send(9, 0, push(&left).into());
    world.send(9, 5, push(&right).into());
    world
}

#[test]
fn a_fork_is_proven_to_everybody_whichever_log_they_had() {
    for common in [0, 1, 3, 60] {
        let mut world = forked(common);
        world.run(millis(5000));
        for (number, node) in world.nodes[..6].iter().enumerate() {
            let proof = node.forks.first();
            let proof = proof.unwrap_or_else(|| panic!("{number} does not know ({common})"));
            assert_eq!(node.forks.len(), 1);
            assert_eq!(proof.author, author(9));
            let [a, b] = proof.segments.each_ref();
            // Anybody can check it.
            assert!(check(NETWORK, a).is_ok() && check(NETWORK, b).is_ok());
            let (a, b) = (Segment::decode(a), Segment::decode(b));
            let differs = differ_at(&a.expect("a segment"), &b.expect("a segment"));
            assert_eq!(differs, Some(proof.seq));
            assert_eq!(proof.seq, common as u64 + 1);
            assert_eq!(node.mesh.forked().collect::<Vec<_>>(), [author(9)]);
            assert!(node.mesh.tips().all(|tip| tip.author != author(9)));
        }
        // Nobody is to blame for having handed on what was signed.
        let blamed = world.blamed();
        assert!(blamed.is_empty(), "{blamed:?}");
    }
}

#[test]
fn nothing_more_of_a_forked_author_is_taken_and_newcomers_learn_of_it() {
    let mut world = forked(2);
    world.run(millis(5000));
    let before: Vec<_> = world.nodes.iter().map(|node| node.heard.len()).collect();
    let mut one = log(9);
    let more = segments(&mut one, &[0, 1, 100, 101, 102]);
    world.send(9, 0, push(&more).into());
    world.run(millis(2000));
    let after: Vec<_> = world.nodes.iter().map(|node| node.heard.len()).collect();
    assert_eq!(before[..6], after[..6]);
    // 7 comes with a log of 9's; it is shown the proof when it tells of it.
    let mut disk = Disk::default();
    let bytes: Arc<[u8]> = more[0].as_slice().into();
    let tip = Segment::decode(&bytes).expect("a segment").tip();
    disk.put(tip, 1, bytes, false);
    world.restart(7, disk);
    world.connect(7, 2);
    let knows = world.run_until(millis(2000), |world| !world.nodes[7].forks.is_empty());
    assert!(knows.is_some());
    // A restart does not forget.
    let disk = world.nodes[3].disk.clone();
    world.kill(3);
    world.restart(3, disk);
    assert_eq!(world.nodes[3].mesh.forked().count(), 1);
}

#[test]
fn one_log_in_other_packing_is_no_fork() {
    let mut world = World::new(3, STEADY, 12);
    world.connect(0, 1);
    world.connect(0, 2);
    world.run(millis(500));
    let (mut one, mut other) = (log(0), log(0));
    let single = segments(&mut one, &[0, 1, 2, 3, 4]);
    let said: Vec<_> = (0..5)
        .map(|n| (Timestamp::from_micros(5), report(n)))
        .collect();
    let unsent = other.append(&said).expect("reports");
    let packed: Vec<_> = unsent
        .segments()
        .map(|(bytes, ..)| bytes.to_vec())
        .collect();
    assert_eq!(packed.len(), 1);
    world.send(0, 1, push(&single[..3]).into());
    world.send(0, 1, push(&packed).into());
    world.send(0, 1, push(&single[3..]).into());
    world.send(0, 1, push(&packed).into());
    world.connect(1, 2);
    world.run(millis(3000));
    for node in &world.nodes[1..] {
        assert_eq!(node.heard.len(), 5);
        assert!(node.forks.is_empty());
    }
    assert!(world.blamed().is_empty(), "{:?}", world.blamed());
}

#[test]
fn two_nodes_with_one_key_are_told_so_themselves() {
    let mut world = World::new(3, STEADY, 13);
    world.say(0, &[1]);
    world.connect(0, 1);
    world.run(millis(500));
    // The same key elsewhere, with another first entry.
    world.kill(0);
    world.restart(0, Disk::default());
    world.say(0, &[2]);
    world.connect(0, 1);
    let told = world.run_until(Duration::from_secs(5), |world| {
        world.nodes[0]
            .forks
            .iter()
            .any(|proof| proof.author == author(0))
    });
    assert!(told.is_some());
}

#[test]
fn false_evidence_convicts_nobody() {
    let mut world = World::new(3, STEADY, 14);
    world.connect(0, 1);
    world.say(0, &[1]);
    world.say(0, &[2]);
    world.run(millis(500));
    let segments: Vec<Vec<u8>> = {
        let disk = &world.nodes[1].disk;
        disk.segments
            .values()
            .map(|(_, bytes)| bytes.to_vec())
            .collect()
    };
    let mut forged = segments[1].clone();
    let end = forged.len() - 70;
    forged[end] ^= 1;
    world.connect(1, 2);
    for pair in [[0, 1], [0, 0]] {
        let segments = pair.map(|at: usize| segments[at].clone());
        world.send(1, 2, Message::Fork { segments }.encode().into());
    }
    let segments = [segments[1].clone(), forged];
    world.send(1, 2, Message::Fork { segments }.encode().into());
    world.run(millis(1000));
    assert!(world.nodes[2].forks.is_empty());
    assert_eq!(
        world.nodes[2].conduct.len(),
        3,
        "{:?}",
        world.nodes[2].conduct
    );
}

#[test]
fn evidence_that_had_no_room_is_shown_when_there_is() {
    let mut world = World::new(12, STEADY, 15);
    for other in [1, 8, 9, 10] {
        world.connect(0, other);
    }
    world.run(millis(500));
    world.nodes[0].full_to = Some(world.nodes[1].me);
    for other in [8, 9, 10] {
        let (mut one, mut another) = (log(other as u64), log(other as u64));
        world.send(other, 0, push(&segments(&mut one, &[100])).into());
        world.send(other, 0, push(&segments(&mut another, &[200])).into());
    }
    world.run(millis(1000));
    assert_eq!(world.nodes[0].forks.len(), 3);
    assert!(world.nodes[1].forks.is_empty());
    world.make_room(0);
    let shown = world.run_until(millis(1000), |world| world.nodes[1].forks.len() == 3);
    assert!(shown.is_some(), "{}", world.nodes[1].forks.len());
    // Once.
    let sent = world.nodes[0].sent["fork"];
    world.run(millis(5000));
    assert_eq!(world.nodes[0].sent["fork"], sent);
}

#[test]
fn who_shows_false_evidence_is_still_shown_the_true() {
    let mut world = World::new(10, STEADY, 16);
    world.connect(0, 1);
    world.connect(0, 9);
    world.run(millis(500));
    let (mut one, mut other) = (log(9), log(9));
    let (left, right) = (segments(&mut one, &[100]), segments(&mut other, &[200]));
    let same = [left[0].clone(), left[0].clone()];
    let frame = Message::Fork { segments: same };
    world.send(1, 0, frame.encode().into());
    world.run(millis(200));
    world.send(9, 0, push(&left).into());
    world.send(9, 0, push(&right).into());
    let knows = world.run_until(millis(2000), |world| !world.nodes[1].forks.is_empty());
    assert!(knows.is_some());
}

#[test]
fn evidence_that_itself_found_the_queue_full_is_shown_again() {
    let mut world = World::new(10, STEADY, 18);
    world.connect(0, 1);
    world.connect(0, 9);
    world.run(millis(500));
    world.nodes[0].full_to = Some(world.nodes[1].me);
    let (mut one, mut other) = (log(9), log(9));
    let (left, right) = (segments(&mut one, &[100]), segments(&mut other, &[200]));
    let pair = [left[0].clone(), right[0].clone()];
    let frame = Message::Fork { segments: pair };
    world.send(9, 0, frame.encode().into());
    world.run_until(millis(200), |world| !world.nodes[0].forks.is_empty());
    assert_eq!(world.nodes[0].forks.len(), 1);
    world.make_room(0);
    let knows = world.run_until(millis(1000), |world| !world.nodes[1].forks.is_empty());
    assert!(knows.is_some());
}
