//! An opinion the node stored can be worked out again from its database, to the bit: what the
//! model was told at the time is what the database tells it later.

use std::{net::IpAddr, ops::Range, path::Path, sync::Arc, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{Config as Runs, RngSeed, TestRunner},
};
use slips_p2p::{
    app::Recall,
    config::{self, Anchor, Config},
    domain::{
        Conduct, Confidence, Neighbour, Opinion, OwnStatement, PeerId, Score, Subject, Timestamp,
        Trust,
    },
    network::{Event, Line, Receipt},
    node::{AnswerRequests, Forward, Intake, Peers, Settings},
    reputation::{ModelKind, TrustModel as _, anchors::Anchors, guards::Guards, reliability},
    store::{self, Reader, Retention, Store},
    wire::message,
};

/// What happens at one time.
#[derive(Debug, Clone)]
enum Happening {
    Says {
        who: usize,
        of: u8,
        what: usize,
    },
    Own {
        of: u8,
        what: usize,
    },
    Moves {
        who: usize,
        to: u8,
    },
    Behaves {
        who: usize,
        well: bool,
    },
    /// The node is stopped before all else in its step, and started again.
    Restarts,
}

/// What can be said: few things, so that they are said again.
const SAID: [(f64, f64); 4] = [(0.9, 0.8), (0.1, 0.8), (0.5, 0.3), (1.0, 1.0)];
/// What can pass between two steps.
const GAPS: [u64; 7] = [
    0,
    1,
    3_000_000,
    600_000_000,
    4_000_000_000,
    9_000_000_000,
    90_000_000_000,
];

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0..4_usize, 0..3_u8, 0..4_usize).prop_map(|(who, of, what)| Happening::Says { who, of, what }),
        2 => (0..3_u8, 0..4_usize).prop_map(|(of, what)| Happening::Own { of, what }),
        2 => (0..4_usize, 0..3_u8).prop_map(|(who, to)| Happening::Moves { who, to }),
        1 => Just(Happening::Restarts),
        1 => (0..4_usize, any::<bool>()).prop_map(|(who, well)| Happening::Behaves { who, well }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Vec<Happening>)>> {
    let step = (0..GAPS.len(), prop::collection::vec(happening(), 1..4));
    prop::collection::vec(step, 1..60)
}

fn peer(n: usize) -> PeerId {
    let key = libp2p::identity::Keypair::ed25519_from_bytes([u8::try_from(n).unwrap(); 32]);
    key.unwrap().public().to_peer_id()
}

fn judged(of: u8) -> Subject {
    Subject::from_ip([203, 0, 113, of].into())
}

/// Addresses of peers; the last is one that others speak of.
fn place(n: u8) -> IpAddr {
    [[192, 0, 2, 1], [192, 0, 2, 2], [203, 0, 113, 0]][usize::from(n)].into()
}

struct Node {
    intake: Intake,
    store: Store,
    config: Config,
    places: [u8; 4],
}

impl Node {
    async fn start(config: Config, path: &Path, now: Timestamp) -> Self {
        let settings = Settings {
            forward: Forward::Sanitized { blame: false },
            answer_requests: AnswerRequests::Nobody,
            write_back: true,
            reliability: reliability::Parameters::default(),
            cut_off_for: Duration::from_secs(3600),
            guards: Guards::default(),
            anchors: Anchors::default(),
            write_again_after: None,
            remember_for: Duration::from_hours(24_000),
            max_peers: 10_000,
        };
        let (store, loaded) = Store::open(store::Settings {
            path: path.to_owned(),
            max_batch_rows: 4096,
            retention: Retention {
                max_age: Duration::from_hours(24_000),
                max_reports: 1_000_000,
                max_bytes: 1 << 30,
            },
            outbox_max_age: Duration::from_hours(24_000),
            outbox_max_rows: 1_000_000,
        })
        .await
        .unwrap();
        let told = Recall::rebuild(&store, &config, now).await.unwrap();
        let peers = Peers::from_records(&loaded.peers);
        let settings = Settings {
            anchors: told.anchors,
            ..settings
        };
        let intake = Intake::new(settings, peers, told.engine, Arc::default());
        Self {
            intake: intake.having_heard(told.statements, told.latest),
            store,
            config,
            places: [0, 1, 0, 1],
        }
    }

    async fn restarted(self, path: &Path, now: Timestamp) -> Self {
        self.store.close().await;
        let node = Self::start(self.config, path, now).await;
        Self {
            places: self.places,
            ..node
        }
    }

    async fn step(&mut self, happenings: &[Happening], now: Timestamp) -> Vec<Opinion> {
        let (mut events, mut own, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let number = |of: usize| {
            let (score, sure) = SAID[of];
            (Score::new(score).unwrap(), Confidence::new(sure).unwrap())
        };
        for happening in happenings {
            match *happening {
                Happening::Says { who, of, what } => {
                    let (score, confidence) = number(what);
                    lines.push(Line {
                        from: Neighbour(peer(who)),
                        ip: place(self.places[who]),
                        text: message::encode_report(judged(of), score, confidence),
                        received_at: now.minus(Duration::from_millis(3)),
                        receipt: Receipt::default(),
                    });
                }
                Happening::Own { of, what } => {
                    let (score, confidence) = number(what);
                    own.push(OwnStatement {
                        subject: judged(of),
                        score,
                        confidence,
                        said_at: now.minus(Duration::from_millis(1)),
                    });
                }
                Happening::Moves { who, to } => {
                    self.places[who] = to;
                    events.push(Event::Address {
                        peer: peer(who),
                        address: format!("/ip4/{}/tcp/4001", place(to)).parse().unwrap(),
                        ip: place(to),
                    });
                }
                Happening::Restarts => {}
                Happening::Behaves { who, well } => {
                    let conduct = if well {
                        Conduct::Greeted
                    } else {
                        Conduct::WrongAnswer
                    };
                    let peer = Neighbour(peer(who));
                    events.push(Event::Conduct { peer, conduct });
                }
            }
        }
        let outcome = self.intake.take(events, own, lines, now);
        let opinions = outcome.batch.opinions.clone();
        self.store.commit(outcome.batch).await.unwrap();
        opinions
    }
}

/// The opinions, given in order of time, each worked out again as of its time.
async fn recomputed(
    kind: ModelKind,
    config: &Config,
    path: &Path,
    stored: &[Opinion],
) -> Vec<Option<Opinion>> {
    let reader = Reader::open(path).await.unwrap();
    let (mut recall, mut next) = (Recall::of(kind, config), stored.iter().peekable());
    let mut again = Vec::with_capacity(stored.len());
    let told = reader.facts(|at, fact| {
        while let Some(it) = next.next_if(|it| it.computed_at < at) {
            again.push((recall.as_of(it.computed_at)).opinion(it.subject, it.computed_at));
        }
        recall.recall(at, fact);
    });
    told.await.unwrap();
    for it in next {
        again.push((recall.as_of(it.computed_at)).opinion(it.subject, it.computed_at));
    }
    again
}

/// Equal within 1e-12: facts of one instant may come back in another order, and sums with them.
fn close(one: &Opinion, other: &Opinion) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12;
    one.subject == other.subject
        && one.reporters == other.reporters
        && near(one.score.get(), other.score.get())
        && near(one.confidence.get(), other.confidence.get())
        && near(one.network_score.get(), other.network_score.get())
}

type Steps = Vec<(usize, Vec<Happening>)>;

async fn check(kind: ModelKind, steps: &Steps) {
    // In memory where there is such a place: nobody pulls the plug here.
    let memory = Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let path = dir.path().join("node.db");
    let mut now = Timestamp::from_micros(1_795_132_800_000_000);
    let mut config = config::load(&config::Sources::default()).unwrap().config;
    config.reputation.model = kind;
    // Every second history has somebody the operator trusts for a while.
    config.anchors = steps
        .len()
        .is_multiple_of(2)
        .then(|| Anchor {
            peer: peer(0),
            trust: Trust::new(0.7).unwrap(),
            comment: None,
            expires: Some(now.plus(Duration::from_secs(100_000))),
        })
        .into_iter()
        .collect();
    let mut node = Node::start(config.clone(), &path, now).await;
    let mut opinions = Vec::new();
    for (gap, happenings) in steps {
        now = now.plus(Duration::from_micros(GAPS[*gap]));
        if happenings
            .iter()
            .any(|it| matches!(it, Happening::Restarts))
        {
            // A start takes longer than this.
            now = now.plus(Duration::from_millis(1));
            node = node.restarted(&path, now).await;
        }
        opinions.extend(node.step(happenings, now).await);
    }
    let again = recomputed(kind, &config, &path, &opinions).await;
    assert_eq!(again.len(), opinions.len());
    for (stored, again) in opinions.iter().zip(again) {
        let same = again.as_ref().is_some_and(|again| close(again, stored));
        assert!(same, "{kind}: {again:?} is not the stored {stored:?}");
    }
    node.store.close().await;
}

/// The seeds of the histories, two of each: `SLIPS_P2P_SEEDS=1000..2000` asks for others than
/// these.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("SLIPS_P2P_SEEDS") else {
        return 0..40;
    };
    let range = asked.split_once("..").and_then(|(from, to)| {
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from < to).then_some(from..to)
    });
    range.expect("SLIPS_P2P_SEEDS is a range, as 1000..2000")
}

#[test]
fn what_the_database_tells_is_what_the_model_was_told() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    for seed in seeds() {
        let mut runner = TestRunner::new(Runs {
            cases: 2,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            ..Runs::default()
        });
        let outcome = runner.run(&steps(), |steps| {
            for kind in ModelKind::ALL {
                runtime.block_on(check(kind, &steps));
            }
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("seed {seed}: {failure}");
        }
    }
}
