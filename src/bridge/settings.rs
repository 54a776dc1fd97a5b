//! What the bridge needs to know, in plain values; `app` fills it from the config.

use std::{fmt, path::PathBuf, time::Duration};

use super::url::redacted;

/// Where opinions are written in Slips' database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Slips 1.1.17 and later: hash `IPsInfo:p2p4slips`, field = address, value = our JSON.
    Hash,
    /// Before: hash `IPsInfo`, field = address, value = one JSON object with a key `p2p4slips`.
    Json,
}

/// The settings of the bridge.
#[derive(Clone)]
pub struct Settings {
    /// Slips' Redis: `redis://`, `rediss://` or `unix://`; may carry a password, so it is never shown as it is.
    pub url: String,
    /// Slips' cache database; `None`: the same server, database 1.
    pub cache_url: Option<String>,
    /// PEM file of the authority that signed the certificate of a `rediss://` server; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// The channel Slips speaks on.
    pub from_slips: String,
    /// The channel Slips listens to; may be the same one.
    pub to_slips: String,
    /// Where opinions are written back.
    pub layout: Layout,
    /// Whether opinions are written back at all.
    pub write_back: bool,
    /// How long a written opinion lives, where the server knows HEXPIRE; zero: for ever.
    pub write_back_ttl: Duration,
    /// Slips' version when it is fixed by hand; it is then never learned.
    pub version: Option<String>,
    /// Slips' VERSION file: the first of these that can be read.
    pub version_files: Vec<PathBuf>,
    /// How long messages for Slips wait for its version to become known, from the start of the bridge.
    pub version_wait: Duration,
    /// How many bytes of messages from Slips wait for the node before new ones are dropped and counted.
    pub queue_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379/0".into(),
            cache_url: None,
            ca_file: None,
            from_slips: "p2p_pygo".into(),
            to_slips: "p2p_pygo".into(),
            layout: Layout::Hash,
            write_back: true,
            // Slips keeps its own address information for two time windows of an hour.
            write_back_ttl: Duration::from_secs(7200),
            version: None,
            version_files: Vec::new(),
            version_wait: Duration::from_secs(5),
            // Some 200,000 messages of ordinary size.
            queue_bytes: 32 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &redacted(&self.url))
            .field("cache_url", &self.cache_url.as_deref().map(redacted))
            .field("ca_file", &self.ca_file)
            .field("from_slips", &self.from_slips)
            .field("to_slips", &self.to_slips)
            .field("layout", &self.layout)
            .field("write_back", &self.write_back)
            .field("write_back_ttl", &self.write_back_ttl)
            .field("version", &self.version)
            .field("version_files", &self.version_files)
            .field("version_wait", &self.version_wait)
            .field("queue_bytes", &self.queue_bytes)
            .finish()
    }
}
