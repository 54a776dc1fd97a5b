//! A small network of its own for a test: namespaces on a bridge, gone when the test is over.
//!
//! The test starts itself anew under `unshare` with its own network, mount and process namespaces;
//! everything it makes there vanishes with its last process, however that ends. Root is not needed
//! where the kernel lets users make user namespaces (Debian 12 does).

use std::{
    env,
    fs::File,
    net::Ipv4Addr,
    os::fd::AsRawFd,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Set in the inner process.
const INSIDE: &str = "SLIPS_P2P_TEST_INSIDE";
/// Whoever sets it accepts that these tests prove nothing on this machine.
const SKIP: &str = "SLIPS_P2P_SKIP_NETNS";
/// A whole test inside.
const LIMIT: Duration = Duration::from_secs(180);

/// A network with a bridge in the middle.
#[derive(Debug)]
pub struct Lan(());

/// A second bridge, and the cable to the first.
#[derive(Debug)]
pub struct Island(());

/// A machine on the network: a namespace with `lo` and `eth0`.
#[derive(Debug, Clone)]
pub struct Host {
    /// The name of its namespace.
    pub name: String,
    /// Its address, in `10.77.0.0/24` unless the test has chosen another.
    pub ip: Ipv4Addr,
}

/// Runs `body` on a network of its own. `test` is the test's full name, by which it is started again inside.
///
/// # Panics
/// When the test fails inside, or no namespace can be made: the message names the remedy.
pub fn inside(test: &str, body: impl FnOnce(&Lan)) {
    inside_within(test, LIMIT, body);
}

/// The same with a limit of its own.
///
/// # Panics
/// As [`inside`].
pub fn inside_within(test: &str, limit: Duration, body: impl FnOnce(&Lan)) {
    if env::var_os(INSIDE).is_some() {
        body(&Lan::new());
        return;
    }
    if env::var_os(SKIP).is_some() {
        println!("SKIPPED {test}: {SKIP} is set, so nothing was proved about mDNS or partitions");
        return;
    }
    if let Err(reason) = run(unshare().arg("true")) {
        panic!(
            "{test} needs network namespaces, and none can be made here: {reason}\n\
             Remedy: run as root (in a container: with CAP_SYS_ADMIN), or allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1); or set {SKIP}=1 to go without this proof."
        );
    }
    let mut child = unshare()
        .arg(env::current_exe().expect("the path of this test"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .spawn()
        .expect("unshare was there just now");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if start.elapsed() > limit {
            // --kill-child takes everything inside along.
            child.kill().expect("our own child");
            child.wait().expect("our own child");
            panic!("{test} did not end within {limit:?} inside its namespace");
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(
        status.success(),
        "{test} failed inside its namespace, see above ({status})"
    );
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        command.arg("--map-root-user");
    }
    command.args([
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--",
    ]);
    command
}

impl Lan {
    fn new() -> Self {
        // `ip netns` keeps names in /run/netns; this /run is the test's own.
        setup("mount", "-t tmpfs tmpfs /run");
        setup("ip", "link set lo up");
        setup("ip", "link add bridge0 type bridge mcast_snooping 0");
        setup("ip", "link set bridge0 up");
        Self(())
    }

    /// Adds a machine with the address `10.77.0.<number>`.
    #[must_use]
    pub fn host(&self, number: u8) -> Host {
        plug(Ipv4Addr::new(10, 77, 0, number), "bridge0")
    }

    /// Adds a machine with an address of its own choice, by whose last number it is known: no two
    /// machines may share that. Everybody is on one link and reaches everybody.
    #[must_use]
    pub fn host_at(&self, ip: Ipv4Addr) -> Host {
        plug(ip, "bridge0")
    }

    /// Lays a second bridge, joined to the first by a cable.
    #[must_use]
    pub fn island(&self) -> Island {
        setup("ip", "link add bridge1 type bridge mcast_snooping 0");
        setup("ip", "link set bridge1 up");
        setup("ip", "link add cable0 type veth peer name cable1");
        setup("ip", "link set cable0 master bridge0 up");
        setup("ip", "link set cable1 master bridge1 up");
        Island(())
    }

    /// Cuts a machine off the bridge, or joins it again.
    pub fn connect(&self, host: &Host, connected: bool) {
        let state = if connected { "up" } else { "down" };
        setup("ip", &format!("link set v{} {state}", host.ip.octets()[3]));
    }

    /// Makes one machine deaf to another: what `from` sends to `to` goes to a card nobody has, and
    /// `from` is told nothing; what `to` sends still arrives. Or ends that.
    pub fn hears(&self, to: &Host, from: &Host, hears: bool) {
        let (name, ip) = (&from.name, to.ip);
        let what = if hears {
            format!("-n {name} neigh del {ip} dev eth0")
        } else {
            format!("-n {name} neigh replace {ip} lladdr 02:00:00:00:00:00 nud permanent dev eth0")
        };
        setup("ip", &what);
    }
}

impl Island {
    /// Adds a machine with the address `10.77.0.<number>`.
    #[must_use]
    pub fn host(&self, number: u8) -> Host {
        plug(Ipv4Addr::new(10, 77, 0, number), "bridge1")
    }

    /// Cuts the cable, so that everything between the bridges is lost without a word; or mends it.
    pub fn join(&self, joined: bool) {
        // Unplugged at one end; a port whose state is set to disabled enables itself again.
        let state = if joined { "master bridge0" } else { "nomaster" };
        setup("ip", &format!("link set cable0 {state}"));
    }
}

fn plug(ip: Ipv4Addr, bridge: &str) -> Host {
    let number = ip.octets()[3];
    let name = format!("h{number}");
    setup("ip", &format!("netns add {name}"));
    setup(
        "ip",
        &format!("link add v{number} type veth peer name eth0 netns {name}"),
    );
    setup("ip", &format!("link set v{number} master {bridge} up"));
    setup("ip", &format!("-n {name} link set lo up"));
    setup("ip", &format!("-n {name} link set eth0 addrgenmode none"));
    setup("ip", &format!("-n {name} addr add {ip}/24 dev eth0"));
    setup("ip", &format!("-n {name} link set eth0 up"));
    // Without the detection of duplicates the address can be used at once.
    setup(
        "ip",
        &format!("-n {name} addr add fe80::{number}/64 dev eth0 nodad"),
    );
    setup("ip", &format!("-n {name} route add default dev eth0"));
    Host { name, ip }
}

impl Host {
    /// A program to be run on this machine.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .arg("--")
            .arg(program);
        command
    }

    /// Moves the calling thread, and all it opens and starts from now on, to this machine.
    ///
    /// # Panics
    /// When it may not.
    pub fn enter(&self) {
        let file = File::open(self.path()).expect("the namespace is there");
        // SAFETY: the descriptor is open for the whole call, and setns touches no memory of ours.
        let done = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(
            done,
            0,
            "setns to {}: {}",
            self.name,
            std::io::Error::last_os_error()
        );
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }
}

fn setup(program: &str, arguments: &str) {
    if let Err(reason) = run(Command::new(program).args(arguments.split(' '))) {
        panic!("cannot lay the test's network: {reason}");
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}; is it installed?"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", said.trim()))
    }
}
