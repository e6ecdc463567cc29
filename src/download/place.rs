//! The directory of a download: what it is for, what there is already, and that nobody else writes there.
//!
//! Checkpoints of one training have files of the same names and sizes. So the directory says in a file of its own which
//! checkpoint it holds, and it holds no other.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};
use tempfile::TempPath;

use super::links::Listed;
use super::part::{Part, options};
use super::{Wanted, broken_off};
use crate::api::together::CheckpointVariant;
use crate::data::make_private;
use crate::error::ToolError;

/// The file that says which checkpoint the directory holds; its lock says that somebody downloads there.
const MANIFEST: &str = ".rl-mcp-checkpoint.json";
/// How much of two files is compared at once.
const COMPARED: usize = 256 << 10;

#[derive(Serialize, Deserialize)]
struct Manifest {
    checkpoint_id: String,
    variant: CheckpointVariant,
    /// Files that were there before, of the right length; nobody knows yet whether they are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found: Vec<String>,
}

/// A directory that is locked for one download.
pub(super) struct Place {
    directory: PathBuf,
    manifest: Mutex<(File, Manifest)>,
}

/// What there is of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It is all there.
    pub(super) complete: bool,
    /// Bytes of its unfinished form.
    pub(super) part: u64,
    /// Somebody else's file has its name.
    found: bool,
}

impl Place {
    /// Takes the directory for this download, and says what there is of each file. What speaks against it is found
    /// before anything is written. Blocks.
    pub(super) fn claim(wanted: &Wanted, files: &[Listed]) -> Result<(Self, Vec<Standing>), ToolError> {
        let directory = &wanted.directory;
        let path = directory.join(MANIFEST);
        match look(&path)? {
            None => enough_space(directory, files, &survey(directory, files, None)?)?,
            Some(there) if !there.is_file() => return Err(occupied(&path, "is no plain file")),
            Some(_) => {}
        }
        make_private(directory).map_err(|error| unusable(directory, &error))?;
        let mut file = lock(&path)?;
        let known = read(&mut file, &path)?;
        if let Some(known) = &known
            && (known.checkpoint_id != wanted.checkpoint_id || known.variant != wanted.variant)
        {
            let other = format!(
                "holds the {} files of the checkpoint {}",
                format!("{:?}", known.variant).to_lowercase(),
                known.checkpoint_id
            );
            return Err(occupied(directory, &other));
        }
        let standing = survey(directory, files, known.as_ref())?;
        enough_space(directory, files, &standing)?;
        let is_new = known.is_none();
        let manifest = known.unwrap_or_else(|| {
            let found = files.iter().zip(&standing).filter(|(_, standing)| standing.found);
            Manifest {
                checkpoint_id: wanted.checkpoint_id.clone(),
                variant: wanted.variant,
                found: found.map(|(file, _)| file.name.clone()).collect(),
            }
        });
        if is_new {
            write(&mut file, &manifest).map_err(|error| unusable(&path, &error))?;
        }
        let place = Self {
            directory: directory.clone(),
            manifest: Mutex::new((file, manifest)),
        };
        Ok((place, standing))
    }

    /// The unfinished form of a file.
    pub(super) fn part(&self, file: &str, size: u64) -> Part {
        Part::new(&self.directory, file, size)
    }

    /// Gives a file that is all there its name. Another file of this name stays. Blocks.
    pub(super) fn finish(&self, name: &str, size: u64, part: &Part) -> Result<(), ToolError> {
        let path = self.directory.join(name);
        let failed = |error: io::Error| unusable(&path, &error);
        let length = fs::metadata(part.path()).map_err(failed)?.len();
        if length != size {
            // Somebody else writes there.
            part.forget().map_err(failed)?;
            return Err(occupied(part.path(), &format!("has {length} bytes, not {size}")));
        }
        match rename(part.path(), &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // The bytes stay until the other file is out of the way.
                if !same(part.path(), &path).map_err(failed)? {
                    return Err(occupied(&path, "is another file, which stays as it is"));
                }
                fs::remove_file(part.path()).map_err(failed)?;
            }
            renamed => renamed.map_err(failed)?,
        }
        part.forget().map_err(failed)?;
        self.verified(name).map_err(failed)
    }

    fn verified(&self, name: &str) -> io::Result<()> {
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, manifest) = &mut *manifest;
        let before = manifest.found.len();
        manifest.found.retain(|found| found != name);
        if manifest.found.len() < before {
            write(file, manifest)?;
        }
        Ok(())
    }
}

/// What there is of each file. A file that is in the way is refused.
fn survey(directory: &Path, files: &[Listed], known: Option<&Manifest>) -> Result<Vec<Standing>, ToolError> {
    let standing = files.iter().map(|file| {
        let mut standing = Standing::default();
        let path = directory.join(&file.name);
        if let Some(there) = look(&path)? {
            if !there.is_file() {
                return Err(occupied(&path, "is no plain file"));
            }
            if there.len() != file.size {
                let length = format!(
                    "has {} bytes, not {} as that of the checkpoint",
                    there.len(),
                    file.size
                );
                return Err(occupied(&path, &length));
            }
            standing.found = known.is_none_or(|known| known.found.contains(&file.name));
            standing.complete = !standing.found;
        }
        let part = Part::new(directory, &file.name, file.size);
        if known.is_none() && look(part.record())?.is_some() {
            return Err(occupied(part.record(), "is not of this download"));
        }
        match look(part.path())? {
            Some(there) if known.is_none() || !there.is_file() => {
                return Err(occupied(part.path(), "is not of this download"));
            }
            Some(_) => standing.part = part.resume().map_or(0, |resume| resume.at),
            None => {}
        }
        Ok(standing)
    });
    standing.collect()
}

fn enough_space(directory: &Path, files: &[Listed], standing: &[Standing]) -> Result<(), ToolError> {
    let missing = files
        .iter()
        .zip(standing)
        .filter(|(_, standing)| !standing.complete);
    let needed: u64 = missing
        .map(|(file, standing)| file.size - standing.part.min(file.size))
        .sum();
    let existing = directory.ancestors().find(|ancestor| ancestor.exists());
    // Where it cannot be known, the disk says when it is full.
    let free = existing.and_then(|existing| fs4::available_space(existing).ok());
    match free {
        Some(free) if free < needed => Err(broken_off(
            &format!(
                "{} has {free} bytes free, and {needed} are needed",
                directory.display()
            ),
            "ask the user to free space, or call again with a directory on another disk.",
        )),
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, ToolError> {
    let file = options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let file = file.map_err(|error| unusable(path, &error))?;
    match FileExt::try_lock(&file) {
        Err(TryLockError::WouldBlock) => {
            return Err(broken_off(
                &format!(
                    "another download is under way in {}",
                    path.with_file_name("").display()
                ),
                "wait until it has ended, perhaps in another process, or call again with another directory.",
            ));
        }
        // Some network drives know no locks; without one it is up to the user not to do it twice.
        Err(TryLockError::Error(error)) => tracing::debug!(%error, "no lock"),
        Ok(()) => {}
    }
    Ok(file)
}

/// `None`: it was made just now.
fn read(file: &mut File, path: &Path) -> Result<Option<Manifest>, ToolError> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)
        .map_err(|error| unusable(path, &error))?;
    // What stands behind the first value was left by a write that was interrupted.
    let first = serde_json::Deserializer::from_slice(&text).into_iter().next();
    first
        .transpose()
        .map_err(|_| occupied(path, "is not of this server"))
}

fn write(file: &mut File, manifest: &Manifest) -> io::Result<()> {
    let text = serde_json::to_vec(manifest)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))
}

/// What is at a path, links not followed.
fn look(path: &Path) -> Result<Option<Metadata>, ToolError> {
    match path.symlink_metadata() {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Gives a file a name that no other has.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let Err(refused) = TempPath::try_from_path(from)?.persist_noclobber(to) else {
        return Ok(());
    };
    let _ = refused.path.keep();
    match (refused.error.kind(), to.symlink_metadata()) {
        // Some drives can neither do it in one step nor have two names for a file. Nobody else downloads here.
        (kind, Err(there))
            if kind != io::ErrorKind::AlreadyExists && there.kind() == io::ErrorKind::NotFound =>
        {
            fs::rename(from, to)
        }
        _ => Err(refused.error),
    }
}

/// Whether two files of the same length hold the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    if !other.symlink_metadata()?.is_file() || one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut of_one, mut of_other) = (vec![0; COMPARED], vec![0; COMPARED]);
    loop {
        let read = one.read(&mut of_one)?;
        let (Some(of_one), Some(of_other)) = (of_one.get(..read), of_other.get_mut(..read)) else {
            return Ok(false);
        };
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(of_other)?;
        if of_one != of_other {
            return Ok(false);
        }
    }
}

fn occupied(path: &Path, what: &str) -> ToolError {
    broken_off(
        &format!("{} {what}", path.display()),
        "call again with another directory, or ask the user what to do with that; nothing is overwritten.",
    )
}

pub(super) fn unusable(path: &Path, error: &io::Error) -> ToolError {
    broken_off(
        &format!("{} cannot be used: {error}", path.display()),
        "mend what the system names, or choose another directory; the same call goes on where this one stopped.",
    )
}
