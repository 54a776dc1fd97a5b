//! One connection of one owner, made again when it breaks.
//!
//! A new connection first makes the server drop the one it replaces: what an unanswered one still
//! carries must not be executed after what the new one says.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, FromRedisValue, Pipeline, RedisResult, aio::MultiplexedConnection,
};

use super::url::Server;

/// To connect, authenticate and select the database.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// For an answer. A batch takes a few milliseconds; a longer silence is a server that is stopped or gone.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A connection to one server for one task.
#[derive(Debug)]
pub(super) struct Link {
    server: Server,
    live: Option<MultiplexedConnection>,
    /// What the newest connection is to the server.
    identity: Option<Identity>,
    made: u64,
}

impl Link {
    /// A link that connects when it is first used.
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            live: None,
            identity: None,
            made: 0,
        }
    }

    /// The server, as it may be shown.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// How many connections were made; changes when what was learned of the server may be stale.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Sends commands and waits for their answers, connecting first where needed; one attempt.
    /// After an error of the connection or a silence it is dropped, and whether the commands were
    /// executed is unknown.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, commands: &Pipeline) -> RedisResult<T> {
        let connection = self.connected().await?;
        let answer = commands.query_async(connection).await;
        if let Err(error) = &answer
            && (error.is_unrecoverable_error() || error.is_io_error())
        {
            self.live = None;
        }
        answer
    }

    /// Connects where needed.
    pub(super) async fn connected(&mut self) -> RedisResult<&mut MultiplexedConnection> {
        match &mut self.live {
            Some(_) => {}
            none => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT_WITHIN))
                    .set_response_timeout(Some(ANSWER_WITHIN));
                let mut connection = self.server.connect(&config).await?;
                let identity = identity(&mut connection).await?;
                if let Some(old) = replaced(self.identity.as_ref(), identity.as_ref()) {
                    kill(&mut connection, old).await?;
                }
                self.identity = identity;
                self.made += 1;
                *none = Some(connection);
            }
        }
        self.live
            .as_mut()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected).into())
    }
}

/// What a connection is to the server: numbers are given anew by every run of the server, so
/// without the run a number could name somebody else's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    run: String,
    id: i64,
}

/// What a connection is to the server; `None` when it does not tell this user.
pub(super) async fn identity(
    connection: &mut MultiplexedConnection,
) -> RedisResult<Option<Identity>> {
    let mut question = redis::pipe();
    question.cmd("CLIENT").arg("ID").cmd("INFO").arg("server");
    let Some((id, info)) = answered(question.query_async::<(i64, String)>(connection).await)?
    else {
        return Ok(None);
    };
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(run.map(|run| Identity {
        run: run.to_owned(),
        id,
    }))
}

/// The number of the connection a new one replaces, if the server may still have it.
pub(super) fn replaced(old: Option<&Identity>, new: Option<&Identity>) -> Option<i64> {
    old.zip(new)
        .filter(|(old, new)| old.run == new.run)
        .map(|(old, _)| old.id)
}

/// Makes the server drop a connection, if it still has it and lets this user.
pub(super) async fn kill(connection: &mut MultiplexedConnection, id: i64) -> RedisResult<()> {
    let mut command = redis::cmd("CLIENT");
    command.arg("KILL").arg("ID").arg(id);
    answered(command.query_async::<redis::Value>(connection).await).map(drop)
}

/// An error the server answers with is no answer; one of the connection is an error.
fn answered<T>(answer: RedisResult<T>) -> RedisResult<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_io_error() || error.is_unrecoverable_error() => Err(error),
        Err(_) => Ok(None),
    }
}
