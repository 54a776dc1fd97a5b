//! The book told stories: no sockets, no waiting.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{Book, HelloIs, Now, Spacing, Target};
use crate::domain::{Reachability, Timestamp};

pub(super) const SECOND: Duration = Duration::from_secs(1);

fn book() -> Book {
    book_of(100, 42)
}

fn book_of(max: usize, seed: u64) -> Book {
    let spacing = Spacing {
        min: SECOND,
        max: 60 * SECOND,
        unreachable_after: 4,
    };
    Book::new(spacing, max, StdRng::seed_from_u64(seed))
}

pub(super) fn address(port: u16) -> Multiaddr {
    format!("/ip4/192.0.2.1/tcp/{port}")
        .parse()
        .expect("an address")
}

pub(super) fn start() -> Now {
    Now {
        steady: Instant::now(),
        wall: Timestamp::from_micros(1_700_000_000_000_000),
    }
}

pub(super) fn later(now: Now, by: Duration) -> Now {
    Now {
        steady: now.steady + by,
        wall: now.wall.plus(by),
    }
}

/// Fails dial after dial; gives the waits between them.
fn waits(book: &mut Book, target: &Target, tries: usize) -> Vec<Duration> {
    let mut now = start();
    (0..tries)
        .map(|_| {
            let due = book.next_due().expect("it is tried again").max(now.steady);
            now = later(now, due - now.steady);
            assert_eq!(book.due(now.steady).expect("due").0, *target);
            book.failed(target, "refused", now).expect("a state");
            book.next_due().expect("it is tried again") - now.steady
        })
        .collect()
}

#[test]
fn the_waits_double_up_to_the_longest_and_are_not_all_the_same() {
    let peer = PeerId::random();
    let mut book = book();
    book.found(peer, address(1), Duration::ZERO, start().steady);
    let waits = waits(&mut book, &Target::Peer(peer), 12);
    for (number, wait) in waits.iter().enumerate() {
        let longest = (SECOND * 2_u32.pow(u32::try_from(number).expect("few"))).min(60 * SECOND);
        assert!(
            *wait <= longest && *wait >= longest / 2,
            "wait {number} is {wait:?} of {longest:?}"
        );
    }
    assert!(
        waits[8..].windows(2).all(|pair| pair[0] != pair[1]),
        "{waits:?}"
    );
}

#[test]
fn the_same_seed_waits_the_same() {
    let peer = PeerId::random();
    let run = |seed| {
        let mut book = book_of(10, seed);
        book.found(peer, address(1), Duration::ZERO, Instant::now());
        waits(&mut book, &Target::Peer(peer), 6)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_peer_dialled_in_vain_for_long_is_unreachable_and_still_tried() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    book.found(peer, address(1), Duration::ZERO, now.steady);
    let target = Target::Peer(peer);
    for _ in 0..3 {
        let state = book.failed(&target, "refused", now);
        assert!(
            matches!(state, Some(Reachability::Retrying { .. })),
            "{state:?}"
        );
    }
    let state = book.failed(&target, "refused", now);
    let Some(Reachability::Unreachable {
        reason,
        next_try: Some(next),
    }) = state
    else {
        panic!("{state:?}");
    };
    assert_eq!(reason, "refused");
    assert!(next > now.wall && next <= now.wall.plus(8 * SECOND));
}

#[test]
fn a_connection_starts_the_count_anew() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    book.found(peer, address(1), Duration::ZERO, now.steady);
    let target = Target::Peer(peer);
    (0..9).for_each(|_| _ = book.failed(&target, "refused", now));
    book.connected(peer, None, now.steady);
    assert_eq!(book.next_due(), None, "nobody dials a connected peer");
    let state = book.failed(&target, "closed", now);
    assert!(
        matches!(state, Some(Reachability::Retrying { .. })),
        "{state:?}"
    );
}

#[test]
fn a_peer_that_called_from_nowhere_is_not_dialled() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    book.connected(peer, None, now.steady);
    let state = book.failed(&Target::Peer(peer), "closed", now);
    assert_eq!(
        state,
        Some(Reachability::Unreachable {
            reason: "closed".into(),
            next_try: None
        })
    );
    assert_eq!(book.next_due(), None);
}

#[test]
fn a_find_pulls_the_next_dial_forward_but_not_at_once() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    book.found(peer, address(1), Duration::ZERO, now.steady);
    let target = Target::Peer(peer);
    book.due(now.steady).expect("due");
    (0..9).for_each(|_| _ = book.failed(&target, "refused", now));
    let planned = book.next_due();
    book.found(peer, address(2), Duration::ZERO, now.steady + SECOND);
    assert_eq!(book.next_due(), planned, "it was tried a second ago");
    let found_at = now.steady + 10 * SECOND;
    book.found(peer, address(2), Duration::ZERO, found_at);
    assert_eq!(book.next_due(), Some(found_at));
}

#[test]
fn a_pinned_peer_waits_for_nobody_and_is_one_of_many_again_when_unpinned() {
    let (pinned, other) = (PeerId::random(), PeerId::random());
    let (mut book, now) = (book(), start());
    book.found(other, address(1), Duration::ZERO, now.steady);
    book.found(pinned, address(2), Duration::ZERO, now.steady);
    assert_eq!(book.due_fixed(now.steady), None);
    book.pin(pinned, &[address(3)], now.steady);
    let (target, addresses) = book.due_fixed(now.steady).expect("dialled at once");
    assert_eq!(target, Target::Peer(pinned));
    assert_eq!(addresses, [address(3), address(2)]);
    assert_eq!(book.due_fixed(now.steady), None);
    assert_eq!(book.due(now.steady).expect("due").0, Target::Peer(other));
    assert_eq!(book.dialling(), 1);
    book.failed(&target, "refused", now);
    assert!(book.next_due_fixed().is_some(), "it is dialled again");
    book.unpin(pinned);
    assert_eq!(book.next_due_fixed(), None);
    let next = book.next_due().expect("its turn stays");
    assert_eq!(book.due(next).expect("due").0, target);
    assert_eq!(book.dialling(), 2);
}

#[test]
fn an_address_becomes_the_peer_that_answers_there() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    book.add_fixed(&address(1), now.steady);
    let (target, addresses) = book.due(now.steady).expect("due");
    assert_eq!(
        (&target, addresses),
        (&Target::Address(address(1)), vec![address(1)])
    );
    assert_eq!(book.dialling(), 0, "those always kept do not count");
    book.connected(peer, Some(&target), now.steady);
    book.failed(&Target::Peer(peer), "closed", now)
        .expect("a state");
    let due = book.next_due().expect("it is dialled again");
    assert_eq!(book.due(due), Some((Target::Peer(peer), vec![address(1)])));
}

#[test]
fn a_full_book_parts_with_the_useless_and_never_with_the_settings_peers() {
    let (mut book, now) = (book_of(3, 1), start());
    let (fixed, honest, stranger) = (PeerId::random(), PeerId::random(), PeerId::random());
    book.add_fixed(&address(1).with_p2p(fixed).expect("an address"), now.steady);
    (0..50).for_each(|_| _ = book.failed(&Target::Peer(fixed), "refused", now));
    book.found(honest, address(2), Duration::ZERO, now.steady);
    (0..5).for_each(|_| _ = book.failed(&Target::Peer(honest), "refused", now));
    book.connected(stranger, None, now.steady);
    book.failed(&Target::Peer(stranger), "closed", now);
    assert!(book.found(PeerId::random(), address(3), Duration::ZERO, now.steady));
    let left = |book: &Book, peer| book.entries.contains_key(&Target::Peer(peer));
    assert!(left(&book, fixed) && left(&book, honest) && !left(&book, stranger));
}

#[test]
fn only_the_newest_addresses_are_kept() {
    let peer = PeerId::random();
    let (mut book, now) = (book(), start());
    for port in 1..=20 {
        book.found(peer, address(port), Duration::ZERO, now.steady);
    }
    assert!(
        !book.found(peer, address(20), Duration::ZERO, now.steady),
        "no news"
    );
    let (_, addresses) = book.due(now.steady).expect("due");
    assert_eq!(addresses, (13..=20).rev().map(address).collect::<Vec<_>>());
}

#[test]
fn a_version_is_news_once() {
    let (mut book, peer, now) = (book(), PeerId::random(), start());
    book.connected(peer, None, now.steady);
    assert_eq!(book.heard_version(peer, "version1"), HelloIs::New);
    assert_eq!(book.heard_version(peer, "version1"), HelloIs::Known);
    assert_eq!(book.heard_version(peer, "version2"), HelloIs::New);
}

#[test]
fn reconnecting_does_not_make_hurried_pings_good() {
    let (mut book, peer, now) = (book(), PeerId::random(), start());
    book.connected(peer, None, now.steady);
    assert!(book.heard_ping(peer, 5 * SECOND, now.steady));
    book.failed(&Target::Peer(peer), "closed", now);
    book.connected(peer, None, now.steady);
    assert!(!book.heard_ping(peer, 5 * SECOND, now.steady + 4 * SECOND));
    assert!(book.heard_ping(peer, 5 * SECOND, now.steady + 5 * SECOND));
}

/// A peer that was connected and lost at `now`.
fn lose(book: &mut Book, port: u16, now: Now) -> Target {
    let peer = PeerId::random();
    book.connected(peer, None, now.steady);
    book.learn(peer, address(port));
    let target = Target::Peer(peer);
    book.failed(&target, "closed", now).expect("a state");
    target
}

/// Dials in vain from `now` on for `time`, 5 s each; gives the waits between dials.
fn absence(book: &mut Book, target: &Target, now: Now, time: Duration) -> Vec<Duration> {
    let (end, mut at, mut waits) = (now.steady + time, now, Vec::new());
    loop {
        let due = book.next_due().expect("it is tried again").max(at.steady);
        waits.push(due - at.steady);
        at = later(now, due - now.steady);
        if at.steady >= end {
            return waits;
        }
        assert_eq!(book.due(at.steady).expect("due").0, *target);
        at = later(at, 5 * SECOND);
        book.failed(target, "time-out", at).expect("a state");
    }
}

pub(super) fn patient_book() -> Book {
    let spacing = Spacing {
        min: SECOND,
        max: 300 * SECOND,
        unreachable_after: 4,
    };
    Book::new(spacing, 100, StdRng::seed_from_u64(3))
}

#[test]
fn a_lost_peer_is_dialled_every_second_or_two_for_minutes_and_then_more_rarely() {
    let (mut book, now) = (patient_book(), start());
    let target = lose(&mut book, 1, now);
    let waits = absence(&mut book, &target, now, 24 * 3600 * SECOND);
    let mut since = Duration::ZERO;
    for wait in &waits {
        let longest = (since / 150).clamp(2 * SECOND, 300 * SECOND);
        assert!(
            *wait <= longest && *wait >= SECOND / 2,
            "{wait:?} after {since:?}"
        );
        since += *wait + 5 * SECOND;
    }
    assert!(waits.last().expect("many") > &(100 * SECOND), "{waits:?}");
    // What never answered waits longer from the start.
    let stranger = PeerId::random();
    let (mut book, now) = (patient_book(), start());
    book.found(stranger, address(2), Duration::ZERO, now.steady);
    let waits = absence(&mut book, &Target::Peer(stranger), now, 300 * SECOND);
    assert!(waits.len() < 15, "{waits:?}");
}

#[test]
fn a_lost_peer_that_is_always_kept_is_never_left_alone() {
    let (mut book, now, peer) = (patient_book(), start(), PeerId::random());
    book.pin(peer, &[address(1)], now.steady);
    let target = Target::Peer(peer);
    let waits = absence(&mut book, &target, now, 3600 * SECOND);
    let most = waits.iter().max().expect("some");
    assert!((15 * SECOND..=30 * SECOND).contains(most), "{most:?}");
    let now = later(now, 4000 * SECOND);
    book.connected(peer, None, now.steady);
    book.failed(&target, "closed", now);
    let waits = absence(&mut book, &target, now, 24 * 3600 * SECOND);
    assert!(waits.iter().all(|wait| *wait <= 2 * SECOND), "{waits:?}");
}

#[test]
fn when_one_lost_peer_is_back_the_others_are_due_at_once_and_strangers_are_not() {
    let (mut book, now) = (patient_book(), start());
    let lost: Vec<Target> = (1..=40).map(|port| lose(&mut book, port, now)).collect();
    let stranger = PeerId::random();
    book.found(stranger, address(99), 4000 * SECOND, now.steady);
    // An hour later everybody was tried just now, in vain, and waits up to 24 s.
    let hour = later(now, 3600 * SECOND);
    while let Some((target, _)) = book.due(hour.steady) {
        for _ in 0..8 {
            book.failed(&target, "time-out", hour);
        }
    }
    let at = |book: &Book, target| match book.entries[target].phase {
        super::Phase::Due((at, _)) => at,
        phase => panic!("{phase:?}"),
    };
    let back = |book: &mut Book, at: Instant| {
        let Target::Peer(peer) = lost[0] else {
            panic!("a peer")
        };
        book.connected(peer, None, at);
    };
    let planned: Vec<Instant> = lost[1..].iter().map(|target| at(&book, target)).collect();
    back(&mut book, hour.steady + SECOND);
    for (target, planned) in lost[1..].iter().zip(&planned) {
        assert_eq!(at(&book, target), *planned, "it was tried a second ago");
    }
    book.failed(&lost[0], "closed", later(hour, SECOND));
    let now = hour.steady + 6 * SECOND;
    back(&mut book, now);
    let due: Vec<Instant> = lost[1..].iter().map(|target| at(&book, target)).collect();
    assert!(
        due.iter().all(|due| *due <= now + SECOND / 2),
        "{:?}",
        due.iter().max()
    );
    assert!(due.iter().max() > due.iter().min(), "not all in one moment");
    let stranger = Target::Peer(stranger);
    assert!(at(&book, &stranger) > now + 300 * SECOND);
    // One that was connected and never lost changes nothing.
    let (mut book, now) = (patient_book(), start());
    let other = lose(&mut book, 1, now);
    let planned = at(&book, &other);
    book.connected(PeerId::random(), None, now.steady + 10 * SECOND);
    assert_eq!(at(&book, &other), planned);
}

#[test]
fn whoever_is_no_use_is_not_looked_for_like_a_lost_peer() {
    let (mut book, now, peer) = (patient_book(), start(), PeerId::random());
    book.connected(peer, None, now.steady);
    book.learn(peer, address(1));
    book.useless(peer, "no common protocol", now);
    assert!(book.next_due().expect("it is tried again") > now.steady + 4 * SECOND);
}
