//! The directory of a run: `runs/ID` in the data directory.
//!
//! Files are replaced whole or grow by whole lines, each written through to the disk before anybody builds on it, so that a
//! process that is killed at any point leaves nothing half. What a crash cut off at the end of a file is passed over when it
//! is read, and taken away when it grows again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use fs4::{FileExt, TryLockError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::{NamedTempFile, PersistError};

use crate::files::data::{Data, RUNS, file_name, make_private};
use crate::files::held_up::Patience;

/// What the worker of a run holds as long as it lives.
const LOCK: &str = "lock";
/// Says that the worker has read all that it needs: until then it may refuse.
const READY: &str = "ready";
/// Asks the worker to end the run at the next step's boundary.
const STOP: &str = "stop";

/// The directory of a run.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
    id: String,
}

/// Held by the one worker of a run.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Place {
    /// The directory of a new run, by its method, with what `fill` writes into it. It is there as a whole or not at all.
    /// Blocks.
    pub(crate) fn make(
        data: &Data,
        method: &str,
        fill: impl FnOnce(&Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let digits: String = now.chars().filter(char::is_ascii_digit).collect();
        let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
        let own = uuid::Uuid::new_v4().simple().to_string();
        let own = own.get(..4).unwrap_or_default();
        let id = format!("{method}-{day}-{time}-{own}");
        let runs = data.root().join(RUNS);
        let unfinished = Self {
            root: runs.join(format!(".{id}")),
            id: id.clone(),
        };
        make_private(&unfinished.root)?;
        let root = runs.join(&id);
        let made = fill(&unfinished).and_then(|()| fs::rename(&unfinished.root, &root));
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&unfinished.root);
            return Err(error);
        }
        Ok(Self { root, id })
    }

    /// The directory of a run that there is. An error says which there are. Blocks.
    pub(crate) fn find(data: &Data, id: &str) -> Result<Self, String> {
        let id = id.trim();
        let root = data.root().join(RUNS).join(id);
        if file_name(id) == id && root.is_dir() {
            return Ok(Self {
                root,
                id: id.to_owned(),
            });
        }
        let known = Self::all(data);
        Err(match known.as_slice() {
            [] => "is no run of this machine: there are none (start-training makes one)".to_owned(),
            known => {
                let newest = known.iter().take(5).map(|place| place.id.as_str());
                format!(
                    "is no run of this machine; the newest are {}",
                    crate::error::problems::list(newest)
                )
            }
        })
    }

    /// All there are, the newest first. Blocks.
    pub(crate) fn all(data: &Data) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(data.root().join(RUNS)) else {
            return Vec::new();
        };
        let mut all: Vec<(Option<SystemTime>, Self)> = entries
            .flatten()
            .filter_map(|entry| {
                let id = entry.file_name().into_string().ok()?;
                let root = entry.path();
                // One without a state was never started, and that of a hidden one was not made to its end.
                let is_started = root.join(super::state::FILE).is_file() && !id.starts_with('.');
                let begun = fs::metadata(root.join(super::FROZEN)).and_then(|frozen| frozen.modified());
                is_started.then(|| (begun.ok(), Self { root, id }))
            })
            .collect();
        all.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| second.id.cmp(&first.id)));
        all.into_iter().map(|(_, place)| place).collect()
    }

    /// What the run is called.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts a file in the place of an older one, whole. Blocks.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let file = self.placed(name, content, true)?;
        sync_folder(file.parent().unwrap_or(&self.root))
    }

    /// The same of a file that can do without its last change, should the machine fail. Blocks.
    pub(crate) fn replace_lightly(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.placed(name, content, false).map(drop)
    }

    fn placed(&self, name: &str, content: &[u8], through: bool) -> io::Result<PathBuf> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        make_private(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        if through {
            file.as_file().sync_data()?;
        }
        let mut patience = Patience::default();
        while let Err(PersistError { error, file: again }) = file.persist(&path) {
            if !patience.lasts(&error) {
                return Err(error);
            }
            file = again;
        }
        Ok(path)
    }

    /// Adds a line of JSON to a file. Blocks.
    pub(crate) fn append(&self, name: &str, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(name))?;
        let end = whole_lines(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }

    /// A file's text, if it is there. Blocks.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The lines of a file, those that are whole. Blocks.
    pub(crate) fn lines<T: DeserializeOwned>(&self, name: &str) -> io::Result<Vec<T>> {
        let text = self.read(name)?.unwrap_or_default();
        let whole = text
            .rfind('\n')
            .and_then(|end| text.get(..end))
            .unwrap_or_default();
        let lines = whole.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).map_err(|error| broken(name, &error)))
            .collect()
    }

    /// Keeps the first lines of a file. Blocks.
    pub(crate) fn keep_lines(&self, name: &str, count: usize) -> io::Result<()> {
        let text = self.read(name)?.unwrap_or_default();
        let kept: String = text.split_inclusive('\n').take(count).collect();
        self.replace(name, kept.as_bytes())
    }

    /// Removes a file, if it is there. Blocks.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes this process the run's one worker; `None`: another one is. Blocks.
    pub(crate) fn lock(&self) -> io::Result<Option<Lock>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(LOCK))?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a worker is at it. Blocks.
    pub(crate) fn is_worked_on(&self) -> bool {
        matches!(self.lock(), Ok(None))
    }

    /// Says, as its worker, that it goes on. Blocks.
    pub(crate) fn is_taken_up(&self) -> io::Result<()> {
        self.replace_lightly(READY, b"")
    }

    /// Forgets what an earlier worker said. Blocks.
    pub(crate) fn is_to_be_taken_up(&self) -> io::Result<()> {
        self.remove(READY)
    }

    /// Whether a worker is at it that does not refuse. Blocks.
    pub(crate) fn goes_on(&self) -> bool {
        self.is_worked_on() && self.path(READY).exists()
    }

    /// Asks the worker to end the run. Blocks.
    pub(crate) fn ask_to_stop(&self) -> io::Result<()> {
        self.replace(STOP, b"")
    }

    /// Whether somebody has asked for that. Blocks.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.path(STOP).exists()
    }

    /// Forgets that somebody has. Blocks.
    pub(crate) fn go_on(&self) -> io::Result<()> {
        self.remove(STOP)
    }
}

/// Up to where a file has whole lines.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut piece = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(4096);
        let size = usize::try_from(end - start).unwrap_or_default();
        let piece = piece.get_mut(..size).unwrap_or_default();
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(piece)?;
        if let Some(last) = memchr::memrchr(b'\n', piece) {
            return Ok(start + u64::try_from(last).unwrap_or_default() + 1);
        }
        end = start;
    }
    Ok(0)
}

fn broken(name: &str, error: &serde_json::Error) -> io::Error {
    io::Error::other(format!("{name} is not as this program writes it: {error}"))
}

/// Writes the names of a directory through to the disk.
#[cfg(unix)]
fn sync_folder(folder: &FilePath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// There a rename is written through by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn sync_folder(_: &FilePath) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::data::Limits;

    fn place() -> (tempfile::TempDir, Place) {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::new(directory.path().join("data"), Limits::default());
        let place = Place::make(&data, "grpo", |_| Ok(())).unwrap();
        (directory, place)
    }

    #[test]
    fn what_a_crash_cut_off_is_passed_over_and_taken_away() {
        let (_directory, place) = place();
        place.append("a.jsonl", &1).unwrap();
        place.append("a.jsonl", &2).unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(place.path("a.jsonl"))
            .unwrap();
        file.write_all(b"{\"torn\": ").unwrap();
        assert_eq!(place.lines::<u8>("a.jsonl").unwrap(), [1, 2]);
        place.append("a.jsonl", &3).unwrap();
        assert_eq!(place.read("a.jsonl").unwrap().unwrap(), "1\n2\n3\n");
        place.keep_lines("a.jsonl", 2).unwrap();
        assert_eq!(place.lines::<u8>("a.jsonl").unwrap(), [1, 2]);
        // A file that is nothing but a torn line.
        fs::write(place.path("b.jsonl"), "[1").unwrap();
        place.append("b.jsonl", &4).unwrap();
        assert_eq!(place.lines::<u8>("b.jsonl").unwrap(), [4]);
        assert!(place.lines::<u8>("none.jsonl").unwrap().is_empty());
    }

    #[test]
    fn one_worker_holds_a_run() {
        let (_directory, place) = place();
        let lock = place.lock().unwrap();
        assert!(lock.is_some() && place.lock().unwrap().is_none() && place.is_worked_on());
        drop(lock);
        assert!(!place.is_worked_on());
    }

    #[test]
    fn only_the_id_of_a_run_finds_one() {
        let (directory, place) = place();
        let data = Data::new(directory.path().join("data"), Limits::default());
        let found = Place::find(&data, &format!(" {} ", place.id())).unwrap();
        assert_eq!(found.path("a"), place.path("a"));
        for wrong in ["../runs", ".", "", "none"] {
            assert!(Place::find(&data, wrong).is_err(), "{wrong}");
        }
    }
}
