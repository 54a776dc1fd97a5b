//! Being away is nobody's fault: it costs a good name in time, and never leads to a cut-off.

use std::collections::BTreeSet;

use slips_p2p::{
    domain::{Conduct, Neighbour, PeerId, Timestamp},
    network::Event,
    node::Outcome,
};

use crate::Bench;

fn away(bench: &mut Bench, peers: &[PeerId], conduct: Conduct, times: usize) -> Outcome {
    bench.now += 1;
    let noticed = |peer: &PeerId| Event::Conduct {
        peer: Neighbour(*peer),
        conduct,
    };
    let events = peers.iter().map(noticed);
    let events: Vec<_> = std::iter::repeat_n(events, times).flatten().collect();
    let now = Timestamp::from_micros(bench.now * 1_000_000);
    bench.intake.take(events, vec![], vec![], now)
}

#[test]
fn a_peer_killed_two_hundred_times_is_not_cut_off() {
    let mut bench = Bench::sanitizing();
    let peer = [PeerId::random()];
    for _ in 0..200 {
        let dialled = away(&mut bench, &peer, Conduct::Unreachable, 5);
        assert!(dialled.bans.is_empty());
        let back = away(&mut bench, &peer, Conduct::Greeted, 1);
        assert!(back.batch.conduct[0].reliability.get() >= 0.25);
    }
}

/// What 64 lines under way, and a ping, add up to when our own process stands still.
#[test]
fn a_stop_of_our_own_cuts_nobody_off() {
    let mut bench = Bench::sanitizing();
    let peers: Vec<_> = (0..8).map(|_| PeerId::random()).collect();
    away(&mut bench, &peers, Conduct::Alive, 3);
    let outcome = away(&mut bench, &peers, Conduct::NoAnswer, 65);
    assert!(outcome.bans.is_empty());
    let noted: BTreeSet<_> = outcome.batch.conduct.iter().map(|row| row.peer).collect();
    assert_eq!(noted.len(), peers.len());
    for row in &outcome.batch.conduct {
        assert!(row.reliability.get() >= 0.25 && row.bad == 0.0, "{row:?}");
    }
}

#[test]
fn faults_cut_off_absent_or_not_but_absences_do_not_tip_them_over() {
    let mut bench = Bench::sanitizing();
    let peer = [PeerId::random()];
    away(&mut bench, &peer, Conduct::Greeted, 1);
    let faults = away(&mut bench, &peer, Conduct::MalformedMessage, 4);
    assert!(faults.bans.is_empty());
    for conduct in [Conduct::NoAnswer, Conduct::Unreachable] {
        assert!(away(&mut bench, &peer, conduct, 200).bans.is_empty());
    }
    let more = away(&mut bench, &peer, Conduct::MalformedMessage, 2);
    assert_eq!(more.bans.len(), 1);
}
