//! What Slips says comes in, on a connection that is made again whenever it is lost.
//!
//! One connection both subscribes and commands (RESP3), so the same PING that watches the server
//! watches the subscription. A server that does not answer keeps the connection: what Slips says
//! when the server goes on would be lost otherwise. It is replaced only when the server answers a
//! new one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    counters::Counters,
    link::{ANSWER_WITHIN, CONNECT_WITHIN, Identity, identity, kill, replaced},
    queue::{Entrance, Inbound},
    said::{Backoff, Said},
    url::{Server, explain},
    version::Learner,
};
use crate::wire::slips::{Accept, FromSlips, parse_from_slips};

/// How often the server is asked whether it is there.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// The longest pause between attempts: back within a second of the server.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Of the messages that cannot be read, one in this many is said.
const SAY_ONE_IN: u64 = 1000;

/// The task that listens.
pub(super) struct Subscriber {
    pub(super) server: Server,
    pub(super) channel: String,
    pub(super) ear: Arc<Ear>,
    pub(super) multiaddress: watch::Receiver<Option<String>>,
    pub(super) cancel: CancellationToken,
}

/// What is done with each message as it arrives; never waits.
pub(super) struct Ear {
    pub(super) entrance: Entrance,
    pub(super) version: Learner,
    pub(super) counters: Arc<Counters>,
}

/// A confirmed subscription.
pub(super) struct Session {
    connection: MultiplexedConnection,
    identity: Option<Identity>,
    lost: Arc<Notify>,
}

/// Why a session is over.
enum End {
    Cancelled,
    Lost(&'static str),
    Replaced(Session),
}

impl Subscriber {
    /// One attempt to connect and subscribe; confirmed by the server when it returns.
    pub(super) async fn subscribe(&self, replaces: Option<&Identity>) -> RedisResult<Session> {
        let lost = Arc::new(Notify::new());
        let (ear, notify) = (self.ear.clone(), lost.clone());
        let hear = move |push: PushInfo| -> Result<(), ()> {
            match push.kind {
                PushKind::Message => ear.hear(&push.data),
                PushKind::Disconnection => notify.notify_one(),
                _ => {}
            }
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None)
            .set_push_sender(hear);
        let steps = async {
            let mut connection = self.server.connect(&config).await?;
            let identity = identity(&mut connection).await?;
            let old = replaced(replaces, identity.as_ref());
            self.take_over(&connection, old).await?;
            Ok(Session {
                connection,
                identity,
                lost,
            })
        };
        match tokio::time::timeout(CONNECT_WITHIN + ANSWER_WITHIN, steps).await {
            Ok(session) => session,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// Subscribes and makes the server drop the old subscription. Both go out in one piece, the
    /// end of the old one first: two subscriptions of ours at once would look like Slips to the
    /// publisher, and between none and one a message could be lost.
    async fn take_over(
        &self,
        connection: &MultiplexedConnection,
        old: Option<i64>,
    ) -> RedisResult<()> {
        let (mut killer, mut subscriber) = (connection.clone(), connection.clone());
        let end_the_old = async {
            match old {
                Some(old) => kill(&mut killer, old).await,
                None => Ok(()),
            }
        };
        let (killed, subscribed) =
            tokio::join!(biased; end_the_old, subscriber.subscribe(&self.channel));
        killed.and(subscribed)
    }

    /// Listens until cancelled, beginning with a confirmed subscription.
    pub(super) async fn run(mut self, mut session: Session) {
        let mut said = Said::default();
        let cancel = self.cancel.clone();
        loop {
            match self.listen(&mut session, &mut said).await {
                End::Cancelled => break,
                End::Replaced(new) => session = new,
                End::Lost(why) => {
                    self.ear.counters.set_away(true);
                    said.trouble(&format!("the connection to {} is lost: {why}", self.server));
                    let again = cancel
                        .run_until_cancelled(self.again(session.identity.as_ref(), &mut said))
                        .await;
                    let Some(new) = again else { break };
                    session = new;
                }
            }
            self.ear.counters.set_away(false);
            said.over(&format!(
                "listening to `{}` on {} again",
                self.channel, self.server
            ));
            Counters::add(&self.ear.counters.reconnected, 1);
        }
        self.ear.entrance.close();
    }

    /// Tries until there is a subscription.
    async fn again(&self, replaces: Option<&Identity>, said: &mut Said) -> Session {
        let mut backoff = Backoff::up_to(TRY_AGAIN);
        loop {
            match self.subscribe(replaces).await {
                Ok(session) => return session,
                Err(error) => said.trouble(&format!(
                    "cannot listen to `{}` on {}, trying again: {}",
                    self.channel,
                    self.server,
                    explain(&error)
                )),
            }
            backoff.pause().await;
        }
    }

    async fn listen(&mut self, session: &mut Session, said: &mut Said) -> End {
        let (mut set_again, mut announcing) = (true, true);
        loop {
            if set_again {
                set_again = !self.announce(&mut session.connection, said).await;
            }
            tokio::select! {
                () = self.cancel.cancelled() => return End::Cancelled,
                () = session.lost.notified() => return End::Lost("the server closed it"),
                changed = self.multiaddress.changed(), if announcing => {
                    announcing = changed.is_ok();
                    set_again = announcing;
                }
                () = tokio::time::sleep(WATCH_EVERY) => {
                    if let Some(end) = self.watch(session, said).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Asks whether the server is there; while it is silent, also tries a new connection.
    async fn watch(&self, session: &mut Session, said: &mut Said) -> Option<End> {
        let mut connection = session.connection.clone();
        let ping = async move {
            redis::cmd("PING")
                .query_async::<Value>(&mut connection)
                .await
        };
        tokio::pin!(ping);
        let answer = tokio::select! {
            answer = &mut ping => Some(answer),
            () = self.cancel.cancelled() => return Some(End::Cancelled),
            () = session.lost.notified() => return Some(End::Lost("the server closed it")),
            () = tokio::time::sleep(ANSWER_WITHIN) => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => {
                self.ear.counters.set_away(true);
                said.trouble(&format!(
                    "{} does not answer: see whether it is overloaded or stopped",
                    self.server
                ));
                tokio::select! {
                    answer = &mut ping => answer,
                    () = self.cancel.cancelled() => return Some(End::Cancelled),
                    () = session.lost.notified() => return Some(End::Lost("the server closed it")),
                    new = self.again(session.identity.as_ref(), said) => return Some(End::Replaced(new)),
                }
            }
        };
        match answer {
            Ok(_) => {
                self.ear.counters.set_away(false);
                said.over(&format!("{} answers again", self.server));
                None
            }
            Err(error) if error.is_io_error() || error.is_unrecoverable_error() => {
                Some(End::Lost("it broke"))
            }
            // A server that is loading or refuses is there.
            Err(_) => None,
        }
    }

    /// Sets the address peers reach this node under; whether there is nothing left to do.
    async fn announce(&mut self, connection: &mut MultiplexedConnection, said: &mut Said) -> bool {
        let Some(address) = self.multiaddress.borrow_and_update().clone() else {
            return true;
        };
        let mut command = redis::cmd("SET");
        command.arg("multiAddress").arg(address);
        match tokio::time::timeout(ANSWER_WITHIN, command.exec_async(connection)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => said.trouble(&format!(
                "cannot set the key multiAddress on {}: {}",
                self.server,
                explain(&error)
            )),
            Err(_) => {}
        }
        false
    }
}

impl Ear {
    /// Takes one message; `data` is the channel and the payload.
    fn hear(&self, data: &[Value]) {
        let Some(Value::BulkString(payload)) = data.last() else {
            return;
        };
        match parse_from_slips(payload, Accept::AnyLine) {
            Ok(FromSlips::Own) => Counters::add(&self.counters.own, 1),
            Ok(FromSlips::StopProcess) => self.take(Inbound::StopProcess),
            Ok(FromSlips::Send {
                recipient,
                message,
                version,
            }) => {
                if let Some(version) = version {
                    self.version.heard(&version, "a message of Slips");
                }
                self.take(Inbound::Send { recipient, message });
            }
            Err(fault) => {
                if let Some(so_far) = to_be_said(&self.counters.refused) {
                    tracing::warn!(
                        "a message from Slips cannot be read and is left out ({so_far} so far): {fault}"
                    );
                }
            }
        }
    }

    fn take(&self, item: Inbound) {
        if self.entrance.offer(item) {
            Counters::add(&self.counters.received, 1);
        } else if let Some(so_far) = to_be_said(&self.counters.dropped) {
            tracing::warn!(
                "the queue of messages from Slips is full, {so_far} dropped so far: Slips says more than the peers take"
            );
        }
    }
}

/// Counts one; gives the count when it is time to say it.
fn to_be_said(counter: &AtomicU64) -> Option<u64> {
    let before = counter.fetch_add(1, Ordering::Relaxed);
    before.is_multiple_of(SAY_ONE_IN).then_some(before + 1)
}
