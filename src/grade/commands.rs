//! The commands that the user lets grade: a file outside of what tools can write names each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use dunce::canonicalize;

use crate::config::{Config, GRADERS};
use crate::error::problems::{list, nearest};
use crate::files::text;

/// The largest file of commands, in bytes.
const LARGEST: u64 = 1 << 20;

/// What commands may take of a call's time: the answer needs some too.
const SHARE: f64 = 0.8;

/// The commands that may be chosen by name.
#[derive(Clone, Default)]
pub(crate) struct Commands(Option<Known>);

#[derive(Clone)]
struct Known {
    /// The file that lists them.
    file: Option<PathBuf>,
    /// Where tools write.
    writable: Vec<PathBuf>,
    /// Until when they may take.
    deadline: Instant,
}

/// A command that may be run.
pub(super) struct Program {
    /// Itself and its arguments.
    pub(super) words: Vec<String>,
    /// Until when it may take.
    pub(super) deadline: Instant,
    known: Known,
}

impl Program {
    /// Says why it is none that only the user writes.
    pub(super) fn is_safe(&self) -> Result<(), String> {
        self.known.are_safe(&self.words)
    }
}

impl Commands {
    /// Those of this server's user, for work that may take so long. Without this nothing is known of any, and each name
    /// passes.
    #[must_use]
    pub(crate) fn of(config: &Config, time: Duration) -> Self {
        let data = config.data.iter().map(|data| data.root().to_owned());
        Self(Some(Known {
            file: config.graders.clone(),
            deadline: Instant::now() + time.mul_f64(SHARE),
            writable: config.files.directories().iter().cloned().chain(data).collect(),
        }))
    }

    /// Those of a file.
    #[cfg(all(test, unix))]
    pub(super) fn listed(file: PathBuf, time: Duration, writable: Vec<PathBuf>) -> Self {
        Self(Some(Known {
            file: Some(file),
            writable,
            deadline: Instant::now() + time,
        }))
    }

    /// The program and arguments of a command; `None`: nothing is known of any. Blocks.
    pub(super) fn find(&self, name: &str) -> Result<Option<Program>, String> {
        let Some(known) = &self.0 else { return Ok(None) };
        let Some(file) = &known.file else {
            return Err(format!(
                "is no command: the user lists none. They can, in a JSON file that {GRADERS} names, such as {{\"{name}\": [\"/opt/graders/mine\"]}}, before the server starts"
            ));
        };
        let broken =
            |problem: String| format!("cannot be looked up: {} {problem} ({GRADERS})", file.display());
        let mut all = known.read(file).map_err(broken)?;
        let Some(command) = all.remove(name) else {
            let names = || all.keys().map(String::as_str);
            let near =
                nearest(name, names()).map_or_else(String::new, |near| format!("did you mean {near}? "));
            return Err(format!(
                "is no command of the user's: {near}There are {}",
                list(names())
            ));
        };
        known
            .are_safe(&command)
            .map_err(|problem| broken(format!("gives {name} {problem}")))?;
        Ok(Some(Program {
            words: command,
            deadline: known.deadline,
            known: known.clone(),
        }))
    }

    /// The names of all, for people; an error says why they cannot be used. Blocks.
    pub(crate) fn names(&self) -> Result<Vec<String>, String> {
        let Some((known, file)) = self
            .0
            .as_ref()
            .and_then(|known| Some((known, known.file.as_ref()?)))
        else {
            return Ok(Vec::new());
        };
        let all = known.read(file)?;
        for (name, words) in &all {
            known
                .are_safe(words)
                .map_err(|problem| format!("gives {name} {problem}"))?;
        }
        Ok(all.into_keys().collect())
    }
}

impl Known {
    fn read(&self, file: &FilePath) -> Result<BTreeMap<String, Vec<String>>, String> {
        self.is_safe(file)?;
        let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
        if length > LARGEST {
            return Err("is larger than 1 MB".to_owned());
        }
        let content = fs::read(file).and_then(text);
        let content = content.map_err(|error| format!("cannot be read: {error}"))?;
        serde_json::from_str(&content).map_err(|error| {
            format!("is no object with a list for each name, the program and its arguments: {error}")
        })
    }

    /// Says why a program, or a file among its arguments, is none that only the user writes.
    fn are_safe(&self, words: &[String]) -> Result<(), String> {
        let (program, arguments) = words.split_first().ok_or("no program")?;
        self.is_safe(FilePath::new(program))
            .map_err(|problem| format!("the program {program}, which {problem}"))?;
        let files = arguments
            .iter()
            .filter(|argument| FilePath::new(argument).is_file());
        for file in files {
            self.is_safe(FilePath::new(file))
                .map_err(|problem| format!("the file {file}, which {problem}"))?;
        }
        Ok(())
    }

    /// Says why a file is none that only the user writes.
    fn is_safe(&self, file: &FilePath) -> Result<(), String> {
        if !file.is_absolute() {
            return Err("is no absolute path".to_owned());
        }
        let real = canonicalize(file).map_err(|error| format!("cannot be found: {error}"))?;
        if !real.is_file() {
            return Err("is no file".to_owned());
        }
        // Whoever writes where a link lies can replace it.
        let beside = file.parent().and_then(|folder| canonicalize(folder).ok());
        let inside = |directory: &PathBuf| {
            canonicalize(directory).is_ok_and(|directory| {
                real.starts_with(&directory)
                    || beside
                        .as_ref()
                        .is_some_and(|folder| folder.starts_with(&directory))
            })
        };
        match self.writable.iter().find(|directory| inside(directory)) {
            Some(directory) => Err(format!(
                "lies in {}, where tools write: move it elsewhere",
                directory.display()
            )),
            None => Ok(()),
        }
    }
}
