//! `json_schema`: JSON of a given shape.

mod accept;
mod schema;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Score, Subject, find};
use crate::arguments::schema::plain;
use crate::error::problems::{Path, Problems};

use accept::accept;
use schema::Schema;

#[derive(Deserialize, JsonSchema)]
pub(super) struct Members {
    /// A JSON Schema of draft 2020-12 without references to other documents; format says nothing.
    #[schemars(transform = plain)]
    schema: Map<String, Value>,
}

struct Ready(Schema);

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        // OpenAI's wrapper: what it holds is meant.
        let inner = self.schema.get("schema").filter(|inner| inner.is_object());
        if inner.is_some() && self.schema.contains_key("name") {
            problems.add(
                &path.key("schema"),
                "is a wrapper with name and schema: give what stands in its schema alone",
            );
            return None;
        }
        match Schema::read(&Value::Object(self.schema)) {
            Ok(schema) => Some(Box::new(Ready(schema))),
            Err(problem) => {
                problems.add(&path.key("schema"), format!("is no JSON Schema: {problem}"));
                None
            }
        }
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let Some(value) = find::json(subject.text) else {
            return Ok(Score::pass(false, "no JSON found"));
        };
        Ok(match accept(&self.0, &value) {
            Ok(()) => Score::pass(true, "the schema accepts it"),
            Err(refusal) if refusal.place.is_empty() => Score::pass(false, format!("it {}", refusal.why)),
            Err(refusal) => Score::pass(false, format!("{} {}", refusal.place, refusal.why)),
        })
    }
}

#[cfg(test)]
mod tests;
