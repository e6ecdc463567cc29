//! The answers of the tools, as far as the demo reads them.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What submits an operation or shows one.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) status: String,
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
pub(crate) struct Next {
    pub(crate) arguments: Value,
}

/// Whether an operation has come to its end.
#[derive(Debug, PartialEq)]
pub(crate) enum Progress {
    Underway,
    Completed,
    Failed(String),
}

impl Operation {
    pub(crate) fn progress(&self) -> Progress {
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
    pub(crate) fn output<T: DeserializeOwned>(self) -> Result<T, String> {
        let id = &self.id;
        serde_json::from_value(self.output)
            .map_err(|error| format!("operation {id}: an unexpected output: {error}"))
    }

    /// The path of the file that holds its completions.
    pub(crate) fn completions_file(&self) -> Result<&str, String> {
        self.completions_file.as_deref().ok_or_else(|| {
            let why = self.not_stored.as_deref().unwrap_or("nobody says why");
            format!("operation {}: its completions are in no file: {why}", self.id)
        })
    }
}

/// A model resource or a training session.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) base_model: Option<String>,
    pub(crate) display_name: Option<String>,
    #[serde(default)]
    pub(crate) error: Value,
}

/// A status without what all of its kind begin with.
pub(crate) fn short(status: &str) -> &str {
    status.split_once("_STATUS_").map_or(status, |(_, short)| short)
}

impl Thing {
    pub(crate) fn is(&self, states: &[&str]) -> bool {
        states.contains(&short(&self.status))
    }
}

/// A list.
#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
}

/// A price.
#[derive(Deserialize)]
pub(crate) struct Price {
    pub(crate) price_per_hour: f64,
    pub(crate) currency: String,
}

/// A line of the file of completions.
#[derive(Deserialize)]
pub(crate) struct Completion {
    /// The index of its prompt.
    pub(crate) result: usize,
    pub(crate) text: String,
}

/// A batch that was built.
#[derive(Deserialize)]
pub(crate) struct Built {
    pub(crate) batches: Vec<Body>,
    pub(crate) note: Option<String>,
}

/// A body of a forward-backward pass, in a file.
#[derive(Deserialize)]
pub(crate) struct Body {
    pub(crate) path: String,
}

/// The output of a forward-backward pass.
#[derive(Deserialize)]
pub(crate) struct Pass {
    pub(crate) loss: f64,
    #[serde(default)]
    pub(crate) metrics: serde_json::Map<String, Value>,
}

impl Pass {
    /// The mean entropy of the policy where it was trained, in nats.
    pub(crate) fn entropy(&self) -> Option<f64> {
        self.metrics.get("loss/entropy/mean").and_then(Value::as_f64)
    }
}

/// The output of a checkpoint.
#[derive(Deserialize)]
pub(crate) struct Saved {
    pub(crate) checkpoint: Checkpoint,
}

/// A checkpoint.
#[derive(Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) id: String,
}

/// A download.
#[derive(Deserialize)]
pub(crate) struct Download {
    pub(crate) files: Vec<Downloaded>,
    /// The call that goes on with it, as long as it is not complete.
    pub(crate) next: Option<Next>,
}

/// A file of it.
#[derive(Deserialize)]
pub(crate) struct Downloaded {
    /// Where it is, once it is complete.
    pub(crate) path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_operation_is_under_way_until_it_says_otherwise() {
        let operation = |value: Value| read::<Operation>(value).progress();
        let status = |short: &str| format!("TRAINING_OPERATION_STATUS_{short}");
        for short in ["PENDING", "RUNNING", "UNSPECIFIED", "SOMETHING_NEW"] {
            let progress = operation(json!({"id": "o", "status": status(short)}));
            assert_eq!(progress, Progress::Underway);
        }
        let completed = operation(json!({"id": "o", "status": status("COMPLETED")}));
        assert_eq!(completed, Progress::Completed);
        let next = json!({"tool": "get-sample-operation", "arguments": {}});
        let unfetched = operation(json!({"id": "o", "status": status("COMPLETED"), "next": next}));
        assert_eq!(unfetched, Progress::Underway);
        let error = json!({"code": "TRAINING_OPERATION_ERROR_CODE_TIMEOUT", "message": "took too long"});
        let failed = operation(json!({"id": "o", "status": status("FAILED"), "error": error}));
        let words = "TRAINING_OPERATION_ERROR_CODE_TIMEOUT: took too long".to_owned();
        assert_eq!(failed, Progress::Failed(words));
    }

    #[test]
    fn a_thing_is_in_one_of_some_states() {
        let thing: Thing = read(json!({"id": "r", "status": "MODEL_RESOURCES_STATUS_READY"}));
        assert!(thing.is(&["CREATING", "READY"]) && !thing.is(&["STOPPED"]));
    }
}
