//! The layers of the config of p2p4slips: its presets, an optional file, environment, flags.

use std::path::{Path, PathBuf};

use slips_p2p::{
    config::{self, Flag, Sources},
    pigeon_flags::{Flags, Setting},
};

/// The layers for these flags. `parent` is the process of Slips; `passing` a directory for a run
/// without a key file.
pub(crate) fn of(flags: &Flags, parent: u32, passing: Option<&Path>) -> Sources {
    let flag = |(key, value, name): Setting| Flag {
        key: key.into(),
        value,
        name: name.into(),
    };
    let settings = flags.settings();
    let beside_program = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.to_owned()));
    let mut preset: Vec<Flag> = settings.presets.into_iter().map(flag).collect();
    if let Some(directory) = passing {
        let database = directory
            .join("p2p4slips.db")
            .to_string_lossy()
            .into_owned();
        preset.push(flag(("node.database", database, "")));
    }
    preset.push(flag((
        "redis.version_files",
        version_files(parent, beside_program.as_deref()),
        "",
    )));
    let key_directory = Path::new(&flags.key_file)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    let file =
        |directory: PathBuf| Some(directory.join("p2p4slips.toml")).filter(|path| path.exists());
    Sources {
        preset: Some(("p2p4slips", preset)),
        file: file(key_directory).or_else(|| file(beside_program?)),
        environment: config::environment(),
        flags: settings.given.into_iter().map(flag).collect(),
    }
}

/// Where Slips' VERSION can be: where Slips was started, and above the directory of this program.
fn version_files(parent: u32, beside_program: Option<&Path>) -> String {
    let started = PathBuf::from(format!("/proc/{parent}/cwd/VERSION"));
    let above = beside_program.map(|directory| directory.join("../VERSION"));
    let files = [Some(started), above]
        .into_iter()
        .flatten()
        .map(|path| path.to_string_lossy().into_owned());
    toml::Value::from(files.collect::<Vec<_>>()).to_string()
}
