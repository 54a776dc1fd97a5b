//! Floods cost the one who floods: bounded work, bounded tables, and the honest are heard.

use std::time::Duration;

use slips_p2p::{
    domain::{Digest, Span, Timestamp, Tip},
    mesh::{OwnLog, Settings},
    wire::sync::Message,
};

use crate::world::{NETWORK, STEADY, World, author, key, millis, report};

#[test]
fn an_author_beyond_its_budget_comes_later_and_completely() {
    let mut world = World::new(3, STEADY, 20);
    world.settings = Settings {
        author_entries: 50,
        ..Settings::default()
    };
    for number in 0..3 {
        let disk = world.nodes[number].disk.clone();
        world.restart(number, disk);
    }
    world.connect(0, 1);
    world.connect(1, 2);
    world.run(millis(300));
    for round in 0..20 {
        let reports: Vec<_> = (round * 50..round * 50 + 50).collect();
        world.say(0, &reports);
        world.run(millis(50));
    }
    let early = world.nodes[1].heard.len();
    assert!(early < 1000, "{early} entries at 50 a second within 1 s");
    assert!(world.nodes[1].mesh.counters().shed > 0);
    // Others are not held back by it.
    let other = world.say(2, &[5]);
    let took = world.run_until(millis(1000), |world| {
        world.all_heard(other.author, other.seq)
    });
    assert!(took.is_some_and(|took| took <= millis(250)), "{took:?}");
    let took = world.run_until(Duration::from_secs(60), World::agree);
    assert!(took.is_some(), "{}", world.nodes[1].heard.len());
}

#[test]
fn repetitions_cost_no_verification() {
    let mut world = World::new(2, STEADY, 21);
    world.connect(0, 1);
    world.say(0, &[1, 2, 3]);
    world.run(millis(500));
    let segments: Vec<_> = world.nodes[1]
        .disk
        .segments
        .values()
        .map(|(_, bytes)| bytes.to_vec())
        .collect();
    let frame: std::sync::Arc<[u8]> = Message::Segments {
        answer: None,
        segments,
    }
    .encode()
    .into();
    let before = world.nodes[1].mesh.counters();
    for _ in 0..1000 {
        world.send(0, 1, frame.clone());
    }
    world.run(millis(500));
    let after = world.nodes[1].mesh.counters();
    assert_eq!(after.verified, before.verified);
    assert_eq!(after.repeated, before.repeated + 1000);
    assert_eq!(world.nodes[1].heard.len(), 3);
}

#[test]
fn unsigned_segments_are_verified_at_a_bounded_rate() {
    let mut world = World::new(3, STEADY, 22);
    world.settings = Settings {
        verifications: 20,
        ..Settings::default()
    };
    for number in 0..3 {
        let disk = world.nodes[number].disk.clone();
        world.restart(number, disk);
    }
    world.connect(0, 1);
    world.connect(2, 1);
    let mut log = OwnLog::new(key(9), NETWORK, None).expect("a key that signs");
    let said = [(Timestamp::from_micros(1), report(1))];
    let unsent = log.append(&said).expect("a report");
    let bytes = unsent.segments().map(|(bytes, ..)| bytes.to_vec()).next();
    let bytes = bytes.expect("one");
    for number in 0..2000_u32 {
        let mut forged = bytes.clone();
        let end = forged.len() - 64;
        forged[end..end + 4].copy_from_slice(&number.to_be_bytes());
        let frame = Message::Segments {
            answer: None,
            segments: vec![forged],
        };
        world.send(0, 1, frame.encode().into());
    }
    world.run(millis(1000));
    let verified = world.nodes[1].mesh.counters().verified;
    assert!(verified <= 20 * 4 + 20 + 1, "{verified} verifications");
    // An honest neighbour has a budget of its own.
    let said = world.say(2, &[7]);
    world.run(millis(200));
    assert!(world.nodes[1].heard.contains_key(&(said.author, said.seq)));
}

/// Segments of one log, each signed by nobody in another way.
fn forged(author: u64, many: u32) -> Vec<Vec<u8>> {
    let mut log = OwnLog::new(key(author), NETWORK, None).expect("a key that signs");
    let said = [(Timestamp::from_micros(1), report(1))];
    let unsent = log.append(&said).expect("a report");
    let bytes = unsent.segments().map(|(bytes, ..)| bytes.to_vec()).next();
    let bytes = bytes.expect("one");
    let forge = |number: u32| {
        let mut forged = bytes.clone();
        let end = forged.len() - 64;
        forged[end..end + 4].copy_from_slice(&number.to_be_bytes());
        forged
    };
    (0..many).map(forge).collect()
}

#[test]
fn neighbours_of_one_network_share_what_verifying_costs() {
    let mut world = World::new(12, STEADY, 26);
    world.settings = Settings {
        verifications: 20,
        ..Settings::default()
    };
    for number in 0..12 {
        let disk = world.nodes[number].disk.clone();
        world.restart(number, disk);
    }
    // Node 0 is flooded by 1 to 10, which are of one network, and 11 is elsewhere.
    for number in 1..12 {
        world.connect(0, number);
        let who = world.nodes[number].me;
        let place = if number < 11 { 1 } else { 2 };
        let place = std::net::IpAddr::from([192, 0, 2, place]);
        let now = world.now;
        world.nodes[0].mesh.shares_with(who, Some(place), now);
    }
    for (at, segment) in forged(99, 5_000).into_iter().enumerate() {
        let segments = vec![segment];
        let answer = None;
        let frame = Message::Segments { answer, segments };
        world.send(1 + at % 10, 0, frame.encode().into());
    }
    world.run(millis(1000));
    let verified = world.nodes[0].mesh.counters().verified;
    // Four times the burst and the rate of one, not ten times.
    assert!(
        verified <= 4 * (20 * 4 + 20) + 4,
        "{verified} verifications"
    );
    assert!(verified > 2 * (20 * 4 + 20), "{verified} verifications");
    let said = world.say(11, &[7]);
    world.run(millis(200));
    assert!(world.nodes[0].heard.contains_key(&(said.author, said.seq)));
}

#[test]
fn forged_answers_are_verified_at_the_same_rate() {
    let mut world = World::new(4, STEADY, 25);
    world.settings = Settings {
        verifications: 20,
        ..Settings::default()
    };
    for number in 0..4 {
        let disk = world.nodes[number].disk.clone();
        world.restart(number, disk);
    }
    // Wants 0 and more were sent to 2, and are long answered.
    world.connect(2, 1);
    for n in 0..3 {
        let reports: Vec<_> = (n * 64..n * 64 + 64).collect();
        world.say(2, &reports);
    }
    world.connect(3, 1);
    world.connect(0, 1);
    world.run(millis(1000));
    let tip = |seq| Tip {
        author: author(9),
        seq,
        digest: Digest([3; 32]),
    };
    let tips = vec![tip(2)];
    let fresh = false;
    let frame = Message::Tips { fresh, tips }.encode();
    world.send(0, 1, frame.into());
    world.run(millis(120));
    let before = world.nodes[1].mesh.counters();
    assert!(before.wants > 0);
    // Answers to wants of the past and of others, to an open want of its own, and to none.
    let ids = 0..before.wants;
    for (at, segment) in forged(9, 2000).into_iter().enumerate() {
        let answer = ids.clone().nth(at % before.wants as usize);
        let segments = vec![segment];
        let frame = Message::Segments { answer, segments };
        world.send(0, 1, frame.encode().into());
    }
    world.run(millis(1000));
    let verified = world.nodes[1].mesh.counters().verified - before.verified;
    // The burst, a second's rate, and as many as the open want asked for.
    assert!(verified <= 20 * 4 + 20 + 2 + 1, "{verified} verifications");
    assert!(verified > 0);
    // Forged answers for an author nobody asked about cost no more.
    let said = world.say(2, &[7]);
    world.run(millis(300));
    assert!(world.nodes[1].heard.contains_key(&(said.author, said.seq)));
}

#[test]
fn made_up_authors_do_not_fill_the_table() {
    let mut world = World::new(3, STEADY, 23);
    world.connect(0, 1);
    for chunk in 0..20_u64 {
        let tips: Vec<_> = (0..300)
            .map(|n| Tip {
                author: author(1_000 + chunk * 300 + n),
                seq: 1 << 40,
                digest: Digest([3; 32]),
            })
            .collect();
        world.send(0, 1, Message::Tips { fresh: true, tips }.encode().into());
    }
    world.run(Duration::from_secs(20));
    let claims = world.nodes[1].mesh.missing();
    assert!(claims <= 1024 * (1 << 40), "{claims}");
    // The honest neighbour's log has room, and what was asked in vain is held against the liar.
    world.connect(2, 1);
    let said = world.say(2, &[7]);
    world.run(millis(500));
    assert!(world.nodes[1].heard.contains_key(&(said.author, said.seq)));
    assert!(
        world.nodes[1]
            .conduct
            .iter()
            .any(|(_, why)| why.starts_with("no_answer"))
    );
    // Nothing of it stays when the liar goes.
    world.cut(0, 1);
    assert_eq!(world.nodes[1].mesh.missing(), 0);
}

#[test]
fn a_flood_of_wants_is_answered_within_bounds() {
    let mut world = World::new(2, STEADY, 24);
    world.connect(0, 1);
    for round in 0..5 {
        let reports: Vec<_> = (round * 64..round * 64 + 64).collect();
        world.say(1, &reports);
    }
    world.run(millis(500));
    let span = Span {
        author: author(1),
        from: 1,
        to: 320,
    };
    for id in 0..2000 {
        let spans = vec![span; 256];
        world.send(0, 1, Message::Want { id, spans }.encode().into());
    }
    let before = world.nodes[1].sent["segments"].0;
    world.run(millis(1000));
    let sent = world.nodes[1].sent["segments"].0 - before;
    // The burst and one second of the rate, in base64.
    assert!(sent <= 5 * 8 * 1024 * 1024 * 3 / 2, "{sent} bytes");
    assert!(
        world.nodes[1]
            .conduct
            .iter()
            .any(|(_, why)| why.starts_with("flooding"))
    );
}
