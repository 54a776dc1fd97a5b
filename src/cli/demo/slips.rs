//! A stand-in Slips of the demo: what a Slips says and hears on its own Redis server.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use futures::StreamExt as _;
use redis::{Client, aio::MultiplexedConnection};
use serde_json::Value;
use tokio::{sync::mpsc, time};

/// The channel from Slips to the node.
pub const FROM_SLIPS: &str = "p2p_pygo";
/// The channel from the node to Slips, as current Slips has it.
pub const TO_SLIPS: &str = "p2p_gopy";
/// Slips' cache database, where opinions are written back.
const CACHE: u8 = 1;
/// More than the whole story brings, so that the subscription never waits for the story.
const HEARD_QUEUE: usize = 4096;
/// A local server answers in milliseconds; this is for a machine that is busy building.
const REDIS_LIMIT: Duration = Duration::from_secs(5);
/// How often a value that nobody announces is looked up.
const LOOK_UP: Duration = Duration::from_millis(10);

/// One message from the node.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The message.
    pub message: Value,
    /// When it came, in seconds since 1970.
    pub at: f64,
}

impl Heard {
    /// The contents, when it is a message of this type.
    pub fn of_type(&self, kind: &str) -> Option<&Value> {
        (self.message["message_type"] == kind).then(|| &self.message["message_contents"])
    }
}

/// A Slips on its Redis server.
pub struct Slips {
    commands: MultiplexedConnection,
    cache: MultiplexedConnection,
    incoming: mpsc::Receiver<Heard>,
    /// Everything heard, oldest first.
    pub heard: Vec<Heard>,
}

impl Slips {
    /// Connects and listens to what the node says.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn connect(port: u16) -> anyhow::Result<Self> {
        let client = |db: u8| Client::open(format!("redis://127.0.0.1:{port}/{db}"));
        let commands = client(0)?.get_multiplexed_async_connection().await?;
        let cache = client(CACHE)?.get_multiplexed_async_connection().await?;
        let mut subscription = client(0)?.get_async_pubsub().await?;
        subscription.subscribe(TO_SLIPS).await?;
        let (heard, incoming) = mpsc::channel(HEARD_QUEUE);
        tokio::spawn(async move {
            let mut messages = subscription.into_on_message();
            while let Some(message) = messages.next().await {
                let text: String = message.get_payload().unwrap_or_default();
                // What is no JSON is kept as text, for the checks to find.
                let message = serde_json::from_str(&text).unwrap_or(Value::String(text));
                if heard.send(Heard { message, at: now() }).await.is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            commands,
            cache,
            incoming,
            heard: Vec::new(),
        })
    }

    /// Waits until a server that was just started takes connections.
    ///
    /// # Errors
    /// It does not within a few seconds.
    pub async fn wait_for_server(port: u16) -> anyhow::Result<Self> {
        let start = Instant::now();
        loop {
            match Self::connect(port).await {
                Ok(slips) => return Ok(slips),
                Err(error) if start.elapsed() > REDIS_LIMIT => {
                    return Err(
                        error.context(format!("redis-server on port {port} does not answer"))
                    );
                }
                Err(_) => time::sleep(LOOK_UP).await,
            }
        }
    }

    /// Publishes a text for the node as it stands.
    ///
    /// # Errors
    /// Redis fails, or no node listens.
    pub async fn publish(&mut self, payload: &str) -> anyhow::Result<()> {
        let heard_by: u32 = redis::cmd("PUBLISH")
            .arg(FROM_SLIPS)
            .arg(payload)
            .query_async(&mut self.commands)
            .await?;
        if heard_by == 0 {
            bail!("nobody listens on {FROM_SLIPS}");
        }
        Ok(())
    }

    /// What the node wrote to `multiAddress` when it was ready.
    ///
    /// # Errors
    /// Redis fails, or the node is not ready in time.
    pub async fn multiaddress(&mut self, limit: Duration) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let value: Option<String> = redis::cmd("GET")
                .arg("multiAddress")
                .query_async(&mut self.commands)
                .await?;
            match value {
                Some(address) => return Ok(address),
                None if start.elapsed() > limit => {
                    bail!("the node did not write multiAddress within {limit:?}")
                }
                None => time::sleep(LOOK_UP).await,
            }
        }
    }

    /// Makes this Slips hold an opinion of its own, which it would tell peers that ask.
    ///
    /// # Errors
    /// Redis fails.
    pub async fn hold_opinion(
        &mut self,
        ip: &str,
        score: f64,
        confidence: f64,
    ) -> anyhow::Result<()> {
        for (hash, number) in [("IPsInfo:score", score), ("IPsInfo:confidence", confidence)] {
            redis::cmd("HSET")
                .arg(hash)
                .arg(ip)
                .arg(number)
                .exec_async(&mut self.cache)
                .await?;
        }
        Ok(())
    }

    /// The network's opinion of an address as the node wrote it back, once `wanted` takes it; the
    /// last one seen when the limit is over.
    ///
    /// # Errors
    /// Redis fails, or what is there is no JSON.
    pub async fn opinion(
        &mut self,
        ip: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Option<Value>> {
        let start = Instant::now();
        loop {
            let text: Option<String> = redis::cmd("HGET")
                .arg("IPsInfo:p2p4slips")
                .arg(ip)
                .query_async(&mut self.cache)
                .await?;
            let value: Option<Value> = text
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .context("IPsInfo:p2p4slips")?;
            if value.as_ref().is_some_and(&wanted) || start.elapsed() > limit {
                return Ok(value);
            }
            time::sleep(LOOK_UP).await;
        }
    }

    /// Waits until `wanted` takes a message; those heard before count too.
    ///
    /// # Errors
    /// None came in time; the error says what was waited for.
    pub async fn wait<T>(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Heard) -> Option<T>,
    ) -> anyhow::Result<T> {
        if let Some(found) = self.heard.iter().find_map(&wanted) {
            return Ok(found);
        }
        self.next(what, limit, wanted).await
    }

    async fn next<T>(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Heard) -> Option<T>,
    ) -> anyhow::Result<T> {
        let end = time::Instant::now() + limit;
        loop {
            let heard = time::timeout_at(end, self.incoming.recv())
                .await
                .map_err(|_| anyhow!("waited {limit:?} in vain for {what}"))?
                .context("Redis is gone")?;
            let found = wanted(&heard);
            self.heard.push(heard);
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    /// Waits until a message of a reporter has come for the n-th time.
    ///
    /// # Errors
    /// It has not come in time.
    pub async fn wait_for_data(
        &mut self,
        reporter: &str,
        message: &str,
        times: usize,
        limit: Duration,
    ) -> anyhow::Result<()> {
        let is_it = |heard: &Heard| {
            heard
                .of_type("go_data")
                .is_some_and(|c| c["reporter"] == reporter && c["message"] == message)
        };
        let came = self.heard.iter().filter(|heard| is_it(heard)).count();
        for _ in came..times {
            self.next(&format!("{message} from {reporter}"), limit, |heard| {
                is_it(heard).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    /// Takes what has come by now.
    pub fn catch_up(&mut self) {
        while let Ok(heard) = self.incoming.try_recv() {
            self.heard.push(heard);
        }
    }
}

/// Seconds since 1970 by this host's clock.
pub fn now() -> f64 {
    crate::domain::Timestamp::now().as_secs_f64()
}
