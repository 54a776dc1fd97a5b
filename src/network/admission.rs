//! A transport that never lets half-open connections lock others out: when too many are still
//! shaking hands, the oldest from the busiest place is cut off, not the newest refused.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::{
    FutureExt,
    future::{AbortHandle, Abortable, BoxFuture},
};
use libp2p::{
    Multiaddr,
    core::{
        Transport,
        transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    },
};

use super::guard::{ip_of, network_of};

/// Who is still shaking hands, by time of arrival.
#[derive(Default)]
struct Pending {
    arrivals: BTreeMap<u64, (Option<IpAddr>, AbortHandle)>,
    places: HashMap<Option<IpAddr>, usize>,
    next: u64,
}

impl Pending {
    fn arrive(&mut self, place: Option<IpAddr>, abort: AbortHandle, max: usize) -> u64 {
        if self.arrivals.len() >= max {
            self.cut_off();
        }
        let number = self.next;
        self.next += 1;
        self.arrivals.insert(number, (place, abort));
        *self.places.entry(place).or_default() += 1;
        number
    }

    fn cut_off(&mut self) {
        let busiest = self
            .places
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(place, _)| *place);
        let oldest = self
            .arrivals
            .iter()
            .find(|(_, (place, _))| Some(*place) == busiest)
            .map(|(n, _)| *n);
        if let Some(number) = oldest
            && let Some(abort) = self.leave(number)
        {
            abort.abort();
        }
    }

    fn leave(&mut self, number: u64) -> Option<AbortHandle> {
        let (place, abort) = self.arrivals.remove(&number)?;
        if let Some(count) = self.places.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&place);
            }
        }
        Some(abort)
    }
}

/// Takes an arrival off the list when its handshake ends, however it ends.
struct Ticket {
    number: u64,
    pending: Arc<Mutex<Pending>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.pending).leave(self.number);
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The transport around the real one.
pub(crate) struct Admission<T> {
    inner: T,
    max: usize,
    pending: Arc<Mutex<Pending>>,
}

impl<T> Admission<T> {
    /// At most `max` handshakes of others at once; 0 counts as 1.
    pub(crate) fn new(inner: T, max: usize) -> Self {
        Self {
            inner,
            max: max.max(1),
            pending: Arc::default(),
        }
    }
}

impl<T> Admission<T>
where
    T: Transport<Error = io::Error>,
    T::ListenerUpgrade: Send + 'static,
{
    fn admit(
        &self,
        upgrade: T::ListenerUpgrade,
        from: &Multiaddr,
    ) -> BoxFuture<'static, io::Result<T::Output>> {
        let (abort, registration) = AbortHandle::new_pair();
        let number = lock(&self.pending).arrive(ip_of(from).map(network_of), abort, self.max);
        let ticket = Ticket {
            number,
            pending: Arc::clone(&self.pending),
        };
        let handshake = Abortable::new(upgrade, registration);
        async move {
            let _ticket = ticket;
            let cut_off =
                |_| io::Error::new(io::ErrorKind::TimedOut, "too many half-open connections");
            handshake.await.map_err(cut_off)?
        }
        .boxed()
    }
}

impl<T> Transport for Admission<T>
where
    T: Transport<Error = io::Error> + Unpin,
    T::ListenerUpgrade: Send + 'static,
{
    type Output = T::Output;
    type Error = io::Error;
    type ListenerUpgrade = BoxFuture<'static, io::Result<T::Output>>;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        opts: DialOpts,
    ) -> Result<T::Dial, TransportError<io::Error>> {
        self.inner.dial(address, opts)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx).map(|event| {
            let from = match &event {
                TransportEvent::Incoming { send_back_addr, .. } => send_back_addr.clone(),
                _ => Multiaddr::empty(),
            };
            event.map_upgrade(|upgrade| self.admit(upgrade, &from))
        })
    }
}
