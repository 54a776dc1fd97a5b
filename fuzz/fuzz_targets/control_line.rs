//! Lines of the control socket: every answer is one line that a client can read, an order means the same
//! once it is written again, and what it leaves in the address book is plain text within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    domain::{AddressBook, MAX_ALIAS, MAX_NOTE, MAX_TAG, MAX_TAGS, Timestamp, is_plain},
    wire::control::{self, Ask},
};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fuzz_target!(|bytes: &[u8]| {
    let _ = control::decode_answer(bytes);
    let request = control::decode(bytes);
    let why = request.ask.as_ref().err().map(ToString::to_string);
    let done = why.as_deref().map_or(Ok(()), Err);
    let answer = control::answer(&request.id, &request.kind, done);
    assert!(!answer.contains('\n'), "{answer:?}");
    assert_eq!(
        control::decode_answer(answer.as_bytes()),
        Ok(done.map_err(str::to_owned))
    );
    let Ok(Ask::Order(order)) = request.ask else {
        return;
    };
    let line = control::encode(1, &order);
    // Escapes may make it longer than a line may be; then it is refused, never misread.
    if line.len() <= control::MAX_LINE_BYTES {
        assert_eq!(
            control::decode(line.as_bytes()).ask,
            Ok(Ask::Order(order.clone()))
        );
    }
    let Ok(change) = AddressBook::default().plan(&order, NOW) else {
        return;
    };
    let is_text = |text: &str, most: usize| {
        assert!(
            text.chars().all(is_plain) && text.chars().count() <= most,
            "{text:?}"
        );
    };
    if let Some(ban) = &change.ban {
        is_text(&ban.reason, MAX_NOTE);
    }
    if let Some(contact) = &change.contact {
        contact
            .alias
            .iter()
            .for_each(|alias| is_text(alias, MAX_ALIAS));
        contact.tags.iter().for_each(|tag| is_text(tag, MAX_TAG));
        is_text(&contact.note, MAX_NOTE);
        assert!(contact.tags.len() <= MAX_TAGS);
    }
});
