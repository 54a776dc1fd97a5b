//! A stand-in Slips: a real redis-server on a free port, and what Slips says and hears there, in its
//! own words (Python's JSON separators, its `version` at the end).

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use redis::{Client, Connection, RedisResult};
use serde_json::Value;
use tempfile::TempDir;

use crate::{netns::Host, wait};

/// From Slips to the node.
pub const FROM_SLIPS: &str = "p2p_pygo";
/// From the node to Slips, for current Slips.
pub const TO_SLIPS: &str = "p2p_gopy";
/// The version it puts into every message and expects in every message.
pub const VERSION: &str = "1.1.21";

/// How often a silent subscription looks whether the test is over.
const LOOK_UP: Duration = Duration::from_millis(100);

/// A Redis server and the Slips beside it.
pub struct Slips {
    /// The port of the server.
    pub port: u16,
    channel: String,
    host: Option<Host>,
    dir: TempDir,
    server: Option<Child>,
    commands: Connection,
    heard: mpsc::Receiver<String>,
    over: Arc<AtomicBool>,
    subscriber: Option<JoinHandle<()>>,
}

impl Slips {
    /// Starts a server and listens on [`TO_SLIPS`].
    #[must_use]
    pub fn start() -> Self {
        Self::listening(None, TO_SLIPS)
    }

    /// The same on a machine of a test's network.
    #[must_use]
    pub fn start_on(host: &Host) -> Self {
        Self::listening(Some(host), TO_SLIPS)
    }

    /// Starts a server and listens on a channel.
    ///
    /// # Panics
    /// When there is no redis-server, or it does not answer in time.
    #[must_use]
    pub fn listening(host: Option<&Host>, channel: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let server = serve(host, dir.path(), port);
        let commands = wait::until("redis-server to answer", wait::LIMIT, || {
            connect(host, port).ok()
        });
        let over = Arc::new(AtomicBool::new(false));
        let (heard_out, heard) = mpsc::channel();
        let host = host.cloned();
        let (thread, ready) = subscribe(host.clone(), port, channel, heard_out, &over);
        ready
            .recv_timeout(wait::LIMIT)
            .expect("the subscription is confirmed in time");
        let (channel, subscriber) = (channel.to_owned(), Some(thread));
        Self {
            port,
            channel,
            host,
            dir,
            server: Some(server),
            commands,
            heard,
            over,
            subscriber,
        }
    }

    /// Kills the server without a word.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn kill_redis(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("our own child");
            server.wait().expect("our own child");
        }
    }

    /// Starts the server again, empty, on the same port.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub fn restart_redis(&mut self) {
        self.kill_redis();
        self.server = Some(serve(self.host.as_ref(), self.dir.path(), self.port));
        self.commands = wait::until("redis-server to answer", wait::LIMIT, || {
            connect(self.host.as_ref(), self.port).ok()
        });
    }

    /// Stops the server where it is, as SIGSTOP does; connections stay open and nothing answers.
    ///
    /// # Panics
    /// When the server is away.
    pub fn freeze_redis(&self) {
        self.signal_redis(libc::SIGSTOP);
    }

    /// Lets a frozen server go on.
    ///
    /// # Panics
    /// When the server is away.
    pub fn thaw_redis(&self) {
        self.signal_redis(libc::SIGCONT);
    }

    fn signal_redis(&self, signal: i32) {
        let server = self.server.as_ref().expect("redis-server is there");
        let pid = libc::pid_t::try_from(server.id()).expect("a process id");
        // SAFETY: kill touches no memory; the child is ours and not yet waited for.
        assert_eq!(
            unsafe { libc::kill(pid, signal) },
            0,
            "signal {signal} to redis-server"
        );
    }

    /// Slips ends: nobody listens to the node any more.
    pub fn go_away(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(subscriber) = self.subscriber.take() {
            let _ = subscriber.join();
        }
    }

    /// Slips listens again.
    ///
    /// # Panics
    /// When the subscription is not confirmed in time.
    pub fn come_back(&mut self) {
        self.go_away();
        self.over = Arc::new(AtomicBool::new(false));
        let (heard_out, heard) = mpsc::channel();
        let (thread, ready) = subscribe(
            self.host.clone(),
            self.port,
            &self.channel,
            heard_out,
            &self.over,
        );
        (self.heard, self.subscriber) = (heard, Some(thread));
        ready
            .recv_timeout(wait::LIMIT)
            .expect("the subscription is confirmed in time");
    }

    /// Makes Slips hold an evaluation of an address, as current Slips keeps it.
    ///
    /// # Panics
    /// When the server is away.
    pub fn set_evaluation(&mut self, ip: &str, score: &str, confidence: &str) {
        redis::pipe()
            .cmd("SELECT")
            .arg(1)
            .cmd("HSET")
            .arg("IPsInfo:score")
            .arg(ip)
            .arg(score)
            .cmd("HSET")
            .arg("IPsInfo:confidence")
            .arg(ip)
            .arg(confidence)
            .cmd("SELECT")
            .arg(0)
            .exec(&mut self.commands)
            .expect("redis-server is there");
    }

    /// Publishes any text; answers how many heard it.
    ///
    /// # Panics
    /// When the server is away.
    pub fn publish(&mut self, channel: &str, text: &str) -> usize {
        redis::cmd("PUBLISH")
            .arg(channel)
            .arg(text)
            .query(&mut self.commands)
            .expect("redis-server is there")
    }

    /// A message for a peer, or for `*`, as Slips publishes it; waits until the node hears it.
    pub fn send(&mut self, recipient: &str, message: &str) {
        let text = format!(
            r#"{{"message": {}, "recipient": {}, "version": "{VERSION}"}}"#,
            Value::from(message),
            Value::from(recipient)
        );
        wait::until("the node to listen to Slips", wait::LIMIT, || {
            (self.publish(FROM_SLIPS, &text) > 0).then_some(())
        });
    }

    /// The value of a key.
    ///
    /// # Panics
    /// When the server is away.
    pub fn get(&mut self, key: &str) -> Option<String> {
        redis::cmd("GET")
            .arg(key)
            .query(&mut self.commands)
            .expect("redis-server is there")
    }

    /// The value of a field of a hash in the cache database (1).
    ///
    /// # Panics
    /// When the server is away.
    pub fn cached(&mut self, hash: &str, field: &str) -> Option<String> {
        let (value, _): (Option<String>, ()) = redis::pipe()
            .cmd("SELECT")
            .arg(1)
            .ignore()
            .cmd("HGET")
            .arg(hash)
            .arg(field)
            .cmd("SELECT")
            .arg(0)
            .query(&mut self.commands)
            .expect("redis-server is there");
        value
    }

    /// Waits for the first message of the node that `wanted` takes; what comes before it is passed over.
    ///
    /// # Panics
    /// With `what` and all that was heard, when the limit is over.
    pub fn hear<T>(&self, what: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> T {
        let end = Instant::now() + wait::LIMIT;
        let mut passed = Vec::new();
        loop {
            let Ok(text) = self
                .heard
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            else {
                panic!(
                    "Slips waited {:?} in vain for: {what}; it heard {passed:#?}",
                    wait::LIMIT
                )
            };
            if let Some(value) = serde_json::from_str(&text)
                .ok()
                .as_ref()
                .and_then(&mut wanted)
            {
                return value;
            }
            passed.push(text);
        }
    }

    /// Waits for the next `go_data`: who reported, and the message.
    pub fn hear_data(&self) -> (String, String) {
        self.hear("go_data", |json| {
            let contents =
                (json["message_type"] == "go_data").then(|| &json["message_contents"])?;
            Some((
                contents["reporter"].as_str()?.to_owned(),
                contents["message"].as_str()?.to_owned(),
            ))
        })
    }

    /// All texts heard so far and not yet taken.
    #[must_use]
    pub fn heard_so_far(&self) -> Vec<String> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Slips {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        if let Some(subscriber) = self.subscriber.take() {
            let _ = subscriber.join();
        }
    }
}

/// A report as Slips encodes it.
#[must_use]
pub fn report(ip: &str, score: f64, confidence: f64) -> String {
    BASE64_STANDARD.encode(format!(
        r#"{{"message_type": "report", "key_type": "ip", "key": "{ip}", "evaluation_type": "score_confidence", "evaluation": {{"score": {score:?}, "confidence": {confidence:?}}}}}"#
    ))
}

/// A request as Slips encodes it.
#[must_use]
pub fn request(ip: &str) -> String {
    BASE64_STANDARD.encode(format!(
        r#"{{"message_type": "request", "key_type": "ip", "key": "{ip}", "evaluation_type": "score_confidence"}}"#
    ))
}

/// Ports for tests: below those the system gives to outgoing connections, one of which could take
/// a port between its being found free and its being used.
const PORTS: std::ops::Range<u16> = 10_000..12_000;

/// A TCP port that nobody listens on, and that no other test takes while this process lives.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let dir = std::env::temp_dir().join("slips-p2p-test-ports");
    std::fs::create_dir_all(&dir).expect("the temporary directory can be written");
    let first = std::process::id() as usize * 31 % PORTS.len();
    let mut ports = PORTS.cycle().skip(first).take(PORTS.len());
    let free = ports.find(|port| {
        let Ok(file) = std::fs::File::create(dir.join(port.to_string())) else {
            return false;
        };
        let free =
            file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
        if free {
            // Locked until this process ends.
            std::mem::forget(file);
        }
        free
    });
    free.expect("one of two thousand ports is free")
}

fn serve(host: Option<&Host>, dir: &Path, port: u16) -> Child {
    let mut command = host.map_or_else(
        || Command::new("redis-server"),
        |host| host.command("redis-server"),
    );
    command
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot start redis-server ({error}); scripts/setup.sh test installs it")
        })
}

/// Connects from inside the namespace: a socket stays where it was made.
fn connect(host: Option<&Host>, port: u16) -> RedisResult<Connection> {
    let host = host.cloned();
    let connecting = thread::spawn(move || {
        if let Some(host) = host {
            host.enter();
        }
        let client = Client::open(format!("redis://127.0.0.1:{port}/0"))?;
        let mut connection = client.get_connection_with_timeout(wait::LIMIT)?;
        redis::cmd("PING").exec(&mut connection)?;
        Ok(connection)
    });
    connecting
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the namespace cannot be entered").into()))
}

/// Listens on a thread of its own until `over`; the first confirmation comes out of the receiver.
fn subscribe(
    host: Option<Host>,
    port: u16,
    channel: &str,
    heard: mpsc::Sender<String>,
    over: &Arc<AtomicBool>,
) -> (JoinHandle<()>, mpsc::Receiver<()>) {
    let (subscribed, ready) = mpsc::channel();
    let (channel, stop) = (channel.to_owned(), Arc::clone(over));
    let thread = thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            // A server that is being restarted is tried again.
            let _ = listen(host.as_ref(), port, &channel, &heard, &subscribed, &stop);
            thread::sleep(Duration::from_millis(10));
        }
    });
    (thread, ready)
}

fn listen(
    host: Option<&Host>,
    port: u16,
    channel: &str,
    heard: &mpsc::Sender<String>,
    subscribed: &mpsc::Sender<()>,
    stop: &AtomicBool,
) -> RedisResult<()> {
    let mut connection = connect(host, port)?;
    let mut subscription = connection.as_pubsub();
    subscription.subscribe(channel)?;
    subscription.set_read_timeout(Some(LOOK_UP))?;
    let _ = subscribed.send(());
    while !stop.load(Ordering::Relaxed) {
        match subscription.get_message() {
            Ok(message) => drop(heard.send(message.get_payload()?)),
            Err(error) if error.is_timeout() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
