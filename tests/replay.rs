//! `slips-p2p replay` as people and scripts run it: the vectors of the trust model, answers, bad lines.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// The tolerance the specification sets.
const EPSILON: f64 = 1e-6;

struct Ran {
    code: Option<i32>,
    answers: Vec<Value>,
    err: String,
}

/// Replays lines from stdin, in a directory without a configuration.
fn replay(lines: &str, arguments: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_slips-p2p"))
        .current_dir(&dir)
        .arg("replay")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || {
        // It may end before it has read everything.
        let _ = stdin.write_all(lines.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    Ran {
        code: output.status.code(),
        answers: out
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn report(t: f64, who: &str, key: &str, score: f64, confidence: f64) -> String {
    let evaluation = json!({"score": score, "confidence": confidence});
    let line = json!({"t": t, "type": "report", "reporter": who, "key_type": "ip", "key": key,
        "evaluation_type": "score_confidence", "evaluation": evaluation});
    format!("{line}\n")
}

fn query(t: f64, id: impl Into<Value>, key: &str) -> String {
    let id: Value = id.into();
    format!(
        "{}\n",
        json!({"t": t, "type": "query", "id": id, "key": key})
    )
}

#[test]
fn the_vectors_of_the_specification_come_out() {
    let expected: Value =
        serde_json::from_str(include_str!("vectors/robust/expected.json")).unwrap();
    for (name, lines) in [
        (
            "1_newcomer_duplicate_selfreport",
            include_str!("vectors/robust/1_newcomer_duplicate_selfreport.jsonl"),
        ),
        (
            "2_sybil_cap",
            include_str!("vectors/robust/2_sybil_cap.jsonl"),
        ),
        (
            "3_local_feedback",
            include_str!("vectors/robust/3_local_feedback.jsonl"),
        ),
        (
            "4_decay_and_ipv6",
            include_str!("vectors/robust/4_decay_and_ipv6.jsonl"),
        ),
        (
            "5_second_hand_trust",
            include_str!("vectors/robust/5_second_hand_trust.jsonl"),
        ),
    ] {
        let ran = replay(lines, &["-", "--model", "robust"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}");
        let queries = expected[name]["queries"].as_array().unwrap();
        assert_eq!(ran.answers.len(), queries.len(), "{name}");
        for (answer, expected) in ran.answers.iter().zip(queries) {
            assert_eq!(answer["id"], expected["id"], "{name}");
            for key in ["score", "confidence", "network_score"] {
                let near = match (answer[key].as_f64(), expected[key].as_f64()) {
                    (Some(found), Some(expected)) => (found - expected).abs() <= EPSILON,
                    (found, expected) => found == expected,
                };
                assert!(near, "{name} {key}: {answer} is not {expected}");
            }
        }
    }
}

#[test]
fn answers_follow_the_order_of_the_file_and_repeat_their_ids() {
    let lines = [
        query(9.0, 1, "198.51.100.7"),
        report(5.0, "p1", "198.51.100.7", 0.9, 0.6),
        query(5.0, "two", "::ffff:198.51.100.7"),
        "\n".into(),
        r#"{"t":6,"type":"query","key":"198.51.100.8","unknown":[1]}"#.into(),
    ];
    let ran = replay(&lines.concat(), &["--model", "robust"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let none = json!({"id": 1, "key": "198.51.100.7", "score": null, "confidence": null, "network_score": null});
    assert_eq!(ran.answers[0], none);
    assert_eq!(ran.answers[1]["id"], "two");
    assert_eq!(ran.answers[1]["key"], "198.51.100.7");
    assert!(ran.answers[1]["score"].as_f64().unwrap() > 0.5);
    assert_eq!(ran.answers[2]["id"], Value::Null);
    assert_eq!(ran.answers.len(), 3);
}

#[test]
fn own_evidence_is_part_of_the_answer_unless_only_the_network_is_asked() {
    let lines = concat!(
        r#"{"t":2,"type":"local","key":"198.51.100.7","evaluation":{"score":0.9,"confidence":0.9}}"#,
        "\n",
        r#"{"t":4,"type":"query","id":17,"key":"198.51.100.7"}"#
    );
    let both = replay(lines, &["--model", "robust"]);
    assert!(both.answers[0]["score"].as_f64().unwrap() > 0.7);
    let network = replay(lines, &["--model", "robust", "--network-only"]);
    assert_eq!(network.answers[0]["score"], Value::Null);
}

#[test]
fn an_anchor_is_believed_and_its_trust_can_be_taken_back() {
    let anchor = |t: f64, trust: f64| {
        format!(
            "{}\n",
            json!({"t": t, "type": "anchor", "peerid": "p2", "trust": trust})
        )
    };
    let lines = [
        report(1.0, "p2", "198.51.100.7", 0.9, 0.7),
        query(2.0, 0, "198.51.100.7"),
        anchor(3.0, 0.95),
        query(3.0, 1, "198.51.100.7"),
        anchor(4.0, 0.0),
        query(4.0, 2, "198.51.100.7"),
    ];
    let ran = replay(&lines.concat(), &["--model", "robust"]);
    let sure = |at: usize| ran.answers[at]["confidence"].as_f64().unwrap();
    assert!(sure(1) > 2.0 * sure(0), "{:?}", ran.answers);
    assert!((sure(2) - sure(0)).abs() < 1e-3, "{:?}", ran.answers);
}

#[test]
fn the_models_of_slips_take_local_as_what_slips_thinks_of_a_reporters_address() {
    let start = concat!(
        r#"{"t":0,"type":"peer_update","peerid":"p1","ip":"192.0.2.1","reliability":0.9}"#,
        "\n"
    );
    let opinion =
        r#"{"t":0,"type":"local","key":"192.0.2.1","evaluation":{"score":0.9,"confidence":0.9}}"#;
    let rest = [
        report(1.0, "p1", "198.51.100.7", 0.9, 0.6),
        query(2.0, 1, "198.51.100.7"),
    ]
    .concat();
    let without = replay(&format!("{start}{rest}"), &["--model", "slips"]);
    let with = replay(&format!("{start}{opinion}\n{rest}"), &["--model", "slips"]);
    let network = |ran: &Ran| ran.answers[0]["network_score"].as_f64().unwrap();
    assert!((network(&with) - network(&without)).abs() > 0.05);
}

#[test]
fn two_models_answer_side_by_side_and_parameters_are_set_by_name() {
    let lines = [
        report(1.0, "p1", "198.51.100.7", 0.9, 0.7),
        query(2.0, 1, "198.51.100.7"),
    ]
    .concat();
    let ran = replay(&lines, &["--model", "robust", "--compare", "mean"]);
    let answer = &ran.answers[0];
    assert_eq!(answer["compare"]["model"], "mean");
    assert_eq!(answer["compare"]["score"], 0.9);
    assert!(answer["score"].as_f64().unwrap() < 0.9);
    for set in ["b=0", "robust.b=0", "reputation.robust.b=0"] {
        let ran = replay(&lines, &["--model", "robust", "--set", set]);
        assert_eq!(ran.answers[0]["confidence"], 0.0, "{set}");
    }
    let wrong = replay(&lines, &["--model", "robust", "--set", "kappa=2"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("write a number from 0 to 1"),
        "{}",
        wrong.err
    );
    let wrong = replay(&lines, &["--model", "robost"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("`robost` is no trust model"),
        "{}",
        wrong.err
    );
}

#[test]
fn a_bad_line_ends_it_and_is_named() {
    let lines = [
        query(1.0, 1, "198.51.100.7"),
        report(1.0, "p1", "198.51.100.7", 1.5, 0.7),
        query(2.0, 2, "198.51.100.7"),
    ]
    .concat();
    let ran = replay(&lines, &["--model", "robust"]);
    assert_eq!((ran.code, ran.answers.len()), (Some(1), 1));
    assert!(
        ran.err.starts_with("error: -:2: score 1.5 is not"),
        "{}",
        ran.err
    );
    let ran = replay(&lines, &["--model", "robust", "--lenient"]);
    assert_eq!((ran.code, ran.answers.len()), (Some(0), 2));
    assert!(ran.err.starts_with("-:2: score 1.5 is not"), "{}", ran.err);
}

#[test]
fn what_is_no_line_is_passed_over_when_asked_to() {
    let long = "x".repeat(1 << 20);
    let lines = format!("nonsense\n{{}}\n{long}\n\u{0}\n{}", query(1.0, 1, "::1"));
    let ran = replay(&lines, &["--model", "mean", "--lenient"]);
    assert_eq!((ran.code, ran.answers.len()), (Some(0), 1), "{}", ran.err);
    let named: Vec<_> = ran.err.lines().map(|line| &line[..4]).collect();
    assert_eq!(named, ["-:1:", "-:2:", "-:3:", "-:4:"]);
    assert!(
        ran.err.contains("-:3: longer than 65536 bytes"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = replay("", &["none.jsonl", "--model", "robust"]);
    assert_eq!((ran.code, ran.answers.len()), (Some(1), 0));
    assert!(ran.err.contains("cannot open none.jsonl"), "{}", ran.err);
}

#[test]
fn a_flag_for_databases_is_refused_where_lines_are_replayed() {
    for flag in [["--until", "2h"], ["--address", "192.0.2.1"]] {
        let ran = replay("", &[flag[0], flag[1], "-"]);
        assert_eq!(ran.code, Some(2), "{flag:?}: {}", ran.err);
        assert!(ran.err.contains("--db FILE"), "{}", ran.err);
    }
}
