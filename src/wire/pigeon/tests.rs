//! Tests of lines: what they say, and reading them from a stream that comes in pieces.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::*;

/// A stream that gives its bytes `piece` by `piece`.
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

async fn read(bytes: &[u8], max_bytes: usize) -> Result<String, String> {
    let mut results = Vec::new();
    for piece in [1, 3, 1 << 20] {
        results.push(
            read_line(&mut Pieces { bytes, piece }, max_bytes)
                .await
                .map_err(|fault| fault.to_string()),
        );
    }
    assert!(
        results.windows(2).all(|pair| pair[0] == pair[1]),
        "the pieces matter: {results:?}"
    );
    results.remove(0)
}

#[test]
fn commands_are_told_from_data_as_the_pigeon_does() {
    let data = |text: &str| Line::Data(text.into());
    for (line, expected) in [
        ("hello version1", Line::Hello("version1".into())),
        (" hello \t version1 ", Line::Hello("version1".into())),
        ("hello", Line::BrokenHello),
        ("hello a b", Line::BrokenHello),
        ("ping", Line::Ping),
        ("goodbye", Line::Goodbye),
        ("", Line::Blank),
        (" \t\r", Line::Blank),
        ("ping\r", data("ping\r")),
        (" ping", data(" ping")),
        ("ping ping", data("ping ping")),
        ("Ping", data("Ping")),
        ("pong", data("pong")),
        ("helloworld x", data("helloworld x")),
        ("eyJtZXNzYWdl", data("eyJtZXNzYWdl")),
    ] {
        assert_eq!(parse(line), expected, "{line:?}");
    }
    assert_eq!(
        parse(&format!("hello {}", "v".repeat(64))),
        Line::Hello("v".repeat(64))
    );
    assert_eq!(
        parse(&format!("hello {}", "v".repeat(65))),
        Line::BrokenHello
    );
}

#[test]
fn what_this_node_says_is_understood() {
    for (said, expected) in [
        (HELLO, Line::Hello("version1".into())),
        (PING, Line::Ping),
        (GOODBYE, Line::Goodbye),
    ] {
        assert_eq!(parse(said.strip_suffix('\n').expect("a line")), expected);
    }
    assert_eq!(PONG, "pong\n");
}

#[tokio::test]
async fn a_line_ends_at_its_newline() {
    assert_eq!(read(b"ping\n", 64).await, Ok("ping".into()));
    assert_eq!(read(b"\n", 64).await, Ok(String::new()));
    assert_eq!(read(b"l1\nl2\n", 64).await, Ok("l1".into()));
    assert_eq!(read("é\r\n".as_bytes(), 64).await, Ok("é\r".into()));
}

#[tokio::test]
async fn a_line_may_have_exactly_the_limit() {
    for limit in [0, 1, 511, 512, 513, 1024, 65536] {
        let mut bytes = vec![b'x'; limit];
        bytes.push(b'\n');
        assert_eq!(read(&bytes, limit).await.map(|line| line.len()), Ok(limit));
        bytes.insert(0, b'x');
        assert_eq!(
            read(&bytes, limit).await,
            Err(format!("a line of more than {limit} bytes"))
        );
        bytes.pop();
        assert_eq!(
            read(&bytes, limit).await,
            Err(format!("a line of more than {limit} bytes"))
        );
    }
}

#[tokio::test]
async fn a_stream_without_a_line_is_a_fault() {
    assert_eq!(
        read(b"", 64).await,
        Err("the stream ended after 0 bytes without a newline".into())
    );
    assert_eq!(
        read(b"ping", 64).await,
        Err("the stream ended after 4 bytes without a newline".into())
    );
    assert_eq!(
        read(b"a\xffb\n", 64).await,
        Err("a line that is not UTF-8 at byte 1".into())
    );
    assert_eq!(
        read(b"\xc3\nx", 64).await,
        Err("a line that is not UTF-8 at byte 0".into())
    );
}
