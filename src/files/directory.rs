//! A directory that is held open, and what lies in it.
//!
//! Whoever looks at a path and then uses it may get something else: another process can put a link where a directory was.
//! So a directory is opened once, component by component below one that the user allows, links not followed, and all
//! that is read and written in it goes by the open directory. Where the system knows no such thing (Windows), paths are
//! looked at just before they are used.

mod reserved;
#[cfg(not(unix))]
#[path = "directory/paths.rs"]
mod system;
#[cfg(unix)]
#[path = "directory/unix.rs"]
mod system;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

pub(crate) use reserved::is_reserved;
use system::Handle;

/// An open directory.
pub struct Directory {
    handle: Handle,
    path: PathBuf,
}

/// What a name stands for. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its length, in bytes.
    pub bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// Kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a pipe, a device and the like.
    Other,
}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To read what is there.
    Read,
    /// To write behind what is there.
    Append,
    /// The same, and make the file if it is missing.
    AppendOrNew,
    /// To write from the start, whatever was there.
    Restart,
    /// To write a file that was not there.
    New,
    /// To read and write what is there; makes the file if it is missing.
    Both,
}

impl Directory {
    /// Opens a directory by its whole path, which the user chose: links on the way are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            handle: Handle::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Its path, as it was when it was opened: for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes along `rest` as far as there are directories; returns the last one and what is missing.
    pub fn walk(self, rest: &Path) -> io::Result<(Self, PathBuf)> {
        let mut here = self;
        let mut parts = parts(rest)?.into_iter();
        while let Some(part) = parts.next() {
            match here.enter(part) {
                Ok(next) => here = next,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok((here, [part].into_iter().chain(parts).collect()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((here, PathBuf::new()))
    }

    /// The directory `rest` below it, which must be there.
    pub fn find(self, rest: &Path) -> io::Result<Self> {
        match self.walk(rest)? {
            (found, missing) if missing.as_os_str().is_empty() => Ok(found),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The directory `rest` below it, made where it is missing, for the user alone.
    pub fn make(&self, rest: &Path) -> io::Result<Self> {
        let mut here = Self {
            handle: self.handle.again()?,
            path: self.path.clone(),
        };
        for part in parts(rest)? {
            match here.handle.make(part) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => here = here.enter(part)?,
            }
        }
        Ok(here)
    }

    fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        let handle = self.handle.enter(name).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => {
                io::Error::other(format!("{} is a link or no directory", path.display()))
            }
            _ => error,
        })?;
        Ok(Self { handle, path })
    }

    /// Opens a file, which must be a regular one; one that is made is the user's alone. Never waits for somebody at the
    /// other end of a pipe.
    pub fn file(&self, name: impl AsRef<OsStr>, how: Open) -> io::Result<File> {
        let file = self.handle.file(part(name.as_ref())?, how)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(not_regular())
        }
    }

    /// What `name` stands for, if anything.
    pub fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Entry>> {
        match self.handle.look(part(name.as_ref())?) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether `file` is what `name` stands for.
    #[must_use]
    pub fn is_at(&self, name: &str, file: &File) -> bool {
        part(name).is_ok_and(|name| self.handle.is_at(name, file))
    }

    /// Removes a file.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        self.handle.remove(part(name.as_ref())?)
    }

    /// Gives a file a name that no other has.
    pub fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (part(from)?, part(to)?);
        match self.handle.rename_new(from, to) {
            // Some drives can neither do it in one step nor have two names for a file.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && self.look(to)?.is_none() => {
                self.handle.rename(from, to)
            }
            renamed => renamed,
        }
    }

    /// The names of all that lies in it.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        self.handle.names()
    }

    /// How many bytes the user may still write there; `None`: nobody knows.
    #[must_use]
    pub fn free(&self) -> Option<u64> {
        self.handle.free()
    }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// The components of a path that leads down.
fn parts(path: &Path) -> io::Result<Vec<&OsStr>> {
    let down = path.components().map(|component| match component {
        Component::Normal(part) => Ok(part),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    });
    down.collect()
}

/// A name that is one component.
fn part<S: AsRef<OsStr> + ?Sized>(name: &S) -> io::Result<&OsStr> {
    match parts(Path::new(name))?.as_slice() {
        [part] => Ok(part),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(all(test, unix))]
mod tests;
