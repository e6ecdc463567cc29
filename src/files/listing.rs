//! What lies in a directory, the newest first: for those who name one where a file is wanted, or look for a file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::problems::list;
use crate::files::directory::{Directory, Kind};
use crate::redact::clean;

/// How many files of a directory are named where one of them is wanted.
const MOST_NAMED: usize = 8;

/// What lies in a directory.
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// When it was last written to.
    pub modified: SystemTime,
    /// Its length, in bytes.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
}

impl Listed {
    /// Whether it is a directory.
    pub(super) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// All that lies in a directory, the newest first. What is still being written is left out. Blocks.
pub(crate) fn newest(directory: &Directory) -> io::Result<Vec<Listed>> {
    let mut found = Vec::new();
    for name in directory.names()? {
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let Ok(Some(entry)) = directory.look(&name) else {
            continue;
        };
        found.push(Listed {
            path: directory.path().join(&name),
            modified: entry.modified,
            bytes: entry.bytes,
            kind: entry.kind,
        });
    }
    found.sort_by(|one, other| (other.modified, &other.path).cmp(&(one.modified, &one.path)));
    Ok(found)
}

/// What to say to somebody who named a directory in place of a file.
pub(super) fn in_place_of_a_file(directory: &Directory) -> String {
    let mut listed = newest(directory).unwrap_or_default();
    listed.retain(|listed| listed.is_directory() || !is_own(&listed.path));
    let shown: Vec<String> = listed
        .iter()
        .take(MOST_NAMED)
        .map(|listed| {
            let end = if listed.is_directory() { "/" } else { "" };
            shown(&listed.path) + end
        })
        .collect();
    if shown.is_empty() {
        return "is a directory, and there is no file in it".to_owned();
    }
    let more = match listed.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = list(shown.iter().map(String::as_str));
    format!("is a directory: name one of its files. The newest first, it holds {shown}{more}")
}

/// A path for a message: whoever named the file may have chosen any characters.
pub(super) fn shown(path: &Path) -> String {
    clean::text(&path.to_string_lossy())
}

/// Whether a file is one that the server keeps for itself.
pub(crate) fn is_own(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (name.starts_with("journal-") && name.ends_with(".jsonl")) || name.ends_with(".request.json")
}
