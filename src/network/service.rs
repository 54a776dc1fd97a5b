//! The loop: waits in one function, acts in plain ones.

mod acts;
mod chosen;
mod dials;
mod leaving;
mod meet;
mod outbox;
mod presence;
mod strangers;
mod talk;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    swarm::{ConnectionId, SwarmEvent},
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{chosen::Chosen, leaving::Leaving, outbox::Outbox};
use super::{
    Event, Known, Settings,
    behaviour::{Behaviour, BehaviourEvent},
    book::{Book, Now, Spacing, Target},
    compact::Compact,
    handle::{Command, Queues},
    link::{Link, Pace},
    listen::Listening,
    standing::{Standing, Standings},
};
use crate::domain::{Hello, Timestamp};
pub(super) use presence::Unheard;

/// How often pings, bans and forgotten queues are looked at.
const TICK: Duration = Duration::from_secs(1);
/// A tick that comes this late means that the process stood still, not that its peers were silent.
const STOOD_STILL: Duration = Duration::from_secs(5);

/// What the loop woke up for.
enum Wake {
    Swarm(Box<SwarmEvent<BehaviourEvent>>),
    Command(Option<Command>),
    Room(Box<mpsc::OwnedPermit<Event>>),
    Found(PeerId, Multiaddr),
    Deaf,
    Time,
}

/// The loop's ends of what connects it with the rest.
pub(super) struct Ends {
    pub(super) events: mpsc::Sender<Event>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Peers multicast DNS has found.
    pub(super) found: mpsc::Receiver<(PeerId, Multiaddr)>,
    pub(super) queues: watch::Sender<Queues>,
    /// Where we listen, for multicast DNS.
    pub(super) addresses: watch::Sender<Vec<Multiaddr>>,
    pub(super) deaf: CancellationToken,
    pub(super) standings: Arc<Standings>,
    /// What we say of ourselves.
    pub(super) own: watch::Sender<Arc<Hello>>,
}

/// The owner of the swarm.
pub(super) struct Service {
    settings: Arc<Settings>,
    swarm: Swarm<Compact<Behaviour>>,
    commands: mpsc::Receiver<Command>,
    found: mpsc::Receiver<(PeerId, Multiaddr)>,
    queues: watch::Sender<Queues>,
    addresses: watch::Sender<Vec<Multiaddr>>,
    deaf: CancellationToken,
    outbox: Outbox,
    book: Book,
    links: HashMap<PeerId, Link>,
    dials: HashMap<ConnectionId, Target>,
    listeners: Vec<ListenerId>,
    /// What happened before the loop began.
    early: Vec<SwarmEvent<BehaviourEvent>>,
    deafened: bool,
    /// Until when; `None`: until it is lifted.
    bans: HashMap<PeerId, Option<Timestamp>>,
    /// What the operator says of peers.
    chosen: Chosen,
    leaving: Option<Leaving>,
    standings: Arc<Standings>,
    own: watch::Sender<Arc<Hello>>,
    /// What peers said when they left, until they are back.
    farewells: HashMap<PeerId, String>,
    pace: Pace,
    rng: StdRng,
    last_tick: Instant,
    /// Nobody is blamed for silence until then.
    excused_until: Instant,
}

impl Service {
    pub(super) fn new(
        settings: Arc<Settings>,
        swarm: Swarm<Compact<Behaviour>>,
        listening: Listening,
        ends: Ends,
    ) -> Self {
        let mut rng = settings
            .seed
            .map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        let (spacing, pace) = paces(&settings);
        let now = Instant::now();
        Self {
            book: Book::new(
                spacing,
                settings.max_known_peers,
                StdRng::from_rng(&mut rng),
            ),
            outbox: Outbox::new(ends.events),
            links: HashMap::new(),
            dials: HashMap::new(),
            listeners: listening.listeners,
            early: listening.early,
            deafened: false,
            bans: HashMap::new(),
            chosen: Chosen::default(),
            leaving: None,
            standings: ends.standings,
            own: ends.own,
            farewells: HashMap::new(),
            last_tick: now,
            excused_until: now,
            settings,
            swarm,
            commands: ends.commands,
            found: ends.found,
            queues: ends.queues,
            addresses: ends.addresses,
            deaf: ends.deaf,
            pace,
            rng,
        }
    }

    /// Who is to be dialled, and who must not be.
    pub(super) fn with_peers(mut self, known: Vec<Known>, banned: Vec<PeerId>) -> Self {
        let now = Instant::now();
        self.bans
            .extend(banned.into_iter().map(|peer| (peer, None)));
        let settings = Arc::clone(&self.settings);
        settings
            .static_peers
            .iter()
            .for_each(|address| self.book.add_fixed(address, now));
        let local = *self.swarm.local_peer_id();
        let standings = Arc::clone(&self.standings);
        let is_wanted = |peer: &PeerId| *peer != local && standings.of(peer) != Standing::Refused;
        for known in known.into_iter().filter(|known| is_wanted(&known.peer)) {
            self.book
                .add_known(known.peer, &known.addresses, known.greeted, now);
        }
        self.choose_from_settings();
        self.bans.keys().for_each(|peer| self.book.rest(*peer));
        self
    }

    /// Runs until it has said goodbye or every handle is gone.
    pub(super) async fn run(mut self) {
        std::mem::take(&mut self.early)
            .into_iter()
            .for_each(|event| self.on_swarm(event));
        loop {
            let wake = self.wait().await;
            self.act(wake);
            if self
                .leaving
                .as_ref()
                .is_some_and(|leaving| leaving.is_over(&self.links))
            {
                break;
            }
        }
        self.queues.send_replace(Queues::default());
        self.outbox.finish();
        if let Some(leaving) = self.leaving.take() {
            leaving.done();
        }
    }

    async fn wait(&mut self) -> Wake {
        let until = self.next_time();
        let deaf = self.deaf.clone();
        let hears = !self.deafened;
        tokio::select! {
            biased;
            command = self.commands.recv(), if self.leaving.is_none() => Wake::Command(command),
            Some(permit) = self.outbox.room() => Wake::Room(Box::new(permit)),
            () = deaf.cancelled(), if hears => Wake::Deaf,
            Some((peer, address)) = self.found.recv() => Wake::Found(peer, address),
            () = sleep_until(until) => Wake::Time,
            event = self.swarm.select_next_some() => Wake::Swarm(Box::new(event)),
        }
    }

    fn act(&mut self, wake: Wake) {
        match wake {
            Wake::Swarm(event) => self.on_swarm(*event),
            Wake::Command(Some(Command::Ban(peer, until))) => self.ban(peer, until),
            Wake::Command(Some(Command::Unban(peer))) => self.unban(peer),
            Wake::Command(Some(Command::Goodbye(limit, done))) => self.leave(limit, Some(done)),
            Wake::Command(Some(chosen)) => self.choose(chosen),
            Wake::Command(None) => self.leave(self.settings.write_timeout, None),
            Wake::Room(permit) => self.outbox.send(*permit),
            Wake::Found(peer, address) => self.found(peer, &address),
            Wake::Deaf => self.stop_listening(),
            Wake::Time => self.on_time(Now::read()),
        }
        self.dial_due(Now::read());
    }

    fn next_time(&self) -> Instant {
        let tick = self.last_tick + TICK;
        let dial = if self.may_dial() {
            self.book.next_due()
        } else {
            let stays = self.leaving.is_none();
            self.book.next_due_fixed().filter(|_| stays)
        };
        let leave = self.leaving.as_ref().map(Leaving::next_time);
        [Some(tick), dial, leave]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(tick)
    }

    fn may_dial(&self) -> bool {
        self.leaving.is_none() && self.book.dialling() < self.settings.max_pending_dials
    }
}

fn paces(settings: &Settings) -> (Spacing, Pace) {
    let spacing = Spacing {
        min: settings.backoff_min,
        max: settings.backoff_max,
        unreachable_after: settings.unreachable_after,
    };
    let pace = Pace {
        after_min: settings.ping_after_min,
        after_max: settings.ping_after_max,
        lost_after: settings.lost_after,
    };
    (spacing, pace)
}
