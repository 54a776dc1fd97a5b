//! `slips-p2p init`: a commented configuration and a key, so that `run` has what it needs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Column, Format, column},
};
use crate::{
    app::identity,
    config::{self, Sources},
};

/// The name of the configuration file in the directory.
const CONFIG_FILE: &str = "config.toml";
/// The configuration may come to hold the password of Redis.
const CONFIG_MODE: u32 = 0o600;

/// Write a commented configuration and a key.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write config.toml, with every setting, its default and a sentence, and a key that is the identity of this node (mode 0600). An existing config.toml is left alone without --force; an existing key is never touched.",
    after_help = help::after(&[
        "slips-p2p init",
        "slips-p2p init --dir /etc/slips-p2p",
        "slips-p2p init --force",
    ])
)]
pub struct Args {
    /// The directory to write into, made when missing; without it the one you are in.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write config.toml anew although there is one. The key stays.
    #[arg(long)]
    force: bool,
}

const COLUMNS: &[Column] = &[
    column("config", "configuration"),
    column("key_file", "key file"),
    column("key", "key"),
    column("peer_id", "peer id"),
];

/// Runs the command.
///
/// # Errors
/// There is a config.toml already, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let global = context.global;
    if global.config.is_some() || global.database.is_some() || !global.set.is_empty() {
        return Err(Exit::Usage.because(
            "init writes the defaults and takes no --config, --database or --set; change the file it writes",
        ));
    }
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).with_context(|| {
        format!(
            "cannot make {} (--dir names another directory)",
            dir.display()
        )
    })?;
    let file = args
        .dir
        .as_ref()
        .map_or_else(|| CONFIG_FILE.into(), |dir| dir.join(CONFIG_FILE));
    write_config(&file, &text_for(args.dir.as_deref())?, args.force)?;
    let key_file = key_file_of(&file)?;
    let existed = key_file.exists();
    let key = identity::load_or_create(&key_file, identity::Loose::Refuse)?;
    if context.format() == Format::Human {
        eprintln!(
            "next: look through {}, then `slips-p2p run`",
            file.display()
        );
    }
    context.record(
        COLUMNS,
        vec![
            file.display().to_string().into(),
            key_file.display().to_string().into(),
            (if existed { "kept" } else { "created" }).into(),
            key.public().to_peer_id().into(),
        ],
    )?;
    Ok(Exit::Ok)
}

/// The defaults; for a directory that was named, with the data directory as a whole path inside
/// it, so that the file means the same wherever the node is started.
fn text_for(dir: Option<&Path>) -> anyhow::Result<String> {
    let text = config::default_file();
    let Some(dir) = dir else { return Ok(text) };
    let loaded = config::load(&Sources::default())?;
    let data = std::path::absolute(dir)?.join(loaded.config.node.data_dir);
    let data = data.to_str().with_context(|| {
        format!(
            "{} is not UTF-8, as a setting must be; choose another directory",
            data.display()
        )
    })?;
    let line = |line: &str| match line.split_once(" = ") {
        Some(("data_dir", _)) => format!("data_dir = {}\n", toml::Value::from(data)),
        _ => format!("{line}\n"),
    };
    Ok(text.lines().map(line).collect())
}

/// Where the written configuration wants the key.
fn key_file_of(file: &Path) -> anyhow::Result<PathBuf> {
    let sources = Sources {
        file: Some(file.to_owned()),
        environment: config::environment(),
        ..Sources::default()
    };
    let loaded = config::load(&sources).map_err(|error| Exit::Usage.because(error))?;
    loaded
        .config
        .node
        .key_file
        .context("the configuration names no key file")
}

fn write_config(file: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", file.display());
    if !force {
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(CONFIG_MODE)
            .open(file);
        return match opened {
            Ok(mut opened) => opened.write_all(text.as_bytes()).with_context(failed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(anyhow::anyhow!(
                "{} exists and was left alone; --force writes it anew (the key stays)",
                file.display()
            )),
            Err(error) => Err(error).with_context(failed),
        };
    }
    // Beside the old one and then in its place: whoever reads meanwhile sees a whole file.
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let dir = parent.unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(dir).with_context(failed)?;
    fresh.write_all(text.as_bytes()).with_context(failed)?;
    fresh
        .persist(file)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(())
}
