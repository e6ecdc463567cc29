//! Reading the journal back.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::Record;
use super::file::is_journal;
use crate::files::directory::{Directory, Open};

/// How much of the journal is read, in bytes: some ten thousand lines.
const MOST_READ: u64 = 4 << 20;
/// How many files are looked at, the newest: the months that `hours` can ask for.
const MOST_FILES: usize = 4;

/// What the journal says of the last time.
#[derive(Default)]
pub(super) struct History {
    /// The lines about these hosts, oldest first.
    pub(super) records: Vec<Record>,
    /// How many lines are about others.
    pub(super) others: usize,
    /// How many lines make no sense: a crash has cut them off, or a later version wrote them.
    pub(super) unreadable: usize,
    /// Whether there is more than was read.
    pub(super) cut: bool,
    /// What cannot be read, and why.
    pub(super) gaps: Vec<String>,
}

/// Reads the journal in `directory`, as far as it is about `hosts`; where there is none, nothing was done. Blocks.
pub(super) fn read(directory: &Path, hosts: &[String]) -> io::Result<History> {
    let mut history = History::default();
    let directory = match Directory::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(history),
        opened => opened?,
    };
    let names = directory.names()?.into_iter();
    let names = names.filter_map(|name| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_journal(name)).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut left = MOST_READ;
    let mut months = Vec::new();
    for name in names {
        if months.len() == MOST_FILES {
            history.cut = true;
            break;
        }
        let read = directory
            .file(&name, Open::Read)
            .and_then(|file| history.month(file, left, hosts));
        match read {
            Ok((records, bytes)) => {
                months.push(records);
                left = left.saturating_sub(bytes);
            }
            Err(error) => history
                .gaps
                .push(format!("{name}, which cannot be read: {error}")),
        }
    }
    history.records = months.into_iter().rev().flatten().collect();
    Ok(history)
}

impl History {
    /// Of a journal that cannot be read at all.
    pub(super) fn without_journal(problem: &str) -> Self {
        Self {
            gaps: vec![format!(
                "all that is in the journal, which cannot be read: {problem}"
            )],
            ..Self::default()
        }
    }

    /// The last `most` bytes of a file, from the beginning of a line on, and how many there were.
    fn month(&mut self, mut file: File, most: u64, hosts: &[String]) -> io::Result<(Vec<Record>, u64)> {
        let length = file.metadata()?.len();
        let skipped = length.saturating_sub(most);
        file.seek(SeekFrom::Start(skipped))?;
        let mut lines = BufReader::new(file.take(most));
        let (mut line, mut records) = (Vec::new(), Vec::new());
        if skipped > 0 {
            self.cut = true;
            lines.read_until(b'\n', &mut line)?;
        }
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok((records, length.min(most)));
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<Record>(&line) {
                Ok(record) if hosts.contains(&record.host) => records.push(record),
                Ok(_) => self.others += 1,
                Err(_) => self.unreadable += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LINE: &str =
        r#"{"time":"2026-11-01T00:00:00.000Z","tool":"sample","host":"h","outcome":"done","later":[1]}"#;

    fn hosts() -> [String; 1] {
        ["h".to_owned()]
    }

    #[test]
    fn what_a_crash_left_spoils_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let half = &LINE[..40];
        let other = LINE.replace(r#""h""#, r#""g""#);
        let files = [
            (
                "journal-2026-11.jsonl",
                format!("\n{LINE}\n\n{half}\n{LINE}\n{other}"),
            ),
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
        let history = read(directory.path(), &hosts()).unwrap();
        assert_eq!(
            (history.records.len(), history.others, history.unreadable),
            (4, 1, 2)
        );
        assert!(history.cut && history.gaps.is_empty());
        let none = read(&directory.path().join("none"), &hosts()).unwrap();
        assert_eq!(none.records.len(), 0);
    }

    #[test]
    fn of_a_long_journal_the_end_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let count = 60_000;
        let text = format!("\n{LINE}\n").repeat(count);
        assert!(text.len() > 5 << 20);
        fs::write(directory.path().join("journal-2026-11.jsonl"), text).unwrap();
        let history = read(directory.path(), &hosts()).unwrap();
        assert!(history.cut && history.unreadable == 0);
        let read = history.records.len() * (LINE.len() + 2);
        assert!((4 << 20) - read < 200, "{read}");
    }
}
