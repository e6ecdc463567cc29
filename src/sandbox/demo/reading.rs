//! The answers of the tools, as far as the demo reads them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A token id. Of the sandbox's model: a byte, or 256 for the end of the text.
pub(super) type Token = u16;

/// What submits an operation or shows one.
#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) output: Value,
    #[serde(default)]
    error: Option<OperationError>,
}

#[derive(Deserialize)]
struct OperationError {
    code: Option<String>,
    message: Option<String>,
}

/// Whether an operation has come to its end.
#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    Underway,
    Completed(Value),
    Failed(String),
}

impl Operation {
    pub(super) fn progress(self) -> Progress {
        match short(&self.status) {
            "COMPLETED" => Progress::Completed(self.output),
            "FAILED" => {
                let error = self.error.map(|error| (error.code, error.message));
                let (code, message) = error.unwrap_or_default();
                let words = [code, message].into_iter().flatten().collect::<Vec<_>>();
                Progress::Failed(words.join(": "))
            }
            _ => Progress::Underway,
        }
    }
}

/// A model resource or a training session.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) base_model: Option<String>,
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) error: Value,
}

/// A status without what all of its kind begin with.
pub(super) fn short(status: &str) -> &str {
    status.split_once("_STATUS_").map_or(status, |(_, short)| short)
}

impl Thing {
    pub(super) fn is(&self, states: &[&str]) -> bool {
        states.contains(&short(&self.status))
    }
}

/// A list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
}

/// A price.
#[derive(Deserialize)]
pub(super) struct Price {
    pub(super) price_per_hour: f64,
    pub(super) currency: String,
}

/// The output of a sampling.
#[derive(Deserialize)]
pub(super) struct Sampled {
    pub(super) results: Vec<Group>,
}

/// The completions of one prompt.
#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) sequences: Vec<Sequence>,
}

/// One completion.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Sequence {
    #[serde(deserialize_with = "tokens")]
    pub(super) tokens: Vec<Token>,
    pub(super) logprobs: Vec<f64>,
}

/// The output of a forward-backward pass.
#[derive(Deserialize)]
pub(super) struct Pass {
    pub(super) loss: f64,
    #[serde(default)]
    pub(super) metrics: serde_json::Map<String, Value>,
}

impl Pass {
    /// The mean entropy of the policy where it was trained, in nats.
    pub(super) fn entropy(&self) -> Option<f64> {
        self.metrics.get("loss/entropy/mean").and_then(Value::as_f64)
    }
}

/// The output of a checkpoint.
#[derive(Deserialize)]
pub(super) struct Saved {
    pub(super) checkpoint: Checkpoint,
}

/// A checkpoint.
#[derive(Deserialize)]
pub(super) struct Checkpoint {
    pub(super) id: String,
}

/// A file to download.
#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) filename: String,
    #[serde(deserialize_with = "count")]
    pub(super) size: u64,
    pub(super) url: String,
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

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Integer::deserialize(deserializer)?.value()
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
        let link: Link = read(json!({"filename": "f", "size": "12", "url": "http://127.0.0.1/f"}));
        assert_eq!(link.size, 12);
    }

    #[test]
    fn an_operation_is_under_way_until_it_says_otherwise() {
        let operation = |value: Value| read::<Operation>(value).progress();
        let status = |short: &str| format!("TRAINING_OPERATION_STATUS_{short}");
        for short in ["PENDING", "RUNNING", "UNSPECIFIED", "SOMETHING_NEW"] {
            let progress = operation(json!({"id": "o", "status": status(short)}));
            assert_eq!(progress, Progress::Underway);
        }
        let completed = operation(json!({"id": "o", "status": status("COMPLETED"), "output": {"step": "3"}}));
        assert_eq!(completed, Progress::Completed(json!({"step": "3"})));
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
