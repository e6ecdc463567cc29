//! By paths, which are looked at just before they are used: where the system has no open directories.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Entry, Kind, Open, not_regular};
use crate::files::held_up::patiently;

/// The path of a directory.
pub(super) struct Handle(PathBuf);

#[expect(
    clippy::unnecessary_wraps,
    reason = "the same form as where directories are open"
)]
impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.metadata()?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone()))
    }

    pub(super) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        match self.look(name)?.kind {
            Kind::Directory => Ok(Self(self.0.join(name))),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn make(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    pub(super) fn file(&self, name: &OsStr, how: Open) -> io::Result<File> {
        match self.look(name) {
            Ok(there) if there.kind != Kind::File => return Err(not_regular()),
            _ => {}
        }
        let mut options = File::options();
        match how {
            Open::Read => options.read(true),
            Open::Append => options.append(true),
            Open::AppendOrNew => options.append(true).create(true),
            Open::Restart => options.write(true).create(true).truncate(true),
            Open::New => options.write(true).create_new(true),
            Open::Both => options.read(true).write(true).create(true).truncate(false),
        };
        options.open(self.0.join(name))
    }

    pub(super) fn look(&self, name: &OsStr) -> io::Result<Entry> {
        let found = self.0.join(name).symlink_metadata()?;
        let kind = if found.is_file() {
            Kind::File
        } else if found.is_dir() {
            Kind::Directory
        } else {
            Kind::Other
        };
        Ok(Entry {
            kind,
            bytes: found.len(),
            modified: found.modified().unwrap_or_else(|_| SystemTime::now()),
        })
    }

    /// A file that is open keeps its name.
    pub(super) fn is_at(&self, name: &OsStr, _: &File) -> bool {
        self.look(name).is_ok()
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        patiently(|| fs::remove_file(self.0.join(name)))
    }

    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let (from, to) = (self.0.join(from), self.0.join(to));
        patiently(|| {
            tempfile::TempPath::try_from_path(&from)?
                .persist_noclobber(&to)
                .map_err(|refused| {
                    let _ = refused.path.keep();
                    refused.error
                })
        })
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        patiently(|| fs::rename(self.0.join(from), self.0.join(to)))
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name()));
        names.collect()
    }

    pub(super) fn free(&self) -> Option<u64> {
        fs4::available_space(&self.0).ok()
    }
}
