//! The directory of a download: what it is for, what there is already, and that nobody else writes there.
//!
//! Checkpoints of one training have files of the same names and sizes. So the directory says in a file of its own which
//! checkpoint it holds, and it holds no other.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};

use super::links::Listed;
use super::part::Part;
use super::{Wanted, broken_off};
use crate::error::ToolError;
use crate::files::Files;
use crate::files::directory::{Directory, Entry, Kind, Open};
use crate::together::CheckpointVariant;

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
pub(super) struct Destination {
    directory: Arc<Directory>,
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

impl Destination {
    /// Takes the directory for this download, and says what there is of each file. What speaks against it is found
    /// before anything is written. Blocks.
    pub(super) fn claim(
        allowed: &Files,
        wanted: &Wanted,
        files: &[Listed],
    ) -> Result<(Self, Vec<Standing>), ToolError> {
        let failed = |error: io::Error| unusable(&wanted.directory, &error);
        let (nearest, missing) = allowed.reach(&wanted.directory).map_err(failed)?;
        let nearest = Arc::new(nearest);
        let is_there = missing.as_os_str().is_empty();
        match look(&nearest, MANIFEST)?.filter(|_| is_there) {
            None if is_there => enough_space(&nearest, files, &survey(&nearest, files, None)?)?,
            None => enough_space(&nearest, files, &[])?,
            Some(there) if there.kind != Kind::File => {
                return Err(occupied(&nearest.path().join(MANIFEST), "is not a plain file"));
            }
            Some(_) => {}
        }
        let directory = Arc::new(nearest.make(&missing).map_err(failed)?);
        let directory = &directory;
        let path = directory.path().join(MANIFEST);
        let mut file = lock(directory)?;
        let known = read(&mut file, &path)?;
        if let Some(known) = &known
            && (known.checkpoint_id != wanted.checkpoint_id || known.variant != wanted.variant)
        {
            let other = format!(
                "holds the {} files of the checkpoint {}",
                match known.variant {
                    CheckpointVariant::Merged => "merged",
                    CheckpointVariant::Adapter => "adapter",
                },
                known.checkpoint_id
            );
            return Err(occupied(directory.path(), &other));
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
        let path = self.directory.path().join(name);
        let failed = |error: io::Error| unusable(&path, &error);
        let there = look(&self.directory, part.name())?;
        let there = there.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        if (there.kind, there.bytes) != (Kind::File, size) {
            // Somebody else writes there.
            part.forget().map_err(failed)?;
            return Err(occupied(
                &part.path(),
                &format!("has {} bytes, not {size}", there.bytes),
            ));
        }
        match self.directory.rename_new(part.name(), name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // The bytes stay until the other file is out of the way.
                if !same(&self.directory, part.name(), name).map_err(failed)? {
                    return Err(occupied(&path, "is another file, which stays as it is"));
                }
                self.directory.remove(part.name()).map_err(failed)?;
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
fn survey(
    directory: &Arc<Directory>,
    files: &[Listed],
    known: Option<&Manifest>,
) -> Result<Vec<Standing>, ToolError> {
    let standing = files.iter().map(|file| {
        let mut standing = Standing::default();
        let path = directory.path().join(&file.name);
        if let Some(there) = look(directory, &file.name)? {
            if there.kind != Kind::File {
                return Err(occupied(&path, "is not a plain file"));
            }
            if there.bytes != file.size {
                let length = format!(
                    "has {} bytes, not {} as that of the checkpoint",
                    there.bytes, file.size
                );
                return Err(occupied(&path, &length));
            }
            standing.found = known.is_none_or(|known| known.found.contains(&file.name));
            standing.complete = !standing.found;
        }
        let part = Part::new(directory, &file.name, file.size);
        if known.is_none() && look(directory, part.record())?.is_some() {
            let path = directory.path().join(part.record());
            return Err(occupied(&path, "is not of this download"));
        }
        match look(directory, part.name())? {
            Some(there) if known.is_none() || there.kind != Kind::File => {
                return Err(occupied(&part.path(), "is not of this download"));
            }
            Some(_) => standing.part = part.resume().map_or(0, |resume| resume.at),
            None => {}
        }
        Ok(standing)
    });
    standing.collect()
}

/// Whether there is room for what is missing of the files; what `standing` does not tell of is missing as a whole.
fn enough_space(directory: &Directory, files: &[Listed], standing: &[Standing]) -> Result<(), ToolError> {
    let missing = files
        .iter()
        .enumerate()
        .map(|(index, file)| match standing.get(index) {
            Some(standing) if standing.complete => 0,
            Some(standing) => file.size.saturating_sub(standing.part),
            None => file.size,
        });
    let needed: u64 = missing.sum();
    // Where it cannot be known, the disk says when it is full.
    match directory.free() {
        Some(free) if free < needed => Err(broken_off(
            &format!(
                "{} has {free} bytes free, and {needed} are needed",
                directory.path().display()
            ),
            "ask the user to free space, or call again with a directory on another disk.",
        )),
        _ => Ok(()),
    }
}

fn lock(directory: &Directory) -> Result<File, ToolError> {
    let file = directory.file(MANIFEST, Open::Both);
    let file = file.map_err(|error| unusable(&directory.path().join(MANIFEST), &error))?;
    match FileExt::try_lock(&file) {
        Err(TryLockError::WouldBlock) => {
            return Err(broken_off(
                &format!("another download is under way in {}", directory.path().display()),
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

fn look(directory: &Directory, name: &str) -> Result<Option<Entry>, ToolError> {
    directory
        .look(name)
        .map_err(|error| unusable(&directory.path().join(name), &error))
}

/// Whether two files of the same length hold the same.
fn same(directory: &Directory, one: &str, other: &str) -> io::Result<bool> {
    let measure = |name| Ok::<_, io::Error>(directory.look(name)?.map(|there| (there.kind, there.bytes)));
    if measure(one)? != measure(other)? {
        return Ok(false);
    }
    let (mut one, mut other) = (
        directory.file(one, Open::Read)?,
        directory.file(other, Open::Read)?,
    );
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
        "fix what the system names, or choose another directory; the same call goes on where this one stopped.",
    )
}
