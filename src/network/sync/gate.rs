//! How what a peer sends by sync gets to the node: at a rate of its own, and in its turn.

use std::{net::IpAddr, sync::Arc};

use libp2p::PeerId;
use tokio::sync::Mutex;

use super::{FRAMES_BURST, FRAMES_PER_SECOND, MAX_SYNC_FRAME_BYTES, SessionId, SyncEvent};
use crate::{
    domain::Neighbour,
    network::{
        Settings,
        guard::network_of,
        lines::{self, Closed, Group, Source},
        pigeon::{Allowance, Budget, Rate},
        standing::Pass,
    },
};

/// The part of the rate that a stranger has: a frame may be an answer we wait for or carry others'
/// entries, so the rate of its own lines would starve what it is asked for.
const NEWCOMERS_SHARE: u32 = 4;

/// What one peer may send.
pub(super) fn allowance(settings: &Settings) -> Allowance {
    Allowance {
        per_second: FRAMES_PER_SECOND,
        burst: FRAMES_BURST,
        newcomers_per_second: FRAMES_PER_SECOND / NEWCOMERS_SHARE,
        newcomers_burst: FRAMES_BURST / NEWCOMERS_SHARE,
        bytes_per_second: settings.bytes_per_second,
        longest: MAX_SYNC_FRAME_BYTES,
    }
}

/// What all connections of one peer share.
pub(super) struct Way {
    pub(super) source: Source<SyncEvent>,
    pub(super) rate: Rate,
    pub(super) pass: Arc<Pass>,
    /// Beginnings and ends of its sessions are told in the order in which they happened.
    pub(super) telling: Mutex<()>,
}

/// The way in of one connection's peer.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) peer: PeerId,
    pub(super) ip: IpAddr,
    pub(super) way: Arc<Way>,
    /// What all peers of its network may send together.
    pub(super) network: Arc<Budget>,
}

impl Gate {
    /// Tells the node, when there is room, and does `then` just before it can hear of it.
    pub(super) async fn tell(&self, event: SyncEvent, then: impl FnOnce()) -> Result<(), Closed> {
        let group = Group::of(&self.way.pass, self.peer, self.ip);
        let cost = match &event {
            SyncEvent::Frame { bytes, .. } => lines::cost(bytes.len()),
            _ => 1,
        };
        self.way.source.send_then(group, event, cost, then).await
    }

    /// Hands a frame over when its time has come and there is room. Who is too fast is held back and
    /// not blamed for it: the window of its stream tells it.
    pub(super) async fn hand_over(&self, session: SessionId, bytes: Vec<u8>) -> Result<(), Closed> {
        self.way.rate.admit(&self.network, bytes.len()).await;
        let frame = SyncEvent::Frame {
            from: Neighbour(self.peer),
            session,
            bytes,
        };
        self.tell(frame, || {}).await
    }

    /// The network whose share the peer is on; `None`: it has its own.
    pub(super) fn network(&self) -> Option<IpAddr> {
        (!self.way.pass.is_chosen()).then(|| network_of(self.ip))
    }
}
