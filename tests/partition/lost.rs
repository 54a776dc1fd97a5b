//! A node that is killed, is seen to be gone, and comes back at its address.

use std::time::{Duration, Instant};

use slips_p2p::domain::Reachability;
use testkit::{
    netns::inside,
    pigeon_peer::{Heard, PIGEON_A, Pigeon, Settings, Timers},
    slips::report,
    wait,
};

use super::lan::{LONG, Node, all_equal, are_sound};

/// By then a killed neighbour shows.
const KILLED: Duration = Duration::from_secs(3);
/// By then a neighbour whose packets are lost shows.
const DROPPED: Duration = Duration::from_secs(15);
/// What is said while it is away.
const REPORTS: u64 = 200;

#[test]
fn a_killed_node_shows_in_three_seconds_and_catches_up_when_it_is_back() {
    let name = "lost::a_killed_node_shows_in_three_seconds_and_catches_up_when_it_is_back";
    inside(name, |lan| {
        let mut nodes: Vec<Node> = Vec::new();
        for number in 1..=3 {
            let mut others: Vec<&mut Node> = nodes.iter_mut().collect();
            let node = Node::start(lan.host(number), &mut others);
            nodes.push(node);
        }
        for _ in 0..3 {
            nodes.iter_mut().for_each(|node| node.say(5));
            wait::until("all to have the same", LONG, || {
                all_equal(&nodes).then_some(())
            });
            let killed = Instant::now();
            // It is dialled by one of the others and dials the other.
            nodes[1].kill();
            wait::until("the others to see it", KILLED, || {
                (!nodes[0].reaches(&nodes[1]) && !nodes[2].reaches(&nodes[1])).then_some(())
            });
            println!("killed: it shows after {:.2?}", killed.elapsed());
            assert!(killed.elapsed() < KILLED, "{:?}", killed.elapsed());
            // What its own Slips says meanwhile nobody hears.
            nodes[0].say(REPORTS);
            nodes[2].say(REPORTS);
            nodes[1].restart();
            let back = Instant::now();
            wait::until("all to have the same", LONG, || {
                all_equal(&nodes).then_some(())
            });
            println!("back: the same after {:.2?}", back.elapsed());
        }
        are_sound(&nodes);
    });
}

#[test]
fn a_silently_dropped_neighbour_shows_in_fifteen_seconds_in_peers() {
    let name = "lost::a_silently_dropped_neighbour_shows_in_fifteen_seconds_in_peers";
    inside(name, |lan| {
        let mut one = Node::start(lan.host(1), &mut []);
        let other = Node::start(lan.host(2), &mut [&mut one]);
        lan.connect(&other.host, false);
        let cut = Instant::now();
        for (here, there) in [(&one, &other), (&other, &one)] {
            wait::until("the cut to show", DROPPED, || {
                (!here.reaches(there)).then_some(())
            });
            let shown = here
                .sensor
                .ask(&["peers", "inspect", &there.id.to_string()]);
            assert!(
                ["retrying", "unreachable"].contains(&shown[0]["state"].as_str().expect("a word")),
                "{shown}"
            );
        }
        println!("dropped: it shows after {:.2?}", cut.elapsed());
        assert!(cut.elapsed() < DROPPED, "{:?}", cut.elapsed());
    });
}

#[test]
fn a_pigeon_that_was_cut_off_is_found_again_and_greeted_no_second_time() {
    let name = "lost::a_pigeon_that_was_cut_off_is_found_again_and_greeted_no_second_time";
    inside(name, |lan| {
        let (near, far) = (lan.host(1), lan.host(2));
        let mut node = Node::start(near, &mut []);
        let pigeon = Pigeon::start(Settings {
            rendezvous: None,
            // It pings nobody: a ping of its own into the cut would be rated as our fault.
            timers: Timers {
                ping_after: Duration::from_secs(3600),
                ..Timers::default()
            },
            ..Settings::on(&far, PIGEON_A)
        });
        pigeon.meet(&node.sensor.address());
        let connected = |node: &Node, wanted: bool| {
            wait::until("the pigeon's state", LONG, || {
                let state = node.state_of_peer(pigeon.peer_id)?;
                ((state == Reachability::Connected) == wanted).then_some(())
            });
        };
        connected(&node, true);
        let mut hellos = 0;
        for round in 0..2 {
            lan.connect(&far, false);
            connected(&node, false);
            lan.connect(&far, true);
            let healed = Instant::now();
            connected(&node, true);
            println!("a pigeon: connected after {:.2?}", healed.elapsed());
            let message = report(&format!("192.0.2.{round}"), 0.9, 0.8);
            node.sensor.slips.send("*", &message);
            pigeon.hear("the report", LONG, |what| {
                hellos += usize::from(matches!(what, Heard::Hello(..)));
                (*what == Heard::Data(node.id, message.clone())).then_some(())
            });
        }
        assert_eq!(hellos, 0, "the pigeon's own was answered");
        let ratings = pigeon.standing(node.id).expect("they met").ratings;
        assert!(ratings.iter().all(|rating| *rating > 0), "{ratings:?}");
    });
}
