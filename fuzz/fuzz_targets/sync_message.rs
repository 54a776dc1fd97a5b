//! Messages of `/slips/sync/1`: what is read can be written anew with the same meaning, and no
//! message brings the engine down.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    domain::{Author, Neighbour, PeerId, Timestamp},
    mesh::{Mesh, Output, Settings, Start},
    wire::sync::{self, Message},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = sync::decode(bytes)
        && !matches!(message, Message::Unknown { .. })
    {
        let body = message.encode();
        // An error's text may have escapes, which take more room than it had.
        if body.len() <= sync::MAX_BYTES {
            assert_eq!(sync::decode(&body), Ok(message));
        }
    }
    // One message a line, to an engine with a neighbour.
    let id = |byte: u8| {
        let bytes = [&[0x12, 0x20][..], &[byte; 32]].concat();
        PeerId::from_bytes(&bytes).expect("a SHA-256 id")
    };
    let mut now = Timestamp::from_micros(1_000_000_000);
    let start = Start {
        me: Author(id(1)),
        network: "slips".into(),
        seed: 1,
        logs: Vec::new(),
        forks: Vec::new(),
        settings: Settings::default(),
    };
    let mut mesh = Mesh::new(start, now);
    mesh.connected(Neighbour(id(2)), now);
    for line in bytes.split(|byte| *byte == b'\n').take(16) {
        mesh.received(Neighbour(id(2)), line, now);
        while let Some(output) = mesh.poll() {
            if let Output::Send { bytes, .. } = output {
                assert!(sync::decode(&bytes).is_ok());
            }
        }
        if let Some(next) = mesh.next_time(now) {
            now = now.max(next);
            mesh.tick(now);
        }
    }
});
