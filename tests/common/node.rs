//! Starts the real programs in a directory of their own, reads what they say, sends them signals, and kills them in the end.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::{netns::Host, wait};

/// The node.
pub const NODE: &str = "slips-p2p";
/// The one that takes the pigeon's flags.
pub const PIGEON: &str = "p2p4slips";

/// Where cargo built a program of this package: beside the directory of the test that runs.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let path = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>")
        .join(name);
    assert!(
        path.is_file(),
        "{} is not built; run the tests through cargo",
        path.display()
    );
    path
}

/// What to start.
#[derive(Debug)]
pub struct Program {
    command: Command,
    label: String,
}

impl Program {
    /// A program of this package, by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::at(&program(name))
    }

    /// A program at a path.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            command: Command::new(path),
            label: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// The same on a machine of a test's network.
    #[must_use]
    pub fn on(host: &Host, path: &Path) -> Self {
        let label = format!(
            "{}@{}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            host.name
        );
        Self {
            command: host.command(path.to_str().expect("a UTF-8 path")),
            label,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets the directory it runs in.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it, with no stdin, its output collected line by line.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut self) -> Running {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", self.command));
        let log = Arc::new(Mutex::new(Vec::new()));
        let stdout = child
            .stdout
            .take()
            .map(|pipe| collect(pipe, "stdout", Arc::clone(&log)));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| collect(pipe, "stderr", Arc::clone(&log)));
        Running {
            child,
            log,
            label: self.label,
            readers: stdout.into_iter().chain(stderr).collect(),
        }
    }
}

type Log = Arc<Mutex<Vec<(&'static str, String)>>>;

fn collect(
    pipe: impl Read + Send + 'static,
    name: &'static str,
    log: Log,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            log.lock()
                .expect("the log's lock is held for a push only")
                .push((name, line));
        }
    })
}

/// A program under way; dropped, it is killed, and said what it said when the test fails.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: Log,
    label: String,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Running {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it wrote so far, a line each, with the stream's name before it.
    ///
    /// # Panics
    /// When a reader panicked.
    #[must_use]
    pub fn log(&self) -> String {
        let lines = self.log.lock().expect("the readers do not panic");
        lines
            .iter()
            .map(|(stream, line)| format!("{stream}: {line}\n"))
            .collect()
    }

    /// Waits for a line, on either stream, that contains `text`.
    ///
    /// # Panics
    /// When none comes in time, or the program ends before.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        self.wait_long_for_line(text, wait::LIMIT)
    }

    /// The same with a limit of its own.
    ///
    /// # Panics
    /// When none comes in time, or the program ends before.
    pub fn wait_long_for_line(&mut self, text: &str, limit: Duration) -> String {
        let log = Arc::clone(&self.log);
        let (label, mut ended) = (self.label.clone(), None);
        wait::until(&format!("`{text}` from {label}"), limit, || {
            let lines = log.lock().expect("the readers do not panic");
            let found = lines
                .iter()
                .find(|(_, line)| line.contains(text))
                .map(|(_, line)| line.clone());
            assert!(
                found.is_some() || ended.is_none(),
                "{label} ended ({ended:?}) without saying `{text}`; it said {lines:#?}"
            );
            drop(lines);
            // Looked at after the log, so that its last words are read once more.
            ended = self.child.try_wait().expect("our own child");
            found
        })
    }

    /// Sends a signal, `libc::SIGTERM` for one.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn signal(&self, signal: i32) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a process id");
        // SAFETY: kill touches no memory; the child is ours and not yet waited for.
        assert_eq!(
            unsafe { libc::kill(pid, signal) },
            0,
            "signal {signal} to {}",
            self.label
        );
    }

    /// Kills it as the power cut would, and waits until it is gone.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Whether it is still there.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait_exit(&mut self, limit: Duration) -> Exit {
        let label = format!("the end of {}", self.label);
        let status = wait::until(&label, limit, || {
            self.child.try_wait().expect("our own child")
        });
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe; what came until now is enough then.
            let end = std::time::Instant::now() + Duration::from_secs(2);
            while !reader.is_finished() && std::time::Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
        }
        Exit {
            status,
            log: self.log(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} said:\n{}---", self.label, self.log());
        }
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// All it said.
    pub log: String,
}

impl Exit {
    /// The exit code; `None` after a signal.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}
