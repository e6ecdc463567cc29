//! How an answer reaches the model: whole, or as a file and a summary.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, ProtocolVersion, Resource};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::value::{RawValue, to_raw_value};

use crate::context::Summary;
use crate::context::{Call, Output, Reply};
use crate::files::data::{RESULTS, Stored};
use crate::json;
use crate::json::Object;
use crate::work;
use crate::work::is_large;

/// The longest answer that comes whole by itself, in characters.
const LONGEST_INLINE: usize = 32_000;
/// The longest answer that comes whole when the caller wants it so, in characters: hosts refuse 1 MB.
const LONGEST_FULL: usize = 900_000;
/// The longest member of an answer that its outline keeps, in bytes.
const LONGEST_MEMBER: usize = 4000;
/// The longest outline, in bytes, for answers of very many members.
const LONGEST_OUTLINE: usize = 16_000;

const TOO_LONG_FOR_FULL: &str = "It has over 900,000 characters, which no output answers whole.";

/// What the model reads about a success. One of the two doors through which results leave, so secrets are taken out
/// here. What is large came from a service, and they were taken out of it when it came in.
pub(super) async fn success(
    call: &Call<'_>,
    mut reply: Reply,
    request: &RequestContext<RoleServer>,
) -> CallToolResult {
    let view = reply.take_view();
    let image = view
        .image
        .map(|png| ContentBlock::image(BASE64_STANDARD.encode(png), "image/png"));
    if !is_large(reply.text().len()) {
        reply = Reply::new(call.context.redactor().scrub_owned(reply.into_text()));
    }
    // Of ASCII alone, as long answers mostly are, nothing has to be counted.
    let text = reply.text();
    let is_ascii = text.is_ascii();
    let fits = |longest| text.len() <= longest || (!is_ascii && text.chars().nth(longest).is_none());
    let whole = match view.output {
        Output::Full => fits(LONGEST_FULL),
        Output::Auto => fits(LONGEST_INLINE),
        Output::File => false,
    };
    let fits_whole = fits(LONGEST_FULL);
    if whole {
        if let Some(storing) = view.stored {
            storing.end_or_warn().await;
        }
        let text = ContentBlock::text(reply.into_text());
        return CallToolResult::success(std::iter::once(text).chain(image).collect());
    }
    let other = if view.output == Output::Full || !fits_whole {
        TOO_LONG_FOR_FULL
    } else {
        "output full answers it here."
    };
    let text = reply.shared_text();
    let summing_up = work::over(text.len(), move || summed_up(&text, view.summary));
    let mut summary = match summing_up.await {
        Ok(summed_up) => summed_up,
        Err(error) => return CallToolResult::error(vec![ContentBlock::text(error.to_string())]),
    };
    summary.extend(reply.added().clone());
    let mut summary = bounded(summary);
    let stored = match view.stored {
        Some(storing) => storing.end().await,
        None => store(call, reply.into_text()).await,
    };
    if view.output == Output::Full {
        let said = summary.get("note");
        let said = said.and_then(|said| serde_json::from_str::<String>(said.get()).ok());
        let said = said.map_or_else(String::new, |said| said + " ");
        set(&mut summary, "note", &(said + TOO_LONG_FOR_FULL));
    }
    let mut blocks = Vec::new();
    match stored {
        Ok(stored) => {
            set(&mut summary, "file", &stored.path.display().to_string());
            blocks.extend(understands_links(request).then(|| link(&stored)));
        }
        Err(problem) => {
            let note = format!("The whole result could not be stored: {problem}. {other}");
            set(&mut summary, "not_stored", &note);
        }
    }
    let text = json::text(&summary).unwrap_or_default();
    blocks.insert(0, ContentBlock::text(call.context.redactor().scrub_owned(text)));
    blocks.extend(image);
    CallToolResult::success(blocks)
}

/// The summary of an answer, or its outline.
fn summed_up(text: &str, summary: Option<Summary>) -> Object {
    let summary = summary.and_then(|summary| summary(text));
    bounded(summary.unwrap_or_else(|| outline(text)))
}

/// The same, or its outline if it is itself too long.
fn bounded(summary: Object) -> Object {
    let long = json::text(&summary)
        .ok()
        .filter(|text| text.len() > LONGEST_INLINE);
    long.map_or(summary, |long| outline(&long))
}

fn set(object: &mut Object, name: &str, text: &str) {
    if let Ok(value) = to_raw_value(text) {
        object.set(name, value);
    }
}

async fn store(call: &Call<'_>, text: String) -> Result<Stored, String> {
    let Some(data) = call.context.config().data.clone() else {
        return Err("there is no data directory: the user can name one in RL_MCP_DATA_DIR".to_owned());
    };
    let name = format!("{}-{}.json", call.spec.name, uuid::Uuid::new_v4());
    data.keep(PathBuf::from(RESULTS), name, Arc::new(text))
        .end()
        .await
}

/// Older clients refuse a whole result for a kind of content that they do not know.
fn understands_links(request: &RequestContext<RoleServer>) -> bool {
    request
        .protocol_version()
        .is_some_and(|version| version >= ProtocolVersion::V_2025_06_18)
}

fn link(stored: &Stored) -> ContentBlock {
    let name = stored.path.file_name().unwrap_or_default().to_string_lossy();
    let mut resource = Resource::new(stored.uri(), name);
    resource.mime_type = Some("application/json".to_owned());
    resource.size = Some(stored.bytes);
    ContentBlock::resource_link(resource)
}

/// An answer in outline: small members as they are, of large ones what they are.
fn outline(text: &str) -> Object {
    let mut outline = Object::default();
    let mut left = LONGEST_OUTLINE;
    let Ok(object) = serde_json::from_str::<Object>(text) else {
        set(&mut outline, "result", &shape(text));
        return outline;
    };
    for (name, value) in object.into_members() {
        let value = if value.get().len() <= LONGEST_MEMBER.min(left) {
            value
        } else if let Ok(shape) = to_raw_value(&shape(value.get())) {
            shape
        } else {
            continue;
        };
        let Some(rest) = left.checked_sub(name.len() + value.get().len() + 4) else {
            set(&mut outline, "…", "more members");
            break;
        };
        left = rest;
        outline.push(name, value);
    }
    outline
}

/// What a value is, in words.
fn shape(value: &str) -> String {
    let characters = value.chars().count();
    match value.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
            format!("a list of {} ({characters} characters), in the file", items.len())
        }
        Some(b'{') => {
            let members: Object = serde_json::from_str(value).unwrap_or_default();
            format!(
                "an object of {} members ({characters} characters), in the file",
                members.names().count()
            )
        }
        _ => format!("{characters} characters, in the file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_outline_keeps_what_is_small_and_says_what_is_large() {
        let long: Vec<u32> = (0..2000).collect();
        let answer = json!({"data": long, "meta": {"has_more": true}, "s": "é".repeat(2000)});
        let outline = serde_json::to_value(outline(&answer.to_string())).unwrap();
        assert_eq!(
            outline,
            json!({
                "data": "a list of 2000 (8891 characters), in the file",
                "meta": {"has_more": true},
                "s": "2002 characters, in the file",
            })
        );
    }

    #[test]
    fn an_outline_of_anything_is_short() {
        let many: Value = (0..100_000)
            .map(|n| (format!("member {n}"), json!(n)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        for answer in [many, json!([1, 2]), json!("x".repeat(100_000)), json!(null)] {
            let outline = json::text(&outline(&answer.to_string())).unwrap();
            assert!(outline.len() < LONGEST_OUTLINE + 100, "{}", outline.len());
        }
    }
}
