//! Values of a database row that somebody else may have written: what is taken is in its range and
//! writes itself as it was; what is refused is told with table, row, column and value.
#![no_main]

use std::fmt::{Debug, Display};

use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    domain::{self, Conduct, Reachability},
    store::StoreError,
};

// Private in the library; `crate::domain` and `super::StoreError` are the imports above.
#[path = "../../src/store/rows.rs"]
mod rows;

use rows::Place;

/// Eight bytes each of a number, a whole one and a time, one that says whether there is a time, and
/// two texts, a line each.
fn columns(bytes: &[u8]) -> Option<(f64, i64, Option<i64>, &str, &str)> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (whole, rest) = rest.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (some, texts) = rest.split_first()?;
    let (word, text) = std::str::from_utf8(texts).ok()?.split_once('\n')?;
    let time = (some % 2 == 1).then_some(i64::from_le_bytes(*time));
    let number = f64::from_le_bytes(*number);
    Some((number, i64::from_le_bytes(*whole), time, word, text))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((number, whole, time, word, text)) = columns(bytes) else {
        return;
    };
    let place = Place {
        table: "peer",
        row: &whole,
    };
    text_column(place.peer("peer_id", text), "peer_id", text);
    text_column(place.subject("ip", text), "ip", text);
    text_column(
        place.word::<Conduct>("last_conduct", word),
        "last_conduct",
        word,
    );
    in_range(place.score(number).map(domain::Score::get), -1.0, number);
    in_range(
        place.confidence(number).map(domain::Confidence::get),
        0.0,
        number,
    );
    in_range(place.trust(number).map(domain::Trust::get), 0.0, number);
    in_range(
        place.reliability(number).map(domain::Reliability::get),
        0.0,
        number,
    );
    match place.count32("repeats", whole) {
        Ok(count) => assert_eq!(i64::from(count), whole),
        Err(error) => told(&error, "repeats", &whole),
    }
    assert!(rows::count(whole) == 0 || i64::try_from(rows::count(whole)) == Ok(whole));
    assert!(rows::limit(usize::try_from(rows::count(whole)).unwrap_or(usize::MAX)) >= 0);
    match place.reachability(word, text.to_owned(), time) {
        Ok(state) => {
            let (word_again, reason, next_try) = rows::state_columns(&state);
            assert_eq!(word_again, word);
            if state != Reachability::Connected {
                assert_eq!((reason, next_try), (text, time));
            }
        }
        Err(error) => told(
            &error,
            if word == "retrying" {
                "next_try"
            } else {
                "state"
            },
            &"NULL",
        ),
    }
});

/// A text that is taken is read the same when it is written again, if not letter by letter.
fn text_column<T>(read: Result<T, StoreError>, column: &str, text: &str)
where
    T: std::str::FromStr<Err: Debug> + Display + PartialEq + Debug,
{
    match read {
        Ok(value) => assert_eq!(value.to_string().parse::<T>().ok(), Some(value)),
        Err(error) => told(&error, column, &text),
    }
}

fn in_range(read: Result<f64, StoreError>, low: f64, number: f64) {
    match read {
        Ok(value) => assert!(value == number && (low..=1.0).contains(&value)),
        Err(error) => {
            assert!(!(low..=1.0).contains(&number), "{error}");
            told(&error, "", &number);
        }
    }
}

fn told(error: &StoreError, column: &str, value: &dyn Display) {
    let said = error.to_string();
    assert!(said.starts_with("table peer, row "), "{said}");
    assert!(said.contains(column), "{said}");
    // The one column that says what is missing rather than what is there.
    assert!(
        said.contains(&value.to_string()) || column == "state",
        "{said}"
    );
}
