//! What follows from what peers say: the judging step, without IO.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use slips_p2p::domain::{
    Conduct, Confidence, Content, Neighbour, OwnStatement, PeerId, Score, Subject, Timestamp,
};
use slips_p2p::network::{Event, Line, Receipt};
use slips_p2p::node::{AnswerRequests, Counters, Forward, Intake, Outcome, Peers, Settings};
use slips_p2p::reputation::{
    Engine, ModelKind, Parameters, anchors::Anchors, guards::Guards, reliability,
};
use slips_p2p::wire::message;

#[path = "intake/absence.rs"]
mod absence;
#[path = "intake/guards.rs"]
mod guards;
#[path = "intake/logs.rs"]
mod logs;
#[path = "intake/presence.rs"]
mod presence;

const IP: &str = "192.0.2.10";

struct Bench {
    intake: Intake,
    now: i64,
}

impl Bench {
    fn new(forward: Forward) -> Self {
        let settings = Settings {
            forward,
            answer_requests: AnswerRequests::Slips,
            write_back: true,
            write_again_after: Some(Duration::from_secs(3600)),
            reliability: reliability::Parameters::default(),
            cut_off_for: Duration::from_secs(3600),
            guards: Guards::default(),
            anchors: Anchors::default(),
            remember_for: Duration::from_secs(90 * 24 * 3600),
            max_peers: 10_000,
        };
        let engine = Engine::new(ModelKind::Slips, Parameters::default());
        let counters = Arc::new(Counters::default());
        Self {
            intake: Intake::new(settings, Peers::default(), engine, counters),
            now: 1_000,
        }
    }

    fn sanitizing() -> Self {
        Self::new(Forward::Sanitized { blame: false })
    }

    fn guarded(guards: Guards) -> Self {
        let mut bench = Self::sanitizing();
        let settings = Settings {
            forward: Forward::Sanitized { blame: false },
            answer_requests: AnswerRequests::Slips,
            write_back: true,
            reliability: reliability::Parameters::default(),
            cut_off_for: Duration::from_secs(3600),
            guards,
            anchors: Anchors::default(),
            write_again_after: None,
            remember_for: Duration::from_secs(90 * 24 * 3600),
            max_peers: 10_000,
        };
        let engine = Engine::new(ModelKind::Robust, Parameters::default());
        let counters = Arc::new(Counters::default());
        bench.intake = Intake::new(settings, Peers::default(), engine, counters);
        bench
    }

    fn hear(&mut self, lines: &[(PeerId, &str)]) -> Outcome {
        self.now += 1;
        let now = Timestamp::from_micros(self.now * 1_000_000);
        let line = |&(peer, text): &(PeerId, &str)| Line {
            from: Neighbour(peer),
            ip: IP.parse::<IpAddr>().unwrap(),
            text: text.to_owned(),
            received_at: now,
            receipt: Receipt::default(),
        };
        self.intake
            .take(vec![], vec![], lines.iter().map(line).collect(), now)
    }
}

fn report(ip: &str, score: f64, confidence: f64) -> String {
    let subject: Subject = ip.parse().unwrap();
    message::encode_report(
        subject,
        Score::new(score).unwrap(),
        Confidence::new(confidence).unwrap(),
    )
}

/// The messages for Slips, each as its type and contents; a write-back as `p2p4slips`.
fn for_slips(outcome: &Outcome) -> Vec<(String, Value)> {
    let read = |content: &Content| match content {
        Content::Publish(text) => {
            let message: Value = serde_json::from_str(text).unwrap();
            (
                message["message_type"].as_str().unwrap().to_owned(),
                message["message_contents"].clone(),
            )
        }
        Content::WriteBack(subject, text) => (
            format!("p2p4slips {subject}"),
            serde_json::from_str(text).unwrap(),
        ),
        Content::Withdraw(subject) => (format!("withdraw {subject}"), Value::Null),
    };
    outcome
        .batch
        .outbox
        .iter()
        .map(|(_, content)| read(content))
        .collect()
}

fn kinds(outcome: &Outcome) -> Vec<String> {
    for_slips(outcome)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect()
}

#[test]
fn slips_hears_of_a_peer_before_it_hears_from_it_and_then_gets_the_opinion() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let text = report("198.51.100.7", 0.8, 0.9);
    let outcome = bench.hear(&[(peer, &text)]);

    assert_eq!(
        kinds(&outcome),
        ["peer_update", "go_data", "p2p4slips 198.51.100.7"]
    );
    let messages = for_slips(&outcome);
    assert_eq!(messages[0].1["peerid"], peer.to_string());
    assert_eq!(messages[0].1["ip"], IP);
    assert!(messages[0].1["reliability"].is_string());
    assert_eq!(messages[1].1["reporter"], peer.to_string());
    assert_eq!(messages[1].1["message"], text);
    assert_eq!(messages[1].1["report_time"], 1_001);
    assert_eq!(messages[2].1["score"], 0.8);
    assert_eq!(outcome.batch.reports.len(), 1);
    assert_eq!(outcome.batch.opinions.len(), 1);
}

#[test]
fn what_slips_knows_is_not_told_again() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let text = report("198.51.100.7", 0.8, 0.9);
    bench.hear(&[(peer, &text)]);
    let again = bench.hear(&[(peer, &text)]);
    assert_eq!(
        kinds(&again),
        ["go_data"],
        "the message, but neither peer nor opinion"
    );
    let changed = bench.hear(&[(peer, &report("198.51.100.7", 0.2, 0.9))]);
    assert_eq!(kinds(&changed), ["go_data", "p2p4slips 198.51.100.7"]);
}

#[test]
fn slips_is_told_of_a_peer_again_when_messages_to_it_were_dropped() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let text = report("198.51.100.7", 0.8, 0.9);
    bench.hear(&[(peer, &text)]);
    bench.intake.messages_dropped(0);
    assert_eq!(kinds(&bench.hear(&[(peer, &text)])), ["go_data"]);
    bench.intake.messages_dropped(1);
    assert_eq!(
        kinds(&bench.hear(&[(peer, &text)])),
        ["peer_update", "go_data"]
    );
}

#[test]
fn what_the_database_forgets_the_model_forgets_too() {
    let mut bench = Bench::sanitizing();
    let (old, new) = (PeerId::random(), PeerId::random());
    bench.hear(&[(old, &report("198.51.100.7", 0.0, 0.9))]);
    bench.now += 91 * 24 * 3600;
    let outcome = bench.hear(&[(new, &report("198.51.100.7", 1.0, 0.9))]);
    assert_eq!(outcome.batch.opinions[0].reporters, 1, "the new one alone");
    assert!((outcome.batch.opinions[0].score.get() - 1.0).abs() < 1e-12);
}

#[test]
fn an_opinion_that_is_about_to_expire_is_written_again_when_it_is_confirmed() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let text = report("198.51.100.7", 0.8, 0.9);
    bench.hear(&[(peer, &text)]);
    bench.now += 3_000;
    assert!(!kinds(&bench.hear(&[(peer, &text)])).contains(&"p2p4slips 198.51.100.7".into()));
    bench.now += 600;
    assert!(kinds(&bench.hear(&[(peer, &text)])).contains(&"p2p4slips 198.51.100.7".into()));
}

#[test]
fn an_opinion_is_computed_once_for_all_the_reports_of_a_batch() {
    let mut bench = Bench::sanitizing();
    let (one, two) = (PeerId::random(), PeerId::random());
    let (high, low) = (
        report("198.51.100.7", 1.0, 0.9),
        report("198.51.100.7", 0.0, 0.9),
    );
    let outcome = bench.hear(&[(one, &high), (two, &low)]);
    assert_eq!(
        kinds(&outcome),
        [
            "peer_update",
            "go_data",
            "peer_update",
            "go_data",
            "p2p4slips 198.51.100.7"
        ]
    );
    assert_eq!(outcome.batch.opinions[0].reporters, 2);
}

#[test]
fn a_malformed_message_reaches_nobody_and_costs_its_sender_everything_within_fifty() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    bench.hear(&[(peer, &report("198.51.100.7", 0.8, 0.9))]);
    let mut sent = 0;
    let ban = loop {
        let outcome = bench.hear(&[(peer, "bm90IGpzb24=")]);
        sent += 1;
        assert!(
            kinds(&outcome).iter().all(|kind| kind == "peer_update"),
            "{:?}",
            kinds(&outcome)
        );
        assert!(outcome.batch.reports.is_empty());
        assert_eq!(
            outcome.batch.conduct[0].last,
            Some(Conduct::MalformedMessage)
        );
        if let Some(ban) = outcome.bans.first() {
            assert_eq!(outcome.batch.bans, outcome.bans, "kept across restarts");
            break ban.clone();
        }
        assert!(sent < 50, "not cut off after {sent} malformed messages");
    };
    assert_eq!(ban.peer, peer);
    assert!(ban.reason.contains("malformed_message"), "{}", ban.reason);
    assert_eq!(ban.until.since(ban.since), Duration::from_secs(3600));
}

#[test]
fn a_cut_off_is_set_once_and_not_again_for_good_conduct_when_it_is_over() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let bad = vec![(peer, "eA=="); 20];
    assert_eq!(bench.hear(&bad).bans.len(), 1);
    assert!(
        bench.hear(&bad).bans.is_empty(),
        "what was still on its way"
    );
    bench.now += 3600;
    let alive = Event::Conduct {
        peer: Neighbour(peer),
        conduct: Conduct::Alive,
    };
    let now = Timestamp::from_micros(bench.now * 1_000_000);
    let back = bench.intake.take(vec![alive], vec![], vec![], now);
    assert!(back.bans.is_empty(), "it is back and answers");
    assert_eq!(bench.hear(&bad[..1]).bans.len(), 1, "no better than before");
}

#[test]
fn questions_go_to_their_own_task_and_blames_nowhere() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let question = message::encode_request("198.51.100.7".parse().unwrap());
    let outcome = bench.hear(&[(peer, &question)]);
    assert_eq!(
        kinds(&outcome),
        ["peer_update"],
        "only the peer itself is news"
    );
    assert_eq!(outcome.questions.len(), 1);
    assert_eq!(outcome.questions[0].text, question);

    let blame = "eyJtZXNzYWdlX3R5cGUiOiAiYmxhbWUiLCAia2V5X3R5cGUiOiAiaXAiLCAia2V5IjogIjE5OC41MS4xMDAuNyIsICJldmFsdWF0aW9uX3R5cGUiOiAic2NvcmVfY29uZmlkZW5jZSIsICJldmFsdWF0aW9uIjogeyJzY29yZSI6IDAuOCwgImNvbmZpZGVuY2UiOiAwLjl9fQ==";
    let outcome = bench.hear(&[(peer, blame)]);
    assert_eq!(kinds(&outcome), Vec::<String>::new());
    assert!(outcome.batch.conduct.is_empty(), "a blame is no fault");
    let mut passing = Bench::new(Forward::Sanitized { blame: true });
    assert_eq!(
        kinds(&passing.hear(&[(peer, blame)])),
        ["peer_update", "go_data"]
    );
}

#[test]
fn verbatim_passes_everything_on_unread_and_still_weighs_what_is_a_report() {
    let mut bench = Bench::new(Forward::Verbatim);
    let peer = PeerId::random();
    let text = report("198.51.100.7", 0.8, 0.9);
    let outcome = bench.hear(&[(peer, "hi there <&> é"), (peer, &text)]);
    assert_eq!(
        kinds(&outcome),
        [
            "peer_update",
            "go_data",
            "go_data",
            "p2p4slips 198.51.100.7"
        ]
    );
    assert_eq!(for_slips(&outcome)[1].1["message"], "hi there <&> é");
    assert!(
        outcome.batch.conduct.iter().all(|row| row.last.is_none()),
        "nothing is held against it"
    );
}

#[test]
fn a_clock_set_back_never_dates_a_report_into_the_future() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let line = Line {
        from: Neighbour(peer),
        ip: IP.parse().unwrap(),
        text: report("198.51.100.7", 0.8, 0.9),
        received_at: Timestamp::from_micros(9_000_000),
        receipt: Receipt::default(),
    };
    let now = Timestamp::from_micros(5_500_000);
    let outcome = bench.intake.take(vec![], vec![], vec![line], now);
    assert_eq!(for_slips(&outcome)[1].1["report_time"], 5);
    let kept = outcome.batch.reports[0].report.received_at;
    assert!(kept >= now && kept.since(now) < Duration::from_millis(1));
}

#[test]
fn what_slips_says_of_a_reporter_weighs_in_what_the_reporter_says() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let now = Timestamp::from_micros(900_000_000);
    let statement = OwnStatement {
        subject: IP.parse().unwrap(),
        score: Score::new(0.5).unwrap(),
        confidence: Confidence::new(1.0).unwrap(),
        said_at: now,
    };
    let outcome = bench
        .intake
        .take(vec![], vec![statement.clone()], vec![], now);
    let [kept] = &outcome.batch.statements[..] else {
        panic!("one statement");
    };
    assert!(kept.said_at >= now && kept.said_at.since(now) < Duration::from_millis(1));
    assert_eq!(
        (kept.subject, kept.score),
        (statement.subject, statement.score)
    );
    let text = report("198.51.100.7", 0.8, 1.0);
    let plain = Bench::sanitizing().hear(&[(peer, &text)]).batch.opinions[0].confidence;
    let known = bench.hear(&[(peer, &text)]).batch.opinions[0].confidence;
    assert!(
        known > plain,
        "{known} against {plain}: the base model's term rs*rc"
    );
}

#[test]
fn what_the_model_learns_of_a_peer_is_stored_so_that_a_restart_learns_it_again() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let outcome = bench.hear(&[(peer, &report("198.51.100.7", 0.8, 0.9))]);
    let told: f64 = for_slips(&outcome)[0].1["reliability"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap();
    let stored = &outcome.batch.conduct[0];
    assert_eq!((stored.peer, stored.reliability.get()), (peer, told));
}

#[test]
fn connections_and_greetings_are_remembered() {
    let mut bench = Bench::sanitizing();
    let peer = PeerId::random();
    let now = Timestamp::from_micros(7);
    let events = vec![
        Event::Connected {
            peer,
            address: "/ip4/192.0.2.10/tcp/4001".parse().unwrap(),
            ip: IP.parse().unwrap(),
        },
        Event::Conduct {
            peer: Neighbour(peer),
            conduct: Conduct::Greeted,
        },
        Event::Greeted {
            peer,
            version: "version1".into(),
        },
    ];
    let outcome = bench.intake.take(events, vec![], vec![], now);
    assert_eq!(outcome.batch.addresses.len(), 1);
    assert_eq!(outcome.batch.greeted, [peer]);
    assert_eq!(outcome.batch.conduct[0].last, Some(Conduct::Greeted));
    assert_eq!(kinds(&outcome), ["peer_update"]);
}
