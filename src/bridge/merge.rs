//! One key of a JSON object replaced as text: every other key keeps its value byte for byte, its
//! place and its number of occurrences. Numbers and empty lists of others survive as they were.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// Our key in the object.
const KEY: &str = "p2p4slips";

/// What becomes of a stored value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// The new text of the whole object.
    Text(String),
    /// It says that already.
    Same,
    /// What is stored is no JSON object, so there is nothing our key could be put into.
    NoObject,
}

/// The stored object without our key; `None`: nothing is stored, so nothing needs to go.
pub(super) fn without(stored: Option<&[u8]>) -> Merged {
    let Some(stored) = stored else {
        return Merged::Same;
    };
    let Ok(object) = serde_json::from_slice::<Object<'_>>(stored) else {
        return Merged::NoObject;
    };
    let others = object.0.iter().filter(|(key, _)| key != KEY);
    let parts: Vec<_> = others.map(|(key, value)| part(key, value.get())).collect();
    if parts.len() == object.0.len() {
        return Merged::Same;
    }
    Merged::Text(format!("{{{}}}", parts.join(", ")))
}

/// The stored object (`None`: nothing is stored) with our key set to `ours`, a JSON text.
pub(super) fn merged(stored: Option<&[u8]>, ours: &str) -> Merged {
    let Ok(object) = serde_json::from_slice::<Object<'_>>(stored.unwrap_or(b"{}")) else {
        return Merged::NoObject;
    };
    let mut found = object.0.iter().filter(|(key, _)| key == KEY);
    if let (Some((_, value)), None) = (found.next(), found.next())
        && value.get() == ours
    {
        return Merged::Same;
    }
    let mut parts = Vec::with_capacity(object.0.len() + 1);
    let mut placed = false;
    for (key, value) in &object.0 {
        match (key == KEY, placed) {
            (true, true) => continue,
            (true, false) => parts.push(part(key, ours)),
            (false, _) => parts.push(part(key, value.get())),
        }
        placed |= key == KEY;
    }
    if !placed {
        parts.push(part(KEY, ours));
    }
    // The separators of Python's json.dumps, as the other writer uses them.
    Merged::Text(format!("{{{}}}", parts.join(", ")))
}

fn part(key: &str, value: &str) -> String {
    format!("{}: {value}", serde_json::Value::from(key))
}

/// The keys of an object in their order, each with its value's own text.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(stored: Option<&str>, ours: &str) -> String {
        match merged(stored.map(str::as_bytes), ours) {
            Merged::Text(text) => text,
            other => panic!("{stored:?}: {other:?}"),
        }
    }

    #[test]
    fn our_key_is_added_to_what_is_there_or_to_nothing() {
        assert_eq!(
            text(None, r#"{"score":1}"#),
            r#"{"p2p4slips": {"score":1}}"#
        );
        assert_eq!(text(Some("{}"), "1"), r#"{"p2p4slips": 1}"#);
        assert_eq!(
            text(Some(r#"{"a": 1}"#), "2"),
            r#"{"a": 1, "p2p4slips": 2}"#
        );
    }

    #[test]
    fn other_keys_keep_their_bytes_and_their_place() {
        let stored = r#"{"z":[ ],"n":1e400,"big":12345678901234567890123,"p2p4slips":{"old":true},"é\n":{"x": {}},"f":0.30}"#;
        assert_eq!(
            text(Some(stored), r#"{"score":0.5}"#),
            r#"{"z": [ ], "n": 1e400, "big": 12345678901234567890123, "p2p4slips": {"score":0.5}, "é\n": {"x": {}}, "f": 0.30}"#
        );
    }

    #[test]
    fn our_key_stands_there_once_afterwards() {
        assert_eq!(
            text(Some(r#"{"p2p4slips": 1, "a": 2, "p2p4slips": 3}"#), "4"),
            r#"{"p2p4slips": 4, "a": 2}"#
        );
    }

    #[test]
    fn the_same_needs_no_write() {
        assert_eq!(
            merged(Some(br#"{"a":1,"p2p4slips":{"s":1}}"#), r#"{"s":1}"#),
            Merged::Same
        );
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for stored in ["", "[]", "null", "text", "{", r#"{"a":1} x"#, "\u{1}"] {
            assert_eq!(
                merged(Some(stored.as_bytes()), "1"),
                Merged::NoObject,
                "{stored:?}"
            );
        }
        assert_eq!(merged(Some(b"{\"a\":\"\xff\"}"), "1"), Merged::NoObject);
    }
}
