//! Segments of signed logs: whatever is read is written again byte for byte, and nothing found by
//! chance is signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    mesh,
    wire::{
        nothing_known,
        segment::{self, Segment},
    },
};

fuzz_target!(|bytes: &[u8]| {
    let _ = nothing_known::decode("slips", bytes);
    let Ok(read) = Segment::decode(bytes) else {
        return;
    };
    assert!(bytes.len() <= segment::MAX_BYTES && read.last() <= segment::MAX_SEQ);
    let again = segment::encode(
        read.key(),
        read.first,
        read.previous,
        &read.entries,
        read.signature,
    );
    assert_eq!(again.as_deref(), Ok(bytes));
    assert_eq!(mesh::differ_at(&read, &read), None);
    // The one in the corpus is signed; what is made of it is not.
    if let Ok(checked) = mesh::check("slips", &bytes.into()) {
        assert_eq!(checked.said.len(), read.entries.len());
        assert_eq!(checked.tip, read.tip());
    }
});
