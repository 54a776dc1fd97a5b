//! Builds the tasks, watches them, stops them.
//!
//! Start: lock and open the database, meet Redis (PING and a confirmed subscription), load the
//! key, rebuild the trust model from the database, listen, say `multiAddress`, run. Stop: the
//! subscriber ends, the network says goodbye and ends, the node commits what it has taken, the
//! publisher empties its hands, the database closes; all within a limit. A task that ends early
//! stops the program with an error.

use std::sync::Arc;
use std::time::Duration;

use libp2p::{Multiaddr, multiaddr::Protocol};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bridge::{self, Bridge, Finished};
use crate::config::Config;
use crate::control::PlaceError;
use crate::domain::Timestamp;
use crate::network::{self, Handle};
use crate::node::{self, Counters, NodeError, Peers, StoreBacklog};
use crate::store::{OpenError, Store, StoreError};

mod commands;
pub mod logging;
mod own;
pub mod recall;
mod restate;
mod settings;
mod signals;

pub use crate::control::{AskError, ask as ask_running_node, judge as judged_by_running_node};
pub use crate::network::identity;
pub use crate::store::is_running;
pub use own::addresses as own_addresses;
pub use recall::{Rebuilt, Recall};
pub use settings::{control_socket, guards, store as store_settings};
use signals::{Reason, Signals};

/// What the program is started as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `slips-p2p run`: a service of its own.
    Node,
    /// `p2p4slips`: a child of Slips with the Go pigeon's process contract.
    Pigeon,
}

/// How long what Slips said last may take to reach its peers. All limits of stopping together stay
/// below a second: Slips waits for nothing, an operator for a second.
const SPEAK_LIMIT: Duration = Duration::from_millis(150);
/// How long the goodbyes may take after that.
const GOODBYE_LIMIT: Duration = Duration::from_millis(300);
/// How long the node may take after that to commit what it has taken.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);
/// How long the publisher may take after that to empty its hands.
const DELIVERY_LIMIT: Duration = Duration::from_millis(150);

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be opened, or another node has it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another node has the control socket.
    #[error(transparent)]
    Control(#[from] PlaceError),
    /// Redis cannot be reached at the start.
    #[error(transparent)]
    Redis(#[from] bridge::StartError),
    /// The key file.
    #[error(transparent)]
    Key(#[from] network::identity::KeyError),
    /// The addresses to listen on.
    #[error(transparent)]
    Network(#[from] network::StartError),
    /// The system refuses signal handlers.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
    /// A task ended though nobody asked it to.
    #[error("the task `{task}` ended early: {why}")]
    TaskEnded {
        /// Which.
        task: &'static str,
        /// Its error, or what is known.
        why: String,
    },
    /// The process that started this one has ended.
    #[error("the process that started this one has ended")]
    ParentDied,
}

impl Error {
    /// The exit code: 2 for what the command line asked for and cannot be had (port in use, bad
    /// host), else 1. Never 0: Slips takes 0 for a pigeon that is well.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Network(_) => 2,
            _ => 1,
        }
    }
}

/// Runs a node until a signal comes.
///
/// # Errors
/// Whatever kept it from starting, or ended it before a signal.
pub async fn run(config: Config, role: Role) -> Result<(), Error> {
    let mut signals = Signals::listen(role == Role::Pigeon).map_err(Error::Signals)?;
    let started_at = std::time::Instant::now();
    // A silent Redis can hold the start up for seconds; a signal does not wait for it.
    let running = tokio::select! {
        started = Running::start(&config, role) => started?,
        reason = signals.next() => return stop_reason(reason),
    };
    info!(ms = started_at.elapsed().as_millis(), "ready");
    running.until_stopped(&mut signals).await
}

/// The parts of a running node that stopping needs.
struct Running {
    tasks: JoinSet<(&'static str, Result<(), NodeError>)>,
    stop_process: mpsc::Receiver<node::StopProcess>,
    network: Handle,
    bridge: bridge::Tasks,
    store: Store,
    totals: Totals,
    cancel: CancellationToken,
}

/// What has been counted, for the log.
#[derive(Clone)]
struct Totals {
    node: Arc<Counters>,
    bridge: Arc<bridge::Counters>,
}

impl Totals {
    fn say(&self) {
        self.node.say();
        self.bridge.say();
    }
}

impl Running {
    async fn start(config: &Config, role: Role) -> Result<Self, Error> {
        let (store, loaded) = Store::open(settings::store(config)).await?;
        // Early: a command that comes now waits for its answer instead of finding nobody.
        let place = commands::place(config)?;
        store.drop_stale(Timestamp::now()).await?;
        let cancel = CancellationToken::new();
        let backlog = StoreBacklog(store.clone());
        let delivered = loaded.last_delivered;
        let bridge =
            bridge::start(settings::bridge(config), backlog, delivered, cancel.clone()).await?;
        let keypair = settings::keypair(config, role)?;
        let own = keypair.public().to_peer_id();
        info!(peer = %own, "identity");
        store.keep_log_of(own);
        let rebuilt = Recall::rebuild(&store, config, Timestamp::now()).await?;
        let (lines, waiting_lines) = network::lines(node::LINES_WAITING);
        let (sync, synced) = network::sync_frames(node::FRAMES_WAITING);
        let inlets = network::Inlets {
            lines,
            sync: config.network.sync.then_some(sync),
        };
        let known = settings::known(&loaded.peers, &loaded.contacts);
        let banned = settings::banned(&loaded.bans);
        let network_settings = settings::network(config, &loaded);
        let (network, events, addresses) =
            network::start(network_settings, keypair.clone(), known, banned, inlets).await?;
        for ban in &loaded.bans {
            network.ban(ban.peer, ban.until).await;
        }
        for address in &addresses {
            info!(%address, "listening");
        }
        if let Some(address) = announced(&addresses) {
            bridge.set_multiaddress(address.to_string());
        }
        let mut node_settings = settings::node(config, own::addresses(&addresses));
        node_settings.anchors = rebuilt.anchors;
        let peers = Peers::from_records(&loaded.peers).with_contacts(&loaded.contacts);
        let kept_for = config.redis.write_back_ttl;
        restate::restate(&store, &bridge, &node_settings, kept_for, &peers).await?;
        let Bridge {
            inbound,
            outbox,
            slips_db,
            counters: bridge_counters,
            tasks: bridge_tasks,
            ..
        } = bridge;
        let (order, orders) = mpsc::channel(commands::WAITING);
        let (question, questions) = mpsc::channel(commands::WAITING);
        let way = crate::control::Way {
            orders: order,
            questions: question,
        };
        let parts = node::Parts {
            store: store.clone(),
            engine: rebuilt.engine,
            peers,
            statements: rebuilt.statements,
            latest: rebuilt.latest,
            network: network.clone(),
            events,
            lines: waiting_lines,
            orders,
            questions,
            from_slips: inbound,
            outbox,
            slips_db,
            forked: loaded.forks.iter().map(|fork| fork.author).collect(),
            logs: config.network.sync.then(|| node::Logs {
                keypair,
                key_file: config.node.key_file.clone(),
                network: config.network.rendezvous.clone(),
                heads: loaded.logs,
                forks: loaded.forks,
                synced,
            }),
            bridge: bridge_counters.clone(),
            status_message: config.node.status_message.clone().unwrap_or_default(),
            stopping: cancel.clone(),
        };
        let mut tasks = JoinSet::new();
        let counters = Arc::new(Counters::default());
        let totals = Totals {
            node: counters.clone(),
            bridge: bridge_counters,
        };
        let stop_process = node::start(node_settings, parts, counters, &mut tasks);
        tasks.spawn(commands::serve(place, way, cancel.clone()));
        let every = config.store.prune_interval;
        tasks.spawn(housekeeping(
            store.clone(),
            totals.clone(),
            every,
            cancel.clone(),
        ));
        Ok(Self {
            tasks,
            stop_process,
            network,
            bridge: bridge_tasks,
            store,
            totals,
            cancel,
        })
    }

    async fn until_stopped(mut self, signals: &mut Signals) -> Result<(), Error> {
        let mut silent = false;
        let ended = loop {
            tokio::select! {
                reason = signals.next() => break stop_reason(reason),
                () = self.network.ended(), if !silent => break Err(Error::TaskEnded {
                    task: "network",
                    why: "it stopped by itself".into(),
                }),
                Some(task) = self.tasks.join_next() => break Err(early(task)),
                why = self.bridge.failed() => break Err(Error::TaskEnded { task: "bridge", why }),
                Some(node::StopProcess) = self.stop_process.recv() => {
                    // Slips' pigeon stays a process until a signal comes; so does this one.
                    info!("stop_process: saying goodbye and no longer listening");
                    silent = true;
                    self.network.clone().goodbye(GOODBYE_LIMIT).await;
                }
            }
        };
        self.stop().await;
        ended
    }

    /// Stops in the order of the data's way, so that nothing taken in is left behind.
    async fn stop(mut self) {
        self.cancel.cancel();
        let network = self.network.clone();
        let spoken = async {
            self.joined(Some("outgoing")).await;
            network.flush(SPEAK_LIMIT).await;
        };
        if timeout(SPEAK_LIMIT, spoken).await.is_err() {
            warn!("not everything Slips said last has reached its peers");
        }
        self.network.clone().goodbye(GOODBYE_LIMIT).await;
        if timeout(DRAIN_LIMIT, self.joined(None)).await.is_err() {
            warn!("the node did not commit in time what peers sent last");
        }
        self.tasks.shutdown().await;
        if let Finished::Cut(busy) = self.bridge.finish(DELIVERY_LIMIT).await {
            warn!(
                ?busy,
                "not everything for Slips is delivered; the rest is in the outbox"
            );
        }
        self.store.close().await;
        self.totals.say();
        info!("stopped");
    }

    /// Waits until the task of that name has ended, or all of them.
    async fn joined(&mut self, name: Option<&str>) {
        while let Some(task) = self.tasks.join_next().await {
            match task {
                Ok((task, Ok(()))) if name == Some(task) => return,
                Ok((_, Ok(()))) => {}
                Ok((task, Err(error))) => error!(task, %error, "failed while stopping"),
                Err(panic) => error!(%panic, "failed while stopping"),
            }
        }
    }
}

fn stop_reason(reason: Reason) -> Result<(), Error> {
    match reason {
        Reason::Signal(name) => {
            info!(signal = name, "stopping");
            Ok(())
        }
        Reason::ParentDied => {
            warn!("the process that started this one has ended: stopping");
            Err(Error::ParentDied)
        }
    }
}

/// Of the addresses listened on, the one that is told to Slips: a wildcard listens on loopback too,
/// where no peer can come.
fn announced(addresses: &[Multiaddr]) -> Option<&Multiaddr> {
    let reachable = |address: &&Multiaddr| match address.iter().next() {
        Some(Protocol::Ip4(ip)) => !ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => !ip.is_loopback(),
        _ => true,
    };
    addresses.iter().find(reachable).or(addresses.first())
}

type Joined = Result<(&'static str, Result<(), NodeError>), tokio::task::JoinError>;

fn early(task: Joined) -> Error {
    match task {
        Ok((task, Ok(()))) => Error::TaskEnded {
            task,
            why: "its inputs ended".into(),
        },
        Ok((task, Err(error))) => Error::TaskEnded {
            task,
            why: error.to_string(),
        },
        Err(panic) => Error::TaskEnded {
            task: "node",
            why: panic.to_string(),
        },
    }
}

/// Applies the retention rules and says the totals, now and then.
async fn housekeeping(
    store: Store,
    totals: Totals,
    every: Duration,
    cancel: CancellationToken,
) -> (&'static str, Result<(), NodeError>) {
    while cancel
        .run_until_cancelled(tokio::time::sleep(every))
        .await
        .is_some()
    {
        totals.say();
        match store.prune(Timestamp::now()).await {
            Ok(pruned) => info!(?pruned, "retention applied"),
            Err(StoreError::Closed) => break,
            // A full disk passes; a database that is lost shows at the next commit.
            Err(error) => warn!(%error, again_in = ?every, "retention was not applied"),
        }
    }
    ("housekeeping", Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_is_told_an_address_peers_can_come_to_where_there_is_one() {
        let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
        let (home, lan) = (
            address("/ip4/127.0.0.1/tcp/1"),
            address("/ip4/192.0.2.1/tcp/1"),
        );
        assert_eq!(announced(&[home.clone(), lan.clone()]), Some(&lan));
        assert_eq!(
            announced(&[address("/ip6/::1/tcp/1"), home.clone()]),
            Some(&address("/ip6/::1/tcp/1"))
        );
        assert_eq!(announced(&[]), None);
    }
}
