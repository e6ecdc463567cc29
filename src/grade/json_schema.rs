//! `json_schema`: JSON of a given shape.

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Score, Subject, find, short};
use crate::arguments::schema::plain;
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
pub(super) struct Members {
    /// A JSON Schema; references to other documents are not followed.
    #[schemars(transform = plain)]
    schema: Map<String, Value>,
}

struct Ready(Validator);

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        match jsonschema::options().build(&Value::Object(self.schema)) {
            Ok(validator) => Some(Box::new(Ready(validator))),
            Err(error) => {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    String::new()
                } else {
                    format!(" at {place}")
                };
                problems.add(
                    &path.key("schema"),
                    format!("is no JSON Schema{place}: {}", short(&error.to_string())),
                );
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
        Ok(match self.0.validate(&value) {
            Ok(()) => Score::pass(true, "the schema accepts it"),
            Err(error) => {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() { "it" } else { &place };
                Score::pass(false, format!("{place}: {}", short(&error.masked().to_string())))
            }
        })
    }
}
