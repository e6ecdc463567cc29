//! How much the data directory may hold, and for how long.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{BATCHES, RESULTS};
use crate::files::directory::{Directory, Kind};

/// Files younger than this are not removed for their size: somebody may be working with them.
const IN_USE: Duration = Duration::from_secs(3600);

/// What the data directory may hold. Downloads and the journal do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all results and batches together.
    pub most_bytes: u64,
    /// How long a result or batch is kept.
    pub longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most_bytes: 4096 << 20,
            longest: Duration::from_secs(30 * 86_400),
        }
    }
}

impl Limits {
    /// How much may be written before the directory is looked through again.
    pub(super) const fn slack(&self) -> u64 {
        self.most_bytes / 32
    }
}

/// What there is of results and batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of files.
    pub files: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

struct File {
    modified: SystemTime,
    folder: PathBuf,
    name: OsString,
    bytes: u64,
}

/// Removes what is over the limits, if `more` bytes come; returns how many bytes are left.
pub(super) fn enforce(root: &Path, limits: &Limits, more: u64) -> u64 {
    let now = SystemTime::now();
    let age = |file: &File| now.duration_since(file.modified).unwrap_or_default();
    let mut files = files(root);
    files.sort_by_key(|file| file.modified);
    let mut left: u64 = files.iter().map(|file| file.bytes).sum();
    for file in &files {
        let too_much = left.saturating_add(more) > limits.most_bytes && age(file) > IN_USE;
        if too_much || age(file) > limits.longest {
            let removed = open(root, &file.folder).and_then(|folder| folder.remove(&file.name));
            match removed {
                Ok(()) => left = left.saturating_sub(file.bytes),
                // Another server is doing the same.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    left = left.saturating_sub(file.bytes);
                }
                // One that cannot be removed must not keep all others from being written.
                Err(error) => tracing::warn!(%error, "an old result cannot be removed"),
            }
        }
    }
    left
}

pub(super) fn usage(root: &Path) -> Usage {
    files(root).iter().fold(Usage::default(), |usage, file| Usage {
        files: usage.files + 1,
        bytes: usage.bytes + file.bytes,
    })
}

/// All files of results and batches. What cannot be read is not counted.
fn files(root: &Path) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(RESULTS), PathBuf::from(BATCHES)];
    // One directory is open at a time: there may be one for each of thousands of sessions.
    while let Some(path) = folders.pop() {
        let Ok(folder) = open(root, &path) else { continue };
        for name in folder.names().unwrap_or_default() {
            let Ok(Some(entry)) = folder.look(&name) else {
                continue;
            };
            if entry.kind == Kind::Directory {
                folders.push(path.join(name));
            } else {
                found.push(File {
                    modified: entry.modified,
                    folder: path.clone(),
                    name,
                    bytes: entry.bytes,
                });
            }
        }
    }
    found
}

fn open(root: &Path, folder: &Path) -> io::Result<Directory> {
    Directory::open(root)?.find(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::data::Data;

    const HOUR: Duration = Duration::from_secs(3600);

    fn old(path: &Path, age: Duration) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn the_old_goes_then_the_oldest_and_nothing_of_the_last_hour() {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits {
            most_bytes: 250,
            longest: 48 * HOUR,
        };
        let data = Data::new(directory.path().to_owned(), limits);
        let store = |name: &str| data.store(Path::new(RESULTS), name, &[b' '; 100]);
        let there = |name: &str| directory.path().join(RESULTS).join(name).exists();
        for (name, hours) in [("a.json", 49), ("b.json", 3)] {
            old(&store(name).unwrap().path, hours * HOUR);
        }
        store("c.json").unwrap();
        assert!(!there("a.json") && there("b.json"));
        store("d.json").unwrap();
        assert!(!there("b.json") && there("c.json"));
        assert_eq!(data.usage(), Usage { files: 2, bytes: 200 });
        let problem = store("e.json").unwrap_err().to_string();
        assert!(problem.contains("RL_MCP_DATA_MAX_MB"), "{problem}");
    }
}
