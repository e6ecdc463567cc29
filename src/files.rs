//! Local files that a tool may read, and directories that it may write to: those of the data directory, and under the
//! directories that the user named.

pub(crate) mod data;
pub(crate) mod directory;
pub(crate) mod held_up;
mod listing;
mod near;
pub(crate) mod operation_id;

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use dunce::canonicalize;
use reqwest::Url;

use crate::files::data::{BATCHES, RESULTS};
use crate::files::directory::{Directory, Open};
use crate::work::blocking;

pub(crate) use listing::{Listed, is_own, newest};

/// Whether a path looks like a name on a hub, such as `openai/gsm8k`, or an address.
fn is_of_hub(path: &Path) -> bool {
    let parts: Vec<Component<'_>> = path.components().collect();
    let is_address =
        matches!(parts.first(), Some(Component::Normal(first)) if first.to_string_lossy().ends_with(':'));
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    is_address || (is_plain && parts.len() == 2 && path.extension().is_none())
}

/// The largest JSON file that is read, in bytes: as much as one answer or one request may hold.
pub(crate) const LARGEST_JSON: u64 = 256 << 20;

/// The directories under which files may be read.
#[derive(Clone, Debug, Default)]
pub struct Files {
    directories: Vec<PathBuf>,
    data: Option<PathBuf>,
}

impl Files {
    /// Allows these directories of the user's and the data directory, given as absolute paths.
    #[must_use]
    pub const fn new(directories: Vec<PathBuf>, data: Option<PathBuf>) -> Self {
        Self { directories, data }
    }

    /// The user's directories.
    #[must_use]
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Reads a text file of at most `most` bytes: an absolute path or its `file://` address, or a path inside of an
    /// allowed directory. Links count as what they point to. An error says what is wrong and what the user can do.
    pub async fn read(&self, path: &str, most: u64) -> Result<String, String> {
        let (files, path) = (self.clone(), path.to_owned());
        // A file on a network drive must not hold up the other calls.
        blocking(move || files.read_blocking(&path, most))
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Finds a directory that may be written to, and may not exist yet: an absolute path or its `file://` address, or a
    /// path inside of an allowed directory, by preference the user's first. Links on the way are resolved. An error says
    /// what is wrong and what the user can do.
    pub async fn directory(&self, path: &str) -> Result<PathBuf, String> {
        let (files, path) = (self.clone(), path.to_owned());
        blocking(move || files.directory_blocking(&plain(path.trim())))
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    fn directory_blocking(&self, path: &Path) -> Result<PathBuf, String> {
        let outside = || format!("it must lie under {}", self.places());
        let whole = path
            .components()
            .all(|part| !matches!(part, Component::ParentDir));
        if path.as_os_str().is_empty() || !whole {
            return Err(format!("name a directory, without `..`; {}", outside()));
        }
        unexpanded(path)?;
        let path = self.allowed().next().ok_or_else(outside)?.join(path);
        if let Some(data) = self.data.as_ref().filter(|data| path.starts_with(data)) {
            // It is made when something is first written to it.
            data::make_private(data)
                .map_err(|error| format!("the data directory cannot be made: {error}"))?;
        }
        // A link that leads nowhere is there too, and is no place to make a directory.
        let existing = path
            .ancestors()
            .find(|ancestor| ancestor.symlink_metadata().is_ok());
        let existing = existing.ok_or_else(outside)?;
        let real = canonicalize(existing).ok().filter(|real| self.contains(real));
        let real = real.ok_or_else(outside)?;
        if !real.is_dir() {
            return Err("there is a file of this name".to_owned());
        }
        let found = match path.strip_prefix(existing) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        };
        let cleaned = |data: &PathBuf| {
            let data = canonicalize(data).unwrap_or_else(|_| data.clone());
            found == data
                || [RESULTS, BATCHES]
                    .iter()
                    .any(|folder| found.starts_with(data.join(folder)))
        };
        if self.data.as_ref().is_some_and(cleaned) {
            return Err("in the data directory, name one of its own, such as checkpoints/NAME: the others are cleaned up".to_owned());
        }
        Ok(found)
    }

    /// Where a file really lies, links resolved, for those who may block.
    #[cfg(feature = "text")]
    pub fn path_blocking(&self, path: &str) -> Result<PathBuf, String> {
        self.find(&plain(path))
    }

    /// Opens a file to be read piece by piece, for those who may block.
    #[cfg(feature = "text")]
    pub fn open_blocking(&self, path: &str) -> Result<File, String> {
        let found = self.find(&plain(path))?;
        if let Some(directory) = self.directory_at(&found) {
            return Err(listing::in_place_of_a_file(&directory));
        }
        self.open(&found)
            .map_err(|error| format!("the file cannot be read: {error}"))
    }

    /// The same, for those who may block.
    pub fn read_blocking(&self, path: &str, most: u64) -> Result<String, String> {
        let found = self.find(&plain(path))?;
        if let Some(directory) = self.directory_at(&found) {
            return Err(listing::in_place_of_a_file(&directory));
        }
        let read = || -> io::Result<String> {
            let file = self.open(&found)?;
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes)?;
            if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
                return Err(io::Error::other(format!("it is larger than {most} bytes")));
            }
            text(bytes)
        };
        read().map_err(|error| format!("the file cannot be read: {error}"))
    }

    /// The same for a file that need not be there.
    pub fn read_if_there_blocking(&self, path: &str, most: u64) -> Result<Option<String>, String> {
        if self.find(&plain(path)).is_err() {
            return Ok(None);
        }
        self.read_blocking(path, most).map(Some)
    }

    /// What was found, if it is a directory.
    fn directory_at(&self, found: &Path) -> Option<Directory> {
        let (directory, missing) = found.is_dir().then(|| self.reach(found).ok())??;
        missing.as_os_str().is_empty().then_some(directory)
    }

    /// The file itself, links resolved.
    fn find(&self, path: &Path) -> Result<PathBuf, String> {
        unexpanded(path)?;
        let found = self
            .allowed()
            .filter_map(|directory| canonicalize(directory.join(path)).ok())
            .find(|real| self.contains(real));
        found.ok_or_else(|| {
            let near = self.near(path);
            let leaves = path.components().any(|part| matches!(part, Component::ParentDir));
            // A link to elsewhere, or somebody else's file, is there.
            let is_missing = !leaves && path.symlink_metadata().is_err();
            let is_inside = is_missing && self.allowed().any(|directory| path.starts_with(directory));
            // The answer doesn't say whether a file exists elsewhere.
            match (near.is_empty(), is_inside) {
                (true, false) if is_of_hub(path) => format!(
                    "there is no such file under {}; none is fetched from a hub or an address, so the user has to save it there (a data set as JSON lines)",
                    self.places()
                ),
                (true, false) => format!("there is no such file under {}", self.places()),
                (true, true) => "there is no such file, and none of a similar name".to_owned(),
                (false, _) => format!("there is no such file; the nearest are {}", near.join(", ")),
            }
        })
    }

    /// The files that may be meant by a path where none is: of the data directory, or beside it in one of the user's. Blocks.
    pub fn near(&self, path: impl AsRef<Path>) -> Vec<String> {
        let data = self.data.as_deref();
        let near = data.map_or_else(Vec::new, |data| near::files(self, data, path.as_ref()));
        if near.is_empty() {
            return near::beside(self, path.as_ref()).into_iter().collect();
        }
        near
    }

    /// Opens a file that was found; what has become a link since, or somebody else's, is refused.
    fn open(&self, found: &Path) -> io::Result<File> {
        let (allowed, rest) = self.reaches(found).ok_or(io::ErrorKind::NotFound)?;
        let (Some(folder), Some(name)) = (rest.parent(), rest.file_name()) else {
            return Err(io::Error::other("it is not a regular file"));
        };
        let folder = Directory::open(&allowed)?.find(folder)?;
        let file = folder.file(name, Open::Read)?;
        let mut data = self.data.iter();
        if data
            .any(|data| canonicalize(data).is_ok_and(|data| data == allowed) && !own(file.metadata(), data))
        {
            return Err(io::Error::other("it was replaced just now"));
        }
        Ok(file)
    }

    /// Opens a directory that was found, as far as it is there, and says what is missing of it. What has become a link
    /// since is not followed. Blocks.
    pub fn reach(&self, found: &Path) -> io::Result<(Directory, PathBuf)> {
        let (allowed, rest) = self.reaches(found).ok_or(io::ErrorKind::NotFound)?;
        Directory::open(&allowed)?.walk(rest)
    }

    /// The allowed directory that holds a path without links, and how to come there from it.
    fn reaches<'a>(&self, found: &'a Path) -> Option<(PathBuf, &'a Path)> {
        self.allowed().find_map(|allowed| {
            let allowed = canonicalize(allowed).ok()?;
            let rest = found.strip_prefix(&allowed).ok()?;
            Some((allowed, rest))
        })
    }

    /// The directories whose files may be read, in words.
    #[must_use]
    pub fn places(&self) -> String {
        let shown = |directory: &PathBuf| directory.display().to_string();
        let data = self.data.iter().map(shown);
        let data: Vec<String> = data.map(|data| format!("the data directory {data}")).collect();
        let named: Vec<String> = self.directories.iter().map(shown).collect();
        let named = if named.is_empty() {
            "a directory that the user allows in the variable RL_MCP_FILE_DIRS (none is; in the host's mcp.json, under \"env\", then restart the server)".to_owned()
        } else {
            format!(
                "the directories that RL_MCP_FILE_DIRS allows: {}",
                named.join(", ")
            )
        };
        data.into_iter().chain([named]).collect::<Vec<_>>().join(" or ")
    }

    fn allowed(&self) -> impl Iterator<Item = &PathBuf> {
        self.directories.iter().chain(&self.data)
    }

    fn contains(&self, real: &Path) -> bool {
        let inside =
            |directory: &PathBuf| canonicalize(directory).is_ok_and(|directory| real.starts_with(directory));
        self.directories.iter().any(inside)
            || self
                .data
                .as_ref()
                .is_some_and(|data| inside(data) && own(real.metadata(), data))
    }
}

/// The bytes of a file as text, without the byte order mark that editors on Windows put before it.
pub(crate) fn text(mut bytes: Vec<u8>) -> io::Result<String> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|_| {
        io::Error::other(if is_wide {
            "it is UTF-16 text: save it as UTF-8"
        } else {
            "it is no UTF-8 text"
        })
    })
}

/// A path as one would write it: hosts and models pass on `file://` addresses too.
/// Refuses what a shell would have replaced: the file would lie in a directory called `~`.
fn unexpanded(path: &Path) -> Result<(), String> {
    let first = path
        .components()
        .next()
        .map(|first| first.as_os_str().to_string_lossy());
    match first {
        Some(first) if first.starts_with('~') => Err(format!(
            "nothing expands {first} here: write the whole path, from / on"
        )),
        _ => Ok(()),
    }
}

fn plain(path: &str) -> PathBuf {
    let address = path
        .starts_with("file://")
        .then(|| Url::parse(path).ok()?.to_file_path().ok());
    address.flatten().unwrap_or_else(|| PathBuf::from(path))
}

/// Whether a file belongs to whom the data directory belongs to. What another user put there is none of ours; what root
/// put there is, as in a container the server is root and the directory often somebody else's.
#[cfg(unix)]
fn own(file: io::Result<Metadata>, data: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |found: io::Result<Metadata>| found.ok().map(|metadata| metadata.uid());
    owner(file).is_some_and(|uid| uid == ROOT || owner(data.metadata()) == Some(uid))
}

/// The user id of root.
#[cfg(unix)]
const ROOT: u32 = 0;

#[cfg(not(unix))]
fn own(_: io::Result<Metadata>, _: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_became_a_link_after_it_was_found_shows_nothing_from_outside() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (inside, outside) = (root.join("in"), root.join("out"));
        let (name, aside) = (inside.join("d"), inside.join("aside"));
        for directory in [&name, &outside] {
            std::fs::create_dir_all(directory).unwrap();
            std::fs::write(directory.join("a"), "").unwrap();
        }
        let files = Files::new(vec![inside], None);
        let found = files.find(Path::new("d/a")).unwrap();
        let place = files.directory_blocking(Path::new("d/new")).unwrap();
        assert!(files.open(&found).is_ok() && files.reach(&place).is_ok());
        std::fs::rename(&name, aside).unwrap();
        symlink(&outside, &name).unwrap();
        for refused in [files.open(&found).err(), files.reach(&place).err()] {
            let problem = refused.unwrap().to_string();
            assert!(problem.contains("in/d is a link or no directory"), "{problem}");
        }
        std::fs::remove_file(&name).unwrap();
        std::fs::create_dir(&name).unwrap();
        symlink(outside.join("a"), name.join("a")).unwrap();
        assert!(
            files
                .open(&found)
                .unwrap_err()
                .to_string()
                .contains("not a regular file")
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xef\xbb\xbfa = 1".to_vec()).unwrap(), "a = 1");
        for (bytes, problem) in [
            (&b"\xff\xfea\0"[..], "it is UTF-16 text: save it as UTF-8"),
            (b"a\xff", "it is no UTF-8 text"),
        ] {
            assert_eq!(text(bytes.to_vec()).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn only_what_lies_under_an_allowed_directory_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (inside, outside) = (root.path().join("in"), root.path().join("out"));
        for directory in [&inside, &outside] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("run.toml"), "a = 1").unwrap();
        }
        std::fs::write(root.path().join("in.toml"), "a = 1").unwrap();
        symlink(outside.join("run.toml"), inside.join("link.toml")).unwrap();
        symlink(&outside, inside.join("linked")).unwrap();
        let files = Files::new(vec![inside.clone()], None);
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        for good in [
            "run.toml".to_owned(),
            path(inside.join("run.toml")),
            path(outside.join("../in/run.toml")),
        ] {
            assert_eq!(files.read_blocking(&good, 100).as_deref(), Ok("a = 1"), "{good}");
        }
        for bad in [
            "../out/run.toml".to_owned(),
            "link.toml".to_owned(),
            "linked/run.toml".to_owned(),
            path(outside.join("run.toml")),
            path(root.path().join("in.toml")),
            "/etc/hostname".to_owned(),
            "none.toml".to_owned(),
        ] {
            let problem = files.read_blocking(&bad, 100).unwrap_err();
            assert!(
                problem
                    .starts_with("there is no such file under the directories that RL_MCP_FILE_DIRS allows"),
                "{bad}: {problem}"
            );
        }
        assert!(
            files
                .read_blocking("run.toml", 4)
                .unwrap_err()
                .contains("larger than 4 bytes")
        );
        assert!(
            files
                .read_blocking("", 4)
                .unwrap_err()
                .starts_with("is a directory: name one of its files")
        );
        let none = Files::default().read_blocking("run.toml", 4).unwrap_err();
        assert!(none.contains("RL_MCP_FILE_DIRS"), "{none}");
    }
}
