//! `slips-p2p run`: starts the node and stays until a signal comes.

use anyhow::Context as _;

use super::{
    context::{Context, flag},
    exit::Exit,
    help,
};
use crate::{
    app::{self, Role, logging},
    config::{Flag, LogFormat, Word as _},
};

/// Start the node.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Start the node and run until SIGINT or SIGTERM. Settings come from the defaults, config.toml, config.d/*.toml, the environment (SLIPS_P2P__REDIS__URL) and the flags, the later ones winning. A mistake in them ends the program before anything is opened. The log goes to stderr.",
    after_help = help::after(&[
        "slips-p2p run",
        "slips-p2p run --config /etc/slips-p2p/config.toml",
        "slips-p2p run --redis-url redis://127.0.0.1:6379 --listen /ip4/0.0.0.0/tcp/4001",
        "slips-p2p run --set redis.to_slips=p2p_gopy --log-level debug",
    ])
)]
pub struct Args {
    /// The Redis server of Slips: redis://, rediss:// (TLS) or unix://.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// A multiaddress to listen on; may be given several times.
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Args {
    /// The flags as settings.
    fn settings(&self) -> Vec<Flag> {
        let listen = (!self.listen.is_empty()).then(|| self.listen.join(","));
        let given = [
            ("--redis-url", "redis.url", &self.redis_url),
            ("--listen", "network.listen", &listen),
            ("--log-level", "log.level", &self.log_level),
        ];
        given
            .into_iter()
            .filter_map(|(name, key, value)| Some(flag(name, key, value.as_deref()?)))
            .collect()
    }
}

/// Runs the command.
///
/// # Errors
/// `-o` asks for a form of data, the configuration is wrong, or the node could not start or ended early.
pub fn run(args: &Args, context: &Context<'_>) -> anyhow::Result<Exit> {
    context.has_one_form(
        "the node writes no data to stdout; leave -o out (its log can be had with --set log.format=json)",
    )?;
    let config = context.config_with(args.settings())?.config;
    let format = match config.log.format {
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    };
    logging::start(config.log.level.word(), format, Role::Node);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the node")?;
    let ended = runtime.block_on(app::run(config, Role::Node));
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => Err(Exit::from_code(error.exit_code()).because(error)),
    }
}
