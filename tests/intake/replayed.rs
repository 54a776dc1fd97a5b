//! What is said again, in another order or with another time changes nothing (adversary V10).

use super::*;

const OF: [&str; 2] = ["198.51.100.7", "198.51.100.8"];

fn said(peers: &[PeerId]) -> Vec<(PeerId, String)> {
    let about = |(n, peer): (usize, &PeerId)| {
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let score = 0.9 - 0.3 * n as f64;
        OF.map(|of| (*peer, report(of, score, 0.8)))
    };
    peers.iter().enumerate().flat_map(about).collect()
}

/// What everybody thinks after one more peer has spoken of both addresses: every digit of it.
fn judged(bench: &mut Bench, last: PeerId) -> String {
    let lines = OF.map(|of| (last, report(of, 0.5, 0.7)));
    let lines: Vec<_> = lines
        .iter()
        .map(|(peer, text)| (*peer, text.as_str()))
        .collect();
    let outcome = bench.hear(&lines);
    assert_eq!(outcome.batch.opinions.len(), OF.len());
    format!("{:?}", outcome.batch.opinions)
}

/// Says each line again at a time of its own, as the network would date it, in the order given.
fn replay(bench: &mut Bench, lines: &[(PeerId, String)], received_at: impl Fn(i64) -> i64) {
    bench.now += 1;
    let now = bench.now;
    let line = |(peer, text): &(PeerId, String)| Line {
        from: Neighbour(*peer),
        ip: IP.parse().unwrap(),
        text: text.clone(),
        received_at: Timestamp::from_micros(received_at(now) * 1_000_000),
        receipt: Receipt::default(),
    };
    let lines = lines.iter().map(line).collect();
    let now = Timestamp::from_micros(now * 1_000_000);
    bench.intake.take(vec![], vec![], lines, now);
}

/// Adversary V10: duplicates in any order, one by one and in bulk, dated long ago and far ahead,
/// change no score, bit for bit; in the base model and in the robust one. A pigeon's line has no
/// number, so this is about what its sender said last: to say what it said before that is to say
/// something new.
#[test]
fn replays_in_any_order_and_of_any_time_change_no_bit_of_a_score() {
    for make in [Bench::sanitizing, || Bench::guarded(Guards::default())] {
        let peers: Vec<PeerId> = (0..4).map(|_| PeerId::random()).collect();
        let last = PeerId::random();
        let lines = said(&peers);
        let first: Vec<_> = lines
            .iter()
            .map(|(peer, text)| (*peer, text.as_str()))
            .collect();
        let (mut plain, mut replayed) = (make(), make());
        plain.hear(&first);
        replayed.hear(&first);
        let mut backwards = lines.clone();
        backwards.reverse();
        let times: [fn(i64) -> i64; 4] = [
            |now| now,
            |_| 0,
            |now| now - 365 * 24 * 3600,
            |now| now + 365 * 24 * 3600,
        ];
        for time in times {
            for order in [&lines, &backwards] {
                replay(&mut replayed, order, time);
                plain.hear(&[]);
            }
            for one in &lines {
                replay(&mut replayed, std::slice::from_ref(one), time);
                replay(&mut replayed, &[one.clone(), one.clone()], time);
                plain.hear(&[]);
                plain.hear(&[]);
            }
        }
        assert_eq!(judged(&mut plain, last), judged(&mut replayed, last));
    }
}

/// Adversary V10: a time that a sender writes into its message counts for nothing.
#[test]
fn a_time_in_a_message_changes_no_bit_of_a_score() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let peers: Vec<PeerId> = (0..3).map(|_| PeerId::random()).collect();
    let last = PeerId::random();
    let lines = said(&peers);
    let mut scores = Vec::new();
    for time in ["", "0", "-9e18", "4102444800", "\"2099-01-01\""] {
        let dated = |(peer, text): &(PeerId, String)| {
            let json = String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
            let with = format!("{{\"timestamp\": {time}, \"report_time\": {time}, ");
            let json = if time.is_empty() {
                json
            } else {
                json.replacen('{', &with, 1)
            };
            (*peer, BASE64_STANDARD.encode(json))
        };
        let lines: Vec<_> = lines.iter().map(dated).collect();
        let mut bench = Bench::sanitizing();
        replay(&mut bench, &lines, |now| now);
        scores.push(judged(&mut bench, last));
    }
    assert!(
        scores.iter().all(|score| *score == scores[0]),
        "{scores:#?}"
    );
}
