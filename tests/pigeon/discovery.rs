//! Legacy mDNS on a network of its own: the node finds pigeons, and pigeons find the node.

use testkit::{
    netns::{Host, inside},
    node::{PIGEON, Program, Running, program},
    pigeon_peer::{Heard, PIGEON_A, PIGEON_B, Pigeon, Settings},
    slips::{Slips, VERSION, report},
    wait,
};

use super::{argv, peer_id, slips_directory};

/// The port a pigeon listens on, as Slips chooses it.
const PORT: u16 = 32768;

fn start(host: &Host, slips: &mut Slips) -> (Running, tempfile::TempDir, libp2p::PeerId) {
    start_with(host, slips, &[])
}

fn start_with(
    host: &Host,
    slips: &mut Slips,
    settings: &[(&str, &str)],
) -> (Running, tempfile::TempDir, libp2p::PeerId) {
    let (root, runtime) = slips_directory();
    let program = Program::on(host, &program(PIGEON))
        .args(argv(PORT, &host.ip.to_string(), slips.port))
        .dir(&runtime)
        .env("SLIPS_P2P__REDIS__VERSION", VERSION);
    let node = settings
        .iter()
        .fold(program, |program, (name, value)| program.env(name, value))
        .start();
    let address = wait::until("multiAddress", wait::LIMIT, || slips.get("multiAddress"));
    (node, root, peer_id(&address.parse().expect("a multiaddr")))
}

fn exchange(slips: &mut Slips, pigeon: &Pigeon, node: libp2p::PeerId) {
    let (to, from) = (
        report("203.0.113.1", 0.8, 0.6),
        report("203.0.113.2", 0.8, 0.6),
    );
    slips.send("*", &to);
    assert_eq!(pigeon.hear_data(node), to);
    pigeon.send(node, &from);
    assert_eq!(slips.hear_data(), (pigeon.peer_id.to_string(), from));
}

#[test]
fn two_test_pigeons_find_each_other_as_two_real_ones_did() {
    let name = "discovery::two_test_pigeons_find_each_other_as_two_real_ones_did";
    inside(name, |lan| {
        let (near, far) = (lan.host(1), lan.host(2));
        let first = Pigeon::start(Settings::on(&near, PIGEON_A));
        let second = Pigeon::start(Settings::on(&far, PIGEON_B));
        // The newcomer asks, and finds the first one twice: over IPv4 and over IPv6.
        for _ in 0..2 {
            let found = second.hear("an answer", wait::LIMIT, |heard| match heard {
                Heard::Found(announced) => Some(announced.clone()),
                _ => None,
            });
            assert_eq!(
                (found.peer.as_str(), found.ip.to_string()),
                (PIGEON_A.peer_id, "10.77.0.1".into())
            );
        }
        first.hear("hello", wait::LIMIT, |heard| {
            matches!(heard, Heard::Hello(..)).then_some(())
        });
        wait::until("the newcomer's rating", wait::LIMIT, || {
            second
                .standing(first.peer_id)
                .filter(|standing| standing.ratings == [1])
        });
    });
}

#[test]
fn the_node_finds_a_pigeon_that_is_there_and_says_hello_once() {
    inside(
        "discovery::the_node_finds_a_pigeon_that_is_there_and_says_hello_once",
        |lan| {
            let (near, far) = (lan.host(1), lan.host(2));
            let pigeon = Pigeon::start(Settings::on(&far, PIGEON_A));
            let mut slips = Slips::start_on(&near);
            let (_node, _root, id) = start(&near, &mut slips);
            pigeon.hear("hello", wait::LIMIT, |heard| {
                (*heard == Heard::Hello(id, "hello version1".into())).then_some(())
            });
            let update = slips.hear("a peer_update with the address", |json| {
                let contents = &json["message_contents"];
                contents["ip"].as_str().map(|ip| {
                    (
                        contents["peerid"].as_str().map(str::to_owned),
                        ip.to_owned(),
                    )
                })
            });
            assert_eq!(
                update,
                (Some(PIGEON_A.peer_id.to_owned()), "10.77.0.2".to_owned())
            );
            exchange(&mut slips, &pigeon, id);
            assert_eq!(
                pigeon.standing(id).expect("met").ratings,
                [1],
                "one good hello and nothing bad"
            );
        },
    );
}

#[test]
fn a_pigeon_that_comes_later_finds_the_node() {
    inside(
        "discovery::a_pigeon_that_comes_later_finds_the_node",
        |lan| {
            let (near, far) = (lan.host(1), lan.host(2));
            let mut slips = Slips::start_on(&near);
            let (_node, _root, id) = start(&near, &mut slips);
            let pigeon = Pigeon::start(Settings::on(&far, PIGEON_B));
            let found = pigeon.hear("the node's answer", wait::LIMIT, |heard| match heard {
                Heard::Found(announced) => Some(announced.clone()),
                _ => None,
            });
            assert_eq!(
                (found.peer, found.ip.to_string(), found.port),
                (id.to_string(), "10.77.0.1".into(), PORT)
            );
            wait::until("the pigeon to greet the node", wait::LIMIT, || {
                pigeon.standing(id).filter(|node| node.ratings == [1])
            });
            exchange(&mut slips, &pigeon, id);
        },
    );
}

fn two_nodes_meet(test: &str, settings: &[(&str, &str)]) {
    inside(test, |lan| {
        let (one, two) = (lan.host(1), lan.host(2));
        let (mut slips_one, mut slips_two) = (Slips::start_on(&one), Slips::start_on(&two));
        let (_a, _dir_a, id_a) = start_with(&one, &mut slips_one, settings);
        let (_b, _dir_b, id_b) = start_with(&two, &mut slips_two, settings);
        for (slips, other) in [(&slips_one, id_b), (&slips_two, id_a)] {
            slips.hear("a peer_update of the other", |json| {
                (json["message_contents"]["peerid"] == other.to_string().as_str()).then_some(())
            });
        }
        let message = report("203.0.113.1", 0.8, 0.6);
        slips_one.send("*", &message);
        assert_eq!(slips_two.hear_data(), (id_a.to_string(), message));
    });
}

#[test]
fn two_nodes_find_each_other() {
    two_nodes_meet("discovery::two_nodes_find_each_other", &[]);
}

#[test]
fn two_nodes_find_each_other_by_libp2ps_own_multicast_dns() {
    two_nodes_meet(
        "discovery::two_nodes_find_each_other_by_libp2ps_own_multicast_dns",
        &[
            ("SLIPS_P2P__NETWORK__LEGACY_MDNS", "false"),
            ("SLIPS_P2P__NETWORK__MDNS", "true"),
        ],
    );
}
