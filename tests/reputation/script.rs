//! Golden scripts: sentences about who said what and when, and what is then expected.
//!
//! A file is a row of scenes, each under a line `== title`. The sentences are in the files
//! themselves, explained at the top of `tests/golden/slips.txt`, `robust.txt` and `conduct.txt`.

use std::{collections::BTreeMap, time::Duration};

use slips_p2p::{
    domain::{Author, Conduct, Opinion, Subject, Timestamp},
    reputation::{
        Engine, Limits, ModelKind, Parameters, SlipsParameters, TrustModel,
        reliability::{self, ReliabilityModel, Standing},
    },
};

use super::{
    figures::{Fault, compare, expect_numbers, number, of_tables, parse, pushed_out, sureness},
    world::{after, anchored, bits, lifted, moved, own, peer, rated, says, subject},
};

/// One scene while it is played.
struct Scene {
    now: Timestamp,
    kind: ModelKind,
    parameters: Parameters,
    /// Made at the first fact, when the parameters are known.
    engine: Option<Engine>,
    ledger: reliability::Parameters,
    standings: BTreeMap<String, Standing>,
    /// What was thought when a line said `remember`.
    remembered: BTreeMap<Subject, Option<Opinion>>,
}

/// Plays a file; how many expectations were met, or every fault with its line.
pub fn play(text: &str) -> Result<usize, Vec<String>> {
    let mut scene = Scene::new();
    let (mut met, mut faults) = (0, Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with("==") {
            scene = Scene::new();
        } else if !line.is_empty() {
            match scene.play(line) {
                Ok(expectations) => met += expectations,
                Err(fault) => faults.push(format!("line {}: {line}\n    {fault}", number + 1)),
            }
        }
    }
    if faults.is_empty() {
        Ok(met)
    } else {
        Err(faults)
    }
}

impl Scene {
    fn new() -> Self {
        Self {
            now: Timestamp::ZERO,
            kind: ModelKind::Slips,
            parameters: Parameters::default(),
            engine: None,
            ledger: reliability::Parameters::default(),
            standings: BTreeMap::new(),
            remembered: BTreeMap::new(),
        }
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine
            .get_or_insert_with(|| Engine::new(self.kind, self.parameters))
    }

    /// How many expectations the line held; all of them were met.
    fn play(&mut self, line: &str) -> Result<usize, Fault> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "at" {
            let used = self.set_clock(&words[1..])?;
            words.drain(..=used);
        }
        match words.as_slice() {
            ["expect", rest @ ..] => return self.expect(rest).map(|()| 1),
            ["model", kind] => self.kind = kind.parse().map_err(|e| format!("{e}"))?,
            ["ledger", "decaying"] => self.ledger.model = ReliabilityModel::Decaying,
            ["ledger", "pigeon"] => self.ledger.model = ReliabilityModel::Pigeon,
            ["strangers", "are", "left", "out"] => {
                self.parameters.slips = SlipsParameters {
                    unknown_reporter: None,
                };
            }
            ["with", key, value] => {
                self.parameters
                    .set(key, value)
                    .map_err(|e| format!("{e}"))?;
            }
            ["remember", of] => {
                let opinion = self.ask(subject(of));
                self.remembered.insert(subject(of), opinion);
            }
            [count, "newcomers", "say", rest @ ..] => {
                for number in 0..parse::<u32>(count)? {
                    let (name, ip) = newcomer(number);
                    self.happen(&[&[&name, &format!("({ip})"), "says"][..], rest].concat())?;
                }
            }
            ["room", "for", count, what] => *self.limit(what)? = parse(count)?,
            ["forget", "what", "was", "said", "before", clock @ ..] => {
                let (oldest, _) = clock_time(clock)?;
                self.engine().forget_before(oldest);
            }
            _ => self.happen(&words)?,
        }
        Ok(0)
    }

    fn limit(&mut self, what: &str) -> Result<&mut usize, Fault> {
        let Limits {
            peers,
            addresses,
            reports,
            reporters_per_address,
            reports_per_address,
            statements,
            ..
        } = &mut self.parameters.limits;
        Ok(match what {
            "peers" => peers,
            "addresses" => addresses,
            "reports" => reports,
            "reporters-per-address" => reporters_per_address,
            "reports-per-address" => reports_per_address,
            "statements" => statements,
            _ => return Err(format!("no such room: {what}")),
        })
    }

    /// Sets the clock; how many words it took.
    fn set_clock(&mut self, words: &[&str]) -> Result<usize, Fault> {
        let (time, used) = clock_time(words)?;
        self.now = time;
        Ok(used)
    }

    fn happen(&mut self, words: &[&str]) -> Result<(), Fault> {
        let now = self.now;
        let fact = match words {
            ["our", "slips", "says", of, "score", s, "confidence", c] => {
                own(of, parse(s)?, parse(c)?)
            }
            ["the", "operator", "trusts", who, trust] => anchored(who, parse(trust)?),
            ["the", "operator", "no", "longer", "trusts", who] => lifted(who),
            [who, "moves", "to", ip] => moved(who, ip),
            [who, "is", "reliable", value] => rated(who, parse(value)?),
            [who, "says", of, "score", s, "confidence", c] => says(who, of, parse(s)?, parse(c)?),
            [who, "says", of, "score", s, "confidence", c, times, "times"] => {
                let fact = says(who, of, parse(s)?, parse(c)?);
                self.engine().learn_repeated(&fact, parse(times)?, now);
                return Ok(());
            }
            [who, ip, "says", rest @ ..] if ip.starts_with('(') => {
                let ip = ip.trim_matches(['(', ')']);
                self.engine().learn(&moved(who, ip), now);
                return self.happen(&[&[*who, "says"], rest].concat());
            }
            [who, conduct] => return self.behave(who, conduct, 1, Duration::ZERO),
            [who, conduct, times, "times"] => {
                return self.behave(who, conduct, parse(times)?, Duration::ZERO);
            }
            [who, conduct, times, "times", "every", span, unit] => {
                return self.behave(who, conduct, parse(times)?, duration(span, unit)?);
            }
            _ => return Err("nobody understands this sentence".into()),
        };
        self.engine().learn(&fact, now);
        Ok(())
    }

    fn behave(&mut self, who: &str, what: &str, times: u32, pause: Duration) -> Result<(), Fault> {
        let conduct: Conduct = what.parse().map_err(|e| format!("{e}"))?;
        let standing = self
            .standings
            .entry(who.into())
            .or_insert(Standing::newcomer(self.now));
        for turn in 0..times {
            if turn > 0 {
                self.now = self.now.plus(pause);
            }
            reliability::record(standing, conduct, self.now, &self.ledger);
        }
        Ok(())
    }

    fn expect(&mut self, words: &[&str]) -> Result<(), Fault> {
        let now = self.now;
        match words {
            [who, "worth", value] => {
                let found = reliability::value(&self.standing(who), self.now, &self.ledger).get();
                number("worth", found, value)
            }
            [who, "cut", "off"] => self.expect_cut_off(who, true),
            [who, "not", "cut", "off"] => self.expect_cut_off(who, false),
            [who, "left", "out", "of", of, "because", why @ ..] => {
                self.expect_left_out(who, subject(of), &why.join(" "))
            }
            ["held", count, what] => number(what, of_tables(&self.engine().held(), what)?, count),
            ["pushed", "out", count, what] => {
                let evicted = self.engine().held().evicted;
                number(what, of_tables(&pushed_out(evicted), what)?, count)
            }
            ["with", "ours", of, rest @ ..] => {
                self.ask(subject(of));
                let verdict = self.engine().verdict(subject(of), now);
                expect_numbers(verdict.as_ref(), rest)
            }
            [who, "trusted", rest @ ..] => {
                let account = self.engine().account(peer(who), now);
                let found = account.ok_or("nobody of that name is known")?.trust;
                compare("trust", found, rest)
            }
            [of, "without", who, rest @ ..] => {
                let author = Author(peer(who));
                let found = self.engine().without(subject(of), author, now);
                expect_numbers(found.as_ref(), rest)
            }
            [of, "as", "remembered"] => self.expect_remembered(subject(of), |was, is| {
                bits(was.as_ref()) == bits(is.as_ref())
            }),
            [of, "surer", "than", "remembered"] => {
                self.expect_remembered(subject(of), |was, is| sureness(is) > sureness(was))
            }
            [of, "less", "sure", "than", "remembered"] => {
                self.expect_remembered(subject(of), |was, is| sureness(is) < sureness(was))
            }
            [of, rest @ ..] => self.expect_opinion(subject(of), rest),
            [] => Err("expect what?".into()),
        }
    }

    /// The opinion now, after what is due by now.
    fn ask(&mut self, of: Subject) -> Option<Opinion> {
        let now = self.now;
        self.engine().prepare(of, now);
        self.engine().opinion(of, now)
    }

    fn expect_remembered(
        &mut self,
        of: Subject,
        holds: impl Fn(&Option<Opinion>, &Option<Opinion>) -> bool,
    ) -> Result<(), Fault> {
        let is = self.ask(of);
        let was = self.remembered.get(&of).ok_or("nothing was remembered")?;
        if holds(was, &is) {
            Ok(())
        } else {
            Err(format!("it was {was:?} and is {is:?}"))
        }
    }

    fn standing(&self, who: &str) -> Standing {
        self.standings
            .get(who)
            .copied()
            .unwrap_or(Standing::newcomer(self.now))
    }

    fn expect_cut_off(&self, who: &str, expected: bool) -> Result<(), Fault> {
        let found = reliability::should_cut_off(&self.standing(who), self.now, &self.ledger);
        if found == expected {
            Ok(())
        } else {
            Err(format!("cut off: {found}"))
        }
    }

    fn expect_left_out(&mut self, who: &str, of: Subject, why: &str) -> Result<(), Fault> {
        let now = self.now;
        let explanation = self.engine().explain(of, now);
        let found = explanation
            .shares
            .iter()
            .find(|share| share.author.0 == peer(who));
        match found.map(|share| share.left_out) {
            Some(Some(found)) if found == why => Ok(()),
            found => Err(format!("left out: {found:?}")),
        }
    }

    fn expect_opinion(&mut self, of: Subject, words: &[&str]) -> Result<(), Fault> {
        let now = self.now;
        let opinion = self.ask(of);
        let explanation = self.engine().explain(of, now);
        if explanation.opinion != opinion {
            return Err(format!(
                "explained {:?}, answered {opinion:?}",
                explanation.opinion
            ));
        }
        match (words, explanation.failed) {
            (["to", "fail"], Some(_)) if opinion.is_none() => Ok(()),
            (_, Some(failed)) => Err(format!("failed: {failed}")),
            (_, None) => expect_numbers(opinion.as_ref(), words),
        }
    }
}

/// The name and address of the n-th of a crowd.
fn newcomer(number: u32) -> (String, String) {
    let [_, _, high, low] = number.to_be_bytes();
    (format!("newcomer {number}"), format!("10.66.{high}.{low}"))
}

/// `10:00`, `10:00:20` or `day 3 10:00`, and how many words it took.
fn clock_time(words: &[&str]) -> Result<(Timestamp, usize), Fault> {
    let (day, clock, used) = match words {
        ["day", day, clock, ..] => (parse::<u64>(day)?, clock, 3),
        [clock, ..] => (1, clock, 1),
        [] => return Err("what time?".into()),
    };
    let mut seconds = 0;
    for (part, unit) in clock.split(':').zip([3600, 60, 1]) {
        seconds += parse::<u64>(part)? * unit;
    }
    // 1,000 days after the epoch, so that there is a time before.
    Ok((
        after(Duration::from_secs((1000 + day) * 86_400 + seconds)),
        used,
    ))
}

fn duration(count: &str, unit: &str) -> Result<Duration, Fault> {
    let seconds = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return Err(format!("no such unit: {unit}")),
    };
    Ok(Duration::from_secs(parse::<u64>(count)? * seconds))
}

#[test]
fn a_wrong_expectation_is_found_with_its_line() {
    let text = "== a scene\nat 10:00 ann (192.0.2.1) says 198.51.100.7 score 1 confidence 1\n\
                expect 198.51.100.7 score 0.5 confidence 0.0\nexpect 198.51.100.7 score 1 confidence 0.03\n\
                at 11:00 ann is reliable 1\nexpect 198.51.100.7 score 1 confidence 0.35";
    let faults = play(text).expect_err("the first expectation is wrong");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("line 3:") && faults[0].contains("found score 1"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("line 4:") && faults[1].contains("found confidence"),
        "{faults:?}"
    );
}

#[test]
fn a_sentence_nobody_understands_is_a_fault() {
    for line in [
        "ann dances slowly",
        "ann dances",
        "at 25:xx ann greeted",
        "expect 192.0.2.1 fine",
    ] {
        assert!(play(line).is_err(), "{line}");
    }
}
