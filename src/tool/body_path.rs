//! `body_path`: where a tool takes `body`, it takes a file that holds it instead.
//!
//! The file's content is put in the place of the body before anything is checked, so that it is checked exactly like one
//! that was written into the call.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use crate::api::Call;
use crate::api::json::{self, Object};
use crate::error::ToolError;
use crate::files::LARGEST_JSON;
use crate::problems::{Path, Problems};

/// The argument that stands for the body.
const BODY: &str = "body";
/// The argument that names the file.
const BODY_PATH: &str = "body_path";
/// What the model reads about it.
const DESCRIPTION: &str = "In place of body: a JSON file.";
/// Adds the argument to the published schema of a tool that takes a body, which is then no longer required.
pub(super) fn publish(schema: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    if !properties.contains_key(BODY) {
        return;
    }
    let members = std::mem::take(properties);
    for (name, member) in members {
        let is_body = name == BODY;
        properties.insert(name, member);
        if is_body {
            properties.insert(
                BODY_PATH.to_owned(),
                json!({"type": "string", "description": DESCRIPTION}),
            );
        }
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name != BODY);
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

/// Models fill optional arguments with `null` and with empty text.
fn is_given(value: &RawValue) -> bool {
    !["null", "\"\""].contains(&value.get())
}

/// The arguments with the file's content as the body, if they name one.
pub(super) async fn resolve<'a>(call: &Call<'_>, raw: &'a str) -> Result<Cow<'a, str>, ToolError> {
    if memmem::find(raw.as_bytes(), b"\"body_path\"").is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let at = Path::Root.key(BODY_PATH);
    let unusable = |problem: String| ToolError::Arguments(Problems::one(&at, problem));
    // What is no object is reported by the checks.
    let Ok(mut arguments) = serde_json::from_str::<Object>(raw) else {
        return Ok(Cow::Borrowed(raw));
    };
    let Some(named) = arguments.remove(BODY_PATH).filter(|value| is_given(value)) else {
        return json::text(&arguments).map(Cow::Owned);
    };
    if arguments.get(BODY).is_some_and(is_given) {
        return Err(unusable("stands in place of body: give one of them".to_owned()));
    }
    let path: String = serde_json::from_str(named.get())
        .map_err(|_| unusable("is no text: write the path of a JSON file".to_owned()))?;
    let files = call.api.config().files.clone();
    // A body of many megabytes must not hold up the other calls.
    let body = spawn_blocking(move || {
        let text = files.read_blocking(&path, LARGEST_JSON)?;
        json::of_file(text)
    });
    let body = body
        .await
        .unwrap_or_else(|_| Err("reading the file failed".to_owned()))
        .map_err(unusable)?;
    arguments.set(BODY, body);
    json::text(&arguments).map(Cow::Owned)
}
