//! Raw `/slips/1.0` streams on a libp2p swarm: every inbound stream is handed out, every request for
//! an outbound one is answered; nothing is limited, as the pigeon limits nothing.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    convert::Infallible,
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, dial_opts::DialOpts, handler::ConnectionEvent,
    },
};
use tokio::sync::oneshot;

/// Where an opened stream, or the reason why there is none, goes.
pub type Reply = oneshot::Sender<Result<Stream, String>>;

/// A stream that a peer opened.
#[derive(Debug)]
pub struct Arrived {
    /// By whom.
    pub peer: PeerId,
    /// The stream, the protocol already agreed.
    pub stream: Stream,
}

/// Raw streams to and from every peer.
pub struct Lines {
    protocol: StreamProtocol,
    connected: HashSet<PeerId>,
    wanted: HashMap<PeerId, Vec<Reply>>,
    events: VecDeque<ToSwarm<Arrived, Reply>>,
    waker: Option<Waker>,
}

impl Lines {
    /// Streams of one protocol.
    pub fn new(protocol: StreamProtocol) -> Self {
        Self {
            protocol,
            connected: HashSet::new(),
            wanted: HashMap::new(),
            events: VecDeque::new(),
            waker: None,
        }
    }

    /// Opens a stream, dialling first when there is no connection.
    pub fn open(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, reply: Reply) {
        if self.connected.contains(&peer) {
            self.notify(peer, reply);
        } else {
            self.wanted.entry(peer).or_default().push(reply);
            let opts = DialOpts::peer_id(peer).addresses(addresses).build();
            self.push(ToSwarm::Dial { opts });
        }
    }

    fn notify(&mut self, peer_id: PeerId, event: Reply) {
        self.push(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::Any,
            event,
        });
    }

    fn push(&mut self, event: ToSwarm<Arrived, Reply>) {
        self.events.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self) -> Handler {
        Handler {
            protocol: self.protocol.clone(),
            asked: VecDeque::new(),
            arrived: VecDeque::new(),
            waker: None,
        }
    }
}

impl NetworkBehaviour for Lines {
    type ConnectionHandler = Handler;
    type ToSwarm = Arrived;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(made) => {
                self.connected.insert(made.peer_id);
                for reply in self.wanted.remove(&made.peer_id).unwrap_or_default() {
                    self.notify(made.peer_id, reply);
                }
            }
            FromSwarm::ConnectionClosed(closed) if closed.remaining_established == 0 => {
                self.connected.remove(&closed.peer_id);
            }
            FromSwarm::DialFailure(failure) => {
                // A dial that was one too many fails because another one is under way or done.
                let Some(peer) = failure
                    .peer_id
                    .filter(|peer| !self.connected.contains(peer))
                else {
                    return;
                };
                for reply in self.wanted.remove(&peer).unwrap_or_default() {
                    let _ = reply.send(Err(failure.error.to_string()));
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        stream: THandlerOutEvent<Self>,
    ) {
        self.push(ToSwarm::GenerateEvent(Arrived { peer, stream }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Arrived, THandlerInEvent<Self>>> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The streams of one connection.
pub struct Handler {
    protocol: StreamProtocol,
    asked: VecDeque<Reply>,
    arrived: VecDeque<Stream>,
    waker: Option<Waker>,
}

impl Handler {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Reply;
    type ToBehaviour = Stream;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    /// The pigeon never closes a connection by itself.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Reply, Stream>> {
        if let Some(stream) = self.arrived.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream));
        }
        if let Some(reply) = self.asked.pop_front() {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), reply);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, reply: Reply) {
        self.asked.push_back(reply);
        self.wake();
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol, (), Reply>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => {
                self.arrived.push_back(inbound.protocol);
                self.wake();
            }
            // The one who asked may have given up by now.
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => {
                drop(outbound.info.send(Ok(outbound.protocol)))
            }
            ConnectionEvent::DialUpgradeError(failed) => {
                drop(failed.info.send(Err(reason(&failed.error))))
            }
            _ => {}
        }
    }
}

fn reason(error: &StreamUpgradeError<Infallible>) -> String {
    error.to_string()
}
