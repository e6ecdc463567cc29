//! Splits the input into lines, with a limit.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;
use tokio_util::codec::Decoder;

/// How much of a line that is too long is kept, to find its id in.
const KEPT: usize = 4096;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The whole of it.
    Whole(Bytes),
    /// The beginning of one that is longer than the limit.
    TooLong(Bytes),
}

/// The decoder. A last line without a newline is dropped: nobody finished writing it.
pub(super) struct Lines {
    longest: usize,
    searched: usize,
    skipping: bool,
}

impl Lines {
    pub(super) const fn new(longest: usize) -> Self {
        Self {
            longest,
            searched: 0,
            skipping: false,
        }
    }
}

impl Decoder for Lines {
    type Item = Line;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Line>> {
        loop {
            let rest = buffer.get(self.searched..).unwrap_or_default();
            let Some(newline) = memchr(b'\n', rest).map(|at| at + self.searched) else {
                self.searched = buffer.len();
                if self.skipping {
                    buffer.clear();
                    self.searched = 0;
                } else if buffer.len() > self.longest {
                    let start = Bytes::copy_from_slice(buffer.get(..KEPT).unwrap_or(buffer));
                    buffer.clear();
                    self.searched = 0;
                    self.skipping = true;
                    return Ok(Some(Line::TooLong(start)));
                }
                return Ok(None);
            };
            self.searched = 0;
            let mut line = buffer.split_to(newline).freeze();
            buffer.advance(1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > self.longest {
                line.truncate(KEPT);
                return Ok(Some(Line::TooLong(Bytes::copy_from_slice(&line))));
            }
            if line.ends_with(b"\r") {
                line.truncate(line.len() - 1);
            }
            return Ok(Some(Line::Whole(line)));
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Line>> {
        let line = self.decode(buffer)?;
        if line.is_none() {
            buffer.clear();
            self.searched = 0;
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(longest: usize, pieces: &[&str]) -> Vec<Line> {
        let mut lines = Lines::new(longest);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for piece in pieces {
            buffer.extend_from_slice(piece.as_bytes());
            while let Some(line) = lines.decode(&mut buffer).unwrap() {
                found.push(line);
            }
        }
        while let Some(line) = lines.decode_eof(&mut buffer).unwrap() {
            found.push(line);
        }
        found
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_arrive_whole_however_they_are_cut() {
        assert_eq!(
            decode(100, &["one\ntw", "o\r", "\n\nthr", "ee"]),
            [whole("one"), whole("two"), whole("")]
        );
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_the_next_one_read() {
        let long = |text: &'static str| Line::TooLong(Bytes::from_static(text.as_bytes()));
        assert_eq!(decode(4, &["123456\nok\n"]), [long("123456"), whole("ok")]);
        assert_eq!(
            decode(4, &["12345", "6", "7\nok\n"]),
            [long("12345"), whole("ok")]
        );
        assert_eq!(decode(4, &["1234\n"]), [whole("1234")]);
    }
}
