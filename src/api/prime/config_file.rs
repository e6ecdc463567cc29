//! A training config as the trainer's users keep it: a TOML file, turned into the body that creates a run
//! (`prime-training`, "Config: from TOML to JSON").

use serde_json::Value;
use toml::Table;

use crate::api::json::{self, Object};
use crate::error::ToolError;
use crate::problems::{Path, Problems};

/// Keys of the file that belong beside the config, and the members of the body that they become.
const MOVED: [(&str, &str); 4] = [
    ("image_tag", "imageTag"),
    ("gpu_type", "gpuType"),
    ("volume", "volume"),
    ("source_ref", "sourceRef"),
];

/// Keys of the file that mean something to the official command line only.
const DROPPED: [&str; 4] = ["env_file", "env_files", "volume_size", "type"];

/// Puts the config in `text` into `body`; what the body says itself wins. Returns the keys that were left out.
pub fn fill(body: &mut Object, text: &str, path: &Path<'_>) -> Result<Vec<&'static str>, ToolError> {
    let mut table: Table = text.parse().map_err(|error| unreadable(&error, text, path))?;
    let mut problems = Problems::default();
    for (key, member) in MOVED {
        match table.remove(key) {
            None => {}
            // The body's own word wins.
            Some(toml::Value::String(_)) if body.get(member).is_some() => {}
            Some(toml::Value::String(value)) => body.set(member, json::raw(json::text(&value)?)?),
            Some(other) => {
                problems.add(
                    &path.key(key),
                    format!("is of type {}, but must be text", other.type_str()),
                );
            }
        }
    }
    let dropped = DROPPED
        .into_iter()
        .filter(|key| table.remove(*key).is_some())
        .collect();
    let config = object(table, path, &mut problems);
    if !problems.is_empty() {
        return Err(ToolError::Arguments(problems));
    }
    body.set("config", json::raw(json::text(&config)?)?);
    Ok(dropped)
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
        format!("the file is no TOML{place}: {}", error.message()),
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
