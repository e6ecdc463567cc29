//! The files of a tokenizer, and where they come from: a directory of the user's, Hugging Face's cache, which is only
//! read, or a hub, from which they come into the data directory.

mod cache;
mod hub;

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::context::Context;
use crate::error::ToolError;
use crate::work::blocking;

use super::bytes;

pub use cache::{Cached, cached};
pub use hub::{Reached, reach};

/// The largest `tokenizer.json`, in bytes.
const LARGEST_TOKENIZER: u64 = 64 << 20;
/// The largest of the other files; Gemma 3 has one of 1.1 MB.
const LARGEST_OTHER: u64 = 4 << 20;
/// The files, the one that must be there first.
const NAMES: [(&str, u64); 4] = [
    ("tokenizer.json", LARGEST_TOKENIZER),
    ("tokenizer_config.json", LARGEST_OTHER),
    ("chat_template.jinja", LARGEST_OTHER),
    ("generation_config.json", LARGEST_OTHER),
];

/// Which tokenizer.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// That of the sandbox's models.
    Bytes,
    /// One in a directory that is allowed.
    Directory(String),
    /// That of a model of the hub.
    Model(String),
}

/// The files of a tokenizer, as they were written.
#[derive(Clone, Debug, Default, Hash)]
pub struct Files {
    /// `tokenizer.json`
    pub tokenizer: String,
    /// `tokenizer_config.json`
    pub config: Option<String>,
    /// `chat_template.jinja`
    pub template: Option<String>,
    /// `generation_config.json`
    pub generation: Option<String>,
}

/// Where a tokenizer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The model, or the directory.
    pub name: String,
    /// The commit, if it is of a hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where the files lie.
    #[serde(rename = "from")]
    pub place: &'static str,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.commit
            .as_ref()
            .map_or(Ok(()), |commit| write!(f, " at {commit}"))
    }
}

impl Source {
    /// That of a base model. The sandbox's are bytes whatever they are called.
    #[must_use]
    pub fn of_base_model(config: &Config, base_model: &str) -> Self {
        if config.sandbox || base_model.starts_with("sandbox/") {
            Self::Bytes
        } else {
            Self::Model(base_model.to_owned())
        }
    }

    /// What somebody named: a directory, if there is one of this name, else a model.
    pub async fn named(config: &Config, name: &str) -> Result<Self, ToolError> {
        let (files, directory) = (config.files.clone(), name.to_owned());
        let is_directory = blocking(move || {
            let inside = format!("{directory}/{}", NAMES[0].0);
            files.read_if_there_blocking(&inside, 0) != Ok(None)
        });
        let named = name.to_owned();
        Ok(if is_directory.await? || !cache::is_model(name) {
            Self::Directory(named)
        } else {
            Self::Model(named)
        })
    }
}

impl Files {
    /// Reads each file with `read`, which gets its name and its largest size; `None`: there is no tokenizer.
    fn read(
        mut read: impl FnMut(&str, u64) -> Result<Option<String>, String>,
    ) -> Result<Option<Self>, String> {
        let mut next = NAMES
            .into_iter()
            .map(|(name, most)| read(name, most).map_err(|problem| format!("{name}: {problem}")));
        let mut next = || next.next().unwrap_or(Ok(None));
        let Some(tokenizer) = next()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            tokenizer,
            config: next()?,
            template: next()?,
            generation: next()?,
        }))
    }

    /// A number that stands for what is in them.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// The files of a tokenizer; those of a hub's model are downloaded if no cache has them.
pub(super) async fn find(context: &Arc<Context>, source: &Source) -> Result<(Files, Origin), ToolError> {
    match source {
        Source::Bytes => Ok(sandboxed()),
        Source::Directory(name) => directory(context, name).await,
        Source::Model(model) => {
            if !cache::is_model(model) {
                return Err(refused(
                    &format!("`{model}` is no id of a model."),
                    "give one such as Qwen/Qwen3-0.6B.",
                ));
            }
            if let Some(found) = cache::find(context, model).await? {
                return Ok(found);
            }
            hub::download(context, model).await?;
            let found = cache::find(context, model).await?;
            found.ok_or_else(|| {
                ToolError::Internal("a tokenizer was gone right after its download".to_owned())
            })
        }
    }
}

/// Those of the sandbox's models.
pub(crate) fn sandboxed() -> (Files, Origin) {
    let origin = Origin {
        name: "bytes".to_owned(),
        commit: None,
        place: "the sandbox",
    };
    (bytes::files(), origin)
}

async fn directory(context: &Arc<Context>, name: &str) -> Result<(Files, Origin), ToolError> {
    let (files, directory) = (context.config().files.clone(), name.to_owned());
    let places = files.places();
    let read = blocking(move || {
        Files::read(|file, most| {
            let path = Path::new(&directory).join(file);
            files.read_if_there_blocking(&path.to_string_lossy(), most)
        })
    });
    let origin = Origin {
        name: name.to_owned(),
        commit: None,
        place: "a directory",
    };
    match read.await? {
        Ok(Some(files)) => Ok((files, origin)),
        Ok(None) => Err(refused(
            &format!("There is no tokenizer.json in {name}."),
            &format!("give a directory that has one, under {places}; or the id of a model."),
        )),
        Err(problem) => Err(refused(
            &format!("The tokenizer in {name} cannot be read: {problem}."),
            "mend the file, or give another directory or the id of a model.",
        )),
    }
}

pub(super) fn refused(why: &str, next: &str) -> ToolError {
    ToolError::Here {
        why: why.to_owned(),
        next: next.to_owned(),
    }
}
