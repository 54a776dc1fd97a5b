//! What Slips and the node say to each other on Redis, as JSON.

use crate::domain::{PeerId, Recipient};

/// A message on the channel from Slips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromSlips {
    /// A message for one peer or for all.
    Send {
        /// For whom.
        recipient: Recipient,
        /// The base64 text, passed on as it is.
        message: String,
        /// Slips' own version, where it says it.
        version: Option<String>,
    },
    /// Stop listening to peers.
    StopProcess,
    /// A message of our own kind, seen because both channels are one.
    Own,
}

/// What is wrong with a message from Slips.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Reads a message on the channel from Slips.
///
/// # Errors
/// [`Fault`] says what is wrong with it.
pub fn parse_from_slips(payload: &[u8]) -> Result<FromSlips, Fault> {
    if payload == b"stop_process" {
        return Ok(FromSlips::StopProcess);
    }
    let value: serde_json::Value =
        serde_json::from_slice(payload).map_err(|e| Fault(e.to_string()))?;
    if value.get("message_type").is_some() {
        return Ok(FromSlips::Own);
    }
    let text = |key: &str| value.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let message = text("message").ok_or_else(|| Fault("no message".into()))?;
    let recipient = match text("recipient").as_deref() {
        Some("*") => Recipient::All,
        Some(peer) => Recipient::One(peer.parse::<PeerId>().map_err(|e| Fault(e.to_string()))?),
        None => return Err(Fault("no recipient".into())),
    };
    Ok(FromSlips::Send {
        recipient,
        message,
        version: text("version"),
    })
}

/// The payload with Slips' version added before its last brace.
#[must_use]
pub fn with_version(payload: &str, version: Option<&str>) -> String {
    match (version, payload.strip_suffix('}')) {
        (Some(version), Some(body)) => {
            format!("{body},\"version\":{}}}", serde_json::Value::from(version))
        }
        _ => payload.to_owned(),
    }
}
