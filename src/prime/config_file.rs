//! A training config as the trainer's users keep it: a TOML file, turned into JSON (`prime-training`, "Config: from TOML
//! to JSON").

use serde_json::Value;
use toml::Table;

use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;

/// The config in the text of a file, as JSON text. `path` is that of the argument that names the file.
pub(crate) fn read(text: &str, path: &Path<'_>) -> Result<String, ToolError> {
    let table: Table = text.parse().map_err(|error| unreadable(&error, text, path))?;
    let mut problems = Problems::default();
    let config = object(table, path, &mut problems);
    if !problems.is_empty() {
        return Err(ToolError::Arguments(problems));
    }
    json::text(&config)
}

/// Where the file is wrong. The line itself is not repeated: it may hold a secret.
fn unreadable(error: &toml::de::Error, text: &str, path: &Path<'_>) -> ToolError {
    let place = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or_else(String::new, |before| {
            format!(" in line {}", before.matches('\n').count() + 1)
        });
    ToolError::Arguments(Problems::one(
        path,
        format!("the file is not TOML{place}: {}", error.message()),
    ))
}

fn object(table: Table, path: &Path<'_>, problems: &mut Problems) -> Value {
    let members = table.into_iter().map(|(key, value)| {
        let value = convert(value, &path.key(&key), problems);
        (key, value)
    });
    Value::Object(members.collect())
}

fn convert(value: toml::Value, path: &Path<'_>, problems: &mut Problems) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number).map_or_else(
            || {
                problems.add(path, format!("is {number}, which JSON cannot carry"));
                Value::Null
            },
            Value::Number,
        ),
        toml::Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items
                .map(|(index, item)| convert(item, &path.index(index), problems))
                .collect()
        }
        toml::Value::Table(table) => object(table, path, problems),
    }
}
