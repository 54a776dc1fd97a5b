//! Plays the session and the story on the stage, and shows and checks what comes of it.

mod away;
mod show;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;

use super::{
    checks::{self, Checks},
    expected::{Expected, Own},
    slips::{FROM_SLIPS, Heard, Slips, TO_SLIPS, now},
    stage::Stage,
    story::{self, Saying, Who},
    trust::Believed,
};

/// One step: a start, a meeting, a message.
const STEP: Duration = Duration::from_secs(15);
/// An opinion is written milliseconds after its report; afterwards the last one seen is judged.
const WRITE_BACK: Duration = Duration::from_secs(5);

/// Conduct is told within milliseconds, if there was any.
const CONDUCT: Duration = Duration::from_secs(2);

/// What was played.
pub struct Play {
    start: Instant,
    stage: PathBuf,
    ports: BTreeMap<Who, u16>,
    ids: BTreeMap<Who, String>,
    slips: BTreeMap<Who, Slips>,
    /// What B's Slips said itself.
    own: Vec<Own>,
    /// What was checked.
    pub checks: Checks,
    /// One for each address that was reported, in that order.
    opinions: Vec<Written>,
}

/// What was written back for an address.
struct Written {
    address: String,
    /// What the newest report on it must have led to.
    expected: Expected,
    /// What is there in the end.
    found: Option<Value>,
}

impl Play {
    /// Plays everything and checks it; the stage stays as it is then.
    ///
    /// # Errors
    /// Something could not be started, or did not happen in time.
    pub async fn perform(stage: &mut Stage) -> anyhow::Result<Self> {
        let mut play = Self {
            start: Instant::now(),
            stage: stage.path().to_owned(),
            ports: BTreeMap::new(),
            ids: BTreeMap::new(),
            slips: BTreeMap::new(),
            own: Vec::new(),
            checks: Checks::default(),
            opinions: Vec::new(),
        };
        play.raise(stage).await?;
        play.meet().await?;
        let mut due = play.tell().await?;
        play.away(stage, &mut due).await?;
        stage.all_run()?;
        play.judge(&due).await?;
        Ok(play)
    }

    fn say(&self, text: &str) {
        eprintln!("[{:6.2} s] {text}", self.start.elapsed().as_secs_f64());
    }

    fn slips(&mut self, who: Who) -> anyhow::Result<&mut Slips> {
        self.slips
            .get_mut(&who)
            .with_context(|| format!("{} is not on the stage", who.name()))
    }

    /// Starts the servers, then the nodes; B last, for it calls the others.
    async fn raise(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        for who in Who::ALL {
            let port = stage.redis(who.name())?;
            self.ports.insert(who, port);
        }
        for who in Who::ALL {
            let port = self.ports[&who];
            let slips = Slips::wait_for_server(port)
                .await
                .or_else(|error| stage.all_run().and(Err(error)))?;
            self.slips.insert(who, slips);
        }
        self.say("four redis-servers answer");
        let mut peers = Vec::new();
        for who in [Who::A, Who::C, Who::D, Who::B] {
            let called: &[String] = if who == Who::B { &peers } else { &[] };
            let room = stage.room(who.name())?;
            stage.node(who.name(), &config(who, &room, self.ports[&who], called))?;
            let address = match self.slips(who)?.multiaddress(STEP).await {
                Ok(address) => address,
                Err(error) => {
                    return stage
                        .all_run()
                        .and(Err(error.context(format!("node {}", who.name()))));
                }
            };
            let id = address
                .rsplit("/p2p/")
                .next()
                .unwrap_or_default()
                .to_owned();
            self.say(&format!("node {:4} is ready at {address}", who.name()));
            self.ids.insert(who, id);
            peers.push(address);
        }
        Ok(())
    }

    /// B's Slips says its first word, from which its node learns the version; then B meets everybody.
    async fn meet(&mut self) -> anyhow::Result<()> {
        let first = story::report(Who::B, "192.0.2.1", 0.2, 0.5);
        self.say_of_own(&first).await?;
        self.slips(Who::B)?
            .hold_opinion(story::ASKED_ABOUT, 0.8, 0.9)
            .await?;
        for who in Who::REPORTERS {
            let id = self.ids[&who].clone();
            self.slips(Who::B)?
                .wait(&format!("B to meet {}", who.name()), STEP, |heard| {
                    heard
                        .of_type("peer_update")
                        .filter(|c| c["peerid"] == id.as_str() && c["ip"].is_string())
                        .map(|_| ())
                })
                .await?;
            self.say(&format!("B has met {} ({})", who.name(), who.ip()));
        }
        Ok(())
    }

    /// Plays the recorded session and the story; answers what was to arrive at B: reporter and message.
    async fn tell(&mut self) -> anyhow::Result<Vec<(String, String)>> {
        let mut due = Vec::new();
        self.say("B knows none of the three: A and C warn of an address, the liar denies it");
        self.all(&story::strangers(), &mut due).await?;
        let before = self.believed(story::FIRST).await?;
        let session = story::session(&self.ids[&Who::B])?;
        self.say(&format!(
            "a recorded session of Slips: {} messages, {} of them for B",
            session.len(),
            session.iter().filter(|s| s.arrives.is_some()).count()
        ));
        self.all(&session, &mut due).await?;
        self.conduct_of_the_liar().await?;
        self.say("B learns: on four addresses its own Slips sees in the end who was right");
        self.all(&story::lessons(), &mut due).await?;
        self.say(&format!(
            "the story: {} attacks; A and C say so, the liar denies it and accuses {}",
            story::ATTACKER,
            story::INNOCENT
        ));
        self.all(&story::story(), &mut due).await?;
        let after = self.believed(story::ATTACKER).await?;
        after.check(&before, &mut self.checks);
        Ok(due)
    }

    async fn all(
        &mut self,
        sayings: &[Saying],
        due: &mut Vec<(String, String)>,
    ) -> anyhow::Result<()> {
        for saying in sayings {
            self.one(saying, due).await?;
        }
        Ok(())
    }

    /// How far B believes whom, once what it thinks of an address is on its disk.
    async fn believed(&mut self, address: &'static str) -> anyhow::Result<Believed> {
        self.opinion_of(address).await?;
        let config = self.config_of_b();
        let believed = Believed::ask(&config, &self.ids, address).await?;
        self.say(&believed.told());
        Ok(believed)
    }

    /// What is written back for an address, once it is what it must be.
    async fn opinion_of(&mut self, address: &str) -> anyhow::Result<Option<Value>> {
        let due = (self.opinions.iter())
            .find(|written| written.address == address)
            .map(|written| written.expected)
            .context("nobody spoke of it")?;
        let as_expected = |opinion: &Value| due.differs_from(opinion).is_none();
        let slips = self.slips(Who::B)?;
        slips.opinion(address, WRITE_BACK, as_expected).await
    }

    fn config_of_b(&self) -> PathBuf {
        self.stage.join(Who::B.name()).join("config.toml")
    }

    /// Rubbish costs the one who sends it: shown when B's Slips is told, which it need not be.
    async fn conduct_of_the_liar(&mut self) -> anyhow::Result<()> {
        let id = self.ids[&Who::D].clone();
        let slips = self.slips(Who::B)?;
        let before = checks::told_reliability(&slips.heard, &id).unwrap_or_default();
        let fell = |heard: &Heard| {
            checks::told_reliability(std::slice::from_ref(heard), &id).filter(|now| *now < before)
        };
        if let Ok(now) = slips
            .wait("the liar's reliability to fall", CONDUCT, fell)
            .await
        {
            self.say(&format!("B finds rubbish among the liar's messages: its reliability falls from {before:.2} to {now:.2}"));
        }
        Ok(())
    }

    async fn one(
        &mut self,
        saying: &Saying,
        due: &mut Vec<(String, String)>,
    ) -> anyhow::Result<()> {
        if saying.who == Who::B {
            self.say_of_own(saying).await?;
            // It is known to B before it goes out.
            let (b, message) = (self.ids[&Who::B].clone(), saying.arrives.clone());
            let a = self.slips(Who::A)?;
            let message = message.unwrap_or_default();
            a.wait_for_data(&b, &message, 1, STEP).await?;
            self.say(&format!("B    itself sees it: {}", saying.told));
            return Ok(());
        }
        let published = Instant::now();
        self.slips(saying.who)?.publish(&saying.payload).await?;
        let Some(message) = saying.arrives.clone() else {
            self.say(&format!("{:4} {}", saying.who.name(), saying.told));
            return Ok(());
        };
        let reporter = self.ids[&saying.who].clone();
        due.push((reporter.clone(), message.clone()));
        let times = due
            .iter()
            .filter(|one| **one == (reporter.clone(), message.clone()))
            .count();
        self.slips(Who::B)?
            .wait_for_data(&reporter, &message, times, STEP)
            .await?;
        let taken = published.elapsed().as_secs_f64() * 1e3;
        self.say(&format!(
            "{:4} {}: at B's Slips after {taken:.1} ms",
            saying.who.name(),
            saying.told
        ));
        if let Some(address) = story::reported(&message) {
            self.expect_opinion(address)?;
        }
        Ok(())
    }

    /// B's Slips says something itself: the one kind of evidence no peer can have planted.
    async fn say_of_own(&mut self, saying: &Saying) -> anyhow::Result<()> {
        let own = saying.arrives.as_deref().and_then(story::decode);
        let own = own.context("B's Slips says nothing")?;
        let number = |key: &str| own["evaluation"][key].as_f64().unwrap_or_default();
        self.own.push(Own {
            address: own["key"].as_str().unwrap_or_default().to_owned(),
            score: number("score"),
            confidence: number("confidence"),
            at: now(),
        });
        self.slips(Who::B)?.publish(&saying.payload).await
    }

    /// What must be written back for an address now that a report on it has come: reliability as
    /// Slips was told it by now, for an opinion is made anew by a report, not by conduct.
    fn expect_opinion(&mut self, address: String) -> anyhow::Result<()> {
        let own = std::mem::take(&mut self.own);
        let expected = Expected::of(&self.slips(Who::B)?.heard, &own, &address);
        self.own = own;
        match self
            .opinions
            .iter_mut()
            .find(|opinion| opinion.address == address)
        {
            Some(opinion) => opinion.expected = expected,
            None => self.opinions.push(Written {
                address,
                expected,
                found: None,
            }),
        }
        Ok(())
    }

    async fn judge(&mut self, due: &[(String, String)]) -> anyhow::Result<()> {
        let mut opinions = std::mem::take(&mut self.opinions);
        for Written {
            address,
            expected,
            found,
        } in &mut opinions
        {
            let as_expected = |opinion: &Value| expected.differs_from(opinion).is_none();
            *found = self
                .slips(Who::B)?
                .opinion(address, WRITE_BACK, as_expected)
                .await?;
            self.checks.of_opinion(address, found.as_ref(), *expected);
        }
        for (address, malicious) in [(story::ATTACKER, true), (story::INNOCENT, false)] {
            let opinion = opinions
                .iter()
                .find(|written| written.address == address)
                .and_then(|written| written.found.as_ref());
            let right = opinion
                .and_then(|opinion| opinion["score"].as_f64())
                .is_some_and(|score| (score > 0.5) == malicious);
            let verdict = if malicious { "above" } else { "at most" };
            let wrong = (!right).then(|| format!("{opinion:?}"));
            self.checks.add(
                format!("the liar is outvoted: the score of {address} is {verdict} 0.5"),
                wrong,
            );
        }
        self.opinions = opinions;
        let ids = self.ids.clone();
        let slips = self.slips(Who::B)?;
        slips.catch_up();
        let heard = std::mem::take(&mut slips.heard);
        self.checks.of_messages(&heard, due, &ids);
        self.slips(Who::B)?.heard = heard;
        Ok(())
    }
}

/// The configuration of one node; what is not said here is as everywhere.
fn config(who: Who, room: &Path, redis: u16, peers: &[String]) -> String {
    let ip = who.ip();
    let data = room.join("data");
    // The others learn it from the first word of their Slips; C's says nothing when C is back.
    let version = match who {
        Who::C => format!("version = \"{}\"\n", story::VERSION),
        _ => String::new(),
    };
    format!(
        r#"# Written by `slips-p2p demo`.
[node]
data_dir = {data:?}

[redis]
url = "redis://127.0.0.1:{redis}/0"
from_slips = "{FROM_SLIPS}"
to_slips = "{TO_SLIPS}"
{version}
[network]
listen = ["/ip4/{ip}/tcp/0"]
legacy_mdns = false
peers = {peers:?}
"#
    )
}
