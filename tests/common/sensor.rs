//! One sensor: a Slips with its Redis, and a real node beside it with a directory of its own.

use std::{fs, path::PathBuf, time::Duration};

use libp2p::Multiaddr;
use tempfile::TempDir;

use crate::{
    netns::Host,
    node::{self, Program, Running},
    slips::{Slips, TO_SLIPS, VERSION},
    wait,
};

/// How a node is set up, beyond what every test's node has.
#[derive(Debug, Default, Clone)]
pub struct Setup {
    /// Peers it dials.
    pub peers: Vec<Multiaddr>,
    /// More lines of config: `("redis", "write_back = false")`.
    pub more: Vec<(&'static str, String)>,
    /// The channel to Slips; `None`: the one current Slips listens on.
    pub to_slips: Option<&'static str>,
    /// The machine of a test's network on which Slips and the node run, the node on port 4001 of its
    /// address; `None`: this one, on loopback and a free port.
    pub host: Option<Host>,
}

/// A Slips and its node.
pub struct Sensor {
    /// The Slips.
    pub slips: Slips,
    /// The node.
    pub node: Running,
    dir: TempDir,
}

impl Sensor {
    /// Starts both and waits until the node is ready.
    #[must_use]
    pub fn start(setup: &Setup) -> Self {
        Self::beside(
            Slips::listening(setup.host.as_ref(), setup.to_slips.unwrap_or(TO_SLIPS)),
            setup,
        )
    }

    /// Starts a node beside a Slips that is there already.
    ///
    /// # Panics
    /// When the node does not become ready in time.
    #[must_use]
    pub fn beside(slips: Slips, setup: &Setup) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let sensor = Self {
            node: launch(&dir, slips.port, setup),
            slips,
            dir,
        };
        sensor.ready()
    }

    fn ready(mut self) -> Self {
        self.node.wait_for_line("ready");
        self
    }

    /// Where its node listens, as Redis says it.
    pub fn address(&mut self) -> Multiaddr {
        let slips = &mut self.slips;
        let text = wait::until("multiAddress", wait::LIMIT, || slips.get("multiAddress"));
        text.parse().expect("a multiaddr")
    }

    /// Its node's peer id.
    pub fn peer_id(&mut self) -> String {
        let address = self.address().to_string();
        address
            .rsplit('/')
            .next()
            .expect("a multiaddr ends in its peer")
            .to_owned()
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.dir.path().join("data/slips-p2p.db")
    }

    /// Starts the node again, after it has ended or been killed.
    pub fn restart(&mut self, setup: &Setup) {
        self.node = launch(&self.dir, self.slips.port, setup);
        self.node.wait_for_line("ready");
    }

    /// Starts a second node on the same config, and so on the same database.
    #[must_use]
    pub fn second(&self) -> Running {
        let config = self.dir.path().join("config.toml");
        Program::new(node::NODE)
            .args(["run", "--config"])
            .args([&config])
            .dir(self.dir.path())
            .start()
    }

    /// Asks the program about this sensor's database; the answer's JSON.
    ///
    /// # Panics
    /// When the answer is no JSON.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> serde_json::Value {
        let database = self.database();
        let mut asking = Program::new(node::NODE)
            .args(arguments)
            .args([
                "-o",
                "json",
                "--database",
                database.to_str().expect("UTF-8"),
            ])
            .start();
        let exit = asking.wait_exit(Duration::from_secs(10));
        let said = exit
            .log
            .lines()
            .filter_map(|line| line.strip_prefix("stdout: "));
        let text: String = said.collect();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {}", exit.log))
    }

    /// Waits until Slips has heard that a peer is there.
    pub fn meet(&self, peer: &str) {
        self.slips
            .hear(&format!("a peer_update of {peer}"), |json| {
                (json["message_type"] == "peer_update"
                    && json["message_contents"]["peerid"] == peer)
                    .then_some(())
            });
    }
}

fn launch(dir: &TempDir, redis: u16, setup: &Setup) -> Running {
    let peers: Vec<_> = setup
        .peers
        .iter()
        .map(|peer| format!("\"{peer}\""))
        .collect();
    let more = |section: &str| {
        let lines = setup.more.iter().filter(|(name, _)| *name == section);
        lines
            .map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    let others: String = [
        "forward",
        "limits",
        "reliability",
        "reputation",
        "store",
        "outbox",
        "log",
    ]
    .iter()
    .map(|section| format!("[{section}]\n{}", more(section)))
    .collect();
    let listen = setup.host.as_ref().map_or_else(
        || "/ip4/127.0.0.1/tcp/0".to_owned(),
        |host| format!("/ip4/{}/tcp/4001", host.ip),
    );
    let text = format!(
        "[node]\ndata_dir = \"{}\"\n{}[redis]\nurl = \"redis://127.0.0.1:{redis}\"\nversion = \"{VERSION}\"\n\
         to_slips = \"{}\"\n{}[network]\nlisten = [\"{listen}\"]\nlegacy_mdns = false\n\
         peers = [{}]\ndial_backoff_min = \"100ms\"\n{}{others}",
        dir.path().join("data").display(),
        more("node"),
        setup.to_slips.unwrap_or(TO_SLIPS),
        more("redis"),
        peers.join(", "),
        more("network"),
    );
    let config = dir.path().join("config.toml");
    fs::write(&config, text).expect("the config can be written");
    let node = node::program(node::NODE);
    let program = match &setup.host {
        Some(host) => Program::on(host, &node),
        None => Program::at(&node),
    };
    program
        .args(["run", "--config"])
        .args([&config])
        .dir(dir.path())
        .start()
}
