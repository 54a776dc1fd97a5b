//! Defaults, `config.toml`, `config.d/`, environment and flags become one checked [`Config`].
//!
//! Later layers win; every value remembers who said it. Whatever is wrong, in every layer, is told
//! at once in one [`ConfigError`], before anything is bound. [`table`] is the only place that knows
//! which settings there are.

mod addresses;
mod checks;
mod file;
mod kind;
mod layers;
mod lists;
mod models;
mod problem;
mod redis_url;
mod render;
pub mod table;
mod values;
mod words;

use std::path::{Path, PathBuf};

use crate::reputation::{Parameters, guards::NeverBlock};

pub use lists::{Anchor, Listed, Lists};
pub use models::setting_of;
pub use problem::{ConfigError, Origin, Problem, redacted};
pub use redis_url::RedisUrl;
pub use render::default_file;
pub use table::{
    Forward, Limits, Log, Network, Node, Outbox, Redis, ReliabilitySettings, Reputation, Store,
    Weights,
};
pub use values::{Resolved, Values};
pub use words::{
    AnswerRequests, ForwardMode, Layout, LogFormat, LogLevel, ReliabilityModel, UnknownPeers, Word,
};

/// What the names of our environment variables begin with; `__` stands for the dot of a key.
pub const PREFIX: &str = "SLIPS_P2P__";

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where this node keeps what is its own; its paths are complete.
    pub node: Node,
    /// The Redis server that Slips uses.
    pub redis: Redis,
    /// What is handed to Slips of what peers send.
    pub forward: Forward,
    /// What waits for Slips.
    pub outbox: Outbox,
    /// How peers find and reach each other.
    pub network: Network,
    /// How much others may take.
    pub limits: Limits,
    /// What conduct makes of a peer's reliability.
    pub reliability: ReliabilitySettings,
    /// What each kind of conduct weighs.
    pub weights: Weights,
    /// How reports become an opinion.
    pub reputation: Reputation,
    /// What the trust models are told.
    pub models: Parameters,
    /// Whom the operator trusts.
    pub anchors: Vec<Anchor>,
    /// What is never to be blocked.
    pub never_block: Vec<NeverBlock>,
    /// How long the database remembers.
    pub store: Store,
    /// What the program says of its doings.
    pub log: Log,
}

/// A setting given on the command line (or preset by a program).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The dotted key, `redis.url`.
    pub key: String,
    /// Its value as bare text; lists with commas or as TOML.
    pub value: String,
    /// What the user typed, with its dashes, for errors: `--redis-url`.
    pub name: String,
}

/// Where the layers come from, lowest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What a program sets for itself above the defaults: its name and the settings.
    pub preset: Option<(&'static str, Vec<Flag>)>,
    /// `config.toml`; `config.d/*.toml` beside it is read too. It must exist when it is named.
    pub file: Option<PathBuf>,
    /// The environment; only what begins with [`PREFIX`] counts, and `SLIPS_VERSION`.
    pub environment: Vec<(String, String)>,
    /// The flags, last wins.
    pub flags: Vec<Flag>,
}

/// The environment of this process, for [`Sources::environment`].
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// A checked configuration and where each value came from.
pub struct Loaded {
    /// What holds.
    pub config: Config,
    /// Every setting with its value and origin, in the order of the table.
    pub values: Values,
    /// Every entry of the lists with its origin.
    pub lists: Lists,
}

/// Reads and checks all layers.
///
/// # Errors
/// Everything that is wrong: unknown keys, bad values and impossible combinations, each with place,
/// key, value and remedy.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut layers = layers::Layers::new();
    if let Some((program, flags)) = &sources.preset {
        layers.flags(flags.iter().map(|flag| (flag, Origin::Preset(program))));
    }
    if let Some(file) = &sources.file {
        layers.files(file);
    }
    layers.environment(&sources.environment);
    layers.flags(
        sources
            .flags
            .iter()
            .map(|flag| (flag, Origin::Flag(flag.name.clone()))),
    );
    finish(layers)
}

/// Judges the text of one file over the defaults, as if it were read from `path`.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: &Path, text: &[u8]) -> Result<Loaded, ConfigError> {
    let mut layers = layers::Layers::new();
    file::read(&mut layers, path, text);
    finish(layers)
}

fn finish(layers: layers::Layers) -> Result<Loaded, ConfigError> {
    let layers::Layers {
        values,
        lists,
        mut problems,
    } = layers;
    let config = Config::read(&values, &lists);
    match &config {
        Ok(config) => {
            let contradictions = checks::combinations(config, &values, &problems);
            problems.extend(contradictions);
        }
        Err(refusal) => problems.push(Problem {
            origin: Origin::Default,
            key: String::new(),
            value: None,
            wrong: refusal.wrong.clone(),
            remedy: refusal.remedy.clone(),
        }),
    }
    match config {
        Ok(config) if problems.is_empty() => Ok(Loaded {
            config,
            values,
            lists,
        }),
        _ => Err(ConfigError { problems }),
    }
}

impl Config {
    fn read(values: &Values, lists: &Lists) -> Result<Self, kind::Refusal> {
        let mut config = Self {
            node: Node::read(values)?,
            redis: Redis::read(values)?,
            forward: Forward::read(values)?,
            outbox: Outbox::read(values)?,
            network: Network::read(values)?,
            limits: Limits::read(values)?,
            reliability: ReliabilitySettings::read(values)?,
            weights: Weights::read(values)?,
            reputation: Reputation::read(values)?,
            models: models::read(values)?,
            anchors: lists.anchors.iter().map(|it| it.entry.clone()).collect(),
            never_block: (lists.never_block.iter())
                .map(|it| it.entry.clone())
                .collect(),
            store: Store::read(values)?,
            log: Log::read(values)?,
        };
        let inside = |path: &Path| config.node.data_dir.join(path);
        config.node.key_file = config.node.key_file.as_deref().map(inside);
        config.node.database = inside(&config.node.database);
        config.node.control_socket = config.node.control_socket.as_deref().map(inside);
        Ok(config)
    }
}
