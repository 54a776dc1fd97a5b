//! Whatever is stored is read back to the bit.

use proptest::prelude::*;
use slips_p2p::{
    domain::{
        Author, Ban, Confidence, Content, Neighbour, Opinion, ParcelId, Reachability,
        ReceivedReport, Score, Subject, Timestamp, Trust,
    },
    store::{Batch, PeerReachability, StoredFact},
};

use crate::world::*;

/// Any report there can be, also with numbers no short text can hold.
fn any_report() -> impl Strategy<Value = ReceivedReport> {
    let score = prop_oneof![
        Just(-1.0),
        Just(1.0),
        Just(0.0),
        Just(5e-324),
        -1.0..=1.0,
        0.0..1e-9
    ];
    let confidence = prop_oneof![Just(0.1), Just(1.0 / 3.0), 0.0..=1.0];
    let subject = prop_oneof![
        any::<[u8; 4]>().prop_map(|bytes| Subject::from_ip(bytes.into())),
        any::<[u8; 16]>().prop_map(|bytes| Subject::from_ip(bytes.into())),
    ];
    (0..4_u8, 0..4_u8, subject, score, confidence, any::<i64>()).prop_map(
        |(who, via, subject, score, confidence, at)| ReceivedReport {
            author: Author(peer(who)),
            heard_from: Neighbour(peer(via)),
            subject,
            score: Score::clamped(score),
            confidence: Confidence::clamped(confidence),
            received_at: Timestamp::from_micros(at),
        },
    )
}

fn any_text() -> impl Strategy<Value = String> {
    // SQLite keeps text with NUL, but no tool shows what follows it; nothing here makes one.
    any::<String>().prop_map(|text| text.replace('\0', "␀"))
}

fn any_state() -> impl Strategy<Value = Reachability> {
    let time = || any::<i64>().prop_map(Timestamp::from_micros);
    prop_oneof![
        Just(Reachability::Connected),
        (any_text(), time())
            .prop_map(|(reason, next_try)| Reachability::Retrying { reason, next_try }),
        (any_text(), proptest::option::of(time()))
            .prop_map(|(reason, next_try)| Reachability::Unreachable { reason, next_try }),
    ]
}

fn any_content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any_text().prop_map(Content::Publish),
        (any::<[u8; 4]>(), any_text())
            .prop_map(|(of, text)| Content::WriteBack(Subject::from_ip(of.into()), text + "}")),
        any::<[u8; 4]>().prop_map(|of| Content::Withdraw(Subject::from_ip(of.into()))),
    ]
}

async fn round_trip(
    told: Vec<ReceivedReport>,
    state: Reachability,
    content: Content,
    share: f64,
    reason: String,
) {
    let world = World::new();
    let store = world.open().await;
    let opinion = Opinion {
        subject: subject("192.0.2.1"),
        score: Score::clamped(share),
        confidence: Confidence::clamped(share),
        network_score: Trust::clamped(share),
        computed_at: at(1),
        reporters: u32::MAX,
    };
    let ban = Ban {
        peer: peer(1),
        since: at(1),
        until: at(2),
        reason,
    };
    let batch = Batch {
        reports: told.iter().cloned().map(Into::into).collect(),
        reachability: vec![PeerReachability {
            peer: peer(1),
            state: state.clone(),
            at: at(1),
        }],
        opinions: vec![opinion.clone()],
        bans: vec![ban.clone()],
        outbox: vec![(at(1), content)],
        ..Batch::default()
    };
    let committed = store.commit(batch).await.unwrap();
    let lane = committed.parcels[0].content.lane();
    let page = store.outbox_after(lane, ParcelId(0), 9).await.unwrap();
    assert_eq!(page.parcels, committed.parcels);
    let reader = world.reader().await;
    let record = reader.peer(peer(1)).await.unwrap().unwrap();
    let kept = if state == Reachability::Connected {
        Reachability::Connected
    } else {
        state
    };
    assert_eq!((record.state, record.ban), (kept, Some(ban)));
    assert_eq!(
        reader.opinion(opinion.subject).await.unwrap(),
        Some(opinion)
    );
    let mut read: Vec<ReceivedReport> = Vec::new();
    for (_, fact) in facts(&store).await {
        if let StoredFact::Report(report, repeats) = fact {
            assert_eq!(repeats, 0);
            read.push(report);
        }
    }
    let mut expected = told;
    expected.sort_by_key(|report| report.received_at);
    assert_eq!(read, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_stored_to_the_bit(
        told in proptest::collection::vec(any_report(), 1..40),
        state in any_state(),
        content in any_content(),
        share in 0.0..=1.0,
        reason in any_text(),
    ) {
        let mut seen = std::collections::HashSet::new();
        // Saying the same again is another matter.
        let told: Vec<_> = told.into_iter().filter(|report| seen.insert((report.author, report.subject))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(round_trip(told, state, content, share, reason));
    }
}
