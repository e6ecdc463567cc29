//! The answers of the tools, as far as they are read here.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What submits an operation or shows one.
#[derive(Deserialize)]
pub struct Operation {
    pub id: String,
    pub status: String,
    #[serde(default)]
    output: Value,
    error: Option<OperationError>,
    /// Where the completions of a sampling are, as text.
    completions_file: Option<String>,
    /// Why they are nowhere.
    not_stored: Option<String>,
    /// The call that goes on with it.
    next: Option<Next>,
}

#[derive(Deserialize)]
struct OperationError {
    code: Option<String>,
    message: Option<String>,
}

/// The call that comes next, as an answer names it.
#[derive(Deserialize)]
pub struct Next {
    pub arguments: Value,
}

/// Whether an operation has come to its end.
#[derive(Debug, PartialEq)]
pub enum Progress {
    Underway,
    Completed,
    Failed(String),
}

impl Operation {
    pub fn progress(&self) -> Progress {
        match short(&self.status) {
            // Of one with a next call, the result is still to be fetched.
            "COMPLETED" if self.next.is_none() => Progress::Completed,
            "FAILED" => {
                let error = self.error.iter();
                let words = error.flat_map(|error| [&error.code, &error.message]).flatten();
                Progress::Failed(words.map(String::as_str).collect::<Vec<_>>().join(": "))
            }
            _ => Progress::Underway,
        }
    }

    /// What it came to.
    pub fn output<T: DeserializeOwned>(self) -> Result<T, String> {
        let id = &self.id;
        serde_json::from_value(self.output)
            .map_err(|error| format!("operation {id}: an unexpected output: {error}"))
    }

    /// The path of the file that holds its completions.
    pub fn completions_file(&self) -> Result<&str, String> {
        self.completions_file.as_deref().ok_or_else(|| {
            let why = self.not_stored.as_deref().unwrap_or("nobody says why");
            format!("operation {}: its completions are in no file: {why}", self.id)
        })
    }
}

/// A model resource or a training session.
#[derive(Clone, Debug, Deserialize)]
pub struct Thing {
    pub id: String,
    pub status: String,
    pub base_model: Option<String>,
    pub display_name: Option<String>,
    #[serde(default)]
    pub error: Value,
}

/// A status without what all of its kind begin with.
pub fn short(status: &str) -> &str {
    status.split_once("_STATUS_").map_or(status, |(_, short)| short)
}

impl Thing {
    pub fn is(&self, states: &[&str]) -> bool {
        states.contains(&short(&self.status))
    }
}

/// A list.
#[derive(Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
}

/// A line of the file of completions.
#[derive(Deserialize)]
pub struct Completion {
    /// The index of its prompt.
    pub result: usize,
    pub text: String,
}

/// A batch that was built.
#[derive(Deserialize)]
pub struct Built {
    pub batches: Vec<Body>,
    pub note: Option<String>,
}

/// A body of a forward-backward pass, in a file.
#[derive(Deserialize)]
pub struct Body {
    pub path: String,
}

/// The output of a forward-backward pass.
#[derive(Deserialize)]
pub struct Pass {
    #[serde(default)]
    pub metrics: serde_json::Map<String, Value>,
}

impl Pass {
    /// The mean entropy of the policy where it was trained, in nats.
    pub fn entropy(&self) -> Option<f64> {
        self.metrics.get("loss/entropy/mean").and_then(Value::as_f64)
    }
}

/// The output of a checkpoint.
#[derive(Deserialize)]
pub struct Saved {
    pub checkpoint: Checkpoint,
}

/// A checkpoint.
#[derive(Deserialize)]
pub struct Checkpoint {
    pub id: String,
}

/// A download.
#[derive(Deserialize)]
pub struct Download {
    pub files: Vec<Downloaded>,
    /// The call that goes on with it, as long as it is not complete.
    pub next: Option<Next>,
}

/// A file of it.
#[derive(Deserialize)]
pub struct Downloaded {
    /// Where it is, once it is complete.
    pub path: Option<PathBuf>,
}
