//! What is too large for a conversation, in files: results, batches, the journal.
//!
//! Everything lies under one directory that belongs to the user alone. Files are written under another name first and
//! appear whole; none is ever overwritten. What is too old, or too much, is removed, oldest first.

mod limits;
mod private;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use crate::files::directory::{Directory, Kind, Open, is_reserved};

pub(crate) use limits::{Limits, Usage};
pub(crate) use private::make_private;

/// Where results of tools lie, by session where they belong to one.
pub(crate) const RESULTS: &str = "results";
/// Where the bodies lie that `build-training-batch` wrote.
pub(crate) const BATCHES: &str = "batches";
/// Where the directories of training runs lie.
pub(crate) const RUNS: &str = "runs";
/// What a run comes to, in its directory.
pub(crate) const REPORT: &str = "report.md";
/// How the names of files end that hold the completions of a sampling as text, beside its result.
pub(crate) const COMPLETIONS: &str = "completions.jsonl";

/// How long the disk may take for a file that an answer waits for.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest name of a file that is made of an id.
const LONGEST_NAME: usize = 80;
/// How many files may be called the same but for a number.
const MOST_NAMESAKES: u32 = 1000;

/// The data directory. Made when something is first written to it.
pub struct Data {
    root: PathBuf,
    limits: Limits,
    /// Bytes written since the limits were last enforced.
    unchecked: AtomicU64,
}

/// A file of the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it lies; absolute.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Storing {
    began: Instant,
    writing: JoinHandle<io::Result<Stored>>,
}

impl Storing {
    /// The file, unless that takes too long: what waits for it must be answered. An error says in words why it is not there.
    pub async fn end(self) -> Result<Stored, String> {
        match timeout_at(self.began + PATIENCE, self.writing).await {
            Ok(Ok(stored)) => stored.map_err(|error| error.to_string()),
            Ok(Err(_)) => Err("writing the file failed".to_owned()),
            Err(_) => Err("the disk takes too long".to_owned()),
        }
    }

    /// The same for a file without which the call is no failure.
    pub async fn end_or_warn(self) {
        if let Err(problem) = self.end().await {
            tracing::warn!(problem, "a result could not be stored");
        }
    }
}

impl Stored {
    /// The `file://` address.
    #[must_use]
    pub fn uri(&self) -> String {
        Url::from_file_path(&self.path).map_or_else(|()| self.path.display().to_string(), String::from)
    }
}

impl Data {
    /// The directory `root`, an absolute path.
    #[must_use]
    pub const fn new(root: PathBuf, limits: Limits) -> Self {
        Self {
            root,
            limits,
            unchecked: AtomicU64::new(u64::MAX),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it may hold.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Stores a text where it holds up nobody, beginning now.
    #[must_use]
    pub fn keep(self: Arc<Self>, folder: PathBuf, name: String, text: Arc<String>) -> Storing {
        Storing {
            began: Instant::now(),
            writing: spawn_blocking(move || self.store(&folder, &name, text.as_bytes())),
        }
    }

    /// Stores `content` as `name` in `folder`, both made by [`file_name`] or constants. What is there already under this
    /// name stays; if it is something else, the new file gets a number. Blocks.
    pub fn store(&self, folder: &Path, name: &str, content: &[u8]) -> io::Result<Stored> {
        make_private(&self.root)?;
        let folder = Directory::open(&self.root)?.make(folder)?;
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let (stem, extension) = name.split_once('.').unwrap_or((name, "json"));
        for number in 1..=MOST_NAMESAKES {
            let name = match number {
                1 => name.to_owned(),
                number => format!("{stem}-{number}.{extension}"),
            };
            if self.write(&folder, &name, content)? || holds(&folder, &name, content)? {
                let path = folder.path().join(name);
                return Ok(Stored { path, bytes });
            }
        }
        Err(io::Error::other("there are too many files of this name"))
    }

    /// Writes a new file; `false`: there is one of this name already.
    fn write(&self, folder: &Directory, name: &str, content: &[u8]) -> io::Result<bool> {
        if folder.look(name)?.is_some() {
            return Ok(false);
        }
        self.enforce(u64::try_from(content.len()).unwrap_or(u64::MAX))?;
        let unfinished = format!(".{}.tmp", uuid::Uuid::new_v4());
        let mut file = folder.file(&unfinished, Open::New)?;
        let renamed = file
            .write_all(content)
            .and_then(|()| folder.rename_new(&unfinished, name));
        let Err(error) = renamed else { return Ok(true) };
        let _ = folder.remove(&unfinished);
        match error.kind() {
            // Another server was faster.
            io::ErrorKind::AlreadyExists => Ok(false),
            _ => Err(error),
        }
    }

    /// Removes what is too old, and if the whole with `more` bytes would be too large, the oldest of the rest.
    fn enforce(&self, more: u64) -> io::Result<()> {
        let written = self
            .unchecked
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |written| {
                Some(written.saturating_add(more))
            })
            .unwrap_or_default();
        if written.saturating_add(more) < self.limits.slack() {
            return Ok(());
        }
        let left = limits::enforce(&self.root, &self.limits, more);
        self.unchecked.store(0, Ordering::Relaxed);
        if left.saturating_add(more) > self.limits.most_bytes {
            return Err(io::Error::other(format!(
                "the data directory holds {} MB of the last hour, and {} MB is its limit (RL_MCP_DATA_MAX_MB)",
                left >> 20,
                self.limits.most_bytes >> 20,
            )));
        }
        Ok(())
    }

    /// Whether files can be made in it, or, as long as it is not there, in what it would be made in. Leaves nothing
    /// behind. Blocks.
    pub fn probe(&self) -> io::Result<()> {
        let nearest = self.root.ancestors().find(|directory| directory.exists());
        let nearest = nearest.ok_or(io::ErrorKind::NotFound)?;
        NamedTempFile::new_in(nearest).map(drop)
    }

    /// Who else may write to it, in words, if anybody may. Blocks.
    #[must_use]
    pub fn exposed(&self) -> Option<String> {
        private::exposed(&self.root)
    }

    /// What it holds now. Blocks.
    #[must_use]
    pub fn usage(&self) -> Usage {
        limits::usage(&self.root)
    }
}

/// A name for a file, made of an id that somebody else chose: no separator, no leading dot, not too long, not reserved.
#[must_use]
pub(crate) fn file_name(id: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
            c
        } else {
            '_'
        }
    };
    let name: String = id.chars().take(LONGEST_NAME).map(plain).collect();
    if name == id && !name.is_empty() && !is_reserved(&name) {
        return name;
    }
    // Ids that differ only in what was replaced keep names that differ.
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    format!("{name}-{:016x}", hasher.finish())
}

/// Whether the file of this name holds just this.
fn holds(folder: &Directory, name: &str, content: &[u8]) -> io::Result<bool> {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let there = folder.look(name)?;
    if there.is_none_or(|there| (there.kind, there.bytes) != (Kind::File, length)) {
        return Ok(false);
    }
    let mut text = Vec::new();
    let file = folder.file(name, Open::Read)?;
    file.take(length.saturating_add(1)).read_to_end(&mut text)?;
    Ok(text == content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn data(limits: Limits) -> (tempfile::TempDir, Data) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("data");
        (directory, Data::new(root, limits))
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_stored_twice() {
        let (_directory, data) = data(Limits::default());
        let folder = Path::new(RESULTS);
        let store = |content: &[u8]| data.store(folder, "sample-1.json", content).unwrap();
        let first = store(b"[1]");
        assert_eq!(store(b"[1]"), first);
        let second = store(b"[2]");
        assert!(second.path.ends_with("results/sample-1-2.json"), "{second:?}");
        assert_eq!(fs::read(&first.path).unwrap(), b"[1]");
        assert_eq!(store(b"[2]"), second);
        assert_eq!(fs::read_dir(data.root().join(folder)).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_it_lead_nowhere() {
        use std::os::unix::fs::symlink;
        let (place, data) = data(Limits {
            longest: Duration::from_secs(60),
            ..Limits::default()
        });
        let outside = place.path().join("outside");
        fs::create_dir_all(data.root()).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("old.json"), "[]").unwrap();
        let old = fs::File::options()
            .write(true)
            .open(outside.join("old.json"))
            .unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        symlink(&outside, data.root().join(RESULTS)).unwrap();
        let refusal = data.store(Path::new(RESULTS), "a.json", b"[]").unwrap_err();
        assert!(
            refusal.to_string().contains("is a link or no directory"),
            "{refusal}"
        );
        // Nor is anything cleaned up behind one.
        data.store(Path::new(BATCHES), "a.json", b"[]").unwrap();
        assert_eq!(data.usage(), Usage { files: 1, bytes: 2 });
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        // A file of this name that is a link is another one, whatever it leads to.
        symlink(outside.join("old.json"), data.root().join("batches/b.json")).unwrap();
        let stored = data.store(Path::new(BATCHES), "b.json", b"[]").unwrap();
        assert!(stored.path.ends_with("b-2.json"), "{stored:?}");
    }

    #[cfg(unix)]
    #[test]
    fn files_and_directories_are_the_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_directory, data) = data(Limits::default());
        let stored = data.store(Path::new("a/b"), "c.json", b"{}").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&stored.path), 0o600);
        for directory in [
            data.root().to_owned(),
            data.root().join("a"),
            data.root().join("a/b"),
        ] {
            assert_eq!(mode(&directory), 0o700, "{}", directory.display());
        }
    }

    #[test]
    fn any_id_makes_a_file_name_of_its_own() {
        assert_eq!(file_name("op_1-A"), "op_1-A");
        let ids = [
            "a/b",
            "a.b",
            "../b",
            "",
            "é",
            "CON",
            "nul",
            "Lpt1",
            &"x".repeat(500),
        ];
        let names: std::collections::BTreeSet<String> = ids.into_iter().map(file_name).collect();
        assert_eq!(names.len(), ids.len());
        for name in names {
            let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
            assert!(plain && name.len() < 120 && !is_reserved(&name), "{name}");
        }
    }
}
