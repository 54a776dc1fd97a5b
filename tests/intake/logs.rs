//! Entries of logs: attributed to who wrote them, judged once, and only while they are new.

use std::time::Duration;

use slips_p2p::domain::{Author, Conduct, Digest, Neighbour, PeerId, Timestamp};
use slips_p2p::node::{Forward, FromLog, Logged, Outcome, Said};
use slips_p2p::store::{LogFork, LogSegment};
use slips_p2p::wire::message;

use super::{Bench, for_slips, kinds, report};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Bench {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now * 1_000_000)
    }

    fn hear_logs(&mut self, logs: Vec<FromLog>) -> Outcome {
        self.now += 1;
        let now = self.now();
        self.intake
            .take_all(vec![], vec![], vec![], vec![], logs, now)
    }
}

/// A bench whose clock stands at a time that has a day before it.
fn bench(forward: Forward) -> Bench {
    let mut bench = Bench::new(forward);
    bench.now = 1_000_000;
    bench
}

const SANITIZED: Forward = Forward::Sanitized { blame: false };

fn logged(author: PeerId, by: PeerId, said: &[(Timestamp, &str)]) -> FromLog {
    let each = |(at, text): &(Timestamp, &str)| Said {
        at: *at,
        message: message::decode(text).unwrap(),
        text: (*text).to_owned(),
    };
    FromLog::Segment(Logged {
        heard_from: Neighbour(by),
        segment: LogSegment {
            network: "n".into(),
            author,
            first: 1,
            last: 1,
            digest: Digest([1; 32]),
            at: Timestamp::ZERO,
            body: vec![1],
        },
        said: said.iter().map(each).collect(),
    })
}

fn fork(author: PeerId) -> LogFork {
    LogFork {
        network: "n".into(),
        author,
        number: 3,
        one: Digest([1; 32]),
        other: Digest([2; 32]),
        found_at: Timestamp::ZERO,
        one_body: vec![1],
        other_body: vec![2],
    }
}

#[test]
fn an_entry_is_its_authors_and_heard_from_the_neighbour() {
    let mut bench = bench(SANITIZED);
    let (author, neighbour) = (PeerId::random(), PeerId::random());
    let text = report("192.0.2.7", 0.8, 0.9);
    let said_at = bench.now().minus(Duration::from_secs(60));
    let outcome = bench.hear_logs(vec![logged(author, neighbour, &[(said_at, &text)])]);
    assert_eq!(outcome.batch.segments.len(), 1, "in the same transaction");
    let report = &outcome.batch.reports[0].report;
    assert_eq!(
        (report.author, report.heard_from),
        (Author(author), Neighbour(neighbour))
    );
    assert_eq!(report.received_at, bench.now(), "by our clock");
    assert_eq!(kinds(&outcome), ["peer_update", "go_data"]);
    let messages = for_slips(&outcome);
    assert_eq!(messages[0].1["peerid"], author.to_string());
    assert_eq!(messages[1].1["reporter"], author.to_string());
    assert_eq!(messages[1].1["message"], text);
    assert_eq!(
        messages[1].1["report_time"],
        said_at.as_secs(),
        "by the author's"
    );
}

#[test]
fn slips_is_told_no_time_ahead_of_its_own() {
    let mut bench = bench(SANITIZED);
    let author = PeerId::random();
    let later = bench.now().plus(DAY);
    let text = report("192.0.2.7", 0.8, 0.9);
    let outcome = bench.hear_logs(vec![logged(author, author, &[(later, &text)])]);
    assert_eq!(
        for_slips(&outcome)[1].1["report_time"],
        bench.now().as_secs()
    );
}

#[test]
fn what_is_older_than_a_day_is_kept_and_not_judged() {
    let mut bench = bench(SANITIZED);
    let author = PeerId::random();
    let old = bench.now().minus(DAY);
    let text = report("192.0.2.7", 0.8, 0.9);
    let outcome = bench.hear_logs(vec![logged(author, author, &[(old, &text)])]);
    assert!(outcome.batch.reports.is_empty() && outcome.batch.outbox.is_empty());
    assert_eq!(outcome.batch.segments.len(), 1);
}

#[test]
fn what_comes_by_line_and_by_log_counts_once() {
    let mut bench = bench(SANITIZED);
    let author = PeerId::random();
    let text = report("192.0.2.7", 0.8, 0.9);
    let now = bench.now();
    let entry = || vec![logged(author, author, &[(now, &text)])];
    assert_eq!(bench.hear(&[(author, &text)]).batch.reports.len(), 1);
    assert_eq!(
        bench.hear_logs(entry()).batch.reports.len(),
        0,
        "the same again"
    );
    assert_eq!(
        bench.hear_logs(entry()).batch.reports.len(),
        1,
        "said again"
    );
    bench.intake.synced_with([author].into());
    assert_eq!(
        bench.hear(&[(author, &text)]).batch.reports.len(),
        1,
        "for us alone"
    );
    assert_eq!(
        bench.hear_logs(entry()).batch.reports.len(),
        1,
        "and for all"
    );
}

#[test]
fn a_blame_passes_only_where_blames_do_and_a_request_never() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let author = PeerId::random();
    let blame = STANDARD.encode(r#"{"message_type": "blame", "key": "192.0.2.7"}"#);
    let request = message::encode_request("192.0.2.7".parse().unwrap());
    for (forward, passed) in [(false, 0), (true, 1)] {
        let mut bench = bench(Forward::Sanitized { blame: forward });
        let now = bench.now();
        let outcome = bench.hear_logs(vec![logged(
            author,
            author,
            &[(now, &blame), (now, &request)],
        )]);
        let data = kinds(&outcome)
            .iter()
            .filter(|kind| *kind == "go_data")
            .count();
        assert_eq!(data, passed);
        assert!(outcome.questions.is_empty());
    }
}

#[test]
fn a_fork_takes_back_what_its_author_said() {
    let mut bench = bench(SANITIZED);
    let (author, other) = (PeerId::random(), PeerId::random());
    let text = report("8.8.8.8", 0.8, 0.9);
    let now = bench.now();
    bench.hear(&[(other, &report("192.0.2.7", 0.8, 0.9))]);
    let said = bench.hear(&[(author, &text)]);
    assert!(kinds(&said).contains(&"p2p4slips 8.8.8.8".to_owned()));
    let outcome = bench.hear_logs(vec![
        FromLog::Fork(fork(author)),
        FromLog::Fork(fork(author)),
    ]);
    assert_eq!(outcome.batch.forks.len(), 1);
    assert_eq!(outcome.batch.forks[0].found_at, bench.now());
    assert_eq!(outcome.batch.unjudged, ["8.8.8.8".parse().unwrap()]);
    assert_eq!(kinds(&outcome), ["peer_update", "withdraw 8.8.8.8"]);
    assert_eq!(for_slips(&outcome)[0].1["reliability"], "0");
    let later = bench.hear_logs(vec![logged(author, other, &[(now, &text)])]);
    assert!(later.batch.reports.is_empty() && later.batch.outbox.is_empty());
    assert_eq!(later.batch.segments.len(), 1, "others may want it");
    let line = bench.hear(&[(author, &text)]);
    assert!(line.batch.reports.is_empty() && line.batch.outbox.is_empty());
}

#[test]
fn what_a_neighbour_does_with_logs_is_its_conduct() {
    let mut bench = bench(SANITIZED);
    let neighbour = PeerId::random();
    let did = FromLog::Conduct(Neighbour(neighbour), Conduct::MalformedMessage);
    let outcome = bench.hear_logs(vec![did]);
    assert_eq!(
        outcome.batch.conduct[0].last,
        Some(Conduct::MalformedMessage)
    );
}
