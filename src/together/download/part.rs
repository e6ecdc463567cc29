//! What there is of a file so far, and how it is known to be of the same file: `name.part` and `name.part.json`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::files::directory::{Directory, Open};

/// What is put behind the name of an unfinished file.
pub(super) const PART: &str = ".part";
/// What is put behind it for the record of it.
pub(super) const RECORD: &str = ".part.json";
/// The longest record that is read, in bytes.
const LONGEST_RECORD: u64 = 64 << 10;

/// An unfinished file.
#[derive(Clone)]
pub(super) struct Part {
    directory: Arc<Directory>,
    name: String,
    record: String,
    size: u64,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// The whole file's.
    size: u64,
    /// What the store called this version of the file, as `If-Range` takes it.
    validator: String,
}

/// Where to go on, and with which version of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) at: u64,
    pub(super) validator: String,
}

impl Part {
    /// Of the file `name` in `directory` that will have `size` bytes.
    pub(super) fn new(directory: &Arc<Directory>, name: &str, size: u64) -> Self {
        Self {
            directory: directory.clone(),
            name: format!("{name}{PART}"),
            record: format!("{name}{RECORD}"),
            size,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn record(&self) -> &str {
        &self.record
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    /// Where to go on; `None`: at the start. Without a record nobody knows what the bytes are of.
    pub(super) fn resume(&self) -> Option<Resume> {
        let mut text = Vec::new();
        let record = self.directory.file(&self.record, Open::Read).ok()?;
        record.take(LONGEST_RECORD).read_to_end(&mut text).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let at = self.directory.look(&self.name).ok()??.bytes;
        (record.size == self.size && (1..=self.size).contains(&at)).then_some(Resume {
            at,
            validator: record.validator,
        })
    }

    /// Opens it to write behind what there is.
    pub(super) fn append(&self) -> io::Result<File> {
        self.directory.file(&self.name, Open::Append)
    }

    /// Opens it to write from the start. Old bytes go before the new record comes: they must never be taken for those of
    /// the version that it names.
    pub(super) fn restart(&self, validator: Option<&str>) -> io::Result<File> {
        self.forget()?;
        let file = self.directory.file(&self.name, Open::Restart)?;
        if let Some(validator) = validator {
            let record = Record {
                size: self.size,
                validator: validator.to_owned(),
            };
            let text = serde_json::to_vec(&record)?;
            self.directory.file(&self.record, Open::New)?.write_all(&text)?;
        }
        Ok(file)
    }

    /// Removes the record, so that what there is will not be gone on with.
    pub(super) fn forget(&self) -> io::Result<()> {
        match self.directory.remove(&self.record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_only_where_the_version_is_known() {
        let place = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(place.path()).unwrap());
        let part = Part::new(&directory, "a", 10);
        assert_eq!(part.resume(), None);
        part.restart(None).unwrap().write_all(b"123").unwrap();
        assert_eq!(part.resume(), None, "no version");
        part.restart(Some("\"v\"")).unwrap();
        assert_eq!(part.resume(), None, "the old bytes are gone");
        part.append().unwrap().write_all(b"123").unwrap();
        part.append().unwrap().write_all(b"45").unwrap();
        let resume = Resume {
            at: 5,
            validator: "\"v\"".to_owned(),
        };
        assert_eq!(part.resume(), Some(resume));
        assert_eq!(Part::new(&directory, "a", 11).resume(), None, "another size");
        part.append().unwrap().write_all(b"678901").unwrap();
        assert_eq!(part.resume(), None, "longer than the file");
        part.restart(Some("\"v\"")).unwrap().write_all(b"1").unwrap();
        std::fs::write(place.path().join("a.part.json"), "{").unwrap();
        assert_eq!(part.resume(), None, "a torn record");
        part.forget().unwrap();
        part.forget().unwrap();
    }
}
