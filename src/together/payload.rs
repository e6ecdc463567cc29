//! Large bodies and results travel beside the API: uploaded before the call, downloaded after it.
//!
//! The caller never sees the difference (`together-rl`, "Large bodies and offloaded results").

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use memchr::{memchr3, memmem};
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::course::fingerprint;
use crate::client::{IdempotencyKey, Outgoing, is_loopback};
use crate::context::{Call, Reply, Request};
use crate::error::{Cause, ToolError};
use crate::json::walk::{items, members};
use crate::json::{self, Object};
use crate::spec::{CREATE_PAYLOAD_DOWNLOAD_URL, CREATE_PAYLOAD_UPLOAD_URL, Effect, Method, Service, Spec};
use crate::work;

/// How many numbers a list keeps in the stand-in of an uploaded body.
const STAND_IN_NUMBERS: usize = 8;
/// How many uploads are remembered.
const MOST_REMEMBERED: usize = 64;

/// The members of a body that are uploaded; the others stay in the call.
#[derive(Clone, Copy)]
pub(crate) enum Uploaded {
    /// The whole body.
    All,
    /// These members.
    Members(&'static [&'static str]),
}

#[derive(Deserialize)]
struct UploadUrl {
    payload_id: String,
    upload_url: String,
}

#[derive(Deserialize)]
struct DownloadUrl {
    download_url: String,
}

/// Uploads `body` and returns what is sent in its place: a stand-in of the same shape, or the body itself when the
/// service has no such endpoint.
pub(crate) async fn uploaded(
    call: &Call<'_>,
    session_id: &str,
    body: String,
    members: Uploaded,
    key: &IdempotencyKey,
) -> Result<String, ToolError> {
    if let Some(payload_id) = call.context.state::<Uploads>().find(session_id, key, &body) {
        return stand_in(body, payload_id).await;
    }
    let row = &CREATE_PAYLOAD_UPLOAD_URL;
    let reply = match Request::new(call, row)
        .path("session_id", session_id)
        .send()
        .await
    {
        Err(ToolError::Call(failure)) if matches!(failure.status(), Some(404 | 405)) => return Ok(body),
        answered => answered?,
    };
    let target: UploadUrl = parse(call, row, &reply)?;
    let url = presigned(call, row, &target.upload_url)?;
    let content = match members {
        Uploaded::All => body.clone(),
        Uploaded::Members(names) => {
            let mut content = json::object(&body)?;
            content.retain(|name| names.contains(&name));
            json::text(&content)?
        }
    };
    let upload = beside(row, Method::Put, url, Some(content.into()));
    call.exchange(&upload).await?;
    let payload_id = target.payload_id;
    call.context
        .state::<Uploads>()
        .remember(session_id, key, &body, payload_id.clone());
    stand_in(body, payload_id).await
}

/// Fetches the offloaded part of a result and lays it over the rest; `None` when nothing is offloaded.
pub(crate) async fn merged(
    call: &Call<'_>,
    session_id: &str,
    reply: &Reply,
) -> Result<Option<Reply>, ToolError> {
    if memmem::find(reply.text().as_bytes(), b"\"payload_id\"").is_none() {
        return Ok(None);
    }
    let Ok(mut operation) = serde_json::from_str::<Object>(reply.text()) else {
        return Ok(None);
    };
    let output = operation
        .get("output")
        .and_then(|output| serde_json::from_str::<Object>(output.get()).ok());
    let Some(mut output) = output else {
        return Ok(None);
    };
    let payload_id = output
        .remove("payload_id")
        .and_then(|id| serde_json::from_str::<String>(id.get()).ok());
    let Some(payload_id) = payload_id.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let mut content = download(call, session_id, &payload_id).await?;
    let note = content.remove("note");
    output.extend(content);
    operation.set("output", json::raw(json::text(&output)?)?);
    let merged = Reply::new(json::text(&operation)?);
    let note = note.and_then(|note| serde_json::from_str::<String>(note.get()).ok());
    Ok(Some(match note {
        Some(note) => merged.noted(&format!("In output: {note}")),
        None => merged,
    }))
}

async fn download(call: &Call<'_>, session_id: &str, payload_id: &str) -> Result<Object, ToolError> {
    let row = &CREATE_PAYLOAD_DOWNLOAD_URL;
    let request = Request::new(call, row)
        .path("session_id", session_id)
        .path("payload_id", payload_id);
    let target: DownloadUrl = parse(call, row, &request.send().await?)?;
    let url = presigned(call, row, &target.download_url)?;
    let (_, content) = call.exchange(&beside(row, Method::Get, url, None)).await?;
    parse(call, row, &Reply::new(content))
}

/// A request to a presigned URL: without the key, which belongs to the service's own host.
pub(crate) fn beside(spec: &'static Spec, method: Method, url: Url, body: Option<Bytes>) -> Outgoing {
    Outgoing {
        spec,
        service: Service::Together,
        method,
        effect: Effect::Set,
        url,
        headers: HeaderMap::new(),
        body,
        idempotency_key: None,
        key_is_known: false,
        store: true,
        as_written: false,
        relay: None,
    }
}

/// Accepts https; plain http on loopback only when the service itself is there.
pub(crate) fn presigned(call: &Call<'_>, spec: &'static Spec, text: &str) -> Result<Url, ToolError> {
    let service_is_local = is_loopback(&call.context.config().account(Service::Together).base_url);
    Url::parse(text)
        .ok()
        .filter(|url| {
            url.scheme() == "https" || (url.scheme() == "http" && service_is_local && is_loopback(url))
        })
        .inspect(|url| {
            call.context
                .redactor()
                .add_passing(url.query().unwrap_or_default());
        })
        .ok_or_else(|| unexpected(call, spec, "no https URL"))
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(
    call: &Call<'_>,
    spec: &'static Spec,
    reply: &'a Reply,
) -> Result<T, ToolError> {
    serde_json::from_str(reply.text()).map_err(|_| unexpected(call, spec, "other members than documented"))
}

pub(crate) fn unexpected(call: &Call<'_>, spec: &'static Spec, what: &'static str) -> ToolError {
    let url = call.context.config().account(Service::Together).base_url.clone();
    beside(spec, spec.method, url, None).failure(call.spec, Cause::Unexpected(what), 1, false)
}

/// The body in a small form of the same shape, and the id of what was uploaded.
async fn stand_in(body: String, payload_id: String) -> Result<String, ToolError> {
    work::over(body.len(), move || shrunk(&body, payload_id)).await?
}

fn shrunk(body: &str, payload_id: String) -> Result<String, ToolError> {
    let mut value = short(body);
    if let Value::Object(map) = &mut value {
        map.insert("payload_id".to_owned(), payload_id.into());
    }
    json::text(&value)
}

/// A value whose lists of numbers are cut. Millions of numbers that go are stepped over, not read.
fn short(text: &str) -> Value {
    const GONE: [&str; 3] = ["shape", "sparse_crow_indices", "sparse_col_indices"];
    let text = text.trim_ascii();
    if let Some(all) = items(text) {
        let inside = text.get(1..).unwrap_or_default().as_bytes();
        let has_others =
            memchr3(b'n', b't', b'f', inside).is_some() || memchr3(b'[', b'{', b'"', inside).is_some();
        return if has_others {
            all.map(short).collect()
        } else {
            all.take(STAND_IN_NUMBERS).map(short).collect()
        };
    }
    let Some(members) = members(text) else {
        return serde_json::from_str(text).unwrap_or_default();
    };
    let members = members.filter(|(name, _)| !GONE.contains(&&**name));
    let members = members.map(|(name, value)| {
        let mut value = short(value);
        if let (Value::Array(chunks), "chunks") = (&mut value, &*name) {
            shrink_chunks(chunks);
        }
        (name.into_owned(), value)
    });
    Value::Object(members.collect())
}

/// The chunks of one model input share one budget of tokens; surplus chunks are dropped.
fn shrink_chunks(chunks: &mut Vec<Value>) {
    let mut left = STAND_IN_NUMBERS;
    chunks.retain_mut(|chunk| {
        let Some(Value::Array(tokens)) = chunk.pointer_mut("/encoded_text/tokens") else {
            return true;
        };
        let keep = left > 0;
        tokens.truncate(left);
        left -= tokens.len();
        keep
    });
}

/// Which upload belongs to which key. A call that is repeated under its key must send the same body, so it must
/// not upload again under a new payload id.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<VecDeque<(String, u64, String)>>);

impl Uploads {
    fn find(&self, session_id: &str, key: &IdempotencyKey, body: &str) -> Option<String> {
        let hash = hash(session_id, body);
        let uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = uploads
            .iter()
            .find(|(known, of, _)| known == key.text() && *of == hash);
        found.map(|(_, _, payload_id)| payload_id.clone())
    }

    fn remember(&self, session_id: &str, key: &IdempotencyKey, body: &str, payload_id: String) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.push_back((key.text().to_owned(), hash(session_id, body), payload_id));
        if uploads.len() > MOST_REMEMBERED {
            uploads.pop_front();
        }
    }
}

fn hash(session_id: &str, body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (session_id, fingerprint(body)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stand_in_keeps_the_shape_and_the_opaque_keys() {
        let long: Vec<u32> = (0..20).collect();
        let body = json!({
            "samples": [{
                "model_input": {"chunks": [
                    {"encoded_text": {"tokens": [1, 2, 3, 4, 5]}},
                    {"encoded_text": {"tokens": [6, 7, 8, 9]}},
                    {"encoded_text": {"tokens": [10]}},
                ]},
                "loss_fn_inputs": {"target_tokens": {"data": long, "dtype": "int64", "shape": [20]}},
                "routed_experts_key": "k".repeat(100),
            }],
            "stop": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
            "mixed": [1, 2, 3, 4, 5, 6, 7, 8, 9, null],
        });
        assert_eq!(
            short(&serde_json::to_string_pretty(&body).unwrap()),
            json!({
                "samples": [{
                    "model_input": {"chunks": [
                        {"encoded_text": {"tokens": [1, 2, 3, 4, 5]}},
                        {"encoded_text": {"tokens": [6, 7, 8]}},
                    ]},
                    "loss_fn_inputs": {"target_tokens": {"data": [0, 1, 2, 3, 4, 5, 6, 7], "dtype": "int64"}},
                    "routed_experts_key": "k".repeat(100),
                }],
                "stop": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
                "mixed": [1, 2, 3, 4, 5, 6, 7, 8, 9, null],
            })
        );
    }

    #[test]
    fn only_the_same_body_under_the_same_key_is_the_same_upload() {
        let (key, other) = (IdempotencyKey::fresh(), IdempotencyKey::fresh());
        let uploads = Uploads::default();
        uploads.remember("s", &key, "[1]", "pl_1".to_owned());
        assert_eq!(uploads.find("s", &key, "[1]").as_deref(), Some("pl_1"));
        assert_eq!(uploads.find("s", &key, "[2]"), None);
        assert_eq!(uploads.find("s", &other, "[1]"), None);
        assert_eq!(uploads.find("another session", &key, "[1]"), None);
        for _ in 0..MOST_REMEMBERED {
            uploads.remember("s", &other, "[1]", "pl_2".to_owned());
        }
        assert_eq!(uploads.find("s", &key, "[1]"), None);
    }
}
