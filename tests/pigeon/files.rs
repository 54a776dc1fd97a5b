//! The key file and the database beside it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use testkit::{
    pigeon_peer::PIGEON_B,
    slips::{Slips, free_port},
};

use super::{Sensor, peer_id, slips_directory, started};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").mode() & 0o777
}

#[test]
fn a_pigeons_key_gives_the_pigeons_peer_id_and_is_closed_to_others() {
    let (root, runtime) = slips_directory();
    let key = runtime.join("pigeon.keys");
    fs::write(&key, PIGEON_B.key_file).expect("a file");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o777)).expect("our file");
    let slips = Slips::start();
    let port = free_port();
    let node = started(&runtime, port, "127.0.0.1", slips.port).start();
    let mut sensor = Sensor {
        slips,
        node,
        port,
        root,
    };
    assert_eq!(peer_id(&sensor.address()).to_string(), PIGEON_B.peer_id);
    assert_eq!(mode(&key), 0o600);
    assert_eq!(fs::read(&key).expect("readable"), PIGEON_B.key_file);
    assert!(
        sensor.node.log().contains("pigeon.keys"),
        "it says that it tightened the file: {}",
        sensor.node.log()
    );
}

#[test]
fn a_corrupt_key_file_is_refused_and_left_as_it_is() {
    let (_root, runtime) = slips_directory();
    let slips = Slips::start();
    let key = runtime.join("pigeon.keys");
    for corrupt in [&b""[..], b"no key", &PIGEON_B.key_file[..600]] {
        fs::write(&key, corrupt).expect("a file");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("our file");
        let exit = started(&runtime, free_port(), "127.0.0.1", slips.port)
            .start()
            .wait_exit(Duration::from_secs(10));
        assert_eq!(exit.code(), Some(1), "{}", exit.log);
        assert!(exit.log.contains("pigeon.keys"), "{}", exit.log);
        assert_eq!(fs::read(&key).expect("still there"), corrupt);
    }
}

#[test]
fn a_new_key_is_made_closed_and_kept() {
    let mut sensor = Sensor::start();
    let (first, key) = (sensor.peer_id(), sensor.runtime().join("pigeon.keys"));
    assert!(first.to_string().starts_with("12D3Koo"), "Ed25519: {first}");
    assert_eq!(mode(&key), 0o600);
    assert!(
        sensor.runtime().join("p2p4slips.db").is_file(),
        "the database lies beside the key"
    );

    sensor.node.signal(libc::SIGTERM);
    assert_eq!(sensor.node.wait_exit(testkit::wait::LIMIT).code(), Some(0));
    sensor.slips.restart_redis();
    sensor.node = started(
        &sensor.runtime(),
        sensor.port,
        "127.0.0.1",
        sensor.slips.port,
    )
    .start();
    assert_eq!(sensor.peer_id(), first);
}
