//! Arguments that may come in a file: checked exactly like those that were written into the call.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arguments::Accepts;
use crate::arguments::schema::input_schema;
use crate::error::problems::{Path, Problems, or_inline};
use crate::files::{Files, LARGEST_JSON};
use crate::json::{self, lines};

/// What the caller gave, and the argument that it came in.
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) name: &'static str,
}

/// An argument that is written into the call or named by its `…_path`. `None`: neither, or it cannot be used.
pub(super) fn given<T: DeserializeOwned + JsonSchema>(
    written: (&'static str, Option<T>),
    file: (&'static str, Option<&str>),
    files: &Files,
    problems: &mut Problems,
) -> Option<Given<T>> {
    let (name, path) = file;
    let Some(path) = path else {
        let (name, value) = written;
        return value.map(|value| Given { value, name });
    };
    match read(name, path, written.0, files) {
        Ok(value) => Some(Given { value, name }),
        Err(more) => {
            problems.append(more);
            None
        }
    }
}

fn read<T: DeserializeOwned + JsonSchema>(
    name: &'static str,
    path: &str,
    inline: &str,
    files: &Files,
) -> Result<T, Problems> {
    let unusable = |problem: String| Problems::one(&Path::Root.key(name), problem);
    let schema = input_schema::<T>();
    let is_lines = is_list_of_objects(&schema);
    let text = files.read_blocking(path, LARGEST_JSON).and_then(|text| {
        if is_lines && text.trim_start().starts_with('{') {
            of_lines(&text)
        } else {
            json::of_file(text)
        }
    });
    let text = text.map_err(|problem| {
        unusable(if inline == name {
            problem
        } else {
            or_inline(&problem, inline)
        })
    })?;
    let accepts = Accepts::new(&serde_json::json!({
        "type": "object",
        "properties": {name: schema},
        "required": [name],
    }));
    let arguments = format!("{{\"{name}\":{text}}}");
    let mut arguments: BTreeMap<String, T> = accepts.read(&arguments, |_, _| ())?;
    arguments
        .remove(name)
        .ok_or_else(|| unusable("the file holds nothing".to_owned()))
}

fn is_list_of_objects(schema: &Value) -> bool {
    let kind_is = |schema: &Value, kind: &str| schema.get("type").is_some_and(|own| own == kind);
    kind_is(schema, "array") && schema.get("items").is_some_and(|items| kind_is(items, "object"))
}

/// The list that JSON lines are, or what is wrong with one of them. An object that was written over several lines is a list
/// of one.
fn of_lines(text: &str) -> Result<Box<RawValue>, String> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(one) => json::of_file(format!("[{one}]")),
        Err(_) => lines::joined(text),
    }
}
