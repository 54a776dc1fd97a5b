//! The strict reader against serde_json: it takes nothing that serde_json refuses, refuses only
//! repeated keys and what is over its limits of what serde_json takes, and reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::wire::json::{self, Fault, Limits, Value};

/// `serde_json` itself stops at a depth of 128.
const LIMITS: Limits = Limits {
    max_bytes: 1 << 16,
    max_depth: 100,
    max_values: 1 << 14,
};

fuzz_target!(|text: &[u8]| {
    let ours = json::parse(text, LIMITS);
    let theirs = serde_json::from_slice::<serde_json::Value>(text);
    match (&ours, &theirs) {
        (Ok(_), Err(error)) => panic!("serde_json refuses it: {error}"),
        (Ok(ours), Ok(theirs)) => assert!(same(ours, theirs), "{ours:?} is not {theirs:?}"),
        (Err(fault), Ok(_)) => assert!(
            matches!(
                fault,
                Fault::DuplicateKey { .. }
                    | Fault::TooDeep { .. }
                    | Fault::TooManyValues { .. }
                    | Fault::TooLong { .. }
            ),
            "serde_json takes it: {fault}"
        ),
        (Err(_), Err(_)) => {}
    }
    if let Ok(strict) = ours {
        assert_eq!(json::parse_leniently(text, LIMITS), Ok(strict));
    }
});

/// Whether both read the same; `serde_json` itself reads floats to within one bit.
fn same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => b
            .as_f64()
            .is_some_and(|b| (a - b).abs() <= a.abs() * 1e-15 || (a - b).abs() <= 5e-324),
        (Value::Text(a), serde_json::Value::String(b)) => a == b,
        (Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            a.members.len() == b.len()
                && a.members
                    .iter()
                    .all(|m| b.get(&*m.key).is_some_and(|b| same(&m.value, b)))
        }
        _ => false,
    }
}
