//! To Slips: `go_data` and `peer_update` for its channel, `p2p4slips` for its database.

use std::{fmt::Write as _, net::IpAddr};

use crate::{
    domain::{Opinion, PeerId, Reliability, Timestamp},
    wire::json::{self, Limits, Value, push_text},
};

/// The key of our opinion in what Slips knows of an address.
const P2P4SLIPS: &str = "p2p4slips";

/// What Slips may have stored of one address in the older layout: passive DNS, certificates,
/// reputations and more in one object, tens of kilobytes at most.
const LIMITS: Limits = Limits {
    max_bytes: 16 << 20,
    max_depth: 128,
    max_values: 1 << 20,
};

/// A `go_data` payload: what a peer sent, when it was received, in whole seconds rounded down so
/// that it is never in Slips' future. Has no `version` yet, see [`with_version`].
#[must_use]
pub fn go_data(reporter: PeerId, received_at: Timestamp, message: &str) -> String {
    let seconds = received_at.as_secs();
    let mut out = String::with_capacity(160 + message.len());
    // Writing into a `String` cannot fail, here and below.
    let _ = write!(
        out,
        r#"{{"message_type":"go_data","message_contents":{{"reporter":"{reporter}","report_time":{seconds},"message":"#
    );
    push_text(&mut out, message);
    out.push_str("}}");
    out
}

/// A `peer_update` payload: what is new of a peer, at least one of its address and its reliability,
/// the latter as a decimal text (`"0.3"`, `"0"`, `"1"`), which Slips reads like a number. Has no
/// `version` yet, see [`with_version`].
#[must_use]
pub fn peer_update(
    peer: PeerId,
    ip: Option<IpAddr>,
    reliability: Option<Reliability>,
    at: Timestamp,
) -> String {
    let mut out =
        format!(r#"{{"message_type":"peer_update","message_contents":{{"peerid":"{peer}""#);
    if let Some(ip) = ip {
        let _ = write!(out, r#","ip":"{}""#, ip.to_canonical());
    }
    if let Some(reliability) = reliability {
        let _ = write!(out, r#","reliability":"{reliability}""#);
    }
    let _ = write!(out, r#","timestamp":{}}}}}"#, at.as_secs());
    out
}

/// Our opinion as Slips stores it: the object that is the value of `p2p4slips`, `timestamp` in
/// seconds with their fraction.
#[must_use]
pub fn p2p4slips(opinion: &Opinion) -> String {
    // `Debug` of a float always shows it to be one (`1.0`), as Python writes it.
    format!(
        r#"{{"score":{:?},"confidence":{:?},"network_score":{:?},"timestamp":{:?}}}"#,
        opinion.score.get(),
        opinion.confidence.get(),
        opinion.network_score.get(),
        opinion.computed_at.as_secs_f64()
    )
}

/// A payload made here with Slips' version put at its end, on the top level; without a version, or
/// should the payload be no object, as it is.
#[must_use]
pub fn with_version(payload: &str, version: Option<&str>) -> String {
    let Some((version, body)) = version.zip(payload.trim_end().strip_suffix('}')) else {
        return payload.into();
    };
    let mut out = String::with_capacity(payload.len() + version.len() + 16);
    out.push_str(body);
    if !body.trim_end().ends_with('{') {
        out.push(',');
    }
    out.push_str(r#""version":"#);
    push_text(&mut out, version);
    out.push('}');
    out
}

/// Why our opinion cannot be put into what Slips has stored of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeFault {
    /// What is stored is no JSON.
    #[error("what Slips has stored of the address is not JSON: {0}; nothing was changed")]
    NotJson(#[from] json::Fault),
    /// What is stored is JSON, but no object.
    #[error("what Slips has stored of the address is {0}, not an object; nothing was changed")]
    NotAnObject(&'static str),
}

/// The older layout, where all that Slips knows of an address is one JSON object: that object with
/// `inner` (of [`p2p4slips`]) under `p2p4slips`. Every other byte of it stays as it is; without an
/// old text the object holds nothing else.
///
/// # Errors
/// [`MergeFault`] when the old text is not an object: it is not ours to replace.
pub fn merge_p2p4slips(old: Option<&[u8]>, inner: &str) -> Result<String, MergeFault> {
    let Some(old) = old else {
        return Ok(format!(r#"{{"{P2P4SLIPS}":{inner}}}"#));
    };
    let old = std::str::from_utf8(old).map_err(|error| json::Fault::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let object = match json::parse_leniently(old.as_bytes(), LIMITS)? {
        Value::Object(object) => object,
        other => return Err(MergeFault::NotAnObject(other.kind())),
    };
    if let Some(member) = object
        .members
        .iter()
        .rev()
        .find(|member| member.key == P2P4SLIPS)
    {
        let (before, after) = (&old[..member.span.start], &old[member.span.end..]);
        return Ok(format!("{before}{inner}{after}"));
    }
    let comma = if object.members.is_empty() { "" } else { "," };
    // An object's text ends with its brace and blanks, so there is one to cut at.
    let body = old.rfind('}').map_or(old, |brace| &old[..brace]);
    Ok(format!(r#"{body}{comma}"{P2P4SLIPS}":{inner}}}"#))
}

/// The older layout without an opinion: that object with null under `p2p4slips`. `None`: nothing is
/// stored there, so nothing is to be changed.
///
/// # Errors
/// As [`merge_p2p4slips`].
pub fn withdraw_p2p4slips(old: Option<&[u8]>) -> Result<Option<String>, MergeFault> {
    let Some(old) = old else {
        return Ok(None);
    };
    let is_there = match json::parse_leniently(old, LIMITS)? {
        Value::Object(object) => object.get(P2P4SLIPS).is_some(),
        other => return Err(MergeFault::NotAnObject(other.kind())),
    };
    is_there
        .then(|| merge_p2p4slips(Some(old), "null"))
        .transpose()
}

#[cfg(test)]
mod tests;
