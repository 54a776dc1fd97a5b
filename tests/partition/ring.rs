//! Three of our nodes in a ring, and a pigeon that stands between two of them.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::{
    netns::inside,
    pigeon_peer::{Heard, PIGEON_A, Pigeon, Settings},
    slips::{Slips, report},
    wait,
};

use super::lan::{LONG, Node, are_sound};

/// How often everybody speaks.
const TIMES: u8 = 5;

/// What a Slips hears of peers' reports, as (who, what) and how often, up to and with one message.
fn hears_up_to(slips: &Slips, heard: &mut BTreeMap<(String, String), usize>, last: &str) {
    slips.hear("the last report", |json| {
        let (who, what) = data(json)?;
        let is_last = what == last;
        *heard.entry((who, what)).or_default() += 1;
        is_last.then_some(())
    });
}

fn data(json: &Value) -> Option<(String, String)> {
    let contents = (json["message_type"] == "go_data").then(|| &json["message_contents"])?;
    Some((
        contents["reporter"].as_str()?.to_owned(),
        contents["message"].as_str()?.to_owned(),
    ))
}

#[test]
fn in_a_ring_with_a_pigeon_everybody_hears_everything_once() {
    inside(
        "ring::in_a_ring_with_a_pigeon_everybody_hears_everything_once",
        |lan| {
            let mut nodes: Vec<Node> = Vec::new();
            for number in 1..=3 {
                let mut others: Vec<&mut Node> = nodes.iter_mut().collect();
                let node = Node::start(lan.host(number), &mut others);
                nodes.push(node);
            }
            let pigeon = Pigeon::start(Settings {
                rendezvous: None,
                ..Settings::on(&lan.host(4), PIGEON_A)
            });
            // The second node has no connection with it, so the ring has a way around it and a way through it.
            for place in [0, 2] {
                pigeon.meet(&nodes[place].sensor.address());
                nodes[place].sensor.meet(&pigeon.peer_id.to_string());
            }
            let mut wanted: Vec<BTreeMap<(String, String), usize>> = vec![BTreeMap::new(); 3];
            let mut heard = wanted.clone();
            let mut lines = Vec::new();
            let mut said = 0_u64;
            for time in 0..TIMES {
                // The pigeon first: what it says is there when the others speak.
                let theirs = report(&format!("198.51.100.{time}"), 0.9, 0.8);
                pigeon.send_to_all(&theirs);
                for place in [0, 2] {
                    hears_up_to(&nodes[place].sensor.slips, &mut heard[place], &theirs);
                    let key = (pigeon.peer_id.to_string(), theirs.clone());
                    wanted[place].insert(key, 1);
                }
                for place in 0..3 {
                    let ours = report(&format!("192.0.2.{}", time * 3 + place), 0.9, 0.8);
                    let place = usize::from(place);
                    let id = nodes[place].id;
                    nodes[place].sensor.slips.send("*", &ours);
                    for other in (0..3).filter(|other| *other != place) {
                        hears_up_to(&nodes[other].sensor.slips, &mut heard[other], &ours);
                        wanted[other].insert((id.to_string(), ours.clone()), 1);
                    }
                    if place != 1 {
                        assert_eq!(pigeon.hear_data(id), ours);
                        lines.push((id, ours));
                    }
                }
                said += 1;
            }
            wait::until("every log at every node", LONG, || {
                let has_all = |node: &Node| {
                    let heads = node.heads();
                    let all = nodes
                        .iter()
                        .all(|one| heads.get(&one.id).map(|(last, _)| *last) == Some(said));
                    // Three authors: what the pigeon said is nobody's entry.
                    all && heads.len() == 3
                };
                nodes.iter().all(has_all).then_some(())
            });
            for (place, node) in nodes.iter().enumerate() {
                for text in node.sensor.slips.heard_so_far() {
                    if let Some(heard_late) =
                        serde_json::from_str(&text).ok().as_ref().and_then(data)
                    {
                        *heard[place].entry(heard_late).or_default() += 1;
                    }
                }
                assert_eq!(heard[place], wanted[place], "node {}", place + 1);
            }
            let late: Vec<Heard> = pigeon.heard_so_far();
            let repeated = late.iter().find(|heard| matches!(heard, Heard::Data(..)));
            assert_eq!(
                repeated,
                None,
                "the pigeon hears each of {} once",
                lines.len()
            );
            are_sound(&nodes);
        },
    );
}
