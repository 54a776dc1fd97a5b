//! Where an opinion stands in Slips' database, in both layouts.

use std::time::Duration;

use redis::{RedisError, RedisResult};

use super::{link::Link, settings::Layout, url::Server, write_back::Row};
use crate::wire::slips::{merge_p2p4slips, withdraw_p2p4slips};

/// The hash of current Slips for this kind of information.
const OWN_HASH: &str = "IPsInfo:p2p4slips";
/// The hash of older Slips for all information.
const SHARED_HASH: &str = "IPsInfo";
/// Somebody else may change a row between reading and writing it; then it is read again. In 16
/// rounds every other writer got in between 16 times.
const ROUNDS: usize = 16;

/// Writes a field only where it still holds what was read, so that no change of others is lost.
const SWAP: &str = "\
local now = redis.call('HGET', KEYS[1], ARGV[1])
if (ARGV[2] == '' and now) or (ARGV[2] ~= '' and now ~= ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1";

/// The rows in Slips' cache database.
pub(super) struct Cells {
    link: Link,
    layout: Layout,
    ttl: Duration,
    /// The connection on which the server said it does not know HEXPIRE.
    without_expiry: Option<u64>,
}

impl Cells {
    /// The rows of one database.
    pub(super) fn new(server: Server, layout: Layout, ttl: Duration) -> Self {
        Self {
            link: Link::new(server),
            layout,
            ttl,
            without_expiry: None,
        }
    }

    /// The server, as it may be shown.
    pub(super) fn server(&self) -> &Server {
        self.link.server()
    }

    /// Writes all rows; says how many cannot be written because what stands there is not ours to
    /// replace. After an error some may be written; writing them again does no harm.
    pub(super) async fn write(&mut self, rows: &[Row]) -> RedisResult<usize> {
        match self.layout {
            Layout::Hash => self.write_hash(rows).await.map(|()| 0),
            Layout::Json => self.write_json(rows).await,
        }
    }

    async fn write_hash(&mut self, rows: &[Row]) -> RedisResult<()> {
        // Connected first: what is known of the server belongs to its connection.
        self.link.connected().await?;
        self.withdraw(rows).await?;
        let rows: Vec<(String, &String)> = (rows.iter())
            .filter_map(|row| Some((row.subject.to_string(), row.json.as_ref()?)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut commands = redis::pipe();
        commands.ignore_errors();
        commands.cmd("HSET").arg(OWN_HASH);
        for (subject, json) in &rows {
            commands.arg(subject).arg(json);
        }
        let expires = self.ttl > Duration::ZERO && self.without_expiry != Some(self.link.made());
        if expires {
            commands
                .cmd("HEXPIRE")
                .arg(OWN_HASH)
                .arg(self.ttl.as_secs().max(1));
            commands.arg("FIELDS").arg(rows.len());
            for (subject, _) in &rows {
                commands.arg(subject);
            }
        }
        let answers: Vec<RedisResult<redis::Value>> = self.link.ask(&commands).await?;
        let mut answers = answers.into_iter();
        answers.next().transpose()?;
        match answers.next() {
            Some(Err(error)) if is_unknown_command(&error) => {
                tracing::info!(
                    "{} does not know HEXPIRE (Redis 7.4 does): opinions stay there until they are replaced",
                    self.link.server()
                );
                self.without_expiry = Some(self.link.made());
                Ok(())
            }
            other => other.transpose().map(drop),
        }
    }

    async fn withdraw(&mut self, rows: &[Row]) -> RedisResult<()> {
        let gone: Vec<String> = (rows.iter())
            .filter(|row| row.json.is_none())
            .map(|row| row.subject.to_string())
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut command = redis::pipe();
        command.cmd("HDEL").arg(OWN_HASH).arg(gone).ignore();
        self.link.ask(&command).await
    }

    async fn write_json(&mut self, rows: &[Row]) -> RedisResult<usize> {
        let mut left: Vec<&Row> = rows.iter().collect();
        let mut spoilt = 0;
        for _ in 0..ROUNDS {
            if left.is_empty() {
                return Ok(spoilt);
            }
            let (undone, refused) = self.swap(&left).await?;
            left = undone;
            spoilt += refused;
        }
        let text = "somebody else keeps changing the same rows";
        if left.is_empty() {
            Ok(spoilt)
        } else {
            Err(std::io::Error::other(text).into())
        }
    }

    /// Reads, merges and writes once: the rows that changed in between, and how many were refused.
    async fn swap<'a>(&mut self, rows: &[&'a Row]) -> RedisResult<(Vec<&'a Row>, usize)> {
        let mut refused = 0;
        let mut tried = Vec::with_capacity(rows.len());
        let mut commands = redis::pipe();
        for (row, before) in rows.iter().copied().zip(self.stored(rows).await?) {
            let after = match &row.json {
                Some(json) => merge_p2p4slips(before.as_deref(), json).map(Some),
                None => withdraw_p2p4slips(before.as_deref()),
            };
            match after {
                Ok(None) => {}
                Ok(Some(after)) if before.as_deref() == Some(after.as_bytes()) => {}
                Ok(Some(after)) => {
                    commands.cmd("EVAL").arg(SWAP).arg(1).arg(SHARED_HASH);
                    commands.arg(row.subject.to_string());
                    commands.arg(before.unwrap_or_default()).arg(after);
                    tried.push(row);
                }
                Err(fault) => {
                    refused += 1;
                    tracing::warn!(
                        "opinion of {} not written into hash {SHARED_HASH} of {}: {fault}",
                        row.subject,
                        self.link.server()
                    );
                }
            }
        }
        if tried.is_empty() {
            return Ok((Vec::new(), refused));
        }
        let done: Vec<bool> = self.link.ask(&commands).await?;
        let undone = tried.into_iter().zip(done).filter(|(_, done)| !done);
        Ok((undone.map(|(row, _)| row).collect(), refused))
    }

    /// What stands there now, for each row.
    async fn stored(&mut self, rows: &[&Row]) -> RedisResult<Vec<Option<Vec<u8>>>> {
        let mut question = redis::pipe();
        question.cmd("HMGET").arg(SHARED_HASH);
        for row in rows {
            question.arg(row.subject.to_string());
        }
        let (stored,) = self.link.ask(&question).await?;
        Ok(stored)
    }
}

fn is_unknown_command(error: &RedisError) -> bool {
    error.to_string().contains("unknown command")
}
