//! What libp2p itself must bear: names of protocols without number, keys beyond all measure, streams.

use std::time::Instant;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::identity::{Keypair, PublicKey};
use testkit::{
    pigeon_peer::{PIGEON_A, Pigeon, Settings},
    raw::{Manner, Raw},
    sensor::{Sensor, Setup},
};

use crate::scene;

/// What the node may grow by under all of it: the pass mark of adversary V12.
const MOST_GROWN_MIB: u64 = 16;

fn varint(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// A field of bytes of a protobuf.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(bytes.len()), bytes].concat()
}

/// A piece of DER.
fn der(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a length").to_be_bytes();
    [&[tag, 0x84][..], &length, bytes].concat()
}

/// A public RSA key of so many bytes, as libp2p writes it.
fn rsa_key(bytes: usize) -> Vec<u8> {
    let mut modulus = vec![0xC5; bytes];
    modulus[0] = 0x5D;
    let numbers = [der(2, &modulus), der(2, &[1, 0, 1])].concat();
    let algorithm = [0x30, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0];
    let bits = [&[0][..], &der(0x30, &numbers)].concat();
    let spki = der(0x30, &[&algorithm[..], &der(3, &bits)].concat());
    [&[8, 0][..], &field(2, &spki)].concat()
}

/// What identify says, with so many protocols.
fn identify(protocols: usize, key: &[u8]) -> Vec<u8> {
    let names = (0..protocols).flat_map(|n| field(3, format!("/{n:x}").as_bytes()));
    let body: Vec<u8> = field(1, key).into_iter().chain(names).collect();
    [varint(body.len()), body].concat()
}

/// Adversary V12: identify with thousands of protocols and with RSA keys of any size, again and again,
/// and as many streams as there can be: the node grows by at most 16 MiB, and an honest peer is served.
/// (There is no gossipsub here, so neither GRAFT nor topics.)
#[test]
fn attacks_on_libp2p_itself_cost_little_memory() {
    // A byte of its length before the name, as multistream has it.
    const PUSH: &[u8] = b"\x14/ipfs/id/push/1.0.0\n";
    let runtime = scene::runtime();
    let mut sensor = Sensor::start(&Setup::default());
    let node = sensor.peer_id().parse().expect("a peer id");
    let address = sensor.address();
    let honest = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    honest.send(node, &scene::message(1));
    sensor.slips.hear_data();
    let (before, _) = scene::resident(&sensor);

    let key = Keypair::generate_ed25519();
    let public = key.public().encode_protobuf();
    let raws = runtime.block_on(async {
        let raw = Raw::dial(&key, &address, Manner::Polite).await;
        assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
        let mut pushed = 0;
        for n in 0..1_500 {
            let body = match n % 3 {
                // Within libp2p's bound of 4 KiB, beyond it, and with a key that fills it.
                0 => identify(750, &public),
                1 => identify(20_000, &public),
                _ => identify(1, &rsa_key(3_900)),
            };
            let Some(mut stream) = raw.open_for(PUSH).await else {
                break;
            };
            let _ = stream.write_all(&body).await;
            let _ = stream.close().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            pushed += 1;
        }
        println!("{pushed} times identify");
        let mut raws = vec![raw];
        for _ in 0..12 {
            let raw = Raw::dial(&Keypair::generate_ed25519(), &address, Manner::Polite).await;
            // Beyond 256 that nobody has taken yamux opens none.
            for _ in 0..250 {
                let Some(stream) = raw.try_open().await else {
                    break;
                };
                std::mem::forget(stream);
            }
            raws.push(raw);
        }
        raws
    });
    // What a handshake does with a key of up to the 64 KiB of its message; no library makes such keys,
    // so the node's own copy of libp2p is asked.
    for bytes in [1_025, 8_193, 60_000] {
        let started = Instant::now();
        let key = PublicKey::try_decode_protobuf(&rsa_key(bytes));
        let is_good = key.is_ok_and(|key| key.verify(b"a handshake", &vec![0x55; bytes]));
        println!("an RSA key of {bytes} bytes: {:?}", started.elapsed());
        assert!(!is_good, "{bytes} bytes");
    }

    honest.send(node, &scene::message(2));
    assert_eq!(sensor.slips.hear_data().1, scene::message(2));
    let (after, most) = scene::resident(&sensor);
    println!("from {before} MiB to {after} MiB, {most} MiB at most");
    assert!(most <= before + MOST_GROWN_MIB, "{before} to {most} MiB");
    drop(raws);
}
