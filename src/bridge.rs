//! Redis: what Slips says comes in, what is meant for Slips goes out.
//!
//! Four tasks, each with a connection of its own, so that none waits for another: the subscriber
//! takes in, the publisher delivers messages in order, the write-back puts opinions into Slips'
//! database in theirs, one asks that database. Another notes in the outbox how far everything is done.
//! Losing Redis stops none of them; what is meant for Slips stays in the outbox meanwhile.

mod acknowledger;
mod cells;
mod counters;
mod link;
mod outbox;
mod publisher;
mod queue;
mod said;
mod settings;
mod slips_db;
mod subscriber;
mod tasks;
mod url;
mod version;
mod write_back;

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::{Done, Subject};
use {link::Link, said::Said, subscriber::Ear, url::Server};

pub use counters::Counters;
pub use outbox::{Backlog, Outbox};
pub use queue::{Inbound, InboundQueue};
pub use settings::{Layout, Settings};
pub use slips_db::{DbError, SlipsDb};
pub use tasks::{Finished, Tasks};
pub use url::{UrlError, check_url, redacted};

/// Why the bridge could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A URL cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The server cannot be reached, or does not let us listen.
    #[error("cannot listen to channel `{channel}` on Redis {url}: {reason}")]
    Redis {
        /// The URL without its secrets.
        url: String,
        /// The channel from Slips.
        channel: String,
        /// What went wrong, and the remedy.
        reason: String,
    },
}

/// The running bridge.
#[derive(Debug)]
pub struct Bridge {
    /// What Slips wants, in order.
    pub inbound: InboundQueue,
    /// Where committed parcels are handed over; the publisher ends when all clones are dropped.
    pub outbox: Outbox,
    /// Slips' own database.
    pub slips_db: SlipsDb,
    /// What was done so far.
    pub counters: Arc<Counters>,
    /// The tasks, to be watched and waited for.
    pub tasks: Tasks,
    again: write_back::Again,
}

impl Bridge {
    /// Opinions, oldest first, are written into Slips' database once more, beside the outbox: it may
    /// lack them, since what waited for an absent database was lost with the program's end.
    pub fn tell_again(&self, opinions: impl Iterator<Item = (Subject, String)>) {
        self.again.tell(opinions);
    }

    /// Sets the key `multiAddress` now and again whenever the connection was made again.
    pub fn set_multiaddress(&self, address: String) {
        self.slips_db.set_multiaddress(address);
    }
}

/// Connects, subscribes (confirmed when this returns) and starts the tasks. Parcels not yet `done`
/// are delivered from the backlog first.
///
/// `cancel` ends the subscriber; the rest ends when the handles are dropped and the outbox is empty.
///
/// # Errors
/// [`StartError`] names the URL without secrets and the remedy.
pub async fn start(
    settings: Settings,
    backlog: impl Backlog,
    done: Done,
    cancel: CancellationToken,
) -> Result<Bridge, StartError> {
    let (server, cache) = servers(&settings)?;
    let counters = Arc::new(Counters::default());
    let (learner, reader) = version::version(settings.version.clone(), settings.version_wait);
    let (entrance, inbound) = queue::queue(settings.queue_bytes);
    let (multiaddress, announced) = watch::channel(None);
    let ear = Ear {
        entrance,
        version: learner.clone(),
        counters: counters.clone(),
    };
    let mut tasks = Tasks::default();
    listen(&settings, &server, ear, announced, &cancel, &mut tasks).await?;
    if settings.version.is_none() && !settings.version_files.is_empty() {
        let files = settings.version_files.clone();
        tasks.spawn("version", learner.follow_files(files, cancel));
    }
    let (slips_db, asker) =
        slips_db::slips_db(Link::new(cache.clone()), settings.layout, multiaddress);
    tasks.spawn("Slips' database", asker.run());
    let (outbox, again) = deliver(
        &settings,
        (server, cache),
        reader,
        &counters,
        (backlog, done),
        &mut tasks,
    );
    Ok(Bridge {
        inbound,
        outbox,
        slips_db,
        counters,
        tasks,
        again,
    })
}

/// Starts the way in, once the subscription is confirmed.
async fn listen(
    settings: &Settings,
    server: &Server,
    ear: Ear,
    multiaddress: watch::Receiver<Option<String>>,
    cancel: &CancellationToken,
    tasks: &mut Tasks,
) -> Result<(), StartError> {
    let subscriber = subscriber::Subscriber {
        server: server.resp3(),
        channel: settings.from_slips.clone(),
        ear: Arc::new(ear),
        multiaddress,
        cancel: cancel.clone(),
    };
    let session = subscriber
        .subscribe(None)
        .await
        .map_err(|error| StartError::Redis {
            url: server.to_string(),
            channel: settings.from_slips.clone(),
            reason: url::explain(&error),
        })?;
    tasks.spawn("subscriber", subscriber.run(session));
    Ok(())
}

/// Slips' main database, and the one where it keeps what it knows of addresses.
fn servers(settings: &Settings) -> Result<(Server, Server), UrlError> {
    let server = Server::parse(&settings.url, settings.ca_file.as_deref())?;
    let cache = match &settings.cache_url {
        Some(url) => Server::parse(url, settings.ca_file.as_deref())?,
        // Current Slips: database 1.
        None => server.with_database(1),
    };
    Ok((server, cache))
}

/// Starts the way out: publisher, write-back and acknowledger.
fn deliver(
    settings: &Settings,
    (server, cache): (Server, Server),
    version: version::Reader,
    counters: &Arc<Counters>,
    (backlog, done): (impl Backlog, Done),
    tasks: &mut Tasks,
) -> (Outbox, write_back::Again) {
    let cells = cells::Cells::new(cache, settings.layout, settings.write_back_ttl);
    let (write_back, writer, written) =
        write_back::write_back(cells, counters.clone(), done.opinions);
    let again = write_back.again();
    if settings.write_back {
        tasks.spawn("write-back", writer.run());
    }
    let (outbox, feed, opinions) = outbox::outbox(backlog.clone(), done);
    tasks.spawn("opinions", write_back.run(opinions, settings.write_back));
    let (published, progress) = watch::channel(done.all);
    let publisher = publisher::Publisher {
        link: Link::new(server),
        channel: settings.to_slips.clone(),
        needed: if settings.from_slips == settings.to_slips {
            2
        } else {
            1
        },
        feed,
        version,
        published,
        counters: counters.clone(),
        said: Said::default(),
    };
    tasks.spawn("publisher", publisher.run());
    let acknowledger = acknowledger::acknowledge(backlog, done, progress, written);
    tasks.spawn("acknowledger", acknowledger);
    (outbox, again)
}
