//! What the bridge's tests stand on: an outbox in memory, a Slips that listens, and waiting with a limit.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::StreamExt;
use slips_p2p::{
    bridge::{Backlog, Bridge, Inbound, Settings, start},
    domain::{Content, Done, Lane, Page, Parcel, ParcelId, Subject, Timestamp},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::common::redis::RedisServer;

/// Nothing in these tests takes longer on a slow machine.
pub const LIMIT: Duration = Duration::from_secs(30);
pub const VERSION: &str = "1.1.21";

/// Waits, but not for ever.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {LIMIT:?} in vain for: {what}"),
    }
}

/// Asks again every few milliseconds until it is so.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The outbox, kept in memory.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    rows: BTreeMap<i64, Parcel>,
    last: i64,
    done: Done,
    broken: bool,
}

impl Shelf {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap()
    }

    /// Commits contents and gives the parcels, as the store does.
    pub fn put(&self, contents: impl IntoIterator<Item = Content>) -> Vec<Parcel> {
        let mut shelf = self.rows();
        let parcels = contents.into_iter().map(|content| {
            shelf.last += 1;
            let id = ParcelId(shelf.last);
            let parcel = Parcel {
                id,
                created_at: Timestamp::now(),
                content,
            };
            shelf.rows.insert(id.0, parcel.clone());
            parcel
        });
        parcels.collect()
    }

    /// Up to which row the bridge said it is done.
    pub fn delivered(&self) -> i64 {
        self.done().all.0
    }

    /// What the bridge said last of how far it is.
    pub fn done(&self) -> Done {
        self.rows().done
    }

    /// Rows still kept.
    pub fn kept(&self) -> usize {
        self.rows().rows.len()
    }

    /// Drops rows, as too old ones are.
    pub fn forget(&self, ids: std::ops::Range<i64>) {
        self.rows().rows.retain(|id, _| !ids.contains(id));
    }

    /// Lets the shelf fail or work again.
    pub fn set_broken(&self, broken: bool) {
        self.rows().broken = broken;
    }
}

impl Backlog for Shelf {
    async fn after(&self, lane: Lane, id: ParcelId, limit: usize) -> Result<Page, String> {
        let shelf = self.rows();
        if shelf.broken {
            return Err("the shelf is broken".into());
        }
        let parcels: Vec<Parcel> = (shelf.rows.range(id.0 + 1..))
            .map(|(_, parcel)| parcel.clone())
            .filter(|parcel| parcel.content.lane() == lane)
            .take(limit)
            .collect();
        let is_all = parcels.len() < limit;
        let last = parcels.last().map_or(id, |parcel| parcel.id);
        Ok(Page {
            up_to: if is_all { ParcelId(shelf.last) } else { last },
            parcels,
            is_all,
        })
    }

    async fn delivered(&self, done: Done) -> Result<(), String> {
        let mut shelf = self.rows();
        if shelf.broken {
            return Err("the shelf is broken".into());
        }
        let before = shelf.done;
        assert!(
            done != before && done.all >= before.all && done.opinions >= before.opinions,
            "progress never goes back"
        );
        assert!(done.opinions >= done.all);
        shelf.done = done;
        shelf.rows.retain(|id, _| *id > done.all.0);
        Ok(())
    }
}

/// A message for Slips with a number to know it by.
pub fn message(n: usize) -> Content {
    Content::Publish(format!(
        r#"{{"message_type":"go_data","message_contents":{{"n":{n}}}}}"#
    ))
}

/// That message as it arrives.
pub fn arriving(n: usize) -> String {
    format!(r#"{{"message_type":"go_data","message_contents":{{"n":{n}}},"version":"{VERSION}"}}"#)
}

pub fn opinion(ip: &str, n: usize) -> Content {
    Content::WriteBack(subject(ip), format!(r#"{{"score":{n}}}"#))
}

pub fn subject(ip: &str) -> Subject {
    ip.parse().unwrap()
}

/// Two channels, as current Slips has them, and a fixed version.
pub fn settings(redis: &RedisServer) -> Settings {
    Settings {
        url: redis.url(),
        from_slips: "p2p_pygo".into(),
        to_slips: "p2p_gopy".into(),
        version: Some(VERSION.into()),
        ..Settings::default()
    }
}

/// A bridge over a shelf, and how to stop it.
pub struct Rig {
    pub bridge: Bridge,
    pub shelf: Shelf,
    pub cancel: CancellationToken,
}

impl Rig {
    pub async fn start(settings: Settings) -> Self {
        Self::start_with(settings, Shelf::default()).await
    }

    pub async fn start_with(settings: Settings, shelf: Shelf) -> Self {
        let cancel = CancellationToken::new();
        let bridge = start(settings, shelf.clone(), shelf.done(), cancel.clone()).await;
        Self {
            bridge: bridge.expect("the bridge starts"),
            shelf,
            cancel,
        }
    }

    /// Commits and hands over.
    pub fn say(&self, contents: impl IntoIterator<Item = Content>) {
        self.bridge.outbox.offer(self.shelf.put(contents));
    }

    pub async fn next(&mut self) -> Inbound {
        within("a message from Slips", self.bridge.inbound.next())
            .await
            .expect("the queue is open")
    }

    pub async fn until_delivered(&self, id: i64) {
        until(&format!("row {id} to be delivered"), || {
            self.shelf.delivered() >= id
        })
        .await;
    }
}

/// Slips' ear: subscribes, and again whenever it is cut off, and remembers everything.
pub struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
    subscriptions: watch::Receiver<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Listening when this returns.
    pub async fn start(redis: &RedisServer, channel: &str) -> Self {
        let mut listener = Self::start_away(redis, channel);
        listener.again(1).await;
        listener
    }

    /// Listening as soon as the server is there.
    pub fn start_away(redis: &RedisServer, channel: &str) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let client = redis::Client::open(redis.url()).unwrap();
        let (count, subscriptions) = watch::channel(0);
        let (ear, channel) = (heard.clone(), channel.to_owned());
        let task = tokio::spawn(async move {
            loop {
                if let Ok(mut pubsub) = client.get_async_pubsub().await
                    && pubsub.subscribe(&channel).await.is_ok()
                {
                    count.send_modify(|n| *n += 1);
                    let mut messages = pubsub.into_on_message();
                    while let Some(message) = messages.next().await {
                        ear.lock().unwrap().push(message.get_payload().unwrap());
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self {
            heard,
            subscriptions,
            task,
        }
    }

    /// Waits until it has subscribed so many times.
    pub async fn again(&mut self, times: u64) {
        let subscribed = self.subscriptions.wait_for(|n| *n >= times);
        within("Slips to subscribe", subscribed)
            .await
            .expect("the listener runs");
    }

    /// How many times it has subscribed.
    pub fn times(&self) -> u64 {
        *self.subscriptions.borrow()
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// What was heard, each text once, in the order it was first heard.
    pub fn heard_once(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.heard()
            .into_iter()
            .filter(|text| seen.insert(text.clone()))
            .collect()
    }

    /// Waits until so many different texts were heard.
    pub async fn until_heard(&self, n: usize) {
        until(&format!("Slips to hear {n} messages"), || {
            self.heard
                .lock()
                .unwrap()
                .iter()
                .collect::<HashSet<_>>()
                .len()
                >= n
        })
        .await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A way to Redis that can fall silent: connections made before stay open and carry nothing.
pub struct Detour {
    port: u16,
    silenced: watch::Sender<u64>,
}

impl Detour {
    pub async fn to(redis: &RedisServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (port, target) = (listener.local_addr().unwrap().port(), redis.port());
        let (silenced, silence) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                let mut silence = silence.clone();
                tokio::spawn(async move {
                    let now = *silence.borrow();
                    let carried = copy_bidirectional(&mut near, &mut far);
                    tokio::select! {
                        _ = carried => return,
                        silenced = silence.wait_for(|n| *n > now) => drop(silenced),
                    }
                    // Both ends stay open as long as the test runs.
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { port, silenced }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Silences every connection there is; new ones work.
    pub fn silence(&self) {
        self.silenced.send_modify(|n| *n += 1);
    }
}
