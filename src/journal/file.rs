//! The files of the journal, one for each month.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::lines::Line;
use super::record::now;
use crate::files::data::make_private;
use crate::files::directory::{Directory, Open};

/// The longest line, in bytes. Whatever is that short reaches a file in one piece.
pub(super) const LONGEST_LINE: usize = 4094;

/// The file of the month, open.
pub(super) struct Months {
    directory: PathBuf,
    open: Option<(String, File)>,
}

impl Months {
    pub(super) const fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            open: None,
        }
    }

    /// Writes a line behind those of all servers.
    pub(super) fn append(&mut self, line: &Line) -> io::Result<()> {
        let name = name(&line.month);
        let written = self.opened(&name).and_then(|file| write(file, &line.text));
        written
            .map_err(|error| io::Error::other(format!("{}: {error}", self.directory.join(&name).display())))
    }

    /// The file, opened anew if its name leads elsewhere by now: somebody may tidy up under a server that runs for weeks.
    fn opened(&mut self, name: &str) -> io::Result<&File> {
        let directory = match Directory::open(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private(&self.directory)?;
                Directory::open(&self.directory)?
            }
            opened => opened?,
        };
        let open = self
            .open
            .take()
            .filter(|(open, file)| open == name && directory.is_at(name, file));
        let open = match open {
            Some(open) => open,
            None => (name.to_owned(), directory.file(name, Open::AppendOrNew)?),
        };
        Ok(&self.open.insert(open).1)
    }
}

fn write(mut file: &File, text: &str) -> io::Result<()> {
    // A newline in front: half a line that a crash left behind spoils only itself.
    let line = format!("\n{text}\n");
    // One write, or lines of several servers could mix.
    let written = file.write(line.as_bytes())?;
    if written < line.len() {
        return Err(io::Error::other("only a part of a line could be written"));
    }
    Ok(())
}

/// The name of the file of a month, such as `2026-11`.
fn name(month: &str) -> String {
    format!("journal-{month}.jsonl")
}

/// Whether a file is one of the journal.
pub(super) fn is_journal(file: &str) -> bool {
    let month = file
        .strip_prefix("journal-")
        .and_then(|rest| rest.strip_suffix(".jsonl"));
    month.is_some_and(|month| {
        month.len() == 7
            && month.char_indices().all(|(at, character)| match at {
                4 => character == '-',
                _ => character.is_ascii_digit(),
            })
    })
}

/// Whether this month's file, if there is one, can be written to. Blocks.
pub(crate) fn probe(directory: &Path) -> io::Result<()> {
    let name = name(now().get(..7).unwrap_or_default());
    // What is wrong with the directory itself, the probe of it says.
    let Ok(directory) = Directory::open(directory) else {
        return Ok(());
    };
    match directory.look(&name)? {
        None => Ok(()),
        Some(_) => match directory.file(&name, Open::Append) {
            Ok(_) => Ok(()),
            Err(error) => Err(io::Error::other(format!("{name}: {error}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_month_has_its_file_and_one_that_is_removed_comes_back() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("data");
        let mut months = Months::new(root.clone());
        let mut write = |month: &str| {
            let (month, text) = (month.to_owned(), "{}".to_owned());
            months.append(&Line { month, text }).unwrap();
        };
        ["2026-11", "2026-12", "2026-12"].into_iter().for_each(&mut write);
        let lines = |month: &str| {
            let text = std::fs::read_to_string(root.join(name(month))).unwrap();
            text.lines().filter(|line| !line.is_empty()).count()
        };
        assert_eq!((lines("2026-11"), lines("2026-12")), (1, 2));
        if cfg!(unix) {
            std::fs::rename(&root, place.path().join("moved")).unwrap();
            write("2026-12");
            assert_eq!(lines("2026-12"), 1);
            std::fs::remove_dir_all(&root).unwrap();
            write("2026-12");
            assert_eq!(lines("2026-12"), 1);
            std::fs::remove_file(root.join(name("2026-12"))).unwrap();
            write("2026-12");
            assert_eq!(lines("2026-12"), 1);
        }
    }

    #[test]
    fn only_months_are_of_the_journal() {
        assert!(is_journal("journal-2026-11.jsonl"));
        for name in [
            "journal-2026-111.jsonl",
            "journal-latest.jsonl",
            "journal-2026/11.jsonl",
            "2026-11.jsonl",
        ] {
            assert!(!is_journal(name), "{name}");
        }
    }
}
