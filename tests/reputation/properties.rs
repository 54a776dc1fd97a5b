//! Properties of the two models, on random facts.

use proptest::{prelude::*, sample::select};
use slips_p2p::{
    domain::{Opinion, Timestamp},
    reputation::{
        Engine, Evicted, Explanation, Fact, Limits, ModelKind, Parameters, Touched, TrustModel,
    },
};

use super::world::{
    OF_SLIPS, anchored, at, bare, bits, lifted, moved, own, rated, says, subject, with_limits,
};

const PEERS: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
const ADDRESSES: [&str; 4] = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.7"];
const ASKED: &str = "198.51.100.7";

/// A fact, with the peer by number so that it can be renamed.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Moved(usize, &'static str),
    Rated(usize, f64),
    Says(usize, &'static str, f64, f64),
    Own(&'static str, f64, f64),
    /// 0: no longer.
    Trusted(usize, f64),
}

impl Told {
    fn fact(&self, names: &[&str; 5]) -> Fact {
        match self {
            Self::Moved(who, ip) => moved(names[*who], ip),
            Self::Rated(who, value) => rated(names[*who], *value),
            Self::Says(who, of, score, confidence) => says(names[*who], of, *score, *confidence),
            Self::Own(of, score, confidence) => own(of, *score, *confidence),
            Self::Trusted(who, 0.0) => lifted(names[*who]),
            Self::Trusted(who, trust) => anchored(names[*who], *trust),
        }
    }

    /// What it is about: of two with the same at the same time, the later learned counts.
    fn topic(&self) -> (u8, usize, &'static str) {
        match self {
            Self::Moved(who, _) => (0, *who, ""),
            Self::Rated(who, _) => (1, *who, ""),
            Self::Says(who, of, ..) => (2, *who, of),
            Self::Own(of, ..) => (3, 0, of),
            Self::Trusted(who, _) => (4, *who, ""),
        }
    }
}

fn unit() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..=1.0f64]
}

fn signed() -> impl Strategy<Value = f64> {
    prop_oneof![Just(-1.0), Just(0.0), Just(1.0), -1.0..=1.0f64]
}

fn told() -> impl Strategy<Value = Told> {
    let (who, ip) = (|| 0..PEERS.len(), || select(&ADDRESSES[..]));
    // Mostly about the address that is asked for, from mostly known peers.
    prop_oneof![
        3 => (who(), ip()).prop_map(|(who, ip)| Told::Moved(who, ip)),
        3 => (who(), unit()).prop_map(|(who, value)| Told::Rated(who, value)),
        2 => (ip(), signed(), unit()).prop_map(|(of, s, c)| Told::Own(of, s, c)),
        1 => (who(), unit()).prop_map(|(who, trust)| Told::Trusted(who, trust)),
        1 => (who(), ip(), signed(), unit()).prop_map(|(who, of, s, c)| Told::Says(who, of, s, c)),
        4 => (who(), signed(), unit()).prop_map(|(who, s, c)| Told::Says(who, ASKED, s, c)),
    ]
}

/// Facts at few different times, so that many coincide.
fn story() -> impl Strategy<Value = Vec<(u32, Told)>> {
    prop::collection::vec((0..12u32, told()), 0..60)
}

/// The same, without two facts about one thing at one time.
fn clear_story() -> impl Strategy<Value = Vec<(u32, Told)>> {
    story().prop_map(|told| {
        let mut clear: Vec<(u32, Told)> = Vec::new();
        for (time, fact) in told {
            if !clear
                .iter()
                .any(|(t, known)| *t == time && known.topic() == fact.topic())
            {
                clear.push((time, fact));
            }
        }
        clear
    })
}

fn kind() -> impl Strategy<Value = ModelKind> {
    select(&ModelKind::ALL[..])
}

fn of_slips() -> impl Strategy<Value = ModelKind> {
    select(&OF_SLIPS[..])
}

fn tight() -> Limits {
    Limits {
        peers: 3,
        addresses: 3,
        reports: 5,
        reporters_per_address: 2,
        reports_per_address: 3,
        statements: 2,
        addresses_per_peer: 2,
    }
}

fn play(mut engine: Engine, story: &[(u32, Told)], names: &[&str; 5]) -> Engine {
    for (time, told) in story {
        engine.learn(&told.fact(names), at(f64::from(*time)));
    }
    engine
}

fn explained(engine: &Engine) -> Explanation {
    engine.explain(subject(ASKED), now())
}

fn asked(engine: &Engine) -> Option<Opinion> {
    engine.opinion(subject(ASKED), now())
}

fn now() -> Timestamp {
    at(100.0)
}

/// The numbers of the shares, without the names.
fn share_bits(explanation: &Explanation) -> Vec<[u64; 4]> {
    let mut numbers: Vec<_> = explanation
        .shares
        .iter()
        .map(|s| [s.weight, s.trust, s.score.get(), s.confidence.get()].map(f64::to_bits))
        .collect();
    numbers.sort_unstable();
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

    /// Every number is finite and in range; the weights add up to 1; what explains is what answers.
    #[test]
    fn opinions_are_bounded_and_explained(kind in of_slips(), story in story()) {
        let engine = play(bare(kind), &story, &PEERS);
        let explanation = explained(&engine);
        prop_assert_eq!(&explanation.opinion, &asked(&engine));
        let counting: Vec<_> = explanation.shares.iter().filter(|s| s.left_out.is_none()).collect();
        prop_assert_eq!(explanation.opinion.is_some(), !counting.is_empty());
        for share in &explanation.shares {
            prop_assert!((0.0..=1.0).contains(&share.weight) && (-0.5..=0.85).contains(&share.trust));
            prop_assert_eq!(share.left_out.is_some(), share.weight == 0.0);
        }
        if let Some(opinion) = &explanation.opinion {
            prop_assert!((0.0..=1.0).contains(&opinion.score.get()));
            prop_assert!((0.0..=0.85 + 1e-12).contains(&opinion.confidence.get()));
            prop_assert!((0.0..=0.85 + 1e-12).contains(&opinion.network_score.get()));
            let weights: f64 = counting.iter().map(|share| share.weight).sum();
            prop_assert!((weights - 1.0).abs() < 1e-12);
            let score: f64 = counting.iter().map(|share| share.weight * share.score.get()).sum();
            prop_assert!((score.max(0.0) - opinion.score.get()).abs() < 1e-12);
        }
    }

    /// What peers are called changes nothing, bit for bit.
    #[test]
    fn names_do_not_matter(
        kind in kind(),
        story in story(),
        names in Just(["zed", "yves", "x", "walt", "a much longer name"]).prop_shuffle(),
    ) {
        let (one, other) = (play(bare(kind), &story, &PEERS), play(bare(kind), &story, &names));
        prop_assert_eq!(bits(asked(&one).as_ref()), bits(asked(&other).as_ref()));
        prop_assert_eq!(share_bits(&explained(&one)), share_bits(&explained(&other)));
    }

    /// Equal facts in equal order give equal bits, also where the tables overflow: nothing hangs
    /// on the seed of a hash map.
    #[test]
    fn the_same_facts_give_the_same_bits(kind in kind(), story in story()) {
        let one = play(with_limits(kind, tight()), &story, &PEERS);
        let other = play(with_limits(kind, tight()), &story, &PEERS);
        prop_assert_eq!(bits(asked(&one).as_ref()), bits(asked(&other).as_ref()));
        prop_assert_eq!(explained(&one), explained(&other));
        prop_assert_eq!(one.held(), other.held());
    }

    /// `slips`: the order in which facts come in changes nothing, bit for bit.
    #[test]
    fn order_does_not_matter_to_slips(
        (story, shuffled) in clear_story().prop_flat_map(|s| (Just(s.clone()), Just(s).prop_shuffle())),
    ) {
        let one = play(bare(ModelKind::Slips), &story, &PEERS);
        let other = play(bare(ModelKind::Slips), &shuffled, &PEERS);
        prop_assert_eq!(bits(asked(&one).as_ref()), bits(asked(&other).as_ref()));
        prop_assert_eq!(explained(&one), explained(&other));
    }

    /// `slips`: a fact learned again, at its own time and wherever in the order, changes nothing.
    #[test]
    fn duplicates_do_not_matter_to_slips(story in clear_story(), again in any::<[prop::sample::Index; 20]>()) {
        let once = play(bare(ModelKind::Slips), &story, &PEERS);
        let repeated: Vec<_> = if story.is_empty() {
            Vec::new()
        } else {
            again.iter().map(|index| index.get(&story).clone()).collect()
        };
        let twice = play(play(bare(ModelKind::Slips), &repeated, &PEERS), &story, &PEERS);
        let after = play(play(bare(ModelKind::Slips), &story, &PEERS), &repeated, &PEERS);
        prop_assert_eq!(explained(&once), explained(&twice));
        prop_assert_eq!(explained(&once), explained(&after));
    }

    /// A peer that says a higher score never lowers the opinion's.
    #[test]
    fn a_higher_report_never_lowers_the_score(kind in of_slips(), story in story(), raise in 0.0..=2.0f64) {
        let mut higher = story.clone();
        for (_, told) in &mut higher {
            if let Told::Says(0, _, score, _) = told {
                *score = (*score + raise).min(1.0);
            }
        }
        let (low, high) = (play(bare(kind), &story, &PEERS), play(bare(kind), &higher, &PEERS));
        let score = |engine: &Engine| asked(engine).map(|opinion| opinion.score.get());
        prop_assert_eq!(score(&low).is_some(), score(&high).is_some());
        if let (Some(low), Some(high)) = (score(&low), score(&high)) {
            prop_assert!(high >= low - 1e-12, "{} after {}", high, low);
        }
    }

    /// No table grows beyond its limit, and whatever was pushed out was counted.
    #[test]
    fn limits_hold(kind in kind(), story in story()) {
        let limits = tight();
        let mut engine = play(with_limits(kind, limits), &story, &PEERS);
        let held = engine.held();
        for (count, limit) in [
            (held.peers, limits.peers),
            (held.addresses, limits.addresses),
            (held.reports, limits.reports),
            (held.statements, limits.statements),
        ] {
            prop_assert!(count <= limit as u64, "{:?}", held);
        }
        let told = |wanted: u8| story.iter().filter(|(_, told)| told.topic().0 == wanted).count() as u64;
        prop_assert!(held.reports + held.evicted.reports <= told(2));
        prop_assert!(held.statements + held.evicted.statements <= told(3));
        prop_assert_eq!(engine.forget_before(at(1000.0)), held.reports);
        prop_assert_eq!((engine.held().reports, engine.held().addresses), (0, 0));
        prop_assert!(asked(&engine).is_none());
    }

    /// What is forgotten is what was said before, no more and no less.
    #[test]
    fn forgetting_is_as_if_it_had_never_been_said(story in story(), oldest in 0..14u32) {
        let kind = ModelKind::SlipsCompat;
        let mut engine = play(bare(kind), &story, &PEERS);
        engine.forget_before(at(f64::from(oldest)));
        let mut kept = story;
        kept.retain(|(time, told)| *time >= oldest || !matches!(told, Told::Says(..)));
        prop_assert_eq!(explained(&engine), explained(&play(bare(kind), &kept, &PEERS)));
    }
}

/// The node computes an opinion again when it is told that a fact may have changed it.
#[test]
fn learning_tells_whose_opinion_changed() {
    let mut engine = bare(ModelKind::Slips);
    let report = says("ann", ASKED, 1.0, 0.5);
    let touched = Touched::Subject(subject(ASKED));
    assert_eq!(engine.learn(&report, at(5.0)), touched);
    assert_eq!(engine.learn(&report, at(5.0)), Touched::Nothing);
    assert_eq!(
        engine.learn(&says("ann", ASKED, 0.0, 0.5), at(4.0)),
        Touched::Nothing
    );
    assert_eq!(
        engine.learn(&says("ann", ASKED, 0.0, 0.5), at(6.0)),
        touched
    );
    assert_eq!(engine.learn(&rated("ann", 0.5), at(6.0)), Touched::Unlisted);
    assert_eq!(engine.learn(&rated("ann", 0.5), at(7.0)), Touched::Nothing);
    assert_eq!(
        engine.learn(&own("192.0.2.1", 0.5, 0.5), at(6.0)),
        Touched::Unlisted
    );
    assert_eq!(touched.subject(), Some(subject(ASKED)));
    let mut compat = bare(ModelKind::SlipsCompat);
    assert_eq!(compat.learn_repeated(&report, 3, at(5.0)), touched);
    assert_eq!(compat.learn_repeated(&report, 0, at(5.0)), Touched::Nothing);
    assert_eq!(compat.held().reports, 3);
}

#[test]
fn a_model_says_how_much_it_holds() {
    for kind in ModelKind::ALL {
        let mut parameters = Parameters::default();
        parameters.limits.reports = 3;
        let mut engine = Engine::new(kind, parameters);
        let facts = [
            moved("ann", "10.0.0.1"),
            says("ann", "1.1.1.1", 0.9, 0.9),
            says("bob", "1.1.1.1", 0.8, 0.9),
            says("bob", "2.2.2.2", 0.1, 0.9),
            own("3.3.3.3", 0.9, 0.9),
        ];
        for (second, fact) in (0..).zip(&facts) {
            engine.learn(fact, at(f64::from(second)));
        }
        // Full is not over: nothing has gone.
        let held = engine.held();
        let counts = [held.peers, held.addresses, held.reports];
        assert_eq!(counts, [2, 2, 3], "{kind}");
        assert_eq!(held.evicted, Evicted::default(), "{kind}");
        if matches!(
            kind,
            ModelKind::Robust | ModelKind::Slips | ModelKind::SlipsCompat
        ) {
            assert_eq!(held.statements, 1, "{kind}");
        }
        // One more, and what was least recently spoken of gives way, counted.
        engine.learn(&says("ann", "4.4.4.4", 0.9, 0.9), at(10.0));
        let held = engine.held();
        assert_eq!((held.addresses, held.reports), (2, 2), "{kind}");
        assert_eq!(held.evicted.addresses, 1, "{kind}");
    }
}
