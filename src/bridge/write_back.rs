//! Opinions go into Slips' database in a lane of their own, beside the messages.
//!
//! The cache database may be another server and may be away for long. Messages do not wait for it:
//! an opinion is held here, the newest of each address, until it is written. For the first
//! [`PATIENCE`] of an outage the outbox keeps such rows too, so that a restart in between loses
//! nothing; after that they are only held here, and the next start tells Slips again what is young
//! enough. Beyond [`HELD`] addresses the oldest are given up and counted.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use super::{
    cells::Cells,
    counters::Counters,
    outbox::{Backlog, Feed},
    said::{Backoff, Said},
    url::explain,
};
use crate::domain::{Content, Parcel, ParcelId, Subject};

/// How long an outage of the cache database keeps rows in the outbox.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses whose opinion waits to be written; some 20 MB at worst.
const HELD: usize = 65_536;
/// Opinions written at once.
const AT_ONCE: usize = 256;
/// The longest pause between attempts.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// One opinion to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: ParcelId,
    pub(super) subject: Subject,
    /// The opinion; `None`: it is to be taken away.
    pub(super) json: Option<String>,
}

/// Where opinions are put; closed when it is dropped.
#[derive(Debug)]
pub(super) struct Entrance(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    held: Mutex<Held>,
    /// Every opinion up to here is done with, as far as the outbox need know.
    written: watch::Sender<ParcelId>,
    changed: Notify,
    room: Notify,
    counters: Arc<Counters>,
    patience: Duration,
}

#[derive(Debug)]
struct Held {
    rows: HashMap<Subject, (ParcelId, Option<String>)>,
    order: BTreeMap<ParcelId, Subject>,
    failing_since: Option<Instant>,
    closed: bool,
    /// How far the lane of opinions was taken in.
    taken: ParcelId,
    /// The id of the next opinion told again: below those of the outbox, which begin at 1.
    next_again: i64,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            order: BTreeMap::new(),
            failing_since: None,
            closed: false,
            taken: ParcelId(0),
            next_again: i64::MIN,
        }
    }
}

/// The task that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    cells: Cells,
    said: Said,
}

/// Both ends, and how far opinions are done with, which begins at `from`.
pub(super) fn write_back(
    cells: Cells,
    counters: Arc<Counters>,
    from: ParcelId,
) -> (Entrance, Writer, watch::Receiver<ParcelId>) {
    let (written, progress) = watch::channel(from);
    let shared = Arc::new(Shared {
        held: Mutex::new(Held::default()),
        written,
        changed: Notify::new(),
        room: Notify::new(),
        counters,
        patience: PATIENCE,
    });
    (
        Entrance(shared.clone()),
        Writer {
            shared,
            cells,
            said: Said::default(),
        },
        progress,
    )
}

impl Entrance {
    /// Takes in a lane of opinions until it ends; what is not to be written passes by.
    pub(super) async fn run<B: Backlog>(self, mut feed: Feed<B>, is_on: bool) {
        while let Some((parcels, up_to)) = feed.next().await {
            for Parcel { id, content, .. } in parcels {
                match content {
                    Content::WriteBack(subject, json) if is_on => {
                        self.put(id, subject, Some(json)).await;
                    }
                    Content::Withdraw(subject) if is_on => self.put(id, subject, None).await,
                    Content::WriteBack(..) | Content::Withdraw(_) | Content::Publish(_) => {}
                }
            }
            self.0.change(|held| held.taken = up_to);
        }
    }

    /// Holds an opinion until it is written; an older one of the same address is dropped. Waits
    /// for room while the cache database is there, and gives up the oldest while it is away.
    async fn put(&self, id: ParcelId, subject: Subject, json: Option<String>) {
        while self.0.is_full() {
            self.0.room.notified().await;
        }
        self.0.change(|held| held.put(id, subject, json));
        self.0.changed.notify_one();
    }
}

/// Where opinions are told again that Slips may lack; keeps nothing open.
#[derive(Debug, Clone)]
pub(super) struct Again(Arc<Shared>);

impl Entrance {
    /// A way in for what is told again.
    pub(super) fn again(&self) -> Again {
        Again(self.0.clone())
    }
}

impl Again {
    /// Holds the opinions, oldest first, as far as there is room and none is held of the address
    /// already. The outbox keeps nothing for them: they are in the database anyway.
    pub(super) fn tell(&self, opinions: impl Iterator<Item = (Subject, String)>) {
        self.0.change(|held| {
            for (subject, json) in opinions {
                if held.rows.len() >= HELD {
                    return;
                }
                if !held.rows.contains_key(&subject) {
                    held.put(ParcelId(held.next_again), subject, Some(json));
                    held.next_again += 1;
                }
            }
        });
        self.0.changed.notify_one();
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.0.held().closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the lane must wait; drops the oldest instead once patience is over.
    fn is_full(&self) -> bool {
        let mut held = self.held();
        if held.rows.len() < HELD {
            return false;
        }
        if held.is_given_up(self.patience)
            && let Some((_, subject)) = held.order.pop_first()
        {
            held.rows.remove(&subject);
            Counters::add(&self.counters.write_backs_dropped, 1);
            return false;
        }
        true
    }

    fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        let mut held = self.held();
        let result = change(&mut held);
        // What is told again comes before the first id of the outbox.
        let mut outbox = held.order.range(ParcelId(1)..);
        let hold = outbox.next().map(|(id, _)| *id);
        let hold = hold.filter(|_| !held.is_given_up(self.patience));
        let done = hold.map_or(held.taken, |first| held.taken.min(ParcelId(first.0 - 1)));
        self.written.send_if_modified(|before| {
            let further = done > *before;
            *before = done.max(*before);
            further
        });
        result
    }
}

impl Held {
    fn put(&mut self, id: ParcelId, subject: Subject, json: Option<String>) {
        if let Some((old, _)) = self.rows.insert(subject, (id, json)) {
            self.order.remove(&old);
        }
        self.order.insert(id, subject);
    }

    fn is_given_up(&self, patience: Duration) -> bool {
        self.failing_since
            .is_some_and(|since| since.elapsed() > patience)
    }

    fn oldest(&self) -> Vec<Row> {
        let row = |(id, subject): (&ParcelId, &Subject)| {
            let (_, json) = self.rows.get(subject)?;
            Some(Row {
                id: *id,
                subject: *subject,
                json: json.clone(),
            })
        };
        self.order.iter().take(AT_ONCE).filter_map(row).collect()
    }

    fn written(&mut self, rows: &[Row]) {
        self.failing_since = None;
        for row in rows {
            // A newer opinion may have come meanwhile, and stays.
            if self.order.remove(&row.id).is_some() {
                self.rows.remove(&row.subject);
            }
        }
    }
}

impl Writer {
    /// Writes until the entrance is closed and nothing is held.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::up_to(TRY_AGAIN);
        loop {
            let (rows, closed) = {
                let held = self.shared.held();
                (held.oldest(), held.closed)
            };
            if rows.is_empty() {
                if closed {
                    return;
                }
                self.shared.changed.notified().await;
                continue;
            }
            match self.cells.write(&rows).await {
                Ok(spoilt) => {
                    self.said
                        .over("opinions are written into Slips' database again");
                    self.shared.change(|held| held.written(&rows));
                    self.shared.room.notify_one();
                    Counters::add(&self.shared.counters.written_back, rows.len() - spoilt);
                    Counters::add(&self.shared.counters.write_backs_dropped, spoilt);
                    backoff.reset();
                }
                Err(error) => {
                    self.said.trouble(&format!(
                        "cannot write opinions into {}, trying again: {}",
                        self.cells.server(),
                        explain(&error)
                    ));
                    self.shared.change(|held| {
                        held.failing_since.get_or_insert_with(Instant::now);
                    });
                    self.shared.room.notify_one();
                    backoff.pause().await;
                }
            }
        }
    }
}
