//! A text that breaks each rule, and texts that only look as if they did.

use super::rules::{LEFTOVERS, MAX_LINES};

/// A violation of each rule: the rule, where, and the text.
pub fn planted() -> Vec<(&'static str, &'static str, String)> {
    let rust = |code: &str| format!("//! A file.\n{code}\n");
    let mut all: Vec<(&'static str, &'static str, String)> = vec![
        ("room", "src/network/a.rs", rust("use crate::store::Store;")),
        (
            "room",
            "src/network/a.rs",
            rust("use crate::{domain::Score, bridge::Bridge};"),
        ),
        (
            "room",
            "src/bridge.rs",
            rust("fn f() { crate::network::start() }"),
        ),
        (
            "room",
            "src/bridge/a.rs",
            rust("use super::super::network::Handle;"),
        ),
        (
            "room",
            "src/bridge/a.rs",
            rust("mod tests {\n use super::super::super::store::Store;\n}"),
        ),
        (
            "room",
            "src/store/a/b.rs",
            rust("use super::super::super::wire::json;"),
        ),
        ("room", "src/domain/a.rs", rust("use crate::wire::json;")),
        (
            "room",
            "src/reputation/a.rs",
            rust("use crate::store::Store;"),
        ),
        (
            "room",
            "src/config.rs",
            rust("use crate::network::Settings;"),
        ),
        ("room", "src/cli/a.rs", rust("use crate::network::Handle;")),
        (
            "room",
            "src/bin/p2p4slips.rs",
            rust("use slips_p2p::node::Node;"),
        ),
        ("room", "src/node.rs", rust("use crate::config::Config;")),
        ("room", "src/node.rs", rust("use crate::*;")),
        ("room", "src/helpers.rs", rust("")),
        ("crate", "src/node.rs", rust("use sqlx::Row;")),
        ("crate", "src/node.rs", rust("fn f(e: sqlx::Error) {}")),
        ("crate", "src/cli/score.rs", rust("use redis::Client;")),
        (
            "serde",
            "src/node.rs",
            rust("#[derive(Debug, Serialize)]\nstruct A;"),
        ),
        (
            "serde",
            "src/domain/score.rs",
            rust("#[derive(serde::Deserialize)]\nstruct A;"),
        ),
        (
            "crate",
            "src/node.rs",
            rust("use libp2p::{PeerId, swarm::Swarm};"),
        ),
        ("crate", "src/bridge.rs", rust("use anyhow::Result;")),
        (
            "pure",
            "src/reputation/a.rs",
            rust("use tokio::time::sleep;"),
        ),
        (
            "pure",
            "src/reputation/a.rs",
            rust("use std::time::{Duration, Instant};"),
        ),
        (
            "pure",
            "src/reputation/a.rs",
            rust("fn f() { let t = Timestamp::now(); }"),
        ),
        (
            "pure",
            "src/simulation/a.rs",
            rust("use std::{fs::File, thread};"),
        ),
        ("pure", "src/wire/a.rs", rust("use tokio::io::AsyncRead;")),
        ("first line", "src/node/a.rs", "use std::fmt;\n".into()),
        ("length", "src/node/a.rs", rust(&"\n".repeat(MAX_LINES))),
        ("mod.rs", "src/node/mod.rs", rust("")),
        (
            "machine path",
            "README.md",
            concat!("see /wo", "rk/shared").into(),
        ),
        (
            "unexplained",
            "migrations/1.sql",
            "CREATE TABLE a (\n  id INTEGER -- the id\n);".into(),
        ),
        (
            "unexplained",
            "migrations/1.sql",
            "-- a\nCREATE TABLE a (\n  id INTEGER, -- the id\n  b TEXT\n);".into(),
        ),
        (
            "unexplained",
            "migrations/2.sql",
            "ALTER TABLE a ADD COLUMN c TEXT;".into(),
        ),
    ];
    all.extend(LEFTOVERS.map(|word| ("leftover", "tests/a.rs", rust(&format!("// {word}")))));
    all
}

/// What looks like a violation and is none.
pub fn innocent() -> [(&'static str, &'static str); 8] {
    [
        (
            "src/network/a.rs",
            "//! See `crate::store`.\nuse crate::{domain::Score, wire::pigeon};\nconst A: &str = \"crate::store\";\n",
        ),
        (
            "src/bridge/a.rs",
            "//! A.\nuse super::network;\nmod tests {\n use super::super::store;\n}\n",
        ),
        ("src/cli/demo/slips.rs", "//! A.\nuse redis::Client;\n"),
        (
            "src/node.rs",
            "//! A.\nuse libp2p::{Multiaddr, PeerId};\nfn f<'a>(redis: &'a str) { r#\"sqlx::\"#; '\\''; }\n",
        ),
        (
            "src/reputation/a.rs",
            "//! A.\nfn f(now: Timestamp) { let spawn = now.since(earlier); }\n",
        ),
        (
            "src/app.rs",
            "//! A.\nuse crate::{bridge, config, network, node, store};\n",
        ),
        (
            "migrations/1.sql",
            "-- Peers.\nCREATE TABLE a (\n  -- The id.\n  id INTEGER PRIMARY KEY,\n  b TEXT NOT NULL CHECK (b <> ''), -- What it is.\n  PRIMARY KEY (id)\n) STRICT;\n",
        ),
        (
            "migrations/2.sql",
            "-- When it was seen.\nALTER TABLE a ADD COLUMN c TEXT;\nCREATE INDEX i ON a (b);\n",
        ),
    ]
}
