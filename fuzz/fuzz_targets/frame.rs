//! Frames of `/slips/2.0`: nothing over the limit is cut off a stream, and what is read as a message
//! can be written anew with the same meaning; what peers say of themselves is fit for a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slips_p2p::domain::{Hello, is_plain};
use slips_p2p::wire::frame::{self, Frame, Split};

const LINE: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode(bytes, LINE);
    let most = frame::max_body_bytes(LINE);
    let mut rest = bytes;
    while let Ok(Split::Whole { body, taken }) = frame::split(rest, most) {
        assert!(body.len() <= most && taken == body.len() + frame::HEADER_BYTES);
        match frame::decode(body, LINE) {
            Ok(Frame::Message { text }) => check(&text),
            Ok(Frame::Hello(hello)) => check_hello(&hello),
            Ok(Frame::Goodbye(farewell)) => assert!(farewell.to_string().chars().all(is_plain)),
            _ => {}
        }
        rest = &rest[taken..];
    }
});

/// What a peer calls itself is fit for a terminal, and comes back as it was.
fn check_hello(hello: &Hello) {
    let network = hello.network.as_deref().unwrap_or_default();
    let texts = [&hello.protocol, &hello.alias, &hello.software, &hello.presence.message];
    assert!(texts.iter().all(|text| text.chars().all(is_plain)));
    assert!(network.chars().all(is_plain));
    let mut out = Vec::new();
    frame::push_hello(&mut out, hello);
    let Ok(Split::Whole { body, .. }) = frame::split(&out, frame::MAX_PRESENCE_BYTES) else {
        unreachable!("a hello was written");
    };
    let Ok(Frame::Hello(again)) = frame::decode(body, LINE) else {
        unreachable!("it is a hello");
    };
    assert_eq!(*again, *hello);
}

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
