//! How far B believes each reporter, by `slips-p2p explain`, as an operator would ask.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde_json::Value;
use tokio::process::Command;

use super::{checks::Checks, story::Who};

/// What `explain` says of the reporters at one time.
pub struct Believed {
    /// The address on which they had just spoken.
    address: &'static str,
    /// Trust, 0.5 for somebody unknown, and the weight of the report on the address.
    of: BTreeMap<Who, (f64, f64)>,
}

impl Believed {
    /// Asks B's database of every reporter, and of the address.
    ///
    /// # Errors
    /// The program cannot be run, or does not say it.
    pub async fn ask(
        config: &Path,
        ids: &BTreeMap<Who, String>,
        address: &'static str,
    ) -> anyhow::Result<Self> {
        let why = explain(config, &[address]).await?;
        let mut of = BTreeMap::new();
        for who in Who::REPORTERS {
            let id = ids[&who].as_str();
            let account = explain(config, &["--peer", id]).await?;
            let trust = account["trust"]
                .as_f64()
                .with_context(|| format!("explain --peer {id} says nothing of its trust"))?;
            let mut reports = why["reports"].as_array().into_iter().flatten();
            let weight = reports
                .find(|report| report["peer"] == id)
                .and_then(|report| report["weight"].as_f64())
                .with_context(|| format!("explain {address} says nothing of {}", who.name()))?;
            of.insert(who, (trust, weight));
        }
        Ok(Self { address, of })
    }

    /// For people: who is believed how far.
    pub fn told(&self) -> String {
        let each: Vec<String> = self
            .of
            .iter()
            .map(|(who, (trust, weight))| format!("{} {trust:.3} (weight {weight:.3})", who.name()))
            .collect();
        format!(
            "B's trust by `explain`, and weight on {}: {}",
            self.address,
            each.join(", ")
        )
    }

    /// What must have come of the liar's being found out.
    pub fn check(&self, before: &Self, checks: &mut Checks) {
        let (trust_was, weight_was) = before.of[&Who::D];
        let (trust, weight) = self.of[&Who::D];
        checks.add(
            "B's own Slips found the liar out: its trust fell below that of a stranger, 0.5",
            (!(trust < 0.5 && trust < trust_was))
                .then(|| format!("{trust_was} before, {trust} after")),
        );
        let has_lost = weight < weight_was / 2.0;
        checks.add(
            format!(
                "the liar lost weight: on {} it has less than half of what it had on {}",
                self.address, before.address
            ),
            (!has_lost).then(|| format!("{weight_was} before, {weight} after")),
        );
        for who in [Who::A, Who::C] {
            let (was, is) = (before.of[&who].0, self.of[&who].0);
            let has_won = is > was;
            checks.add(
                format!(
                    "{}, which B's own Slips confirmed, is trusted more than before",
                    who.name()
                ),
                (!has_won).then(|| format!("{was} before, {is} after")),
            );
        }
    }
}

async fn explain(config: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let output = Command::new(program)
        .args(["-o", "json", "--config"])
        .arg(config)
        .arg("explain")
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run slips-p2p explain")?;
    anyhow::ensure!(
        output.status.success(),
        "slips-p2p explain {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("slips-p2p explain")
}
