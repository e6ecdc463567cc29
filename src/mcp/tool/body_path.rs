//! `body_path`: where a tool takes `body`, it takes a file that holds it instead.
//!
//! The file's content is put in the place of the body before anything is checked, so that it is checked exactly like one
//! that was written into the call. What the call says of the body besides, in `body` or as an argument of its own, is laid
//! over it: a batch that a tool wrote is often wanted with a flag more, and nobody can write it into the file. A file that
//! cannot be used is reported beside whatever else is wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::arguments::{Accepts, Rule};
use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, list, or_inline};
use crate::files::LARGEST_JSON;
use crate::json;
use crate::json::Object;
use crate::work::{blocking, is_large};

/// The argument that stands for the body.
const BODY: &str = "body";
/// The argument that names the file.
const BODY_PATH: &str = "body_path";
/// What it is called by those who think of what is in the file.
const MISNAMED: [&str; 6] = [
    "batch_path",
    "batch_file",
    "body_file",
    "bodyPath",
    "data_path",
    PATH,
];
const PATH: &str = "path";
/// What the model reads about it.
const DESCRIPTION: &str = "A JSON file; body adds to it.";

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

/// The arguments with the file's content as the body, if they name one, and what is wrong with how they do. Where the file
/// cannot be used, the body is what the call adds to it, and nothing counts as missing there.
pub(super) async fn resolve<'a>(
    call: &Call<'_>,
    accepts: &Accepts,
    raw: Cow<'a, str>,
) -> Result<(Cow<'a, str>, Problems), ToolError> {
    let body = Path::Root.key(BODY);
    let (mut problems, moved) = if let Some((name, renamed)) = misnamed(&raw) {
        (
            Problems::one(&Path::Root.key(name), "is called body_path here"),
            renamed,
        )
    } else if let Some(moved) = beside_body(&raw) {
        (
            Problems::one(&body.key(BODY_PATH), "belongs beside body: write body_path"),
            moved,
        )
    } else {
        return with_body(call, accepts, raw).await;
    };
    let (raw, more) = with_body(call, accepts, Cow::Owned(moved)).await?;
    problems.append(more);
    Ok((raw, problems))
}

/// The arguments with `body_path` under its name, if it has another one, and that.
fn misnamed(raw: &str) -> Option<(&'static str, String)> {
    // Who names a file writes little besides.
    if is_large(raw.len()) {
        return None;
    }
    let name = MISNAMED
        .into_iter()
        .find(|name| raw.contains(&format!("\"{name}\"")))?;
    let mut arguments: Object = serde_json::from_str(raw).ok()?;
    // Beside a body a path is one of another thing.
    let has_body = name == PATH && arguments.get(BODY).is_some_and(is_given);
    if has_body || arguments.get(BODY_PATH).is_some() {
        return None;
    }
    let path = arguments
        .remove(name)
        .filter(|path| path.get().starts_with('"'))?;
    arguments.set(BODY_PATH, path);
    Some((name, json::text(&arguments).ok()?))
}

/// The arguments with `body_path` where it belongs, if it stands inside of the body.
fn beside_body(raw: &str) -> Option<String> {
    memmem::find(raw.as_bytes(), b"body_path")?;
    let mut arguments: Object = serde_json::from_str(raw).ok()?;
    let body = arguments.get(BODY)?;
    // Some hosts write an object as text.
    let inside = serde_json::from_str::<String>(body.get());
    let mut body: Object = serde_json::from_str(inside.as_deref().unwrap_or_else(|_| body.get())).ok()?;
    let path = body.remove(BODY_PATH)?;
    if arguments.get(BODY_PATH).is_some_and(is_given) {
        return None;
    }
    arguments.set(BODY_PATH, path);
    arguments.set(BODY, json::raw(json::text(&body).ok()?).ok()?);
    json::text(&arguments).ok()
}

/// The same of arguments with `body_path` in its place.
async fn with_body<'a>(
    call: &Call<'_>,
    accepts: &Accepts,
    raw: Cow<'a, str>,
) -> Result<(Cow<'a, str>, Problems), ToolError> {
    let fine = Problems::default;
    if memmem::find(raw.as_bytes(), b"\"body_path\"").is_none() {
        return Ok((raw, fine()));
    }
    // What is no object is reported by the checks.
    let Ok(mut arguments) = serde_json::from_str::<Object>(&raw) else {
        return Ok((raw, fine()));
    };
    let Some(named) = arguments.remove(BODY_PATH).filter(|value| is_given(value)) else {
        return Ok((Cow::Owned(json::text(&arguments)?), fine()));
    };
    let (added, mut problems) = added(&mut arguments, accepts);
    let body = match read(call, accepts, &named).await? {
        Ok(body) => joined(body, added, &mut problems)?,
        Err(problem) => {
            let body = Path::Root.key(BODY);
            let mut unusable = Problems::with_open(&body);
            unusable.add(&Path::Root.key(BODY_PATH), problem);
            unusable.append(problems);
            problems = unusable;
            json::raw(json::text(&added)?)?
        }
    };
    arguments.set(BODY, body);
    Ok((Cow::Owned(json::text(&arguments)?), problems))
}

/// The body in the file, or what is wrong with the file.
async fn read(
    call: &Call<'_>,
    accepts: &Accepts,
    named: &RawValue,
) -> Result<Result<Box<RawValue>, String>, ToolError> {
    let Ok(path) = serde_json::from_str::<String>(named.get()) else {
        return Ok(Err("is not text: write the path of a JSON file".to_owned()));
    };
    let files = call.context.config().files.clone();
    let (tool, bodies) = (call.spec.name, accepts.bodies());
    // A body of many megabytes must not hold up the other calls.
    blocking(move || {
        let body = files.read_blocking(&path, LARGEST_JSON).and_then(json::of_file);
        let body = body.map_err(|problem| or_inline(&problem, BODY))?;
        misdirected(&body, tool, bodies).map_or(Ok(body), Err)
    })
    .await
}

/// What to say of a file that holds something else than a body for this tool: one for other tools, or a result.
fn misdirected(body: &RawValue, tool: &str, bodies: Option<&BTreeMap<&str, Rule>>) -> Option<String> {
    let members: Object = serde_json::from_str(body.get()).ok()?;
    let takes = |(_, body): &(&&str, &Rule)| body.takes_all(members.names());
    let tools = bodies.into_iter().flatten().filter(takes);
    let tools: Vec<&str> = tools.map(|(name, _)| *name).collect();
    if tools.contains(&tool) {
        return None;
    }
    if !tools.is_empty() {
        let tools = list(tools.into_iter());
        return Some(format!(
            "the file holds a body for {tools}, not one for this tool"
        ));
    }
    let is_operation = ["id", "status", "output"]
        .iter()
        .all(|name| members.get(name).is_some());
    if !is_operation {
        return None;
    }
    let id: String = serde_json::from_str(members.get("id")?.get()).ok()?;
    let output: Object = serde_json::from_str(members.get("output")?.get()).unwrap_or_default();
    Some(if output.get("results").is_some() {
        format!(
            "the file holds the result of a sampling, no body: build-training-batch makes one of it (operation_ids [\"{id}\"] and rewards) and says where that is"
        )
    } else {
        "the file holds the result of an operation, no body".to_owned()
    })
}

/// Takes out of the arguments what they say of the body beside its file, in `body` or at its side, and says what is wrong with
/// that.
fn added(arguments: &mut Object, accepts: &Accepts) -> (Object, Problems) {
    let at = Path::Root.key(BODY);
    let mut problems = Problems::default();
    let mut added = Object::default();
    let mut members = Vec::new();
    if let Some(body) = arguments.remove(BODY).filter(|body| is_given(body)) {
        // Some hosts write an object as text.
        let inside = serde_json::from_str::<String>(body.get());
        let text = inside.as_deref().unwrap_or_else(|_| body.get());
        match serde_json::from_str::<Object>(text) {
            Ok(body) => members.extend(body.into_members()),
            Err(_) => problems.add(
                &at,
                "beside body_path must be an object of what the file does not hold",
            ),
        }
    }
    let (own, beside): (Vec<_>, Vec<_>) = std::mem::take(arguments)
        .into_members()
        .partition(|(name, _)| accepts.takes(name) || accepts.member_of(BODY, name).is_none());
    for (name, value) in own {
        arguments.push(name, value);
    }
    members.extend(beside);
    for (name, value) in members {
        let own = accepts.member_of(BODY, &name).unwrap_or(&name);
        if added.get(own).is_some() {
            problems.add(&at.key(own), "is given twice");
        } else if value.get() != "null" {
            added.push(own.to_owned(), value);
        }
    }
    (added, problems)
}

/// The file's body with what the call adds to it. Of a member that both give with different values nobody knows which one is
/// meant.
fn joined(body: Box<RawValue>, added: Object, problems: &mut Problems) -> Result<Box<RawValue>, ToolError> {
    if added.names().next().is_none() {
        return Ok(body);
    }
    // What is no object is reported by the checks.
    let Ok(mut whole) = serde_json::from_str::<Object>(body.get()) else {
        return Ok(body);
    };
    let at = Path::Root.key(BODY);
    for (name, value) in added.into_members() {
        match whole.get(&name).filter(|own| is_given(own)) {
            Some(own) if own.get() == value.get() || same(own, &value) => {}
            Some(own) => problems.add(&at.key(&name), differs(own, &value)),
            None => whole.set(&name, value),
        }
    }
    json::raw(json::text(&whole)?)
}

fn same(one: &RawValue, other: &RawValue) -> bool {
    let value = |text: &RawValue| serde_json::from_str::<Value>(text.get()).ok();
    value(one) == value(other)
}

/// What to say of two values; a text may be a secret.
fn differs(of_file: &RawValue, of_call: &RawValue) -> String {
    let next = "leave it out here, which leaves the file's, or name another file";
    let shown = |value: &RawValue| {
        let shown = serde_json::from_str::<Value>(value.get()).ok();
        let shown = shown.filter(|value| value.is_boolean() || value.is_number());
        shown.map(|value| value.to_string())
    };
    match (shown(of_file), shown(of_call)) {
        (Some(of_file), Some(of_call)) => {
            format!("is {of_call} here, but {of_file} in the file of body_path: {next}")
        }
        _ => format!("is another one in the file of body_path: {next}"),
    }
}
