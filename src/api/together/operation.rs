//! What all operations of a session have in common: submitting one, and showing it.

use super::args::{OperationArgs, SubmitArgs};
use crate::api::payload::{self, Uploaded};
use crate::api::{Call, IdempotencyKey, Reply};
use crate::error::ToolError;

/// Submits an operation; of a body over the inline limit, `uploaded` goes first. With `None` the body stays inline,
/// because the service takes it in no other way.
pub async fn submit<B>(
    call: &Call<'_>,
    args: SubmitArgs<B>,
    uploaded: Option<Uploaded>,
) -> Result<Reply, ToolError> {
    let key = args.idempotency_key.unwrap_or_else(IdempotencyKey::fresh);
    key.header()?;
    let mut body = args.body.into_text();
    if let Some(members) = uploaded
        && body.len() > call.api.config().inline_limit
    {
        body = payload::uploaded(call, &args.session_id, body, members, &key).await?;
    }
    let request = call.request().path("session_id", &args.session_id).body(body);
    let reply = request.idempotency_key(Some(key)).send().await?;
    // The operation is started. Whatever becomes of fetching its result, its id must not be lost: the get tool
    // fetches again.
    let merged = payload::merged(call, &args.session_id, &reply).await;
    Ok(merged.ok().flatten().unwrap_or(reply))
}

/// Shows an operation with its whole result.
pub async fn show(call: &Call<'_>, args: &OperationArgs) -> Result<Reply, ToolError> {
    let request = call
        .request()
        .path("session_id", &args.session_id)
        .path("operation_id", &args.operation_id);
    let reply = request.send().await?;
    let merged = payload::merged(call, &args.session_id, &reply).await?;
    Ok(merged.unwrap_or(reply))
}
