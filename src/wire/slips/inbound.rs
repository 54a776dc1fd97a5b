//! From Slips: `{message, recipient}` on `from_slips`, read as the Go pigeon reads it.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    domain::{PeerId, Recipient},
    wire::{
        json::{self, Limits, Object, Value},
        pigeon, quoted,
    },
};

/// The longest payload read from the channel. A peer's line has 64 KiB by default; the rest is room
/// for a higher setting, escapes, and foreign keys.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Slips' payloads are flat; foreign keys may be anything sane.
const LIMITS: Limits = Limits {
    max_bytes: MAX_PAYLOAD_BYTES,
    max_depth: 32,
    max_values: 4096,
};

/// The longest text taken for a peer id: base58 is decoded in quadratic time, and the longest
/// multihash an id can be has 66 bytes, which is 91 characters.
const MAX_PEER_ID_CHARS: usize = 100;

/// The bare word that ends the node.
const STOP_PROCESS: &str = "stop_process";

/// What came on the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromSlips {
    /// A message for peers.
    Send {
        /// For whom.
        recipient: Recipient,
        /// The line to send, without newline.
        message: String,
        /// The version of Slips, if it says so.
        version: Option<String>,
    },
    /// The node shall end.
    StopProcess,
    /// What this node itself published, heard because both directions share a channel.
    Own,
}

/// Which messages may go out to peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Only standard base64 with padding, which is what Slips writes.
    Base64,
    /// Any one line that is no command of the protocol between peers.
    AnyLine,
}

/// Why a payload is nothing to send. Slips is ours: it is logged and counted, nobody pays for it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No JSON, or over a limit.
    #[error("not JSON: {0}")]
    NotJson(#[from] json::Fault),
    /// JSON, but no object.
    #[error("the payload is {0}, not an object")]
    NotAnObject(&'static str),
    /// A key that must be there is not, or is null or empty.
    #[error("`{0}` is missing or empty")]
    Missing(&'static str),
    /// A value that is no text.
    #[error("`{key}` is {found}, not a text")]
    NotText {
        /// Of which key.
        key: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The recipient is neither `*` nor a peer id.
    #[error("recipient `{0}` is neither * nor a peer id")]
    NoRecipient(String),
    /// A newline inside the message: a peer would read only what stands before it.
    #[error("message `{0}` has more than one line")]
    SeveralLines(String),
    /// A line that peers take for a command, or for nothing.
    #[error("message `{0}` is blank or a command of the protocol between peers")]
    ProtocolWord(String),
    /// Not base64, where it is asked for.
    #[error("message `{message}` is not standard base64 with padding: {reason}")]
    NotBase64 {
        /// The message, quoted.
        message: String,
        /// What is wrong with it.
        reason: base64::DecodeError,
    },
}

/// Reads one payload of the `from_slips` channel as the Go pigeon does: keys in any case, of a
/// repeated key the last, foreign keys ignored, one newline at the end of the message allowed.
///
/// Unlike the pigeon it refuses what would reach peers as something else than it is: a message of
/// several lines, a blank one, a command of the protocol, and with [`Accept::Base64`] whatever is
/// not base64.
///
/// # Errors
/// A [`Fault`] for whatever is nothing to send.
pub fn parse_from_slips(payload: &[u8], accept: Accept) -> Result<FromSlips, Fault> {
    if payload == STOP_PROCESS.as_bytes() {
        return Ok(FromSlips::StopProcess);
    }
    let object = match json::parse_leniently(payload, LIMITS)? {
        Value::Object(object) => object,
        other => return Err(Fault::NotAnObject(other.kind())),
    };
    if is_own(&object) {
        return Ok(FromSlips::Own);
    }
    if is_stop(&object) {
        return Ok(FromSlips::StopProcess);
    }
    let message = message(text_of(&object, "message")?, accept)?;
    let recipient = recipient(text_of(&object, "recipient")?)?;
    let version = match find(&object, "version") {
        Some(Value::Text(version)) if !version.is_empty() => Some(version.clone().into_owned()),
        _ => None,
    };
    Ok(FromSlips::Send {
        recipient,
        message,
        version,
    })
}

/// Whether it has the shape of what this node publishes.
fn is_own(object: &Object<'_>) -> bool {
    matches!(object.get("message_type"), Some(Value::Text(kind)) if kind == "go_data" || kind == "peer_update")
        && matches!(object.get("message_contents"), Some(Value::Object(_)))
}

/// Whether it is the bare word as current Slips would wrap it: `{"text": "stop_process", ..}`.
fn is_stop(object: &Object<'_>) -> bool {
    matches!(object.get("text"), Some(Value::Text(text)) if text == STOP_PROCESS)
        && find(object, "message").is_none()
}

/// The last member whose key is this one in any case of ASCII letters.
fn find<'v, 'a>(object: &'v Object<'a>, key: &str) -> Option<&'v Value<'a>> {
    object
        .members
        .iter()
        .rev()
        .find(|member| member.key.eq_ignore_ascii_case(key))
        .map(|member| &member.value)
}

fn text_of<'v, 'a>(object: &'v Object<'a>, key: &'static str) -> Result<&'v Cow<'a, str>, Fault> {
    match find(object, key) {
        None | Some(Value::Null) => Err(Fault::Missing(key)),
        Some(Value::Text(text)) if text.is_empty() => Err(Fault::Missing(key)),
        Some(Value::Text(text)) => Ok(text),
        Some(other) => Err(Fault::NotText {
            key,
            found: other.kind(),
        }),
    }
}

fn recipient(text: &str) -> Result<Recipient, Fault> {
    if text == "*" {
        return Ok(Recipient::All);
    }
    let peer: Option<PeerId> = if text.len() <= MAX_PEER_ID_CHARS {
        text.parse().ok()
    } else {
        None
    };
    peer.map(Recipient::One)
        .ok_or_else(|| Fault::NoRecipient(quoted(text)))
}

fn message(text: &str, accept: Accept) -> Result<String, Fault> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    if line.contains('\n') {
        return Err(Fault::SeveralLines(quoted(line)));
    }
    if !matches!(pigeon::parse(line), pigeon::Line::Data(_)) {
        return Err(Fault::ProtocolWord(quoted(line)));
    }
    if accept == Accept::Base64 {
        STANDARD.decode(line).map_err(|reason| Fault::NotBase64 {
            message: quoted(line),
            reason,
        })?;
    }
    Ok(line.into())
}

#[cfg(test)]
mod tests;
