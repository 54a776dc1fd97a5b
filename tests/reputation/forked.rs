//! Who signed two things as one has no weight, in any model, before and after.

use slips_p2p::{
    domain::{Author, Reliability},
    reputation::{Engine, Fact, ModelKind, Parameters, TrustModel},
};

use super::world::{anchored, at, bits, moved, own, peer, says, subject};

const OF: &str = "192.0.2.9";

fn facts() -> Vec<Fact> {
    let mut facts = vec![
        own("198.51.100.1", -1.0, 1.0),
        own("198.51.100.2", -1.0, 1.0),
    ];
    for (name, place) in [("liar", "198.51.100.1"), ("honest", "198.51.100.2")] {
        facts.push(moved(name, place));
        facts.push(Fact::PeerReliability {
            peer: peer(name),
            reliability: Reliability::MAX,
        });
    }
    facts
}

fn engine(kind: ModelKind) -> Engine {
    let mut engine = Engine::new(kind, Parameters::default());
    for fact in facts() {
        engine.learn(&fact, at(1.0));
    }
    engine
}

fn forked(name: &str) -> Fact {
    Fact::Forked {
        author: Author(peer(name)),
    }
}

#[test]
fn what_a_forked_author_said_and_says_later_is_as_if_it_were_never_said() {
    for kind in ModelKind::ALL {
        let (mut with, mut without) = (engine(kind), engine(kind));
        for engine in [&mut with, &mut without] {
            engine.learn(&says("honest", OF, 0.9, 0.8), at(2.0));
        }
        with.learn(&says("liar", OF, -1.0, 1.0), at(2.5));
        with.learn(&says("liar", "192.0.2.10", 1.0, 1.0), at(2.6));
        let liar = Author(peer("liar"));
        let mut spoken_of = with.reported_by(liar);
        spoken_of.sort();
        assert_eq!(spoken_of, [subject(OF), subject("192.0.2.10")], "{kind}");
        with.learn(&forked("liar"), at(3.0));
        with.learn(&forked("liar"), at(3.1));
        with.learn(&says("liar", OF, -1.0, 0.9), at(4.0));
        assert!(with.reported_by(liar).is_empty(), "{kind}");
        assert_eq!(with.held().reports, 1, "{kind}");
        let now = at(5.0);
        assert_eq!(with.opinion(subject("192.0.2.10"), now), None, "{kind}");
        let (one, other) = (
            with.opinion(subject(OF), now),
            without.opinion(subject(OF), now),
        );
        assert!(one.is_some(), "{kind}: the honest one is still heard");
        assert_eq!(bits(one.as_ref()), bits(other.as_ref()), "{kind}");
        assert_eq!(
            with.account(peer("liar"), now).map(|a| a.trust),
            Some(0.0),
            "{kind}"
        );
    }
}

#[test]
fn the_operator_cannot_vouch_for_a_forked_author() {
    let mut engine = engine(ModelKind::Robust);
    engine.learn(&anchored("liar", 1.0), at(2.0));
    engine.learn(&forked("liar"), at(3.0));
    engine.learn(&anchored("liar", 1.0), at(4.0));
    engine.learn(&says("liar", OF, 1.0, 1.0), at(5.0));
    assert_eq!(engine.opinion(subject(OF), at(6.0)), None);
}
