//! The lines of a file, one at a time in constant memory.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};

use memchr::memchr;
use serde_json::value::RawValue;

use super::{Reading, SHARE};
use crate::files::{Files, LARGEST_JSON};

/// The longest line that is read, in bytes.
const LONGEST: usize = 16 << 20;
/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// The rows of a file: of JSON lines, or of one list.
pub(super) struct Rows {
    source: Source,
    number: usize,
    reading: Reading,
}

enum Source {
    Lines { file: BufReader<File>, line: Vec<u8> },
    List(std::vec::IntoIter<Box<RawValue>>, String),
}

/// A row, and the line that it stands in; of a list the entry.
pub(super) struct Row<'a> {
    pub(super) number: usize,
    /// Its text, or why it has none.
    pub(super) text: Result<&'a str, String>,
    /// Whether nothing comes behind it, not even the end of its line.
    pub(super) is_open: bool,
}

impl Rows {
    /// Opens a file. An error says what is wrong and what to do.
    pub(super) fn open(files: &Files, path: &str, reading: &Reading) -> Result<Self, String> {
        let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
        let file = files.open_blocking(path)?;
        let length = file.metadata().map_err(unreadable)?.len();
        reading
            .all
            .fetch_add(length, std::sync::atomic::Ordering::Relaxed);
        let mut file = BufReader::with_capacity(BUFFER, file);
        let begin = file.fill_buf().map_err(unreadable)?;
        let begin = begin.strip_prefix(MARK).unwrap_or(begin);
        let source = if begin.trim_ascii_start().starts_with(b"[") && length <= LARGEST_JSON {
            let text = files.read_blocking(path, LARGEST_JSON)?;
            let entries: Vec<Box<RawValue>> = serde_json::from_str(&text)
                .map_err(|error| format!("is neither JSON lines nor one list: {error}"))?;
            Source::List(entries.into_iter(), String::new())
        } else {
            Source::Lines {
                file,
                line: Vec::new(),
            }
        };
        Ok(Self {
            source,
            number: 0,
            reading: reading.clone(),
        })
    }

    /// The next row that is not empty; none once the time is over.
    pub(super) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        if self.reading.is_over(SHARE) {
            self.reading.cut();
            return Ok(None);
        }
        let (file, line) = match &mut self.source {
            Source::List(entries, text) => {
                let Some(entry) = entries.next() else {
                    return Ok(None);
                };
                self.number += 1;
                entry.get().clone_into(text);
                return Ok(Some(Row {
                    number: self.number,
                    text: Ok(text),
                    is_open: false,
                }));
            }
            Source::Lines { file, line } => (file, line),
        };
        let (text, is_open) = loop {
            line.clear();
            let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            let mut read = file.take(limit).read_until(b'\n', line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            let is_ended = line.ends_with(b"\n");
            let is_long = !is_ended && read == LONGEST;
            if is_long {
                read += skip_line(file)?;
            }
            self.reading.count(read);
            if is_long {
                line.clear();
                break (Err("is longer than 16 MB".to_owned()), false);
            }
            if self.number == 1 && line.starts_with(MARK) {
                line.drain(..MARK.len());
            }
            if !line.trim_ascii().is_empty() {
                break (Ok(()), !is_ended);
            }
        };
        let text = text.and_then(|()| {
            std::str::from_utf8(line).map(str::trim).map_err(|error| {
                format!(
                    "is no UTF-8 from byte {} on: save the file as UTF-8",
                    error.valid_up_to() + 1
                )
            })
        });
        Ok(Some(Row {
            number: self.number,
            text,
            is_open,
        }))
    }
}

const MARK: &[u8] = "\u{feff}".as_bytes();

/// Passes over the rest of a line, and says how long it was.
fn skip_line(file: &mut BufReader<File>) -> io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let (length, is_end) = match memchr(b'\n', buffer) {
            Some(end) => (end + 1, true),
            None => (buffer.len(), false),
        };
        file.consume(length);
        skipped += length;
        if is_end {
            return Ok(skipped);
        }
    }
}
