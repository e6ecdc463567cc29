//! The answers of the tools, as far as the demo reads them.

use std::path::PathBuf;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A token id. Of the sandbox's model: a byte, or 256 for the end of the text.
pub(crate) type Token = u16;

/// What submits an operation or shows one.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    output: Value,
    error: Option<OperationError>,
    /// Where the whole result is, of a kind that goes to a file.
    file: Option<String>,
    /// Why it is nowhere.
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

    /// The path of the file that holds its result.
    pub(crate) fn file(&self) -> Result<&str, String> {
        self.file.as_deref().ok_or_else(|| {
            let why = self.not_stored.as_deref().unwrap_or("nobody says why");
            format!("operation {}: its result is in no file: {why}", self.id)
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

/// A sampling as it is in the file.
#[derive(Deserialize)]
pub(crate) struct StoredSampling {
    pub(crate) output: Sampled,
}

/// The output of a sampling.
#[derive(Deserialize)]
pub(crate) struct Sampled {
    pub(crate) results: Vec<Group>,
}

/// The completions of one prompt.
#[derive(Deserialize)]
pub(crate) struct Group {
    pub(crate) sequences: Vec<Sequence>,
}

/// One completion. Its log-probabilities are the server's business.
#[derive(Deserialize)]
pub(crate) struct Sequence {
    #[serde(deserialize_with = "tokens")]
    pub(crate) tokens: Vec<Token>,
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

/// The service writes 64-bit integers as numbers or as text, and mixes the two.
#[derive(Deserialize)]
#[serde(untagged)]
enum Integer {
    Number(u64),
    Text(String),
}

impl Integer {
    fn value<E: serde::de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(E::custom),
        }
    }
}

fn tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Token>, D::Error> {
    let numbers = Vec::<Integer>::deserialize(deserializer)?.into_iter();
    numbers
        .map(|number| Token::try_from(number.value()?).map_err(D::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn integers_are_read_as_numbers_and_as_text() {
        let sequence: Sequence = read(json!({"tokens": [7, "9", 256], "logprobs": [-0.5, -1, -2.5]}));
        assert_eq!(sequence.tokens, [7, 9, 256]);
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
