//! The processes of the demo: started in a directory of their own, stopped whatever happens.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A node says goodbye and ends within a second of SIGTERM; a loaded machine gets some more.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often a process that is to end is looked at.
const LOOK: Duration = Duration::from_millis(10);

struct Process {
    name: String,
    child: Child,
}

/// Where the demo plays: a directory and the processes started in it. Dropped, all of them end.
pub struct Stage {
    dir: Option<TempDir>,
    path: PathBuf,
    processes: Vec<Process>,
    keep: bool,
}

/// How a process ended.
pub struct Ended {
    /// Its name on the stage.
    pub name: String,
    /// What it ended with; `None`: it had to be killed.
    pub status: Option<ExitStatus>,
}

impl Stage {
    /// An empty stage. With `keep` its processes may outlive this one.
    ///
    /// # Errors
    /// No temporary directory can be made.
    pub fn new(keep: bool) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("slips-p2p-demo-")
            .tempdir()
            .context("cannot make a directory for the demo")?;
        Ok(Self {
            path: dir.path().to_owned(),
            dir: Some(dir),
            processes: Vec::new(),
            keep,
        })
    }

    /// Where everything lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of one sensor, made when missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn room(&self, name: &str) -> anyhow::Result<PathBuf> {
        let room = self.path.join(name);
        fs::create_dir_all(&room).with_context(|| format!("cannot make {}", room.display()))?;
        Ok(room)
    }

    /// Starts a `redis-server` on a free port of loopback.
    ///
    /// # Errors
    /// There is none, or it cannot be started.
    pub fn redis(&mut self, name: &str) -> anyhow::Result<u16> {
        let room = self.room(name)?;
        let port = free_port().context("no free port")?;
        let mut command = Command::new("redis-server");
        let text = port.to_string();
        command
            .args([
                "--port",
                &text,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(&room);
        self.start(&format!("redis {name}"), command, &room.join("redis.log"))
            .context("cannot start redis-server; `scripts/setup.sh demo` installs it")?;
        Ok(port)
    }

    /// Starts a node with a configuration.
    ///
    /// # Errors
    /// The configuration cannot be written, or the program not started.
    pub fn node(&mut self, name: &str, config: &str) -> anyhow::Result<()> {
        let room = self.room(name)?;
        let file = room.join("config.toml");
        fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command =
            Command::new(std::env::current_exe().context("cannot find this program")?);
        command
            .arg("run")
            .arg("--config")
            .arg(&file)
            .current_dir(&room);
        self.start(&format!("node {name}"), command, &room.join("node.log"))
    }

    /// Kills a node, without a word to it.
    ///
    /// # Errors
    /// There is none of that name, or it cannot be killed.
    pub fn kill_node(&mut self, name: &str) -> anyhow::Result<()> {
        let name = format!("node {name}");
        let at = self.processes.iter().position(|it| it.name == name);
        let at = at.with_context(|| format!("{name} is not there"))?;
        let mut process = self.processes.swap_remove(at);
        process.child.kill()?;
        process.child.wait()?;
        Ok(())
    }

    fn start(&mut self, name: &str, mut command: Command, log: &Path) -> anyhow::Result<()> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        // A group of its own: Ctrl-C reaches the demo alone, which then stops everybody in order.
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        if !self.keep {
            die_with_parent(&mut command);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        self.processes.push(Process {
            name: name.to_owned(),
            child,
        });
        Ok(())
    }

    /// Fails when a process has ended, with its last words.
    ///
    /// # Errors
    /// One has ended.
    pub fn all_run(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait()? {
                let room = process.name.rsplit(' ').next().unwrap_or_default();
                let log = self
                    .path
                    .join(room)
                    .join(if process.name.starts_with("redis") {
                        "redis.log"
                    } else {
                        "node.log"
                    });
                let words = fs::read_to_string(log).unwrap_or_default();
                let last: Vec<&str> = words.lines().rev().take(5).collect();
                bail!(
                    "{} ended ({status}); its last words:\n{}",
                    process.name,
                    last.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
        }
        Ok(())
    }

    /// Stops everything, nodes before servers, and waits for each; answers how the nodes ended.
    pub fn stop(&mut self) -> Vec<Ended> {
        let (nodes, servers): (Vec<_>, Vec<_>) = self
            .processes
            .drain(..)
            .partition(|process| process.name.starts_with("node"));
        let mut ended = end(nodes);
        ended.extend(end(servers));
        ended
    }

    /// Leaves everything running; answers the process ids and writes `stop.sh`, which ends them.
    ///
    /// # Errors
    /// `stop.sh` cannot be written.
    pub fn leave(&mut self) -> anyhow::Result<PathBuf> {
        let ids: Vec<String> = self
            .processes
            .drain(..)
            .map(|process| process.child.id().to_string())
            .collect();
        let script = self.path.join("stop.sh");
        let text = format!(
            "#!/bin/sh\n# Ends what `make demo KEEP=1` left running, and removes its files.\nkill {0}\n# Nobody may write there any more when the files go.\nfor turn in $(seq 50); do kill -0 {0} 2>/dev/null || break; sleep 0.1; done\nrm -r '{1}'\n",
            ids.join(" "),
            self.path.display()
        );
        fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
        if let Some(dir) = self.dir.take() {
            // From now on stop.sh removes it.
            let _ = dir.keep();
        }
        Ok(script)
    }

    /// Keeps the directory, for somebody to read the logs.
    pub fn keep_files(&mut self) {
        if let Some(dir) = self.dir.take() {
            let _ = dir.keep();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// SIGTERM to all, then a common limit, then SIGKILL for what is left.
fn end(mut processes: Vec<Process>) -> Vec<Ended> {
    for process in &processes {
        if let Ok(id) = libc::pid_t::try_from(process.child.id()) {
            // SAFETY: kill touches no memory; the child is ours and not yet waited for.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
    }
    let limit = Instant::now() + STOP_LIMIT;
    processes
        .iter_mut()
        .map(|process| {
            let mut status = process.child.try_wait().ok().flatten();
            while status.is_none() && Instant::now() < limit {
                thread::sleep(LOOK);
                status = process.child.try_wait().ok().flatten();
            }
            if status.is_none() {
                // Gone meanwhile is as good.
                let _ = process.child.kill();
                let _ = process.child.wait();
            }
            Ended {
                name: process.name.clone(),
                status,
            }
        })
        .collect()
}

impl Ended {
    /// Whether a node ended as it should: by itself, with code 0.
    pub fn is_clean(&self) -> bool {
        !self.name.starts_with("node") || self.status.is_some_and(|status| status.code() == Some(0))
    }

    /// What it ended with, for people.
    pub fn how(&self) -> String {
        match self.status {
            None => "had to be killed".into(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("signal {}", signal.unwrap_or_default()),
            },
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The child gets SIGTERM when this process ends without having stopped it (kill -9, a crash).
fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only prctl is called, which is a plain system call.
    unsafe {
        command.pre_exec(
            || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            },
        );
    }
}
