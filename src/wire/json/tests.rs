//! Tests of the strict reader: what it takes, what it refuses and why.

use super::*;

const LIMITS: Limits = Limits {
    max_bytes: 64,
    max_depth: 3,
    max_values: 8,
};

fn read(text: &str) -> Result<Value<'_>, Fault> {
    parse(text.as_bytes(), LIMITS)
}

fn refusal(text: &str) -> String {
    read(text).expect_err("refused").to_string()
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#" { "a" : [ null , true, false ], "b":-1.5e1, "":"x" } "#;
    let Value::Object(object) = read(text).expect("valid") else {
        panic!("an object")
    };
    assert_eq!(
        object.get("a"),
        Some(&Value::Array(vec![
            Value::Null,
            Value::Bool(true),
            Value::Bool(false)
        ]))
    );
    assert_eq!(object.get("b"), Some(&Value::Number(-15.0)));
    assert_eq!(object.get(""), Some(&Value::Text("x".into())));
    assert_eq!(object.get("c"), None);
    assert_eq!(&text[object.members[1].span.clone()], "-1.5e1");
}

#[test]
fn escapes_are_resolved_and_plain_texts_borrowed() {
    assert_eq!(
        read(r#""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é""#),
        Ok(Value::Text("\"\\/\u{8}\u{c}\n\r\tA😀é".into()))
    );
    assert!(matches!(
        read(r#""plain é""#),
        Ok(Value::Text(Cow::Borrowed("plain é")))
    ));
}

#[test]
fn numbers_are_read_to_the_nearest_double() {
    for (text, number) in [
        ("0", 0.0),
        ("-0", 0.0),
        ("0.1", 0.1),
        ("1E+2", 100.0),
        ("1e-400", 0.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
    ] {
        assert_eq!(read(text), Ok(Value::Number(number)), "{text}");
    }
    assert_eq!(
        refusal("1e999"),
        "number `1e999` is beyond the range of a double"
    );
    assert_eq!(
        refusal("-1e999"),
        "number `-1e999` is beyond the range of a double"
    );
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "ends where a value belongs"),
        ("NaN", "'N' at byte 0 where a value belongs"),
        ("-Infinity", "'I' at byte 1 where a digit belongs"),
        ("01", "'1' at byte 1 where the end belongs"),
        ("+1", "'+' at byte 0 where a value belongs"),
        ("1.", "ends where a digit belongs"),
        (".5", "'.' at byte 0 where a value belongs"),
        ("1e", "ends where a digit belongs"),
        ("nul", "ends where null belongs"),
        ("nulL", "'L' at byte 3 where null belongs"),
        ("{} {}", "'{' at byte 3 where the end belongs"),
        ("[1,]", "']' at byte 3 where a value belongs"),
        ("[1 2]", "'2' at byte 3 where `,` or `]` belongs"),
        ("{\"a\":1,}", "'}' at byte 7 where `\"` belongs"),
        ("{'a':1}", "'\\'' at byte 1 where `\"` belongs"),
        ("{\"a\" 1}", "'1' at byte 5 where `:` belongs"),
        (
            "{\"a\":1 \"b\":1}",
            "'\"' at byte 7 where `,` or `}` belongs",
        ),
        ("\"a", "ends where a character or `\"` belongs"),
        (
            "\"a\nb\"",
            "'\\n' at byte 2 where a character or `\"` belongs",
        ),
        ("\"\\x\"", "'x' at byte 2 where an escape belongs"),
        (
            "\"\\u12g4\"",
            "'g' at byte 5 where a hexadecimal digit belongs",
        ),
        (
            "\"\\u+123\"",
            "'+' at byte 3 where a hexadecimal digit belongs",
        ),
        ("// x\n1", "'/' at byte 0 where a value belongs"),
        ("\u{feff}1", "'\\u{feff}' at byte 0 where a value belongs"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
    assert_eq!(parse(b"\"\xff\"", LIMITS), Err(Fault::NotUtf8 { at: 1 }));
}

#[test]
fn halves_of_surrogate_pairs_are_refused_strictly_and_replaced_leniently() {
    for (text, at) in [
        (r#""\ud800""#, 1),
        (r#""a\udc00""#, 2),
        (r#""\ud800\u0041""#, 1),
        (r#""\ud800\ud800""#, 1),
        (r#""\ud800x""#, 1),
    ] {
        assert_eq!(read(text), Err(Fault::LoneSurrogate { at }), "{text}");
    }
    assert_eq!(
        parse_leniently(br#""\ud800\u0041\ud800\ud83d\ude00""#, LIMITS),
        Ok(Value::Text("\u{fffd}A\u{fffd}😀".into()))
    );
}

#[test]
fn repeated_keys_are_refused_strictly_and_the_last_counts_leniently() {
    let text = r#"{"a":1,"b":2,"\u0061":3}"#;
    assert_eq!(refusal(text), "key `a` stands more than once in one object");
    let Ok(Value::Object(object)) = parse_leniently(text.as_bytes(), LIMITS) else {
        panic!("an object")
    };
    assert_eq!(object.get("a"), Some(&Value::Number(3.0)));
    assert_eq!(
        refusal(r#"[{"x":{"y":1,"y":1}}]"#),
        "key `y` stands more than once in one object"
    );
}

#[test]
fn repeated_keys_are_found_in_large_objects_too() {
    let roomy = Limits {
        max_bytes: 4096,
        max_depth: 1,
        max_values: 1000,
    };
    let members: Vec<String> = (0..100).map(|i| format!("\"key{i}\":{i}")).collect();
    let distinct = format!("{{{}}}", members.join(","));
    assert!(parse(distinct.as_bytes(), roomy).is_ok());
    let repeated = format!("{{{},\"key57\":0}}", members.join(","));
    assert_eq!(
        parse(repeated.as_bytes(), roomy),
        Err(Fault::DuplicateKey {
            key: "key57".into()
        })
    );
}

#[test]
fn limits_hold_to_the_value() {
    assert!(read("[[[1]]]").is_ok());
    assert_eq!(read("[[[[1]]]]"), Err(Fault::TooDeep { limit: 3, at: 3 }));
    assert!(read("[1,2,3,4,5,6,7]").is_ok());
    assert_eq!(
        read("[1,2,3,4,5,6,7,8]"),
        Err(Fault::TooManyValues { limit: 8 })
    );
    assert!(read(&format!("{:64}", 1)).is_ok());
    assert_eq!(
        read(&format!("{:65}", 1)),
        Err(Fault::TooLong {
            bytes: 65,
            limit: 64
        })
    );
}

#[test]
fn a_fault_quotes_foreign_text_shortened_and_escaped() {
    let key = format!("\\n{}", "x".repeat(100));
    let roomy = Limits {
        max_bytes: 1024,
        ..LIMITS
    };
    let fault = parse(format!("{{\"{key}\":1,\"{key}\":2}}").as_bytes(), roomy)
        .expect_err("refused")
        .to_string();
    assert_eq!(
        fault,
        format!(
            "key `\\n{}…` stands more than once in one object",
            "x".repeat(63)
        )
    );
}

#[test]
fn texts_are_written_so_that_they_read_the_same() {
    let mut out = String::new();
    push_text(&mut out, "a\"\\\n\r\t\u{0}\u{1f}<&>é\u{2028}😀");
    assert_eq!(out, "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001f<&>é\u{2028}😀\"");
}
