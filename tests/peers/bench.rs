//! The program run on a database, and peers that are nobody.

use std::{path::Path, time::Duration};

use serde_json::Value;
use testkit::node::{self, Program};

/// Long enough for a command on a loaded machine; far above its own limits.
pub const LIMIT: Duration = Duration::from_secs(20);

/// How a command ended and what it said.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Checks the exit code.
    pub fn ending(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "out {:?} err {:?}",
            self.out,
            self.err
        );
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs a command on a database, JSON out.
pub fn run(database: &Path, arguments: &[&str]) -> Ran {
    let mut running = Program::new(node::NODE)
        .args(["-o", "json", "--database"])
        .args([database])
        .args(["--set", "node.key_file="])
        .args(arguments)
        .start();
    let exit = running.wait_exit(LIMIT);
    let of = |stream: &str| {
        let lines = exit
            .log
            .lines()
            .filter_map(|line| line.strip_prefix(stream));
        lines.map(|line| format!("{line}\n")).collect()
    };
    Ran {
        code: exit.code(),
        out: of("stdout: "),
        err: of("stderr: "),
    }
}

/// The one row a command on one peer answers with.
pub fn row(database: &Path, arguments: &[&str]) -> Value {
    run(database, arguments).ending(0).json()[0].clone()
}

/// A peer id nobody has: an Ed25519 key made of one byte.
pub fn nobody(seed: u8) -> String {
    let key = libp2p::identity::Keypair::ed25519_from_bytes([seed; 32]).expect("32 bytes");
    key.public().to_peer_id().to_string()
}

/// An address at which nobody listens.
pub fn nowhere(seed: u8) -> String {
    format!("/ip4/127.0.0.1/tcp/1/p2p/{}", nobody(seed))
}
