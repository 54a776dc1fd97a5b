//! The life of a report: the only module that knows network, bridge, store and reputation.
//!
//! Four tasks, each the one owner of what it changes:
//!
//! - [`incoming`](self) takes what the network hands over, judges it in one pure step
//!   ([`intake::Intake`]), commits reports, conduct, opinions and outbox rows in ONE transaction,
//!   and only then offers the outbox rows to the publisher.
//! - `outgoing` takes what our Slips says, tells `incoming` of its own statements, and hands the
//!   line to the network, waiting for room.
//! - `orders` carries out what the operator orders: through `incoming` onto the disk, and then in the
//!   network.
//! - `requests` asks Slips' database whether it can answer a peer's question, so that a frozen
//!   Redis holds nobody else up. Where nothing is known it leaves it to `mesh`, without waiting, to
//!   sign that for the asker.
//!
//! - `presence` tells peers of our kind how this node is.
//! - `mesh` keeps the signed logs: what our Slips says to everybody is in ours, on disk, before
//!   anybody gets it, and what others' logs say goes to `incoming`, which stores it.
//!
//! Waiting goes one way: subscriber -> outgoing -> (network, mesh, incoming) -> store. `mesh` waits
//! for nobody but the store; `incoming` may wait for it. `incoming` never
//! waits for `outgoing` or `requests`; what it cannot hand to `requests` is shed and counted.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use libp2p::identity::Keypair;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bridge::{self, InboundQueue, Outbox, SlipsDb};
use crate::domain::{OwnStatement, PeerId, Subject, Timestamp};
use crate::mesh::AppendError;
use crate::network::{Event, Handle, Lines, SyncEvents};
use crate::reputation::{Engine, anchors::Anchors, guards::Guards, reliability};
use crate::store::{LogFork, LogHead, Store, StoreError};

mod backlog;
mod counters;
mod ignorance;
mod incoming;
mod intake;
mod listed;
mod mesh;
mod orders;
mod outgoing;
mod peers;
mod presence;
mod requests;

pub use backlog::StoreBacklog;
pub use counters::Counters;
pub use intake::{FromLog, Intake, Logged, Ordered, Outcome, Said};
pub use orders::Asked;
pub use peers::{Peers, Standing};
pub use requests::Question;

/// Lines taken into one transaction at the most. A transaction of 512 reports takes about as long
/// as five commits of one (measured: fdatasync 230 us), so larger ones add delay and little speed.
pub const MAX_LINES_A_BATCH: usize = 512;
/// Lines of up to 512 bytes that may wait for the node. Four times a batch: one peer alone may fill a
/// third, so that the next batch is full when one has ended even if nobody else speaks.
pub const LINES_WAITING: usize = 4 * MAX_LINES_A_BATCH;
/// Own statements that may wait for `incoming`; one batch's worth.
const STATEMENTS_WAITING: usize = MAX_LINES_A_BATCH;
/// Sync frames of up to 512 bytes that may wait for the logs: 4 MiB, of which one peer alone may fill a
/// third, and enough that no wake is for one alone.
pub const FRAMES_WAITING: usize = 8 * 1024;
/// Own messages that may wait for the log: beyond a batch, Slips' queue holds them as well.
const OWN_WAITING: usize = MAX_LINES_A_BATCH;
/// Segments of others that may wait for `incoming`: a batch's worth when full, 3 MiB at most.
const SEGMENTS_WAITING: usize = 128;
/// Acknowledgements of batches that may wait for the logs; one batch is under way at a time.
const KEPT_WAITING: usize = 4;
/// Peers' questions that may wait for Slips' database; beyond it they are shed, as the asker asks
/// again by itself.
const REQUESTS_WAITING: usize = 256;
/// Askers who may wait to be told that nothing is known; about a second's worth.
const UNANSWERED_WAITING: usize = 64;
/// Orders that may wait for `incoming`: the one task that sends them waits for each.
const ORDERS_WAITING: usize = 1;

/// What is passed on to Slips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Only what Slips can digest (the default): everything else is refused and costs the sender.
    Sanitized {
        /// Whether blames pass. Slips would block any address a blame names.
        blame: bool,
    },
    /// Every line, unread, as the Go pigeon does it.
    Verbatim,
}

/// Who answers peers' questions about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRequests {
    /// Slips, when it holds score and confidence of the address; asked about any other it dies.
    Slips,
    /// This node, from Slips' own database, inventing nothing.
    Node,
    /// Nobody.
    Nobody,
}

/// How the node behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is passed on to Slips.
    pub forward: Forward,
    /// Who answers peers' questions.
    pub answer_requests: AnswerRequests,
    /// Whether opinions are written back to Slips.
    pub write_back: bool,
    /// After this long an opinion is written again though it has not changed, when somebody
    /// confirms it: what is written expires in Slips' database. `None`: it does not.
    pub write_again_after: Option<Duration>,
    /// What each conduct costs and when a peer is cut off.
    pub reliability: reliability::Parameters,
    /// For how long a peer is cut off.
    pub cut_off_for: Duration,
    /// Addresses that have no opinion outside the node.
    pub guards: Guards,
    /// Whom the operator trusts, as the trust model has learned it.
    pub anchors: Anchors,
    /// How long the database keeps a report: the model forgets what is older.
    pub remember_for: Duration,
    /// Peers held in memory; at least 1.
    pub max_peers: usize,
}

/// What the node works with. Whoever builds it keeps nothing of these but clones of handles.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The trust model, already knowing what the database knows.
    pub engine: Engine,
    /// The peers the database knows.
    pub peers: Peers,
    /// What our Slips said within the last [`crate::store::REPEATS_WITHIN`].
    pub statements: Vec<OwnStatement>,
    /// The time of the last thing the trust model was told.
    pub latest: Timestamp,
    /// The way to the swarm.
    pub network: Handle,
    /// What happens in the swarm.
    pub events: mpsc::Receiver<Event>,
    /// What peers say.
    pub lines: Lines,
    /// What the operator orders; until it ends the node does not end by itself.
    pub orders: mpsc::Receiver<Asked>,
    /// What the operator asks of addresses; it, too, keeps the node from ending by itself.
    pub questions: mpsc::Receiver<incoming::Asked>,
    /// What our Slips says.
    pub from_slips: InboundQueue,
    /// The way to our Slips.
    pub outbox: Outbox,
    /// Slips' own database.
    pub slips_db: SlipsDb,
    /// How the bridge does.
    pub bridge: Arc<bridge::Counters>,
    /// What peers of our kind are told while all is well; may be empty.
    pub status_message: String,
    /// Cancelled when the node is to stop.
    pub stopping: CancellationToken,
    /// Who signed two things as one.
    pub forked: Vec<PeerId>,
    /// What signed logs need; `None`: they are switched off.
    pub logs: Option<Logs>,
}

/// What signed logs need.
pub struct Logs {
    /// The key they are signed with: the one of the network.
    pub keypair: Keypair,
    /// Where that key is kept; `None`: nowhere, it is for one run.
    pub key_file: Option<PathBuf>,
    /// The name of the network they are for.
    pub network: String,
    /// Where the logs stand.
    pub heads: Vec<LogHead>,
    /// Who forked, with the proofs.
    pub forks: Vec<LogFork>,
    /// What peers send.
    pub synced: SyncEvents,
}

/// Why a task of the node ended early.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own log cannot be signed.
    #[error("the own log cannot be kept: {0} (set network.sync = false to do without)")]
    Log(#[source] AppendError),
}

/// A message to the node that ends its outgoing half's wait: `stop_process` on the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopProcess;

/// Starts the node's tasks on `tasks`, each with its name.
///
/// They end by themselves when the network's and the bridge's queues end; what was taken in by
/// then is committed.
pub fn start(
    settings: Settings,
    parts: Parts,
    counters: Arc<Counters>,
    tasks: &mut JoinSet<(&'static str, Result<(), NodeError>)>,
) -> mpsc::Receiver<StopProcess> {
    let (statements, own_statements) = mpsc::channel::<OwnStatement>(STATEMENTS_WAITING);
    let (ask, questions) = mpsc::channel(REQUESTS_WAITING);
    let (stop, stopped) = mpsc::channel(1);

    let (tell, unanswered) = mpsc::channel(UNANSWERED_WAITING);
    let ignorance = Arc::new(ignorance::Ignorance::default());
    let answering = requests::Answering {
        store: parts.store.clone(),
        network: parts.network.clone(),
        outbox: parts.outbox.clone(),
        slips_db: parts.slips_db,
        by: settings.answer_requests,
        unanswered: tell,
        counters: counters.clone(),
    };
    tasks.spawn(async move { ("requests", requests::run(answering, questions).await) });

    let (from_logs, logs) = mpsc::channel(SEGMENTS_WAITING);
    let (kept, kept_out) = mpsc::channel(KEPT_WAITING);
    let own_log = parts.logs.map(|logs| {
        let (say, own) = mpsc::channel(OWN_WAITING);
        let (done, said) = oneshot::channel();
        let queues = mesh::Queues {
            own,
            done,
            kept: kept_out,
            judge: from_logs,
            unanswered,
            ignorance: ignorance.clone(),
        };
        let (store, network) = (parts.store.clone(), parts.network.clone());
        let meshing = mesh::Meshing::new(logs, queues, store, network, counters.clone());
        let health = meshing.as_ref().map(mesh::Meshing::health);
        let health = health.unwrap_or_default();
        let lost = health.lost.clone();
        tasks.spawn(async move {
            let ended = match meshing {
                Ok(meshing) => meshing.run().await,
                Err(error) => Err(error),
            };
            ("logs", ended)
        });
        (outgoing::OwnLog { say, said, lost }, health)
    });
    let (own_log, health) = own_log.unzip();

    let watching = presence::Watching {
        store: parts.store.clone(),
        network: parts.network.clone(),
        counters: counters.clone(),
        bridge: parts.bridge,
        message: parts.status_message,
        stopping: parts.stopping,
        own_log: health,
    };
    tasks.spawn(async move { ("presence", presence::run(watching).await) });

    let speaking = outgoing::Speaking {
        store: parts.store.clone(),
        network: parts.network.clone(),
        statements,
        stop,
        log: own_log,
        ignorance,
        counters: counters.clone(),
    };
    let from_slips = parts.from_slips;
    tasks.spawn(async move { ("outgoing", outgoing::run(speaking, from_slips).await) });

    let (ordered, orders) = mpsc::channel(ORDERS_WAITING);
    let obeying = orders::Obeying {
        store: parts.store.clone(),
        network: parts.network.clone(),
        incoming: ordered,
    };
    let asked = parts.orders;
    tasks.spawn(async move { ("orders", orders::run(obeying, asked).await) });

    let listening = incoming::Listening {
        intake: Intake::new(settings, parts.peers, parts.engine, counters.clone())
            .having_heard(parts.statements, parts.latest)
            .without(parts.forked),
        store: parts.store,
        network: parts.network,
        outbox: parts.outbox,
        ask,
        kept,
        counters,
        patient: VecDeque::new(),
    };
    let inputs = incoming::Inputs::new(
        (orders, parts.questions),
        parts.lines,
        parts.events,
        own_statements,
        logs,
    );
    tasks.spawn(async move { ("incoming", incoming::run(listening, inputs).await) });
    stopped
}

/// The lane of a message: messages about one address keep their order on the way to a peer.
fn lane(message: &str, subject: Option<Subject>) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    subject.map_or_else(|| hasher.hash_one(message), |s| hasher.hash_one(s))
}
