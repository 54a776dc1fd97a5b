//! Lines of a long file, each with its number, none of them without bound.

use std::io::{self, BufRead, Read as _};

use crate::wire::replay::MAX_LINE_BYTES;

/// The lines of a file.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
}

/// A line longer than any replay line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("longer than {MAX_LINE_BYTES} bytes")]
pub(super) struct TooLong;

/// One line.
pub(super) struct Numbered<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    /// Bytes of the file up to its end.
    pub(super) offset: u64,
    /// The line without its end.
    pub(super) text: Result<&'a [u8], TooLong>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            number: 0,
            offset: 0,
        }
    }

    /// The next line, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Numbered<'_>>> {
        self.buffer.clear();
        // Room for the line end, and one more to see that it is too long.
        let most = MAX_LINE_BYTES as u64 + 2;
        let mut limited = (&mut self.reader).take(most);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.offset += read as u64;
        let is_whole = self.buffer.last() == Some(&b'\n');
        if !is_whole && read as u64 == most {
            self.offset += self.reader.skip_until(b'\n')? as u64;
        }
        let text = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Ok(Some(Numbered {
            number: self.number,
            offset: self.offset,
            text: if text.len() > MAX_LINE_BYTES {
                Err(TooLong)
            } else {
                Ok(text)
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_a_long_one_is_passed_over() {
        let long = "x".repeat(3 * MAX_LINE_BYTES);
        let full = "y".repeat(MAX_LINE_BYTES);
        let file = format!("a\r\n\n{long}\n{full}\n{full}z\nlast");
        let mut lines = Lines::new(io::BufReader::with_capacity(7, file.as_bytes()));
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.number, line.text.map(<[u8]>::len)));
        }
        let expected = [
            (1, Ok(1)),
            (2, Ok(0)),
            (3, Err(TooLong)),
            (4, Ok(MAX_LINE_BYTES)),
            (5, Err(TooLong)),
            (6, Ok(4)),
        ];
        assert_eq!(seen, expected);
        assert_eq!(lines.offset, file.len() as u64);
    }
}
