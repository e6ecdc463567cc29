//! The object store behind presigned URLs: payloads in both directions, and the files of checkpoints.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json as Answer;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::checkpoint::Variant;
use super::wire::Refusal;
use super::world::{World, fresh_id};
use crate::bounds::LARGEST_PAYLOAD;

/// How long a URL works.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

pub(super) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/storage/payloads/{id}", get(payload).put(upload))
        .route("/storage/checkpoints/{id}/{variant}/{name}", get(file))
        .layer(DefaultBodyLimit::max(LARGEST_PAYLOAD))
}

#[derive(Debug, Deserialize)]
struct Signed {
    expires: u64,
    signature: String,
}

/// A URL that works for a while without a key. `method` is what it is for.
fn presigned(world: &World, method: &str, path: &str) -> String {
    let expires = seconds(world.clock.now() + LIFETIME);
    let signature = world.sign(&format!("{method} {path} {expires}"));
    format!("{}{path}?expires={expires}&signature={signature}", world.origin)
}

/// Refuses what is not signed, or no longer.
fn check(world: &World, method: &str, path: &str, signed: &Signed) -> Result<(), Refusal> {
    let expected = world.sign(&format!("{method} {path} {}", signed.expires));
    if signed.signature != expected || signed.expires < seconds(world.clock.now()) {
        let problem = "the signature is wrong, or has expired";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", problem));
    }
    Ok(())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(super) async fn upload_url(
    State(world): State<Arc<World>>,
    Path(session): Path<String>,
) -> Result<Answer<Value>, Refusal> {
    world.with(|contents| contents.session(&session).map(|_| ()))?;
    let id = fresh_id();
    let url = presigned(&world, "PUT", &format!("/storage/payloads/{id}"));
    Ok(Answer(json!({"payload_id": id, "upload_url": url})))
}

pub(super) async fn download_url(
    State(world): State<Arc<World>>,
    Path((session, payload)): Path<(String, String)>,
) -> Result<Answer<Value>, Refusal> {
    world.with(|contents| {
        contents.session(&session)?;
        contents.payload(&payload).map(|_| ())
    })?;
    let url = presigned(&world, "GET", &format!("/storage/payloads/{payload}"));
    Ok(Answer(json!({"download_url": url})))
}

async fn upload(
    State(world): State<Arc<World>>,
    uri: Uri,
    Path(id): Path<String>,
    Query(signed): Query<Signed>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    check(&world, "PUT", uri.path(), &signed)?;
    let now = world.clock.now();
    world.with(|contents| contents.keep_upload(id, body, now, &world.bounds))?;
    Ok(StatusCode::OK)
}

async fn payload(
    State(world): State<Arc<World>>,
    uri: Uri,
    Path(id): Path<String>,
    Query(signed): Query<Signed>,
) -> Result<Response, Refusal> {
    check(&world, "GET", uri.path(), &signed)?;
    let body = world.with(|contents| contents.payload(&id))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// The URL of a file of a checkpoint.
pub(super) fn file_url(world: &World, id: &str, variant: Variant, name: &str) -> String {
    let variant = json!(variant);
    let variant = variant.as_str().unwrap_or_default();
    presigned(
        world,
        "GET",
        &format!("/storage/checkpoints/{id}/{variant}/{name}"),
    )
}

async fn file(
    State(world): State<Arc<World>>,
    uri: Uri,
    Path((id, variant, name)): Path<(String, Variant, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check(&world, "GET", uri.path(), &signed)?;
    let checkpoint = world.with(|contents| contents.checkpoint(&id).cloned())?;
    let mut files = checkpoint.files(variant)?.into_iter();
    let found = files.find(|file| file.name == name);
    let found = found.ok_or_else(|| Refusal::not_found(format!("there is no file {name}")))?;
    // The files of a checkpoint never change.
    let tag = format!("\"{id}-{name}\"");
    Ok(partial(&headers, &tag, found.content.into()))
}

/// A file, or the part of it from the offset that is asked for, if it is still the same file.
fn partial(headers: &HeaderMap, tag: &str, content: Bytes) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    let tagged = [(header::ETAG, tag)];
    let same = text(header::IF_RANGE).is_none_or(|given| given == tag);
    let start = text(header::RANGE)
        .filter(|_| same)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let total = content.len();
    match start {
        None | Some(0) => (kind, tagged, content).into_response(),
        Some(start) if start < total => {
            let range = format!("bytes {start}-{}/{total}", total - 1);
            let rest = content.slice(start..);
            (
                StatusCode::PARTIAL_CONTENT,
                kind,
                tagged,
                [(header::CONTENT_RANGE, range)],
                rest,
            )
                .into_response()
        }
        Some(_) => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
        }
    }
}
