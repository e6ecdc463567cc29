//! `json_fields`: values in JSON.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, find, short};
use crate::arguments::schema::{plain, renamed};
use crate::error::problems::{Path, Problems};
use crate::json;

/// How many fields are named that differ.
const MOST_NAMED: usize = 4;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("expected", "fields"), ("keys", "fields")]))]
pub(super) struct Members {
    /// The name of each field, with dots to reach into objects and lists, and its value, such as {{row.city}}.
    #[schemars(transform = plain)]
    fields: Map<String, Value>,
}

struct Ready(Vec<(String, Expected)>);

enum Expected {
    Value(Value),
    Reference(Reference),
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let at = path.key("fields");
        if self.fields.is_empty() {
            problems.add(&at, "is empty: name at least one field");
            return None;
        }
        let fields = self.fields.into_iter().map(|(name, value)| {
            let expected = match value {
                Value::String(text) => Expected::Reference(Reference::new(&text, &at.key(&name), problems)),
                value => Expected::Value(value),
            };
            (name, expected)
        });
        Some(Box::new(Ready(fields.collect())))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let value = find::json(subject.text);
        let mut different = Vec::new();
        for (name, expected) in &self.0 {
            let wanted = expected.value(subject.row)?;
            let found = value.as_ref().and_then(|value| field(value, name));
            if !found.is_some_and(|found| are_equal(found, &wanted)) {
                let found = found.map_or("absent".to_owned(), written);
                different.push(format!("{name}: {found}, expected {}", written(&wanted)));
            }
        }
        let all = self.0.len();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 fields")]
        let share = (all - different.len()) as f64 / all as f64;
        let why = if value.is_none() {
            "no JSON found".to_owned()
        } else if different.is_empty() {
            "all fields are as expected".to_owned()
        } else {
            different.truncate(MOST_NAMED);
            different.join("; ")
        };
        Ok(Score::new(share, why))
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.0
            .iter()
            .try_for_each(|(_, expected)| expected.value(row).map(drop))
    }
}

impl Expected {
    fn value(&self, row: &Map<String, Value>) -> Result<Value, Failure> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Reference(reference) => reference.value(row),
        }
    }
}

fn written(value: &Value) -> String {
    short(&json::text(value).unwrap_or_default())
}

/// What is reached by names and indexes with dots between them.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(name) {
        return Some(found);
    }
    name.split('.').try_fold(value, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })
}

/// Texts without white space around them, and numbers by their value, also where one is written as a text.
fn are_equal(found: &Value, expected: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
        _ => None,
    };
    let is_whole = |value: f64| value.fract() == 0.0;
    match (text(found), text(expected)) {
        (Some(found), Some(expected)) if found == expected => true,
        _ => match (number(found), number(expected)) {
            // Whole numbers may be ids: they are equal or not.
            (Some(found), Some(expected)) if is_whole(found) && is_whole(expected) => {
                (found - expected).abs() == 0.0
            }
            (Some(found), Some(expected)) => {
                (found - expected).abs() <= 1e-9 * found.abs().max(expected.abs())
            }
            _ => found == expected,
        },
    }
}
