//! The rows of a run: where each stands in its file, which of them a step takes, and what the model is asked.
//!
//! Of a large file only the places of its rows stay in memory.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::time::SystemTime;

use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::dataset::Shape;
use crate::error::problems::{Path, Problems, numbered};
use crate::files::{Files, LARGEST_JSON};
use crate::grade::Grade;
use crate::text::{Asked, COMPLETION, NEEDED, Row};

/// The longest row, in bytes.
const LONGEST: u64 = 16 << 20;
/// How much is read at once.
const BUFFER: usize = 256 << 10;
/// The mark with which some programs begin a file.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The rows of a file.
pub(crate) struct Rows {
    source: Source,
    /// SHA-256 of the file, as hexadecimal digits.
    pub(crate) hash: String,
    path: String,
    seen: (u64, Option<SystemTime>),
}

enum Source {
    /// Of JSON lines: where each begins, its length, and its line.
    Lines(File, Vec<Span>),
    /// Of one list.
    List(Vec<Box<RawValue>>),
}

#[derive(Clone, Copy)]
struct Span {
    start: u64,
    length: u64,
    line: usize,
}

impl Rows {
    /// Opens a file and finds its rows. Blocks. An error says what is wrong and what to do.
    pub(crate) fn open(files: &Files, path: &str) -> Result<Self, String> {
        let file = files.open_blocking(path)?;
        let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
        let seen = seen(&file).map_err(unreadable)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let begin = reader.fill_buf().map_err(unreadable)?;
        let begin = begin.strip_prefix(MARK).unwrap_or(begin);
        let is_list = begin.trim_ascii_start().starts_with(b"[");
        let (source, hash) = if is_list {
            let text = files.read_blocking(path, LARGEST_JSON)?;
            let entries = serde_json::from_str(&text)
                .map_err(|error| format!("is neither JSON lines nor one list: {error}"))?;
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(unreadable)?;
            (Source::List(entries), hex(&Sha256::digest(&bytes)))
        } else {
            let (spans, hash) = spans(&mut reader).map_err(unreadable)?;
            (Source::Lines(reader.into_inner(), spans), hash)
        };
        Ok(Self {
            source,
            hash,
            path: path.to_owned(),
            seen,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match &self.source {
            Source::Lines(_, spans) => spans.len(),
            Source::List(entries) => entries.len(),
        }
    }

    /// Which line a row stands in; of a list the entry.
    pub(crate) fn line(&self, index: usize) -> usize {
        match &self.source {
            Source::Lines(_, spans) => spans.get(index).map_or(0, |span| span.line),
            Source::List(_) => index + 1,
        }
    }

    /// A row as it stands in the file. Blocks. An error says what is wrong with it.
    pub(crate) fn read(&mut self, index: usize) -> Result<Value, String> {
        let missing = || "is not there any more".to_owned();
        match &mut self.source {
            Source::List(entries) => {
                let entry = entries.get(index).ok_or_else(missing)?;
                serde_json::from_str(entry.get()).map_err(|error| error.to_string())
            }
            Source::Lines(file, spans) => {
                let span = *spans.get(index).ok_or_else(missing)?;
                if span.length > LONGEST {
                    return Err("is longer than 16 MB".to_owned());
                }
                let mut bytes = vec![0; usize::try_from(span.length).unwrap_or_default()];
                file.seek(SeekFrom::Start(span.start))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|error| format!("cannot be read: {error}"))?;
                let text = std::str::from_utf8(&bytes).map_err(|_| "is no UTF-8".to_owned())?;
                serde_json::from_str(text).map_err(|error| crate::json::lines::why(text, &error))
            }
        }
    }

    /// What the model is asked by a row: an object with `messages` or `prompt` and the row's other members. Blocks.
    pub(crate) fn asked(&mut self, index: usize, shape: &Shape) -> Result<Value, String> {
        shape.of(self.read(index)?)
    }

    /// Whether the file has been written to since it was opened, by its length and time. Blocks.
    pub(crate) fn has_changed(&self, files: &Files) -> Result<bool, String> {
        let file = files.open_blocking(&self.path)?;
        let now = seen(&file).map_err(|error| error.to_string())?;
        Ok(now != self.seen)
    }

    /// Reports the rows that cannot be used, each with its line.
    pub(crate) fn check(
        &mut self,
        shape: &Shape,
        grader: Option<&dyn Grade>,
        needs_answer: bool,
        at: &Path<'_>,
        problems: &mut Problems,
    ) {
        // What is misspelled is misspelled in all rows, and told once.
        let mut found: Vec<(String, Vec<usize>)> = Vec::new();
        for index in 0..self.len() {
            let Err(why) = self.usable(index, shape, grader, needs_answer) else {
                continue;
            };
            let line = self.line(index);
            match found.iter_mut().find(|(known, _)| *known == why) {
                Some((_, lines)) => lines.push(line),
                None => found.push((why, vec![line])),
            }
        }
        for (why, lines) in found {
            match lines.as_slice() {
                [line] => problems.add(&at.line(*line), why),
                lines => problems.add(at, format!("{why}: {}", numbered("line", lines.iter().copied()))),
            }
        }
    }

    fn usable(
        &mut self,
        index: usize,
        shape: &Shape,
        grader: Option<&dyn Grade>,
        needs_answer: bool,
    ) -> Result<(), String> {
        let asked = self.asked(index, shape)?;
        let mut problems = Problems::default();
        let row = Row::read(asked, &Path::Root, &mut problems);
        let Some(row) = row.filter(|_| problems.is_empty()) else {
            let with_way = |problem: String| match problem.as_str() {
                NEEDED => format!(
                    "{problem} (or the recipe makes one of other members: prompt \"{{{{row.MEMBER}}}}\")"
                ),
                _ => problem,
            };
            return Err(problems.each().map(with_way).collect::<Vec<_>>().join("; "));
        };
        if row.is_completion() && !(needs_answer && has_answer(&row)) {
            return Err(COMPLETION.to_owned());
        }
        if needs_answer && !has_answer(&row) {
            let way = "has no answer to learn: its last message is to be the assistant's, or {prompt} has a completion, or the recipe makes one (completion: \"{{row.MEMBER}}\")";
            return Err(way.to_owned());
        }
        match grader {
            Some(grader) => grader
                .look(&row.others)
                .map_err(crate::grade::Failure::into_words),
            None => Ok(()),
        }
    }
}

fn has_answer(row: &Row) -> bool {
    match &row.asked {
        Asked::Text(_) => row
            .others
            .get("completion")
            .is_some_and(|completion| !completion.is_null()),
        Asked::Conversation(conversation) => {
            let last = conversation.messages.last();
            last.and_then(|message| message.get("role"))
                .is_some_and(|role| role == "assistant")
        }
    }
}

fn seen(file: &File) -> io::Result<(u64, Option<SystemTime>)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified().ok()))
}

/// Where the lines stand that are not empty, and the hash of all bytes.
fn spans(reader: &mut BufReader<File>) -> io::Result<(Vec<Span>, String)> {
    let mut hasher = Sha256::new();
    let (mut spans, mut line) = (Vec::new(), Vec::new());
    let (mut start, mut number) = (0_u64, 0_usize);
    loop {
        line.clear();
        // What is too long is read in pieces, of which the first tells that it is.
        let (mut length, mut is_blank, mut is_ended) = (0_u64, true, false);
        let mut skipped = 0;
        while !is_ended {
            line.clear();
            let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            hasher.update(&line);
            if length == 0 && number == 0 && line.starts_with(MARK) {
                skipped = MARK.len();
            }
            is_blank &= line.get(skipped..).unwrap_or_default().trim_ascii().is_empty();
            is_ended = line.ends_with(b"\n");
            length += u64::try_from(read).unwrap_or_default();
        }
        if length == 0 {
            return Ok((spans, hex(&hasher.finalize())));
        }
        number += 1;
        if !is_blank {
            let skipped = u64::try_from(skipped).unwrap_or_default();
            spans.push(Span {
                start: start + skipped,
                length: length - skipped,
                line: number,
            });
        }
        start += length;
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Which rows of so many a step takes, in an order that the seed alone decides: each epoch goes through all of them.
pub(crate) fn of_step(rows: usize, count: usize, step: usize, seed: u32) -> Vec<usize> {
    if rows == 0 {
        return Vec::new();
    }
    let (mut taken, mut place) = (Vec::with_capacity(count), step * count);
    let mut order: Option<(usize, Vec<usize>)> = None;
    while taken.len() < count {
        let epoch = place / rows;
        let of_epoch = match order.take() {
            Some((known, of_epoch)) if known == epoch => of_epoch,
            _ => shuffled(rows, seed, epoch),
        };
        taken.extend(of_epoch.get(place % rows));
        order = Some((epoch, of_epoch));
        place += 1;
    }
    taken
}

/// The order of an epoch. Written out here, as a library may change how it shuffles, and a run goes on with what it began.
fn shuffled(rows: usize, seed: u32, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    let mut state = u64::from(seed) << 32 ^ u64::try_from(epoch).unwrap_or_default();
    for last in (1..rows).rev() {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let bound = u64::try_from(last + 1).unwrap_or(1);
        order.swap(last, usize::try_from(mixed % bound).unwrap_or_default());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_each_row_once_and_the_seed_decides_the_order() {
        let epoch = |seed| -> Vec<usize> { (0..5).flat_map(|step| of_step(10, 2, step, seed)).collect() };
        let mut all = epoch(7);
        assert_ne!(all, epoch(8));
        assert_eq!(all, epoch(7));
        assert_ne!(
            all,
            (5..10)
                .flat_map(|step| of_step(10, 2, step, 7))
                .collect::<Vec<_>>()
        );
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        // More rows than there are come again in the next epoch.
        assert_eq!(of_step(3, 7, 0, 1).len(), 7);
    }
}
