//! A database in a directory of its own, and short words for what is stored in it.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use slips_p2p::{
    domain::{
        Author, Confidence, Content, Lane, Neighbour, OwnStatement, Parcel, ParcelId, PeerId,
        ReceivedReport, Score, Subject, Timestamp,
    },
    store::{Batch, Loaded, Reader, Retention, Settings, Store, StoredFact},
};
use tempfile::TempDir;

/// Waits are for things that take milliseconds.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct World {
    pub settings: Settings,
    directory: TempDir,
}

impl World {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let settings = Settings {
            path: directory.path().join("slips-p2p.db"),
            max_batch_rows: 4096,
            retention: Retention {
                max_age: Duration::from_secs(1_000),
                max_reports: 1_000_000,
                max_bytes: 1 << 30,
            },
            outbox_max_age: Duration::from_secs(1_000),
            outbox_max_rows: 1_000_000,
        };
        Self {
            settings,
            directory,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.settings.path.clone()
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub async fn open(&self) -> Store {
        self.load().await.0
    }

    pub async fn load(&self) -> (Store, Loaded) {
        Store::open(self.settings.clone()).await.unwrap()
    }

    pub async fn reader(&self) -> Reader {
        Reader::open(&self.settings.path).await.unwrap()
    }
}

/// The n-th peer; always the same one.
pub fn peer(n: u8) -> PeerId {
    let digest = [n; 32];
    let mut bytes = vec![0x12, 0x20];
    bytes.extend(digest);
    PeerId::from_bytes(&bytes).unwrap()
}

/// So many seconds after a certain midnight.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_132_800_000_000).plus(Duration::from_secs(seconds.unsigned_abs()))
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

pub fn says(who: u8, of: &str, score: f64, when: Timestamp) -> ReceivedReport {
    ReceivedReport {
        author: Author(peer(who)),
        heard_from: Neighbour(peer(who)),
        subject: subject(of),
        score: Score::new(score).unwrap(),
        confidence: Confidence::new(0.5).unwrap(),
        received_at: when,
    }
}

pub fn we_say(of: &str, score: f64, when: Timestamp) -> OwnStatement {
    OwnStatement {
        subject: subject(of),
        score: Score::new(score).unwrap(),
        confidence: Confidence::MAX,
        said_at: when,
    }
}

pub fn reports(reports: impl IntoIterator<Item = ReceivedReport>) -> Batch {
    Batch {
        reports: reports.into_iter().map(Into::into).collect(),
        ..Batch::default()
    }
}

pub fn message(text: &str, when: Timestamp) -> (Timestamp, Content) {
    (when, Content::Publish(text.to_owned()))
}

pub fn outbox(messages: impl IntoIterator<Item = (Timestamp, Content)>) -> Batch {
    Batch {
        outbox: messages.into_iter().collect(),
        ..Batch::default()
    }
}

/// The texts of parcels, in their order.
/// The messages that wait after an id.
pub async fn messages(store: &Store, after: i64, limit: usize) -> Vec<Parcel> {
    let page = store.outbox_after(Lane::Messages, ParcelId(after), limit);
    page.await.unwrap().parcels
}

pub fn texts(parcels: &[Parcel]) -> Vec<&str> {
    parcels
        .iter()
        .map(|parcel| match &parcel.content {
            Content::Publish(text) | Content::WriteBack(_, text) => text.as_str(),
            Content::Withdraw(_) => "",
        })
        .collect()
}

pub async fn facts(store: &Store) -> Vec<(Timestamp, StoredFact)> {
    let mut all = Vec::new();
    let told = store
        .facts(|when, fact| all.push((when, fact)))
        .await
        .unwrap();
    assert_eq!(told, all.len() as u64);
    all
}
