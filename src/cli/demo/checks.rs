//! What must hold of what B's Slips got; each check says what it found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    expected::Expected,
    slips::Heard,
    story::{self, VERSION, Who},
};

/// A check that was made: what was checked, and what is wrong with it, if anything.
pub struct Check {
    /// What must hold.
    pub what: String,
    /// Why it does not.
    pub wrong: Option<String>,
}

/// All checks made so far.
#[derive(Default)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// Adds one.
    pub fn add(&mut self, what: impl Into<String>, wrong: Option<String>) {
        self.0.push(Check {
            what: what.into(),
            wrong,
        });
    }

    /// Whether all hold.
    pub fn all_hold(&self) -> bool {
        self.0.iter().all(|check| check.wrong.is_none())
    }

    /// Everything that can be seen from the messages B's Slips got, given what was to arrive.
    pub fn of_messages(
        &mut self,
        heard: &[Heard],
        expected: &[(String, String)],
        ids: &BTreeMap<Who, String>,
    ) {
        self.add(
            "every message is a JSON object of a known type",
            first(heard, |h| unknown(&h.message)),
        );
        self.add(
            format!("every message carries the version of Slips, {VERSION}"),
            first(heard, |h| {
                (h.message["version"] != VERSION).then(|| h.message.to_string())
            }),
        );
        self.add("go_data is {reporter, report_time, message}, its time an integer not ahead of the clock", first(heard, bad_go_data));
        self.add("peer_update has a peerid, an integer timestamp, and ip or reliability, the latter as a decimal text", first(heard, bad_peer_update));
        self.add(
            "a peer_update with the address comes before the first go_data of each peer",
            unannounced(heard),
        );
        self.add(format!("the {} messages for B arrived unchanged, from whom they came, once each, and nothing else", expected.len()), differences(heard, expected));
        let missing: Vec<&str> = Who::REPORTERS
            .iter()
            .filter(|who| {
                !heard.iter().any(|h| {
                    h.of_type("peer_update")
                        .is_some_and(|c| c["peerid"] == ids[who].as_str() && c["ip"] == who.ip())
                })
            })
            .map(|who| who.name())
            .collect();
        self.add(
            "Slips was told the address of each peer",
            (!missing.is_empty()).then(|| format!("not of {}", missing.join(", "))),
        );
    }

    /// One opinion that was written back, against the model's own from what Slips was told.
    pub fn of_opinion(&mut self, ip: &str, opinion: Option<&Value>, expected: Expected) {
        let what = format!(
            "p2p4slips of {ip} is what `robust` makes of {} reports",
            expected.reports
        );
        let wrong = match opinion {
            None => Some("nothing was written".into()),
            Some(opinion) => expected.differs_from(opinion),
        };
        self.add(what, wrong);
    }
}

fn first(heard: &[Heard], wrong: impl Fn(&Heard) -> Option<String>) -> Option<String> {
    heard.iter().find_map(wrong)
}

fn unknown(message: &Value) -> Option<String> {
    let known = message["message_type"] == "go_data" || message["message_type"] == "peer_update";
    (!known || !message["message_contents"].is_object()).then(|| message.to_string())
}

/// The keys of an object.
pub fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

fn bad_go_data(heard: &Heard) -> Option<String> {
    let contents = heard.of_type("go_data")?;
    let time = contents["report_time"].as_i64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are exact in a double"
    )]
    let in_time = time.is_some_and(|time| time as f64 <= heard.at);
    let right = keys(contents) == BTreeSet::from(["reporter", "report_time", "message"])
        && in_time
        && contents["message"].is_string();
    (!right).then(|| contents.to_string())
}

fn bad_peer_update(heard: &Heard) -> Option<String> {
    let contents = heard.of_type("peer_update")?;
    let keys = keys(contents);
    let known = keys.is_subset(&BTreeSet::from([
        "peerid",
        "ip",
        "reliability",
        "timestamp",
    ]));
    let says_something = keys.contains("ip") || keys.contains("reliability");
    let reliability = &contents["reliability"];
    let decimal = reliability.is_null() || reliability_of(contents).is_some();
    let right = known
        && says_something
        && decimal
        && contents["peerid"].is_string()
        && contents["timestamp"].is_i64();
    (!right).then(|| contents.to_string())
}

/// The reliability in a peer_update, when it is the text of a number in 0..=1.
pub fn reliability_of(contents: &Value) -> Option<f64> {
    contents["reliability"]
        .as_str()?
        .parse()
        .ok()
        .filter(|value| (0.0..=1.0).contains(value))
}

fn unannounced(heard: &[Heard]) -> Option<String> {
    let mut announced = BTreeSet::new();
    for message in heard {
        if let Some(update) = message.of_type("peer_update")
            && update["ip"].is_string()
        {
            announced.insert(update["peerid"].to_string());
        }
        if let Some(data) = message.of_type("go_data")
            && !announced.contains(&data["reporter"].to_string())
        {
            return Some(data.to_string());
        }
    }
    None
}

/// What arrived, as reporter and message.
pub fn arrived(heard: &[Heard]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    heard
        .iter()
        .filter_map(|h| h.of_type("go_data"))
        .map(|data| (text(&data["reporter"]), text(&data["message"])))
        .collect()
}

fn differences(heard: &[Heard], expected: &[(String, String)]) -> Option<String> {
    let (mut came, mut due) = (arrived(heard), expected.to_vec());
    came.sort();
    due.sort();
    if came == due {
        return None;
    }
    let missing: Vec<_> = due.iter().filter(|one| !came.contains(one)).collect();
    let extra: Vec<_> = came.iter().filter(|one| !due.contains(one)).collect();
    Some(format!(
        "{} came, {} were due; missing {missing:?}; not due {extra:?}",
        came.len(),
        due.len()
    ))
}

/// The newest reliability Slips was told of a peer.
pub fn told_reliability(heard: &[Heard], peer: &str) -> Option<f64> {
    heard
        .iter()
        .rev()
        .filter_map(|h| h.of_type("peer_update"))
        .filter(|c| c["peerid"] == peer)
        .find_map(reliability_of)
}

/// The newest report of each reporter on an address, as B's Slips got them: reporter, score, confidence.
pub fn reports_on(heard: &[Heard], ip: &str) -> Vec<(String, f64, f64)> {
    let mut newest: Vec<(String, f64, f64)> = Vec::new();
    for (reporter, message) in arrived(heard) {
        let Some(content) =
            story::decode(&message).filter(|c| c["message_type"] == "report" && c["key"] == ip)
        else {
            continue;
        };
        let (Some(score), Some(confidence)) = (
            content["evaluation"]["score"].as_f64(),
            content["evaluation"]["confidence"].as_f64(),
        ) else {
            continue;
        };
        newest.retain(|(who, ..)| *who != reporter);
        newest.push((reporter, score, confidence));
    }
    newest
}
