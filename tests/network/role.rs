//! Tests that need processes of their own: this program again, playing one of its tests in a role.

use std::{
    fmt::Display,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

/// Set for children only: what they are to be.
const ROLE: &str = "SLIPS_P2P_TEST_ROLE";

/// What this process is to be; `None` in an ordinary run.
pub fn own() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Tells the test that plays us.
pub fn say(what: &str, value: impl Display) {
    println!("\n>{what} {value}");
}

/// A child; it ends with the test.
pub struct Role {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Role {
    pub fn play(test: &str, role: &str) -> Self {
        let own = std::env::current_exe().expect("this program");
        let mut child = Command::new(own)
            .args(["--exact", test, "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, output }
    }

    /// Waits until it says that, and gives the value.
    pub fn says(&mut self, what: &str) -> String {
        self.next(what)
            .unwrap_or_else(|| panic!("it ended without saying `{what}`"))
    }

    /// The next value of that; `None` when it has ended.
    pub fn next(&mut self, what: &str) -> Option<String> {
        let start = format!(">{what} ");
        let mut said = self.output.by_ref().map_while(Result::ok);
        said.find_map(|line| Some(line.strip_prefix(&start)?.to_owned()))
    }

    /// Kills it as `kill -9` does; what it said before can still be read.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its resident memory, in KiB.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).expect("it runs");
        let pages: u64 = text
            .split(' ')
            .nth(1)
            .expect("a field")
            .parse()
            .expect("a number");
        pages * 4
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
