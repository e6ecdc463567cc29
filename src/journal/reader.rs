//! Reading the journal back.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::Record;

/// How much of the journal is read, in bytes: some ten thousand lines.
const MOST_READ: u64 = 4 << 20;
/// How many files are looked at, the newest: the months that `hours` can ask for.
const MOST_FILES: usize = 4;

/// What the journal says of the last time.
#[derive(Default)]
pub struct History {
    /// The lines, oldest first.
    pub records: Vec<Record>,
    /// How many lines make no sense: a crash has cut them off, or a later version wrote them.
    pub unreadable: usize,
    /// Whether there is more than was read.
    pub cut: bool,
}

/// Reads the journal in `directory`; where there is none, nothing was done. Blocks.
pub fn read(directory: &Path) -> io::Result<History> {
    let mut names = match fs::read_dir(directory) {
        Ok(entries) => entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_journal(name))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut history = History {
        cut: names.len() > MOST_FILES,
        ..History::default()
    };
    let mut left = MOST_READ;
    for name in names.iter().take(MOST_FILES) {
        let (text, cut) = tail(&directory.join(name), left)?;
        left = left.saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
        history.cut |= cut;
        history.add_older(&text);
    }
    Ok(history)
}

fn is_journal(name: &str) -> bool {
    let month = name
        .strip_prefix("journal-")
        .and_then(|rest| rest.strip_suffix(".jsonl"));
    month.is_some()
}

impl History {
    fn add_older(&mut self, text: &[u8]) {
        let mut older = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(record) => older.push(record),
                Err(_) => self.unreadable += 1,
            }
        }
        older.append(&mut self.records);
        self.records = older;
    }
}

/// The last `most` bytes of a file, from the beginning of a line on, and whether something comes before them.
fn tail(path: &Path, most: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(most);
    file.seek(SeekFrom::Start(skipped))?;
    let mut text = Vec::new();
    file.take(most).read_to_end(&mut text)?;
    if skipped > 0 {
        let begun = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        text.drain(..begun);
    }
    Ok((text, skipped > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"time":"2026-11-01T00:00:00.000Z","tool":"sample","host":"h","outcome":"done","later":[1]}"#;

    #[test]
    fn what_a_crash_left_spoils_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let half = &LINE[..40];
        let files = [
            ("journal-2026-11.jsonl", format!("\n{LINE}\n\n{half}\n{LINE}\n")),
            ("journal-2026-12.jsonl", format!("{LINE}\n\u{0}\u{fffd}{half}")),
            ("journal-2026-10.jsonl", LINE.to_owned()),
            ("journal-2026-09.jsonl", String::new()),
            ("journal-2026-08.jsonl", LINE.to_owned()),
            ("other.jsonl", half.to_owned()),
        ];
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let mut december = fs::File::options();
        let mut december = december
            .append(true)
            .open(directory.path().join("journal-2026-12.jsonl"))
            .unwrap();
        io::Write::write_all(&mut december, b"\xff\xfe").unwrap();
        let history = read(directory.path()).unwrap();
        assert_eq!((history.records.len(), history.unreadable), (4, 2));
        assert!(history.cut);
        assert_eq!(read(&directory.path().join("none")).unwrap().records.len(), 0);
    }

    #[test]
    fn of_a_long_journal_the_end_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let count = 60_000;
        let text = format!("\n{LINE}\n").repeat(count);
        assert!(text.len() > 5 << 20);
        fs::write(directory.path().join("journal-2026-11.jsonl"), text).unwrap();
        let history = read(directory.path()).unwrap();
        assert!(history.cut && history.unreadable == 0);
        let read = history.records.len() * (LINE.len() + 2);
        assert!((4 << 20) - read < 200, "{read}");
    }
}
