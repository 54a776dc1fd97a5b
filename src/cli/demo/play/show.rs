//! What is shown when everything was played: the table, the checks, how to look around.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{Play, Written};
use crate::cli::{
    context::Context,
    demo::{
        checks,
        slips::FROM_SLIPS,
        story::{self, Who},
    },
    output::{Cell, Column, column},
};

const COLUMNS: &[Column] = &[
    column("address", "ADDRESS"),
    column("score", "SCORE"),
    column("confidence", "CONFIDENCE"),
    column("network_score", "NETWORK SCORE"),
    column("said", "WHO SAID WHAT (CONFIDENCE)"),
];

impl Play {
    /// The table a person reads, of what B's Slips holds and heard.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn table(&self, context: &mut Context<'_>) -> anyhow::Result<()> {
        let names: BTreeMap<&str, &str> = self
            .ids
            .iter()
            .map(|(who, id)| (id.as_str(), who.name()))
            .collect();
        let heard = self
            .slips
            .get(&Who::B)
            .map_or(&[][..], |slips| &slips.heard);
        eprintln!("\nWhat B's Slips holds now (1 is malicious, 0 is not):");
        let mut printer = context.printer(COLUMNS)?;
        for Written { address, found, .. } in &self.opinions {
            let said = checks::reports_on(heard, address).iter().fold(
                String::new(),
                |mut text, (id, score, confidence)| {
                    let separator = if text.is_empty() { "" } else { ", " };
                    // Writing to a String cannot fail.
                    let _ = write!(
                        text,
                        "{separator}{} says {score} ({confidence})",
                        names.get(id.as_str()).unwrap_or(&"?")
                    );
                    text
                },
            );
            let number = |key: &str| {
                found
                    .as_ref()
                    .and_then(|opinion| opinion[key].as_f64())
                    .map_or(Cell::Null, Cell::Float)
            };
            printer.row(vec![
                Cell::Text(address.clone()),
                number("score"),
                number("confidence"),
                number("network_score"),
                Cell::Text(said),
            ])?;
        }
        printer.end()?;
        Ok(())
    }

    /// Every check with what is wrong, on stderr.
    pub fn report_checks(&self) {
        eprintln!("\nChecks:");
        for check in &self.checks.0 {
            match &check.wrong {
                None => eprintln!("  ok    {}", check.what),
                Some(wrong) => eprintln!("  WRONG {}\n        {wrong}", check.what),
            }
        }
        let wrong = self
            .checks
            .0
            .iter()
            .filter(|check| check.wrong.is_some())
            .count();
        let verdict = if wrong == 0 {
            "all hold".into()
        } else {
            format!("{wrong} do NOT hold")
        };
        self.say(&format!("{} checks, {verdict}", self.checks.0.len()));
    }

    /// How to look around on a stage that was left running, and how to end it.
    pub fn look_around(&self, stop: &Path) {
        let config = self.config_of_b();
        let log = config.with_file_name("node.log");
        let config = config.display();
        eprintln!(
            "\nEverything is left running in {}. Look around:",
            self.stage.display()
        );
        eprintln!("  slips-p2p --config {config} explain {}", story::ATTACKER);
        eprintln!("  slips-p2p --config {config} reports");
        eprintln!("  slips-p2p --config {config} peers");
        eprintln!("  tail -f {}", log.display());
        for who in Who::ALL {
            eprintln!(
                "  redis-cli -p {}     # the Redis of {}",
                self.ports[&who],
                who.name()
            );
        }
        eprintln!(
            "  redis-cli -p {} -n 1 hgetall IPsInfo:p2p4slips",
            self.ports[&Who::B]
        );
        let saying = story::report(Who::A, "192.0.2.99", 1.0, 0.9);
        eprintln!(
            "  redis-cli -p {} publish {FROM_SLIPS} '{}'",
            self.ports[&Who::A],
            saying.payload
        );
        eprintln!(
            "(slips-p2p is {})",
            std::env::current_exe().unwrap_or_default().display()
        );
        eprintln!("Stop it, and remove its files: sh {}", stop.display());
    }
}
