//! Key files: the pigeon's load, damaged ones stay as they are, new ones are nobody else's.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use libp2p::identity::KeyType;
use slips_p2p::network::identity::{KeyError, Loose, load, load_or_create, parse, replace};
use tempfile::TempDir;

use crate::node::{Start, calling, node, settings};

/// An RSA-2048 key in the pigeon's framing, made with openssl; used nowhere else.
const PIGEON: &[u8] = include_bytes!("../fixtures/pigeon.keys");
/// Its peer id, computed from openssl's public key with SHA-256 and base58.
const PIGEON_ID: &str = include_str!("../fixtures/pigeon.peerid");

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

fn key_file(bytes: &[u8], mode: u32) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("pigeon.keys");
    fs::write(&path, bytes).expect("writes");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("sets the mode");
    (directory, path)
}

#[test]
fn the_pigeons_rsa_key_keeps_its_peer_id() {
    let (_directory, path) = key_file(PIGEON, 0o600);
    let key = load_or_create(&path, Loose::Refuse).expect("loads");
    assert_eq!(key.key_type(), KeyType::RSA);
    assert_eq!(key.public().to_peer_id().to_base58(), PIGEON_ID.trim());
    assert_eq!(
        fs::read(&path).expect("reads"),
        PIGEON,
        "the file is as it was"
    );
}

#[tokio::test]
async fn an_rsa_node_and_an_ed25519_node_connect() {
    let (_directory, path) = key_file(PIGEON, 0o600);
    let key = load(&path, Loose::Refuse).expect("loads");
    let mut a = Start {
        key,
        ..Start::new(settings())
    }
    .start()
    .await;
    let mut b = node(calling(&a.address)).await;
    assert_eq!(b.connected().await.to_base58(), PIGEON_ID.trim());
    a.connected().await;
}

#[test]
fn a_new_key_is_ed25519_and_private_from_its_creation() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new/deep/node.key");
    let made = load_or_create(&path, Loose::Refuse).expect("makes one");
    assert_eq!(made.key_type(), KeyType::Ed25519);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a parent")), 0o700);
    let again = load_or_create(&path, Loose::Refuse).expect("loads it");
    assert_eq!(again.public(), made.public());
    let left: Vec<_> = fs::read_dir(path.parent().expect("a parent"))
        .expect("lists")
        .collect();
    assert_eq!(left.len(), 1, "nothing temporary is left");
}

#[test]
fn a_damaged_key_is_an_error_and_stays_as_it_is() {
    let truncated = &PIGEON[..PIGEON.len() / 2];
    let big = vec![8_u8; 20_000];
    for bytes in [&b""[..], b"not a key", truncated, &big] {
        let (_directory, path) = key_file(bytes, 0o600);
        let error = load_or_create(&path, Loose::Tighten).expect_err("it is damaged");
        assert!(matches!(error, KeyError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("left untouched"), "{error}");
        assert_eq!(fs::read(&path).expect("reads"), bytes);
    }
}

#[test]
fn an_rsa_key_with_one_byte_wrong_is_refused_when_it_is_read_not_when_it_signs() {
    // In the primes and what follows from them; the exponent before them is not used to sign.
    for at in (560..PIGEON.len()).step_by(50) {
        let mut damaged = PIGEON.to_vec();
        damaged[at] ^= 1;
        let reason = parse(&damaged).map(|_| ()).expect_err("a damaged key");
        assert!(
            !reason.is_empty() && reason.len() < 256,
            "byte {at}: {reason}"
        );
    }
}

#[test]
fn a_key_others_can_read_is_refused_with_the_command_that_fixes_it() {
    for loose in [0o777, 0o644, 0o640, 0o604] {
        let (_directory, path) = key_file(PIGEON, loose);
        let error = load_or_create(&path, Loose::Refuse).expect_err("it is open");
        assert!(
            error
                .to_string()
                .contains(&format!("chmod 600 {}", path.display())),
            "{error}"
        );
        assert_eq!(mode(&path), loose, "nothing is changed");
    }
}

#[test]
fn the_pigeons_open_key_is_tightened_when_asked() {
    let (_directory, path) = key_file(PIGEON, 0o777);
    let key = load_or_create(&path, Loose::Tighten).expect("loads");
    assert_eq!(key.public().to_peer_id().to_base58(), PIGEON_ID.trim());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn what_is_no_file_is_no_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = load_or_create(directory.path(), Loose::Refuse).expect_err("a directory is no key");
    assert!(matches!(error, KeyError::NotAFile { .. }), "{error:?}");
}

#[test]
fn a_reset_replaces_the_key() {
    let (_directory, path) = key_file(PIGEON, 0o777);
    let new = replace(&path).expect("replaces");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(
        load(&path, Loose::Refuse).expect("loads").public(),
        new.public()
    );
}
