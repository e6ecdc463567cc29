//! The files of the data directory that somebody may have meant who named one that is not there.

use std::path::{Path, PathBuf};

use super::Files;
use super::listing::{self, newest};
use dunce::canonicalize;

use crate::error::problems::nearest;
use crate::files::data::{BATCHES, RESULTS};
use crate::files::directory::Directory;

/// How many files are named.
const MOST_NAMED: usize = 3;
/// Into how many folders it is looked, the newest: results have one for each session.
const MOST_FOLDERS: usize = 100;
/// A part of a name that is shorter says nothing.
const LEAST_PART: usize = 4;

/// The files that have the name of `wanted` in theirs or in their folder's, such as the id of an operation or a session;
/// else the one of the most similar name. Blocks.
pub(super) fn files(files: &Files, data: &Path, wanted: &Path) -> Vec<String> {
    let part = wanted.file_stem().unwrap_or_default().to_string_lossy();
    if part.len() < LEAST_PART {
        return Vec::new();
    }
    let mut written = written(files, data);
    if let Some(kind) = wanted.extension() {
        written.retain(|path| path.extension() == Some(kind));
    }
    let holds = |path: &Path| name(path).contains(&*part);
    let holding = written
        .iter()
        .filter(|path| holds(path) || path.parent().is_some_and(holds))
        .take(MOST_NAMED);
    let holding: Vec<String> = holding.map(|path| listing::shown(path)).collect();
    if !holding.is_empty() {
        return holding;
    }
    let names: Vec<String> = written.iter().map(|path| name(path)).collect();
    let near = nearest(&name(wanted), names.iter().map(String::as_str));
    let near = near.and_then(|near| written.iter().find(|path| name(path) == near));
    near.map(|path| listing::shown(path)).into_iter().collect()
}

/// The file whose name is most like that of `wanted`, in the folder that it names. Blocks.
pub(super) fn beside(files: &Files, wanted: &Path) -> Option<String> {
    /// In a folder with more names it is not looked.
    const MOST_NAMES: usize = 2000;
    let folder = wanted.parent().unwrap_or(Path::new(""));
    let wanted = name(wanted);
    files.directories().iter().find_map(|directory| {
        let folder = canonicalize(directory.join(folder)).ok()?;
        let (open, missing) = files.reach(&folder).ok()?;
        let names = open.names().ok().filter(|names| names.len() <= MOST_NAMES)?;
        let names: Vec<String> = names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect();
        let near = folder.join(nearest(&wanted, names.iter().map(String::as_str))?);
        // A link may lead out.
        let is_readable = canonicalize(&near).is_ok_and(|real| real.is_file() && files.contains(&real));
        (missing.as_os_str().is_empty() && is_readable).then(|| listing::shown(&near))
    })
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What the tools have written, the newest of each folder first.
fn written(files: &Files, data: &Path) -> Vec<PathBuf> {
    let open = |folder: &Path| -> Option<Directory> {
        let (directory, missing) = files.reach(&canonicalize(folder).ok()?).ok()?;
        missing.as_os_str().is_empty().then_some(directory)
    };
    let mut found = Vec::new();
    let mut folders = vec![data.join(BATCHES), data.join(RESULTS)];
    let mut at = 0;
    while let Some(folder) = folders.get(at).filter(|_| at < MOST_FOLDERS) {
        at += 1;
        let listed = open(folder).and_then(|directory| newest(&directory).ok());
        for listed in listed.unwrap_or_default() {
            if listed.is_directory() {
                folders.push(listed.path);
            } else if !listing::is_own(&listed.path) {
                found.push(listed.path);
            }
        }
    }
    found
}
