//! Properties of `robust`, on random facts.

use proptest::{prelude::*, sample::select};
use slips_p2p::{
    domain::Timestamp,
    reputation::{Engine, Explanation, Fact, ModelKind, Parameters, Touched, TrustModel},
};

use super::world::{anchored, at, bits, moved, own, peer, rated, says, subject};

const PEERS: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];
const ADDRESSES: [&str; 5] = [
    "198.51.100.1",
    "198.51.100.2",
    "198.51.100.3",
    "198.51.100.4",
    "2001:db8::7",
];
const HOUR: f64 = 3600.0;

fn robust(settings: &[(&str, &str)]) -> Engine {
    let mut parameters = Parameters::default();
    for (key, value) in settings {
        parameters.set(key, value).expect("a parameter");
    }
    Engine::new(ModelKind::Robust, parameters)
}

fn level() -> impl Strategy<Value = f64> {
    prop_oneof![select(&[0.0, 0.2, 0.5, 0.8, 1.0][..]), 0.0..=1.0f64]
}

fn who() -> impl Strategy<Value = &'static str> {
    select(&PEERS[..])
}

fn of() -> impl Strategy<Value = &'static str> {
    select(&ADDRESSES[..])
}

fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        8 => (who(), of(), level(), level()).prop_map(|(who, of, s, c)| says(who, of, s, c)),
        3 => (of(), level(), level()).prop_map(|(of, s, c)| own(of, s, c)),
        1 => (who(), level()).prop_map(|(who, r)| rated(who, r)),
        1 => (who(), 1..250u8).prop_map(|(who, ip)| moved(who, &format!("192.0.2.{ip}"))),
        1 => (who(), level()).prop_map(|(who, trust)| anchored(who, trust)),
    ]
}

/// Facts with the hours between them.
fn story(most_hours: f64) -> impl Strategy<Value = Vec<(f64, Fact)>> {
    prop::collection::vec((0.0..most_hours, fact()), 0..60)
}

/// The same with the time of each.
fn timed(story: &[(f64, Fact)]) -> Vec<(Timestamp, Fact)> {
    let mut hours = 0.0;
    let tell = |(pause, fact): &(f64, Fact)| {
        hours += pause;
        (at(hours * HOUR), fact.clone())
    };
    story.iter().map(tell).collect()
}

fn play(mut engine: Engine, story: &[(Timestamp, Fact)]) -> Engine {
    for (time, fact) in story {
        engine.learn(fact, *time);
    }
    engine
}

fn trust(engine: &Engine, name: &str, now: Timestamp) -> f64 {
    engine.account(peer(name), now).map_or(0.5, |a| a.trust)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The log-odds behind an answer, without their sign.
fn log_odds(confidence: f64) -> f64 {
    ((1.0 + confidence) / (1.0 - confidence)).ln()
}

fn assert_explained(explanation: &Explanation) {
    let sum = |name: &str| -> f64 {
        let parts = explanation.shares.iter().flat_map(|share| &share.parts);
        parts
            .filter(|(part, _)| *part == name)
            .map(|(_, v)| v)
            .sum()
    };
    for (name, total) in &explanation.totals {
        assert!(total.is_finite());
        if !["prior", "own"].contains(name) {
            assert!(near(sum(name), *total), "{name}: {} and {total}", sum(name));
        }
    }
    let all: f64 = explanation.totals.iter().map(|(_, total)| total).sum();
    if let Some(verdict) = &explanation.verdict {
        let confidence = verdict.confidence.get();
        assert!((confidence - (all / 2.0).tanh().abs()).abs() < 1e-9);
        assert!((0.0..=1.0).contains(&verdict.score.get()));
        assert_eq!(verdict.score.get() > 0.5, all > 0.0 && confidence > 0.0);
    }
    if let Some(opinion) = &explanation.opinion {
        assert!((0.0..=1.0).contains(&opinion.score.get()));
        assert!((0.0..=1.0).contains(&opinion.network_score.get()));
        let weights: f64 = explanation.shares.iter().map(|share| share.weight).sum();
        assert!(near(weights, 1.0), "the weights add up to {weights}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Everything is finite and in range; the shares add up to the totals, and those to the answer.
    #[test]
    fn answers_are_bounded_and_explained(story in story(30.0), later in 0.0..400.0f64) {
        let story = timed(&story);
        let end = story.last().map_or(0.0, |(time, _)| time.as_secs_f64());
        let mut engine = play(robust(&[]), &story);
        let now = at(end + later * HOUR);
        for of in ADDRESSES {
            engine.prepare(subject(of), now);
            let explanation = engine.explain(subject(of), now);
            prop_assert_eq!(&explanation.opinion, &engine.opinion(subject(of), now));
            prop_assert_eq!(&explanation.verdict, &engine.verdict(subject(of), now));
            assert_explained(&explanation);
        }
        for name in PEERS {
            prop_assert!((0.0..=1.0).contains(&trust(&engine, name, now)));
        }
    }

    /// Times may come in any order; nothing breaks.
    #[test]
    fn clocks_may_jump(story in prop::collection::vec((-1e6..1e6f64, fact()), 0..60), now in -1e6..1e6f64) {
        let story: Vec<_> = story.iter().map(|(t, fact)| (at(*t), fact.clone())).collect();
        let engine = play(robust(&[]), &story);
        for of in ADDRESSES {
            assert_explained(&engine.explain(subject(of), at(now)));
        }
    }

    /// What was taken in, said again within a day, leaves no trace: not in a single bit, not in the
    /// times of the rebuilds, not in what is held.
    #[test]
    fn duplicates_leave_no_trace(
        story in prop::collection::vec((0.0..0.3f64, fact()), 0..60),
        again in prop::collection::vec(any::<[prop::sample::Index; 2]>(), 0..40),
    ) {
        let story = timed(&story);
        let mut once = robust(&[("prev_max", "64")]);
        let taken: Vec<bool> = story
            .iter()
            .map(|(time, fact)| matches!(once.learn(fact, *time), Touched::Subject(_)))
            .collect();
        let mut twice = robust(&[("prev_max", "64")]);
        for (number, (time, fact)) in story.iter().enumerate() {
            twice.learn(fact, *time);
            for [which, when] in &again {
                let which = which.index(story.len());
                if taken[which] && which + when.index(story.len() - which) == number {
                    prop_assert_eq!(twice.learn(&story[which].1, *time), Touched::Nothing);
                }
            }
        }
        let now = at(1e6);
        for of in ADDRESSES.map(subject) {
            prop_assert_eq!(once.explain(of, now), twice.explain(of, now));
            prop_assert_eq!(bits(once.opinion(of, now).as_ref()), bits(twice.opinion(of, now).as_ref()));
        }
        prop_assert_eq!(once.held(), twice.held());
    }

    /// Reports of different peers at one time may come in any order. (Copies apart: who copies whom
    /// is told by nothing but the order.)
    #[test]
    fn the_order_of_equal_times_does_not_matter(
        before in story(5.0),
        (block, shuffled) in prop::collection::vec((of(), level(), level()), PEERS.len())
            .prop_map(|said| {
                let tell = |(who, (of, s, c)): (&&str, &(&'static str, f64, f64))| says(who, of, *s, *c);
                PEERS.iter().zip(&said).map(tell).collect::<Vec<_>>()
            })
            .prop_flat_map(|block| (Just(block.clone()), Just(block).prop_shuffle())),
        after in story(5.0),
    ) {
        let before = timed(&before);
        let start = before.last().map_or(0.0, |(time, _)| time.as_secs_f64()) + HOUR;
        let after: Vec<_> = timed(&after)
            .into_iter()
            .map(|(time, fact)| (at(start + HOUR + time.as_secs_f64()), fact))
            .collect();
        let run = |block: &[Fact]| {
            let engine = play(robust(&[("dep_max", "0")]), &before);
            let block: Vec<_> = block.iter().map(|fact| (at(start), fact.clone())).collect();
            play(play(engine, &block), &after)
        };
        let (one, other) = (run(&block), run(&shuffled));
        let now = at(start + 400.0 * HOUR);
        for of in ADDRESSES.map(subject) {
            let numbers = |engine: &Engine| engine.verdict(of, now).map(|o| [o.score.get(), o.confidence.get(), o.network_score.get()]);
            match (numbers(&one), numbers(&other)) {
                (Some(a), Some(b)) => {
                    // At even odds the side is a matter of the last bit.
                    let even = a[1].max(b[1]) < 1e-9;
                    prop_assert!(even || a.iter().zip(b).all(|(a, b)| near(*a, b)), "{:?} {:?}", a, b);
                }
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    /// Whatever newcomers do, and however many there are: with nobody to vouch for any of them they
    /// say no more than one cap; where somebody was proven, no more than the two.
    #[test]
    fn the_weight_of_newcomers_is_bounded(
        crowd in 1..120u32,
        claims in prop::collection::vec((0.0..40.0f64, of(), level(), level()), 1..12),
        has_root in any::<bool>(),
    ) {
        let mut engine = robust(&[]);
        let mut hours = 0.0;
        if has_root {
            engine.learn(&anchored("ann", 1.0), at(0.0));
        }
        for (pause, of, score, confidence) in &claims {
            hours += pause;
            if has_root {
                engine.learn(&says("ann", of, *score, 0.7), at(hours * HOUR));
            }
            for number in 0..crowd {
                let name = format!("newcomer {number}");
                engine.learn(&says(&name, of, *score, *confidence), at(hours * HOUR));
            }
        }
        let p = Parameters::default().robust;
        let most = p.tau * if has_root { p.b + p.b2 } else { p.b };
        for of in ADDRESSES.map(subject) {
            engine.prepare(of, at(hours * HOUR));
            let explanation = engine.explain(of, at(hours * HOUR));
            let total = |name: &str| explanation.totals.iter().find(|(n, _)| *n == name).map_or(0.0, |(_, v)| *v);
            prop_assert!((total("unproven") + total("second hand")).abs() <= most + 1e-9);
            if !has_root {
                prop_assert_eq!(total("first hand"), 0.0);
                let confidence = explanation.opinion.map_or(0.0, |o| o.confidence.get());
                prop_assert!(log_odds(confidence) <= most + 1e-9);
            }
        }
    }

    /// Time alone never makes an opinion surer, as long as its reporters agree and were never wrong.
    #[test]
    fn decay_is_monotone(
        proven in prop::collection::vec((0..4usize, level()), 0..12),
        said in prop::collection::vec((0.0..30.0f64, 0..4usize, 0.8..=1.0f64, level()), 1..6),
        waits in prop::collection::vec(0.0..200.0f64, 1..10),
    ) {
        let mut engine = robust(&[("dep_max", "0")]);
        for (number, (who, sure)) in proven.iter().enumerate() {
            let (of, truth) = (format!("203.0.113.{number}"), if number % 2 == 0 { 1.0 } else { 0.0 });
            engine.learn(&says(PEERS[*who], &of, truth, 0.7), at(0.0));
            engine.learn(&own(&of, truth, *sure), at(HOUR));
        }
        let mut hours = 2.0;
        for (pause, who, score, confidence) in &said {
            hours += pause;
            engine.learn(&says(PEERS[*who], ADDRESSES[0], *score, *confidence), at(hours * HOUR));
        }
        let of = subject(ADDRESSES[0]);
        let mut last = f64::INFINITY;
        for wait in waits {
            hours += wait;
            let opinion = engine.opinion(of, at(hours * HOUR)).expect("somebody spoke");
            prop_assert!(opinion.confidence.get() <= last + 1e-12);
            last = opinion.confidence.get();
        }
    }

    /// A lie against our own Slips never pays: at no later time is a peer trusted more than had it
    /// kept silent instead.
    #[test]
    fn lies_never_pay(
        events in prop::collection::vec(
            (0.0..40.0f64, any::<bool>(), any::<bool>(), any::<bool>(), 0.1..=1.0f64, level()), 1..40,
        ),
        later in prop::collection::vec(0.0..600.0f64, 1..6),
    ) {
        // Rebuilds apart: they measure by what peers say, not by what our own Slips says.
        let quiet = [("dep_max", "0"), ("sweep_h", "8760")];
        let (mut liar, mut silent) = (robust(&quiet), robust(&quiet));
        let mut hours = 0.0;
        for (number, (pause, is_bad, is_lie, is_late, sure, confidence)) in events.iter().enumerate() {
            hours += pause;
            let (of, now) = (format!("203.0.113.{number}"), at(hours * HOUR));
            let truth = if *is_bad { 1.0 } else { 0.0 };
            let claim = if *is_lie { 1.0 - truth } else { truth };
            let report = says("eve", &of, claim, *confidence);
            let statement = own(&of, truth, *sure);
            for (engine, speaks) in [(&mut liar, true), (&mut silent, !is_lie)] {
                if *is_late {
                    engine.learn(&statement, now);
                }
                if speaks {
                    engine.learn(&report, now);
                }
                if !is_late {
                    engine.learn(&statement, now);
                }
            }
            let both = [&liar, &silent].map(|engine| trust(engine, "eve", now));
            prop_assert!(both[0] <= both[1].max(0.5) + 1e-12, "{:?}", both);
        }
        for wait in later {
            hours += wait;
            let both = [&liar, &silent].map(|engine| trust(engine, "eve", at(hours * HOUR)));
            prop_assert!(both[0] <= both[1].max(0.5) + 1e-12, "{:?}", both);
        }
    }
}

/// A rebuild in many slices ends where one in a single slice would have.
#[test]
fn a_rebuild_goes_on_over_many_facts() {
    let mut engine = robust(&[]);
    engine.learn(&anchored("ann", 1.0), at(0.0));
    for number in 0..9000_u32 {
        let [_, b, c, d] = number.to_be_bytes();
        let (of, bad) = (format!("20.{b}.{c}.{d}"), f64::from(number % 2));
        engine.learn(&says("ann", &of, bad, 0.7), at(f64::from(number)));
        engine.learn(&says("bob", &of, bad, 0.7), at(f64::from(number)));
        engine.learn(&says("eve", &of, 1.0 - bad, 0.7), at(f64::from(number)));
    }
    // 27,000 reports and 9,000 addresses: three slices.
    let due = 6.0 * HOUR + 1.0;
    for (number, is_over) in [false, false, true].into_iter().enumerate() {
        let ip = format!("192.0.2.{number}");
        engine.learn(&moved("fay", &ip), at(due));
        assert_eq!(trust(&engine, "bob", at(due)) > 0.6, is_over, "{number}");
    }
    assert!(trust(&engine, "eve", at(due)) < 0.5);
}
