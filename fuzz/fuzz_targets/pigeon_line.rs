//! A stream of a peer: the line read does not depend on the pieces it comes in, keeps its limit,
//! and what it says can be told.
#![no_main]

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use futures::AsyncRead;
use libfuzzer_sys::fuzz_target;
use slips_p2p::wire::pigeon::{self, Line};

const LIMIT: usize = 1024;

/// A stream that gives its bytes `piece` by `piece` and never waits.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = self.piece.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(count))
    }
}

fn read(bytes: &[u8], piece: usize) -> Result<String, String> {
    let line = pin!(pigeon::read_line(Pieces { bytes, piece }, LIMIT));
    match line.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(line) => line.map_err(|fault| fault.to_string()),
        Poll::Pending => panic!("nothing to wait for"),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, usize::MAX);
    let piece = bytes.first().map_or(1, |&b| usize::from(b).max(1));
    assert_eq!(read(bytes, piece), whole);
    let Ok(line) = whole else { return };
    assert!(line.len() <= LIMIT && !line.contains('\n'));
    match pigeon::parse(&line) {
        Line::Data(data) => assert_eq!(data, line),
        Line::Hello(version) => assert_eq!(
            pigeon::parse(&format!("hello {version}")),
            Line::Hello(version)
        ),
        Line::Blank => assert!(line.trim().is_empty()),
        Line::Ping | Line::Goodbye | Line::BrokenHello => {}
    }
});
