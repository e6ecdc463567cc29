//! `stop-model-resource`: ends a model resource and its billing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::Request;
use crate::api::together::{ModelResourceId, model_resource};
use crate::api::{Call, Reply};
use crate::error::Failure;
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct StopModelResource;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    model_resources_id: ModelResourceId,
    /// true: also stop the sessions that are attached to it; what they have not saved in a checkpoint is lost. Default false.
    force: Option<bool>,
}

impl Handler for StopModelResource {
    const SPEC: &'static Spec = &spec::STOP_MODEL_RESOURCE;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let id = &*args.model_resources_id;
        let request = call.request().path("model_resources_id", id);
        let stopped = request
            .query("force", args.force.filter(|force| *force))
            .send()
            .await;
        match stopped {
            // Which of them says "not in this state" is not published.
            Err(ToolError::Call(failure)) if matches!(failure.status(), Some(400 | 409 | 422)) => {
                after_refusal(call, id, failure).await
            }
            answered => answered,
        }
    }
}

/// A resource that has ended already is refused too: its state tells that from a refusal in earnest.
async fn after_refusal(call: &Call<'_>, id: &str, mut refusal: Box<Failure>) -> Result<Reply, ToolError> {
    let show = Request::new(call, &spec::GET_MODEL_RESOURCE).path("model_resources_id", id);
    match show.send().await {
        Ok(resource) if model_resource::has_ended(&resource) => {
            return Ok(resource.with("note", &"It had ended already: there was nothing left to stop."));
        }
        Err(ToolError::Call(failure)) if failure.status() == Some(404) => {
            let gone = Reply::new("{}".to_owned()).with("id", &id);
            return Ok(gone.with("note", &"It is gone already: there was nothing left to stop."));
        }
        _ => {}
    }
    if let Some(sessions) = model_resource::attached_sessions(call, id).await {
        refusal.next = Some(format!(
            "these sessions are attached: {sessions}. Save and stop each (stop-training-session), then call again; or call with force true, which stops them too and loses what they have not saved. Until then it goes on billing."
        ));
    }
    Err(ToolError::Call(refusal))
}
