//! A training run as one job: its recipe, its directory, and what is told of it.
//!
//! The loop itself is in `worker`, in a process of its own. Server and worker share nothing but the directory of the run
//! (`place.rs`): the server reads it, and leaves a request to stop there.

pub(crate) mod intents;
pub(crate) mod launch;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod recipe;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod state;
pub(crate) mod steps;
pub(crate) mod view;

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use launch::Launcher;
pub(crate) use place::Place;
pub(crate) use recipe::Recipe;
pub(crate) use state::{State, Status};

/// The file that holds [`Frozen`].
pub(crate) const FROZEN: &str = "recipe.json";

/// What a run was started with, which never changes: `recipe.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Frozen {
    /// The version of this program.
    pub(crate) version: String,
    pub(crate) recipe: Box<RawValue>,
    pub(crate) dataset: File,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eval_dataset: Option<File>,
    /// The grader, as it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grader: Option<Box<RawValue>>,
    /// Whose tokenizer, at which commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokenizer: Option<serde_json::Value>,
    pub(crate) steps: usize,
}

impl Frozen {
    /// Reads it; `None`: the run was never started. Blocks.
    pub(crate) fn read(place: &Place) -> io::Result<Option<Self>> {
        let text = place.read(FROZEN)?;
        text.map(|text| serde_json::from_str(&text).map_err(io::Error::other))
            .transpose()
    }
}

/// A file of rows.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) rows: usize,
}
