//! `stop-model-resource`: ends a model resource and its billing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply, Request};
use crate::error::{Failure, ToolError};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::{ModelResourceId, billing};
use crate::wait;
use crate::wait::RESOURCE_DOWN;
use crate::wait::WaitSeconds;

pub(crate) struct StopModelResource;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    model_resources_id: ModelResourceId,
    /// true: also stop the sessions that are attached to it; what they have not saved in a checkpoint is lost. Default false.
    force: Option<bool>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for StopModelResource {
    const SPEC: &'static Spec = &spec::STOP_MODEL_RESOURCE;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.model_resources_id;
        let request = call.request().path("model_resources_id", id);
        let stopped = request
            .query("force", args.force.filter(|force| *force))
            .send()
            .await;
        match stopped {
            Err(ToolError::Call(failure)) if failure.is_refusal() => after_refusal(call, id, failure).await,
            Err(ToolError::Call(failure)) if is_gone(&failure) => Ok(gone(id)),
            answered => {
                let waited = wait::followed(call, &RESOURCE_DOWN, &[id], answered?, until).await;
                Ok(waited.into_reply())
            }
        }
    }
}

/// A resource that has ended already is refused too: its state tells that from a refusal in earnest.
async fn after_refusal(call: &Call<'_>, id: &str, mut refusal: Box<Failure>) -> Result<Reply, ToolError> {
    let show = Request::new(call, &spec::GET_MODEL_RESOURCE).path("model_resources_id", id);
    match show.send().await {
        Ok(resource) if billing::has_ended(&resource) => {
            return Ok(resource.with("note", &"It had already ended: there was nothing to stop."));
        }
        // It is up, so no earlier try has stopped it.
        Ok(_) => refusal.perhaps_done = false,
        Err(ToolError::Call(failure)) if is_gone(&failure) => return Ok(gone(id)),
        // It is the id of something else.
        Err(ToolError::Call(failure)) if failure.next.is_some() => refusal.next = failure.next,
        Err(_) => {}
    }
    if refusal.next.is_some() {
        return Err(ToolError::Call(refusal));
    }
    if let Some(sessions) = billing::attached_sessions(call, id).await {
        refusal.next = Some(format!(
            "these sessions are attached: {sessions}. Save and stop each that is RUNNING (stop-training-session), wait until all are STOPPED (get-training-session), then call again; or call with force true, which stops them too and loses what they have not saved. Until then it keeps billing."
        ));
    }
    Err(ToolError::Call(refusal))
}

/// Whether the service does not know the id, and nothing else is known of it either.
fn is_gone(failure: &Failure) -> bool {
    failure.status() == Some(404) && failure.next.is_none()
}

fn gone(id: &str) -> Reply {
    let note = "The service no longer knows a model resource with this id: it is gone and bills nothing. If the id is mistyped, the real one keeps billing: get-training-session shows that of a session.";
    Reply::new("{}".to_owned()).with("id", &id).with("note", &note)
}
