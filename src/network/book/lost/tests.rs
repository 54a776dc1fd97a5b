//! Contacts that are looked for without end, in a book told of a partition.

use std::time::Duration;

use libp2p::PeerId;

use crate::network::book::{
    Book, Now, Phase, Target,
    tests::{SECOND, address, later, patient_book, start},
};

/// A contact that greeted and was connected for so long, until `now`.
fn lose_after(book: &mut Book, port: u16, together: Duration, now: Now) -> Target {
    let peer = PeerId::random();
    book.connected(peer, None, now.steady - together);
    book.learn(peer, address(port));
    book.heard_version(peer, "version1");
    let target = Target::Peer(peer);
    book.failed(&target, "closed", now).expect("a state");
    target
}

/// Dials everybody in vain from `now` on for `time`; the longest wait of each in the second half.
fn vain(book: &mut Book, targets: &[Target], now: Now, time: Duration) -> Vec<Duration> {
    let mut longest = vec![Duration::ZERO; targets.len()];
    loop {
        let due = book.next_due().expect("they are tried again");
        if due >= now.steady + time {
            return longest;
        }
        let (target, _) = book.due(due).expect("due");
        let at = later(now, due - now.steady + SECOND);
        book.failed(&target, "time-out", at).expect("a state");
        let Phase::Due((next, _)) = book.entries[&target].phase else {
            panic!("it is tried again");
        };
        if at.steady >= now.steady + time / 2
            && let Some(index) = targets.iter().position(|one| *one == target)
        {
            longest[index] = longest[index].max(next - at.steady);
        }
    }
}

/// A connected peer that stays.
fn keep_company(book: &mut Book, many: usize, now: Now) {
    (0..many).for_each(|_| book.connected(PeerId::random(), None, now.steady));
}

#[test]
fn who_lost_everybody_keeps_looking_for_the_best_few_without_end() {
    let (mut book, now) = (patient_book(), start());
    let base = later(now, 100_000 * SECOND);
    // The later one began, the longer it was connected; the last did not stay for a minute.
    let mut lost: Vec<Target> = (1..=12)
        .map(|n| {
            let when = later(base, n * 100 * SECOND);
            lose_after(
                &mut book,
                u16::try_from(n).expect("few"),
                n * 120 * SECOND,
                when,
            )
        })
        .collect();
    lost.push(lose_after(
        &mut book,
        99,
        50 * SECOND,
        later(base, 1_250 * SECOND),
    ));
    let begin = later(base, 1_300 * SECOND);
    let waits = vain(&mut book, &lost, begin, 40_000 * SECOND);
    let (others, best) = (&waits[..4], &waits[4..12]);
    assert!(best.iter().all(|wait| *wait <= 2 * SECOND), "{waits:?}");
    assert!(others.iter().all(|wait| *wait >= 60 * SECOND), "{waits:?}");
    assert!(waits[12] >= 60 * SECOND, "{waits:?}");
}

#[test]
fn with_enough_others_only_what_was_cut_off_together_is_looked_for_without_end() {
    let (mut book, now) = (patient_book(), start());
    let base = later(now, 100_000 * SECOND);
    keep_company(&mut book, 8, base);
    let alone: Vec<Target> = (1..=3)
        .map(|n| {
            lose_after(
                &mut book,
                u16::try_from(n).expect("few"),
                300 * SECOND,
                later(base, n * 100 * SECOND),
            )
        })
        .collect();
    let cut: Vec<Target> = (4..=6)
        .map(|n| {
            lose_after(
                &mut book,
                u16::try_from(n).expect("few"),
                90 * SECOND,
                later(base, 1_000 * SECOND + n * SECOND),
            )
        })
        .collect();
    let all: Vec<Target> = alone.into_iter().chain(cut).collect();
    let begin = later(base, 1_010 * SECOND);
    let waits = vain(&mut book, &all, begin, 40_000 * SECOND);
    assert!(
        waits[..3].iter().all(|wait| *wait >= 60 * SECOND),
        "{waits:?}"
    );
    assert!(
        waits[3..].iter().all(|wait| *wait <= 2 * SECOND),
        "{waits:?}"
    );
}
