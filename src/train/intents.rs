//! What a run was about to submit, and what came of it: `intents.jsonl`.
//!
//! A line is written through to the disk before each submission, with the idempotency key and all arguments. A worker that
//! takes the run up again finds there what has an operation already, and repeats under its own key what may have none: no
//! operation is started twice, and none is lost.

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::place::Place;

const FILE: &str = "intents.jsonl";

/// A line of the file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Line {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arguments: Option<Value>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// What is known of one submission.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// It was about to be sent with these arguments.
    Meant(Value),
    /// It is this operation, or made this.
    Is(String),
}

/// All of them, by key.
#[derive(Debug, Default)]
pub(crate) struct Intents(HashMap<String, Known>);

impl Intents {
    /// Reads them. Blocks.
    pub(crate) fn read(place: &Place) -> io::Result<Self> {
        let mut known = HashMap::new();
        for line in place.lines::<Line>(FILE)? {
            match (line.id, line.arguments) {
                (Some(id), _) => drop(known.insert(line.key, Known::Is(id))),
                (None, Some(arguments)) => drop(known.insert(line.key, Known::Meant(arguments))),
                (None, None) => {}
            }
        }
        Ok(Self(known))
    }

    /// What is known of a submission.
    pub(crate) fn of(&self, key: &str) -> Option<&Known> {
        self.0.get(key)
    }

    /// Writes down that this is about to be sent. Blocks.
    pub(crate) fn mean(&mut self, place: &Place, key: &str, tool: &str, arguments: &Value) -> io::Result<()> {
        let line = Line {
            key: key.to_owned(),
            tool: Some(tool.to_owned()),
            arguments: Some(arguments.clone()),
            id: None,
        };
        place.append(FILE, &line)?;
        self.0.insert(line.key, Known::Meant(arguments.clone()));
        Ok(())
    }

    /// Empties the file: what stands in it is done. Blocks.
    pub(crate) fn forget(place: &Place) -> io::Result<()> {
        place.replace_lightly(FILE, b"")
    }

    /// Writes down what came of it. Blocks.
    pub(crate) fn is(&mut self, place: &Place, key: &str, id: &str) -> io::Result<()> {
        let line = Line {
            key: key.to_owned(),
            id: Some(id.to_owned()),
            ..Line::default()
        };
        place.append(FILE, &line)?;
        self.0.insert(line.key, Known::Is(id.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::data::{Data, Limits};
    use serde_json::json;

    #[test]
    fn what_was_meant_and_what_it_became_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::new(directory.path().to_owned(), Limits::default());
        let place = Place::make(&data, "sft", |_| Ok(())).unwrap();
        let mut intents = Intents::read(&place).unwrap();
        intents.mean(&place, "k1", "sample", &json!({"a": 1})).unwrap();
        intents.mean(&place, "k2", "sample", &json!({"a": 2})).unwrap();
        intents.is(&place, "k1", "op_1").unwrap();
        let read = Intents::read(&place).unwrap();
        for intents in [&intents, &read] {
            assert_eq!(intents.of("k1"), Some(&Known::Is("op_1".to_owned())));
            assert_eq!(intents.of("k2"), Some(&Known::Meant(json!({"a": 2}))));
            assert_eq!(intents.of("k3"), None);
        }
        Intents::forget(&place).unwrap();
        assert_eq!(Intents::read(&place).unwrap().of("k1"), None);
    }
}
