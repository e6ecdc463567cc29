//! What was done on this machine: one line for each call that changes something, in the data directory.
//!
//! After a crash, or in another conversation, nobody remembers what was started, and some of it bills. A line says what
//! was done to what, and how it ended; never a body, a name or a secret. Several servers write to the same file.

mod activity;
mod pending;
mod reader;
mod record;
mod seen;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::data::make_private;
use crate::redact::Redactor;

pub use activity::{Activity, Filter};
pub(crate) use pending::Pending;
pub use reader::{History, read};
pub use record::{Outcome, Record};

/// The longest line, in bytes. Whatever is that short reaches a file in one piece.
const LONGEST_LINE: usize = 4096;

/// The journal of this machine, as one server writes it.
pub struct Journal {
    directory: Option<PathBuf>,
    redactor: Arc<Redactor>,
    open: Mutex<Option<Open>>,
    /// Whether the log says already that nothing can be written.
    complained: AtomicBool,
    /// What was seen of things that are shown again and again, and is written down already.
    seen: Mutex<HashSet<(Outcome, String)>>,
}

/// The file of a month.
struct Open {
    month: String,
    file: File,
}

impl Journal {
    /// The journal in `directory`; `None`: nothing is written anywhere.
    #[must_use]
    pub fn new(directory: Option<PathBuf>, redactor: Arc<Redactor>) -> Self {
        Self {
            directory,
            redactor,
            open: Mutex::default(),
            complained: AtomicBool::default(),
            seen: Mutex::default(),
        }
    }

    /// Writes a line. That it could not be written is no failure of the call; the log says so once.
    pub(crate) fn write(&self, record: &Record) {
        let Some(directory) = &self.directory else { return };
        let written = serde_json::to_string(record)
            .map_err(io::Error::other)
            .and_then(|line| self.append(directory, record.month(), &self.redactor.scrub(&line)));
        if let Err(error) = written
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "the journal cannot be written");
        }
    }

    /// Whether this server sees for the first time that something has come to this.
    pub(crate) fn is_new(&self, outcome: Outcome, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((outcome, id.to_owned()))
    }

    fn append(&self, directory: &Path, month: &str, line: &str) -> io::Result<()> {
        // A newline in front: half a line that a crash left behind spoils only itself.
        let line = format!("\n{line}\n");
        if line.len() > LONGEST_LINE {
            return Err(io::Error::other("a line is too long"));
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open
            .as_ref()
            .is_some_and(|open| open.month == month && is_there(&open.file))
        {
            *open = Some(Open {
                month: month.to_owned(),
                file: create(directory, month)?,
            });
        }
        let Some(Open { file, .. }) = open.as_mut() else {
            return Ok(());
        };
        // One write, or lines of several servers could mix.
        let written = file.write(line.as_bytes())?;
        if written < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }
}

/// The name of the file of a month, such as `2026-11`.
fn file_name(month: &str) -> String {
    format!("journal-{month}.jsonl")
}

fn create(directory: &Path, month: &str) -> io::Result<File> {
    make_private(directory)?;
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(directory.join(file_name(month)))
}

/// Whether the file still has a name. Somebody may tidy up under a server that runs for weeks.
#[cfg(unix)]
fn is_there(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
}

#[cfg(not(unix))]
const fn is_there(_: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> usize {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.is_empty()).count()
    }

    #[test]
    fn each_month_has_its_file_and_one_that_is_removed_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("data");
        let journal = Journal::new(Some(root.clone()), Arc::default());
        let write = |time: &str| {
            let mut record = Record::new("sample", "h", Outcome::Done);
            record.time = time.to_owned();
            journal.write(&record);
        };
        write("2026-11-30T23:59:59.999Z");
        write("2026-12-01T00:00:00.000Z");
        write("2026-12-01T00:00:00.001Z");
        let (november, december) = (
            root.join("journal-2026-11.jsonl"),
            root.join("journal-2026-12.jsonl"),
        );
        assert_eq!((lines(&november), lines(&december)), (1, 2));
        if cfg!(unix) {
            std::fs::remove_dir_all(&root).unwrap();
            write("2026-12-01T00:00:00.002Z");
            assert_eq!(lines(&december), 1);
        }
    }

    #[test]
    fn the_longest_ids_make_a_line_that_is_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(Some(directory.path().to_owned()), Arc::default());
        let mut record = Record::new("get-save-training-checkpoint-operation", "h", Outcome::Unknown);
        let worst = "\"\\\u{1f600}\n".repeat(1000);
        for name in [
            "session_id",
            "operation_id",
            "checkpoint_id",
            "model_resources_id",
        ] {
            record.add_id(name, &worst);
        }
        record.idempotency_key = Some("\"".repeat(255));
        journal.write(&record);
        let history = read(directory.path()).unwrap();
        assert_eq!((history.records.len(), history.unreadable), (1, 0));
    }
}
