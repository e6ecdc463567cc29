//! `read-result`: a part of a JSON file, small enough for a conversation.
//!
//! The file is walked as text, without a value being made of each of its numbers, and what is shown is its own text.

mod meant;
mod place;
mod shown;

use std::path::Path as FilePath;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::arguments::schema::{renamed, retired};
use crate::context::Reply;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::files::data::COMPLETIONS;
use crate::files::{Files, LARGEST_JSON};
use crate::json;
use crate::json::{lines, non_finite};

use place::{find, members_of_entries};
use shown::{Kind, Shown, show};

const OF_OPERATION: &str = "names no file: the get tool of an operation, such as get-sample-operation, answers the path of its result (output file), and list-recent-activity those of the last ones";

#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("operation_id", OF_OPERATION),
    ("session_id", OF_OPERATION),
    ("run_id", OF_OPERATION),
]), transform = renamed(&[
    ("file", "path"),
    ("file_path", "path"),
    ("result_path", "path"),
    ("place", "at"),
    ("jsonpath", "at"),
    ("offset", "start"),
    ("skip", "start"),
    ("from", "start"),
    ("limit", "count"),
    ("lines", "count"),
    ("length", "count"),
]))]
pub(crate) struct Query {
    /// The file.
    path: String,
    /// Which part, such as output.results[0].sequences[*].tokens, where [*] takes that of each. Default all.
    #[schemars(length(max = 500))]
    at: Option<String>,
    /// Of a list or text: the first entry or character. Default 0.
    start: Option<u64>,
    /// How many. Default as many as fit.
    #[schemars(range(min = 1))]
    count: Option<u64>,
}

impl Query {
    /// The file.
    #[must_use]
    pub(crate) fn path(&self) -> &str {
        self.path.trim()
    }
}

#[derive(Serialize)]
struct Slice<'a> {
    at: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Shows the part of the file that is asked for. Blocks.
pub(crate) fn read(request: &Query, files: &Files) -> Result<Reply, ToolError> {
    let unreadable = |problem: String| Problems::one(&Path::Root.key("path"), problem);
    let text = files
        .read_blocking(&request.path, LARGEST_JSON)
        .map_err(unreadable)?;
    let (text, note) = readable(text).map_err(|error| {
        unreadable(format!(
            "the file is not JSON, and this tool shows only JSON: {error}"
        ))
    })?;
    let at = request.at.as_deref().unwrap_or_default().trim();
    let found = find(&text, at).map_err(|problem| {
        let texts = completions(request, files, at).unwrap_or_default();
        Problems::one(&Path::Root.key("at"), problem + &texts)
    })?;
    let size = |number: Option<u64>| number.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let shown = show(&found, size(request.start), size(request.count));
    let (kind, length, shown) = shown.map_err(|problem| Problems::one(&Path::Root.key("start"), problem))?;
    let members = shown.is_partly().then(|| members_of_entries(&found)).flatten();
    let hint = members.map(|members| format!("{at}[*].NAME shows one member of each entry: {members}."));
    let notes: Vec<String> = note.into_iter().chain(hint).collect();
    let note = (!notes.is_empty()).then(|| notes.join(" "));
    let answer = Slice {
        at,
        kind,
        length,
        shown,
        note,
    };
    json::text(&answer).map(Reply::new)
}

/// Where the texts of a sampling are that are looked for beside its tokens.
fn completions(request: &Query, files: &Files, at: &str) -> Option<String> {
    let ("text" | "texts") = at.rsplit('.').next()? else {
        return None;
    };
    let beside = FilePath::new(request.path()).with_extension(COMPLETIONS);
    let beside = beside.display().to_string();
    files
        .read_if_there_blocking(&beside, LARGEST_JSON)
        .ok()
        .flatten()?;
    Some(format!(
        " The completions as text are in completions_file, {beside}, at [0].text."
    ))
}

/// The JSON of a file, and what was changed for it to be JSON: what Python writes of a run that diverges is none.
fn readable(text: String) -> serde_json::Result<(Box<RawValue>, Option<String>)> {
    let Err(error) = serde_json::from_str::<&RawValue>(&text) else {
        return Ok((RawValue::from_string(text)?, None));
    };
    if let Ok(list) = lines::joined(&text) {
        return Ok((list, None));
    }
    match non_finite::as_null(&text).map(|(plain, found)| (RawValue::from_string(plain), found.note())) {
        Some((Ok(plain), note)) => Ok((plain, Some(note))),
        _ => match lines::mostly(&text) {
            Some((list, note)) => Ok((list, Some(note))),
            None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;
