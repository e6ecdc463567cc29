//! What there is of a file so far, and how it is known to be of the same file: `name.part` and `name.part.json`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is put behind the name of an unfinished file.
pub(super) const PART: &str = ".part";
/// What is put behind it for the record of it.
pub(super) const RECORD: &str = ".part.json";

/// An unfinished file.
#[derive(Clone)]
pub(super) struct Part {
    path: PathBuf,
    record: PathBuf,
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
    pub(super) fn new(directory: &Path, name: &str, size: u64) -> Self {
        Self {
            path: directory.join(format!("{name}{PART}")),
            record: directory.join(format!("{name}{RECORD}")),
            size,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn record(&self) -> &Path {
        &self.record
    }

    /// Where to go on; `None`: at the start. Without a record nobody knows what the bytes are of.
    pub(super) fn resume(&self) -> Option<Resume> {
        let record: Record = serde_json::from_slice(&fs::read(&self.record).ok()?).ok()?;
        let at = fs::symlink_metadata(&self.path).ok()?.len();
        (record.size == self.size && (1..=self.size).contains(&at)).then_some(Resume {
            at,
            validator: record.validator,
        })
    }

    /// Opens it to write behind what there is.
    pub(super) fn append(&self) -> io::Result<File> {
        options().append(true).open(&self.path)
    }

    /// Opens it to write from the start. Old bytes go before the new record comes: they must never be taken for those of
    /// the version that it names.
    pub(super) fn restart(&self, validator: Option<&str>) -> io::Result<File> {
        self.forget()?;
        let file = options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)?;
        if let Some(validator) = validator {
            let record = Record {
                size: self.size,
                validator: validator.to_owned(),
            };
            fs::write(&self.record, serde_json::to_vec(&record)?)?;
        }
        Ok(file)
    }

    /// Removes the record, so that what there is will not be gone on with.
    pub(super) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whoever has the file has the weights: it is the user's alone, as its URL was.
pub(super) fn options() -> fs::OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn goes_on_only_where_the_version_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let part = Part::new(directory.path(), "a", 10);
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
        assert_eq!(
            Part::new(directory.path(), "a", 11).resume(),
            None,
            "another size"
        );
        part.append().unwrap().write_all(b"678901").unwrap();
        assert_eq!(part.resume(), None, "longer than the file");
        part.restart(Some("\"v\"")).unwrap().write_all(b"1").unwrap();
        fs::write(&part.record, "{").unwrap();
        assert_eq!(part.resume(), None, "a torn record");
        part.forget().unwrap();
        part.forget().unwrap();
    }
}
