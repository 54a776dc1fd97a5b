//! Keys, messages and links of the test world.

use std::time::Duration;

use libp2p::identity::Keypair;
use slips_p2p::{
    domain::{Author, Confidence, Score, Subject},
    wire::message,
};

pub const NETWORK: &str = "slips";

pub fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The key of a number; the same each time.
pub fn key(number: u64) -> Keypair {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&number.to_be_bytes());
    Keypair::ed25519_from_bytes(secret).expect("32 bytes")
}

pub fn author(number: u64) -> Author {
    Author(key(number).public().to_peer_id())
}

/// A report as Slips says it; a different one for each number.
pub fn report(number: u64) -> String {
    let subject: Subject = format!(
        "10.{}.{}.{}",
        number >> 16 & 255,
        number >> 8 & 255,
        number & 255
    )
    .parse()
    .expect("an address");
    let score = Score::new(0.5).expect("in range");
    let confidence = Confidence::new(0.25).expect("in range");
    message::encode_report(subject, score, confidence)
}

/// How links behave.
#[derive(Debug, Clone, Copy)]
pub struct Links {
    pub delay: Duration,
    pub jitter: Duration,
    /// Chance that a frame is lost, in percent.
    pub loss: u32,
    /// Frames may overtake each other.
    pub reorders: bool,
}

pub const STEADY: Links = Links {
    delay: Duration::from_millis(50),
    jitter: Duration::ZERO,
    loss: 0,
    reorders: false,
};
