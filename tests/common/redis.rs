//! A real redis-server for one test: started on a free port, killed, restarted, frozen, and gone with the test.

use std::{
    ffi::OsString,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// A server must answer within this time after it was started.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How a server is started. The default: TCP on a free port, no password, nothing kept on disk.
#[derive(Debug, Default)]
pub struct Options {
    /// Its password.
    pub password: Option<String>,
    /// Whether it also listens on a unix socket.
    pub unix: bool,
    /// PEM files of its certificate and key; it then also listens with TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// More arguments for redis-server, as they are.
    pub arguments: Vec<OsString>,
}

/// A redis-server of our own.
#[derive(Debug)]
pub struct RedisServer {
    child: Option<Child>,
    options: Options,
    port: u16,
    tls_port: u16,
    directory: tempfile::TempDir,
}

impl RedisServer {
    /// A plain server, ready when this returns.
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// A server with options, ready when this returns.
    pub fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self {
            child: None,
            options,
            port: free_port(),
            tls_port: free_port(),
            directory,
        };
        for _ in 0..20 {
            if server.try_launch() {
                return server;
            }
            // Somebody else took the port meanwhile.
            (server.port, server.tls_port) = (free_port(), free_port());
        }
        panic!("redis-server does not start: is it installed (apt-get install redis-server)?");
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of database 0, with the password.
    pub fn url(&self) -> String {
        self.url_of(0)
    }

    /// The URL of a database, with the password.
    pub fn url_of(&self, database: u8) -> String {
        let password = self
            .options
            .password
            .as_ref()
            .map(|p| format!(":{p}@"))
            .unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}/{database}", self.port)
    }

    /// The URL over TLS.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/0", self.tls_port)
    }

    /// The path of the unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// A connection to a database that waits up to five seconds for each answer.
    pub fn connection(&self, database: u8) -> redis::Connection {
        let client = redis::Client::open(self.url_of(database)).expect("a Redis URL");
        let connection = client.get_connection().expect("a connection to Redis");
        connection
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a time limit");
        connection
    }

    /// Kills it as the kernel does when memory runs out.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("redis-server can be killed");
            child.wait().expect("redis-server ends");
        }
    }

    /// Starts it again on the same port; ready when this returns.
    pub fn restart(&mut self) {
        self.kill();
        let until = Instant::now() + READY_WITHIN;
        while !self.try_launch() {
            assert!(
                Instant::now() < until,
                "redis-server does not come back on port {}",
                self.port
            );
        }
    }

    /// Stops it where it is; its connections stay open and silent.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        let id = self.child.as_ref().expect("redis-server runs").id();
        let id = libc::pid_t::try_from(id).expect("a process id");
        // SAFETY: kill(2) touches no memory; the process is our own child and not yet waited for.
        let result = unsafe { libc::kill(id, signal) };
        assert_eq!(result, 0, "redis-server takes signal {signal}");
    }

    /// Starts the process and waits until it answers; `false`: it ended at once.
    fn try_launch(&mut self) -> bool {
        let mut child = self.command().spawn().expect("redis-server is installed");
        let until = Instant::now() + READY_WITHIN;
        while !answers(self.port) {
            if child
                .try_wait()
                .expect("redis-server can be waited for")
                .is_some()
            {
                return false;
            }
            if Instant::now() > until {
                child.kill().expect("redis-server can be killed");
                child.wait().expect("redis-server ends");
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.child = Some(child);
        true
    }

    fn command(&self) -> Command {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string(), "--loglevel", "warning"]);
        command.arg("--dir").arg(self.directory.path());
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password]);
        }
        if self.options.unix {
            command.arg("--unixsocket").arg(self.socket());
        }
        if let Some((certificate, key)) = &self.options.tls {
            command.args([
                "--tls-port",
                &self.tls_port.to_string(),
                "--tls-auth-clients",
                "no",
            ]);
            command
                .arg("--tls-cert-file")
                .arg(certificate)
                .arg("--tls-key-file")
                .arg(key);
            command.arg("--tls-ca-cert-file").arg(certificate);
        }
        command.args(&self.options.arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether a server on this port answers a PING, with or without asking for a password.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG" || &answer == b"-NOAU")
    };
    ask().unwrap_or(false)
}

/// A port nobody listens on, below those the kernel gives to outgoing connections, so that it can
/// be taken again after a restart of the server.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const SPAN: u16 = 20_000;
    let own = u16::try_from(std::process::id() % u32::from(SPAN)).expect("below the span");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // 37 apart: test programs started together have neighbouring process ids.
        let offset = (u32::from(own) * 37 + u32::from(step)) % u32::from(SPAN);
        let port = FIRST + u16::try_from(offset).expect("below the span");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Not every test file uses every helper; naming them here keeps the compiler from calling them dead.
const _: fn(&RedisServer) -> u16 = RedisServer::port;
const _: fn(&RedisServer) -> String = RedisServer::url;
const _: fn(&RedisServer) -> String = RedisServer::tls_url;
const _: fn(&RedisServer) -> PathBuf = RedisServer::socket;
const _: fn(&RedisServer, u8) -> redis::Connection = RedisServer::connection;
const _: fn(&mut RedisServer) = RedisServer::restart;
const _: fn(&RedisServer) = RedisServer::freeze;
const _: fn(&RedisServer) = RedisServer::thaw;
const _: fn() -> RedisServer = RedisServer::start;
