//! `rl-mcp skill`: puts the Agent Skill where hosts look for skills.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use super::{Cli, refuse_serving};
use crate::error::problems::counted;
use crate::skill::{self, FILES, NAME};
use crate::wrapped::Wrapped;

#[derive(Args, Clone)]
pub struct Installing {
    /// Put it into this directory, as DIR/rl-post-training. If a file there has another content, it is named and nothing is
    /// written.
    #[arg(long, value_name = "DIR")]
    pub install: Option<PathBuf>,
    /// Write it as a zip file, for hosts that take skills as an upload.
    #[arg(long, value_name = "FILE", conflicts_with = "install")]
    pub zip: Option<PathBuf>,
    /// Replace what has another content.
    #[arg(long)]
    pub force: bool,
}

/// A file to be written.
struct Planned {
    path: PathBuf,
    content: Vec<u8>,
}

impl Installing {
    /// Does what is asked for; without anything, says what the skill is.
    pub(crate) fn run(&self, cli: &Cli) -> Result<(), String> {
        refuse_serving(cli, "skill", false)?;
        let said = match (&self.install, &self.zip) {
            (Some(directory), _) => {
                let place = directory.join(NAME);
                let files = FILES.map(|file| Planned {
                    path: place.join(file.path),
                    content: file.text.into(),
                });
                let written = self.write(&files)?;
                format!(
                    "{} is in {}: {} written, {} as before.\n",
                    NAME,
                    place.display(),
                    counted(written, "file"),
                    files.len() - written
                )
            }
            (None, Some(path)) => {
                let content = skill::zip().map_err(|error| format!("cannot pack the skill: {error}"))?;
                let planned = Planned {
                    path: path.clone(),
                    content,
                };
                let written = self.write(&[planned])?;
                let what = if written == 0 { "as before" } else { "written" };
                format!("{}: {what}.\n", path.display())
            }
            (None, None) if self.force => {
                return Err("--force goes with --install or --zip".to_owned());
            }
            (None, None) => about(),
        };
        write!(Wrapped::stdout(), "{said}").map_err(|error| error.to_string())
    }

    /// Writes what is not there yet, all or nothing; returns how many files that were.
    fn write(&self, files: &[Planned]) -> Result<usize, String> {
        let mut others = Vec::new();
        let mut missing = Vec::new();
        for file in files {
            match file.found() {
                Ok(Some(content)) if content == file.content => {}
                Ok(Some(_)) if !self.force => others.push(file.path.display().to_string()),
                Ok(_) => missing.push(file),
                Err(error) => return Err(format!("{} cannot be read: {error}", file.path.display())),
            }
        }
        if !others.is_empty() {
            return Err(format!(
                "nothing was written, as there is another content in: {} (--force replaces it)",
                others.join(", ")
            ));
        }
        // Whatever can fail for want of room or rights does so before the first file changes.
        let staged: Vec<(NamedTempFile, &Path)> = missing
            .iter()
            .map(|file| file.staged().map(|staged| (staged, file.path.as_path())))
            .collect::<Result<_, _>>()?;
        let written = staged.len();
        for (staged, path) in staged {
            staged
                .persist(path)
                .map_err(|error| format!("{} cannot be written: {}", path.display(), error.error))?;
        }
        Ok(written)
    }
}

impl Planned {
    /// What is there now.
    fn found(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content beside its place, under another name.
    fn staged(&self) -> Result<NamedTempFile, String> {
        let stage = || {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut file = tempfile::Builder::new();
            readable(&mut file);
            let mut file = file.tempfile_in(folder)?;
            file.write_all(&self.content)?;
            Ok(file)
        };
        stage().map_err(|error: io::Error| format!("{} cannot be written: {error}", self.path.display()))
    }
}

/// Temporary files are the user's alone, and a skill in a project is everybody's who works at it.
#[cfg(unix)]
fn readable(file: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    file.permissions(fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn readable(_: &mut tempfile::Builder<'_, '_>) {}

/// What it is, and where it goes.
fn about() -> String {
    let mut text = format!("{NAME}, an Agent Skill. {}\n\n", skill::description());
    for file in FILES {
        let _ = writeln!(text, "  {:<26}{}", file.path, file.title());
    }
    text.push_str(
        "\nHosts look for skills in a directory of the project, or of the user:\n\n  \
         Claude Code     .claude/skills   ~/.claude/skills\n  \
         other hosts     .agents/skills   ~/.agents/skills\n\n\
         Put it there, or write a zip file for a host that takes skills as an upload:\n\n  \
         rl-mcp skill --install .claude/skills\n  \
         rl-mcp skill --zip rl-post-training.zip\n",
    );
    text
}
