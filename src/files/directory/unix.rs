//! By the `*at` calls of the system.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Entry, Kind, Open, not_regular};

/// What is made is the user's alone.
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;

/// Whoever may go through a directory need not be able to list it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEARCH: OFlags = OFlags::RDONLY;

/// An open directory.
pub(super) struct Handle(OwnedFd);

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    pub(super) fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    pub(super) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.0, name, flags, Mode::empty()) {
            // What some systems say of a link.
            Err(Errno::LOOP | Errno::MLINK) => Err(Errno::NOTDIR.into()),
            opened => Ok(Self(opened?)),
        }
    }

    pub(super) fn make(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(&self.0, name, PRIVATE_DIRECTORY)?)
    }

    pub(super) fn file(&self, name: &OsStr, how: Open) -> io::Result<File> {
        let flags = match how {
            Open::Read => OFlags::RDONLY,
            Open::Append => OFlags::WRONLY | OFlags::APPEND,
            Open::AppendOrNew => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
            Open::Restart => OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC,
            Open::New => OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
            Open::Both => OFlags::RDWR | OFlags::CREATE,
        };
        // Without NONBLOCK the opening of a pipe waits for the other end.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(&self.0, name, flags, PRIVATE_FILE) {
            // A link, or a pipe that nobody reads.
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => Err(not_regular()),
            opened => Ok(opened?.into()),
        }
    }

    pub(super) fn look(&self, name: &OsStr) -> io::Result<Entry> {
        let found = fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            _ => Kind::Other,
        };
        let seconds = u64::try_from(found.st_mtime).unwrap_or_default();
        Ok(Entry {
            kind,
            bytes: u64::try_from(found.st_size).unwrap_or_default(),
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        })
    }

    pub(super) fn is_at(&self, name: &OsStr, file: &File) -> bool {
        let there = fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
        let (Ok(there), Ok(opened)) = (there, fs::fstat(file)) else {
            return false;
        };
        (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match fs::renameat_with(&self.0, from, &self.0, to, fs::RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
            Ok(()) => return Ok(()),
            // Not every file system can.
            Err(_) => {}
        }
        fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?;
        self.remove(from)
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(fs::renameat(&self.0, from, &self.0, to)?)
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut names = Vec::new();
        for entry in fs::Dir::new(fs::openat(&self.0, ".", flags, Mode::empty())?)? {
            let name = entry?.file_name().to_bytes().to_owned();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(OsStr::from_bytes(&name).to_owned());
            }
        }
        Ok(names)
    }

    pub(super) fn free(&self) -> Option<u64> {
        let disk = fs::fstatvfs(&self.0).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
