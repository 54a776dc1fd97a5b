//! Frames of `/slips/2.0`: nothing over the limit is cut off a stream, and what is read as a message
//! can be written anew with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::wire::frame::{self, Frame, Split};

const LINE: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode(bytes, LINE);
    let most = frame::max_body_bytes(LINE);
    let mut rest = bytes;
    while let Ok(Split::Whole { body, taken }) = frame::split(rest, most) {
        assert!(body.len() <= most && taken == body.len() + frame::HEADER_BYTES);
        if let Ok(Frame::Message { text }) = frame::decode(body, LINE) {
            check(&text);
        }
        rest = &rest[taken..];
    }
});

fn check(line: &str) {
    assert!(line.len() <= LINE && !line.contains('\n'));
    let mut out = Vec::new();
    // Escapes may make a line longer than it was.
    if !frame::push_message(&mut out, line, frame::max_body_bytes(6 * LINE)) {
        unreachable!("a line of {} bytes did not fit", line.len());
    }
    let Ok(Split::Whole { body, taken }) = frame::split(&out, out.len()) else {
        unreachable!("a frame was written");
    };
    assert_eq!(taken, out.len());
    assert_eq!(
        frame::decode(body, 6 * LINE),
        Ok(Frame::Message { text: line.into() })
    );
}
