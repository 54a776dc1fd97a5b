//! `p2p4slips`: stands in for the Go pigeon. Its flags become a Config; `app` does the rest.
//!
//! Exit codes are Slips' only way to see how its pigeon is: 2 for what the command line asks and
//! cannot be had, 1 for what went wrong later, 0 only after a signal (and for help and -test).

#[path = "p2p4slips/place.rs"]
mod place;
#[path = "p2p4slips/sources.rs"]
mod sources;

use std::{
    fs,
    io::{self, Write as _},
    os::{
        fd::{AsFd, AsRawFd},
        unix::process::parent_id,
    },
    path::Path,
    process::ExitCode,
};

use slips_p2p::{
    app::{self, Role, logging},
    config::{self, LogFormat, Word},
    pigeon_flags::{self, Flags, Outcome},
};

/// A reason to end before anything runs, with the exit code.
type Refusal = (u8, String);

fn main() -> ExitCode {
    let parent = parent_id();
    append_to_stdout();
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = arguments.next().unwrap_or_else(|| "p2p4slips".into());
    let arguments: Vec<String> = arguments.collect();
    let flags = match pigeon_flags::parse(&program, &arguments) {
        Outcome::Run(flags) => flags,
        Outcome::Exit {
            code,
            stdout,
            stderr,
        } => {
            say(&stdout);
            complain(&stderr);
            return ExitCode::from(code);
        }
    };
    run(&flags, parent).unwrap_or_else(|(code, why)| {
        complain(&format!("p2p4slips: {why}\n"));
        ExitCode::from(code)
    })
}

/// To stdout, whether anybody listens or not.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// To stderr, whether anybody listens or not.
fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn run(flags: &Flags, parent: u32) -> Result<ExitCode, Refusal> {
    place::port_is_free(flags.port)?;
    place::host_is_ours(&flags.host)?;
    // Without a key file nothing is to outlive this run; the directory goes when it ends.
    let passing = if flags.key_file.is_empty() {
        let made = tempfile::Builder::new().prefix("p2p4slips-").tempdir();
        Some(made.map_err(|why| {
            (
                1,
                format!("cannot make a directory for this run: {why}; give a -key-file"),
            )
        })?)
    } else {
        None
    };
    let sources = sources::of(flags, parent, passing.as_ref().map(tempfile::TempDir::path));
    let config = config::load(&sources)
        .map_err(|wrong| (2, wrong.to_string()))?
        .config;
    if flags.test {
        say("flags and settings are good; nothing was started\n");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(key) = config.node.key_file.as_ref().filter(|_| flags.key_reset) {
        forget(key)?;
    }
    let format = match config.log.format {
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    };
    logging::start(config.log.level.word(), format, Role::Pigeon);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|why| (1, format!("cannot start threads: {why}")))?;
    if parent_id() != parent {
        return Err((1, "the process that started this one has ended".into()));
    }
    let ended = runtime.block_on(app::run(config, Role::Pigeon));
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    drop(passing);
    ended
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| (error.exit_code(), error.to_string()))
}

/// Slips empties the log behind our stdout once a day; without `O_APPEND` the next line would leave a
/// hole as long as the file was.
fn append_to_stdout() {
    let stdout = io::stdout();
    let is_file = stdout
        .as_fd()
        .try_clone_to_owned()
        .map(fs::File::from)
        .and_then(|file| file.metadata());
    if is_file.is_ok_and(|it| it.is_file()) {
        let fd = stdout.as_raw_fd();
        // SAFETY: both calls take and give plain integers for a descriptor that `stdout` holds open.
        unsafe {
            let status = libc::fcntl(fd, libc::F_GETFL);
            if status >= 0 {
                libc::fcntl(fd, libc::F_SETFL, status | libc::O_APPEND);
            }
        }
    }
}

fn forget(key: &Path) -> Result<(), Refusal> {
    match fs::remove_file(key) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err((
            1,
            format!("cannot remove the old key {}: {why}", key.display()),
        )),
        _ => Ok(()),
    }
}
