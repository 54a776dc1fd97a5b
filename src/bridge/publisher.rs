//! Messages for Slips go out, strictly in the order of the outbox.
//!
//! A batch is one transaction: no subscriber can come or go within it, so it reaches Slips whole
//! or not at all, and what is sent again is never overtaken by what follows it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    counters::Counters,
    link::Link,
    outbox::{Backlog, Feed},
    said::{Backoff, Said},
    url::explain,
    version,
};
use crate::{
    domain::{Content, Parcel, ParcelId},
    wire::slips::with_version,
};

/// Bytes in one transaction: Redis holds it, every subscriber's copy and our own at once.
const AT_ONCE_BYTES: usize = 1024 * 1024;
/// The longest pause between attempts to publish.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How often the server is asked for subscribers while there are too few.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The task that delivers.
pub(super) struct Publisher<B> {
    pub(super) link: Link,
    pub(super) channel: String,
    /// Receivers without which a message did not reach Slips: one, and one more where our own
    /// subscriber sits on the same channel. That one is there at most once, because a new one
    /// makes the server drop the old one first.
    pub(super) needed: i64,
    pub(super) feed: Feed<B>,
    pub(super) version: version::Reader,
    pub(super) published: watch::Sender<ParcelId>,
    pub(super) counters: Arc<Counters>,
    pub(super) said: Said,
}

impl<B: Backlog> Publisher<B> {
    /// Delivers until the outbox is closed and empty.
    pub(super) async fn run(mut self) {
        while let Some((parcels, up_to)) = self.feed.next().await {
            let message = |parcel: Parcel| match parcel.content {
                Content::Publish(message) => Some(message),
                Content::WriteBack(..) | Content::Withdraw(_) => None,
            };
            let messages: Vec<String> = parcels.into_iter().filter_map(message).collect();
            if !messages.is_empty() {
                self.deliver(&messages).await;
            }
            self.published.send_replace(up_to);
        }
    }

    async fn deliver(&mut self, messages: &[String]) {
        let mut backoff = Backoff::up_to(TRY_AGAIN);
        let mut left = messages;
        let mut at_once = left.len();
        let mut again = false;
        while !left.is_empty() {
            let (now, later) = left.split_at(portion(left, at_once));
            if again {
                Counters::add(&self.counters.resent, now.len());
            }
            match self.publish(now).await {
                Ok(true) => {
                    self.said.over("Slips takes messages again");
                    Counters::add(&self.counters.delivered, now.len());
                    left = later;
                    again = false;
                }
                Ok(false) => {
                    self.say_nobody_listens();
                    self.wait_for_subscriber().await;
                    again = true;
                }
                // A server without memory takes no transaction, but single messages.
                Err(error) if at_once > 1 && error.clone().into_server_errors().is_some() => {
                    at_once = 1;
                }
                Err(error) => {
                    self.said.trouble(&format!(
                        "cannot publish to {}, what is meant for Slips is kept: {}",
                        self.link.server(),
                        explain(&error)
                    ));
                    backoff.pause().await;
                    again = true;
                }
            }
        }
    }

    fn say_nobody_listens(&mut self) {
        let nobody = if self.needed > 1 {
            "nobody but this node"
        } else {
            "nobody"
        };
        self.said.trouble(&format!(
            "{nobody} listens to `{}` on {}: what is meant for Slips is kept until it does; is Slips running, and is this the channel it listens to?",
            self.channel,
            self.link.server()
        ));
    }

    /// One attempt; whether enough received it. The version is looked up each time: Slips may
    /// have come back with another one.
    async fn publish(&mut self, messages: &[String]) -> redis::RedisResult<bool> {
        let version = self.version.get().await;
        let mut commands = redis::Pipeline::with_capacity(messages.len());
        if messages.len() > 1 {
            commands.atomic();
        }
        for message in messages {
            let payload = with_version(message, version.as_deref());
            commands.cmd("PUBLISH").arg(&self.channel).arg(payload);
        }
        let receivers: Vec<i64> = self.link.ask(&commands).await?;
        Ok(receivers.len() == messages.len() && receivers.iter().all(|n| *n >= self.needed))
    }

    /// Returns when there are subscribers again, or when that cannot be found out.
    async fn wait_for_subscriber(&mut self) {
        let mut question = redis::pipe();
        question.cmd("PUBSUB").arg("NUMSUB").arg(&self.channel);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.link.ask::<Vec<(String, i64)>>(&question).await {
                Ok(answer) if answer.iter().all(|(_, n)| *n < self.needed) => {}
                _ => return,
            }
        }
    }
}

/// How many of the first messages go out at once: at least one, at most `limit`.
fn portion(messages: &[String], limit: usize) -> usize {
    let mut bytes = 0;
    let fitting = messages.iter().take(limit).take_while(|message| {
        bytes += message.len();
        bytes <= AT_ONCE_BYTES
    });
    fitting.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_is_bounded_by_number_and_bytes_but_never_empty() {
        let small = vec!["x".to_owned(); 10];
        assert_eq!(portion(&small, 256), 10);
        assert_eq!(portion(&small, 1), 1);
        let big = vec!["x".repeat(AT_ONCE_BYTES / 2); 10];
        assert_eq!(portion(&big, 256), 2);
        assert_eq!(portion(&["x".repeat(AT_ONCE_BYTES + 1)], 256), 1);
    }
}
