//! What a person is shown of an opinion of `robust`, and of its trust in a peer.

use slips_p2p::reputation::{Engine, ModelKind, TrustModel};

use super::{
    explained::{account, assert_parts, close, engine, part, share, told},
    world::{anchored, at, moved, own, peer, rated, says, subject},
};

const HOUR: f64 = 3600.0;
const ASKED: &str = "198.51.100.7";

/// Two reports that our own Slips then bears out, by a peer the operator half trusts.
fn borne_out() -> Engine {
    told(
        engine(ModelKind::Robust, &[]),
        &[
            (0.0, anchored("ann", 0.5)),
            (HOUR, moved("ann", "192.0.2.1")),
            (HOUR, rated("ann", 0.9)),
            (HOUR, says("ann", "198.51.100.1", 1.0, 0.7)),
            (HOUR, says("ann", "198.51.100.2", 0.0, 0.7)),
            (HOUR, own("198.51.100.1", 1.0, 1.0)),
            (HOUR, own("198.51.100.2", 0.0, 1.0)),
            (HOUR, says("ann", ASKED, 1.0, 0.7)),
        ],
    )
}

#[test]
fn robust_names_the_numbers_of_its_trust() {
    let engine = borne_out();
    let found = account(&engine, "ann", at(HOUR));
    assert_eq!(found.first_seen, Some(at(HOUR)));
    assert_eq!(found.address, Some(subject("192.0.2.1").ip()));
    // Our own Slips is right nine times in ten; half an anchor is five of each.
    let sens = (5.9 + 2.0 * 0.58) / (6.0 + 2.0);
    let spec = (5.9 + 2.0 * 0.60) / (6.0 + 2.0);
    let (rho, mass) = (12.0 / 13.5, 12.0);
    // Lately: the fast window has no anchors in it.
    let (fast_sens, fast_spec) = ((0.9 + 2.0 * sens) / 3.0, (0.9 + 2.0 * spec) / 3.0);
    assert!(
        fast_sens + fast_spec > sens + spec,
        "the worse of the two is the slow one"
    );
    assert_parts(
        &found.parts,
        &[
            ("reliability", 0.9),
            ("anchor", 0.5),
            ("reports", 3.0),
            ("proven", rho),
            ("proven at first hand", mass / (mass + 1.5)),
            ("sensitivity", sens),
            ("specificity", spec),
            ("heard", 1.0),
            ("says malicious", (sens / (1.0 - spec)).ln()),
            ("says benign", ((1.0 - sens) / spec).ln()),
            ("first hand: malicious, called so", 5.9),
            ("first hand: malicious, called benign", 0.1),
            ("first hand: benign, called malicious", 0.1),
            ("first hand: benign, called so", 5.9),
            ("second hand: malicious, called so", 0.0),
            ("second hand: benign, called so", 0.0),
            ("said before we did", 2.0),
            ("tenure", 0.1),
        ],
    );
    assert!(close(found.trust, 0.5 + 0.5 * rho * (sens + spec - 1.0)));
    // A day on it has half of the rest of its voice.
    let later = account(&engine, "ann", at(25.0 * HOUR));
    assert_parts(&later.parts, &[("tenure", 0.55)]);
    assert_eq!(engine.account(peer("nobody"), at(HOUR)), None);
}

#[test]
fn robust_names_the_numbers_of_a_share() {
    let engine = borne_out();
    let explanation = engine.explain(subject(ASKED), at(HOUR + 48.0 * HOUR));
    let ann = share(&explanation, "ann");
    assert_eq!(ann.weight, 1.0);
    let parts = &ann.parts;
    let (rho, pos) = (part(parts, "proven"), part(parts, "says malicious"));
    // Three reports, all at 0.7: she is as sure as she always is.
    let emphasis = 0.7 * 8.0 / (2.1 + 3.5);
    assert_parts(
        parts,
        &[
            ("its own", 1.0),
            ("tenure", 0.1),
            ("reliability", 0.9),
            ("evidence", 1.5 * emphasis * pos),
            ("within the caps", 1.0),
            ("kept", (-2.0 * 0.1_f64).exp()),
            ("heard", 1.0),
            ("second hand", 0.0),
        ],
    );
    assert_eq!(part(parts, "proven at first hand"), rho);
    // What she is not proven for stands under the cap of the unknown, and fades.
    let unproven = (1.0 - rho) * 0.9 * 0.1 * part(parts, "evidence");
    let fades = (-0.2_f64).exp();
    assert_parts(parts, &[("unproven", 1.4 * (unproven * fades).tanh())]);
    let totals: Vec<_> = explanation.totals.iter().map(|(name, _)| *name).collect();
    assert_eq!(totals, ["prior", "first hand", "second hand", "unproven"]);
    let judged = engine.explain(subject("198.51.100.1"), at(HOUR));
    // A weight of 1 and nine to one.
    assert!(close(part(&judged.totals, "own"), 9.0_f64.ln()));
}

#[test]
fn robust_names_whom_a_peer_copies() {
    let mut facts = vec![
        (0.0, moved("ann", "192.0.2.1")),
        (0.0, moved("eve", "192.0.2.66")),
        (0.0, moved("bob", "192.0.2.2")),
    ];
    for number in 0..7 {
        let (of, hour) = (format!("203.0.113.{number}"), f64::from(number) * HOUR);
        let score = f64::from(number) / 10.0;
        facts.push((hour, says("ann", &of, score, 0.7)));
        facts.push((hour + 60.0, says("eve", &of, score, 0.7)));
        // Bob agrees five times in seven.
        let bobs = if number < 5 { score } else { 1.0 };
        facts.push((hour + 120.0, says("bob", &of, bobs, 0.7)));
    }
    let engine = told(engine(ModelKind::Robust, &[]), &facts);
    let now = at(7.0 * HOUR);
    let copies = |name: &str| account(&engine, name, now).copies;
    assert_eq!(copies("ann"), []);
    let degree = |matches: f64| (matches / 9.0 - 0.5) / 0.3;
    let eve = copies("eve");
    assert_eq!(eve.len(), 1);
    assert!(
        eve[0].0 == peer("ann") && close(eve[0].1, degree(7.0)),
        "{eve:?}"
    );
    let bob = copies("bob");
    assert_eq!(
        bob.iter().map(|(with, _)| *with).collect::<Vec<_>>(),
        [peer("ann"), peer("eve")]
    );
    assert!(
        bob.iter().all(|(_, found)| close(*found, degree(5.0))),
        "{bob:?}"
    );
    // A copy is only so much its author's own, of whatever it said after the other.
    let explanation = engine.explain(subject("203.0.113.0"), now);
    for (name, own) in [
        ("ann", 1.0),
        ("eve", 1.0 - degree(7.0)),
        ("bob", 1.0 - degree(5.0)),
    ] {
        assert_parts(&share(&explanation, name).parts, &[("its own", own)]);
    }
}
