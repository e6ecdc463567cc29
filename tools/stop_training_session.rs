//! `stop-training-session`: ends a session.

use crate::api::together::args::SessionArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct StopTrainingSession;

impl Handler for StopTrainingSession {
    const SPEC: &'static Spec = &spec::STOP_TRAINING_SESSION;
    type Args = SessionArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let reply = call.request().path("session_id", &args.session_id).send().await?;
        let resource: Option<String> = reply.member("model_resources_id");
        let resource = resource.map_or_else(String::new, |id| format!(" {id}"));
        Ok(reply.with(
            "note",
            &format!("The model resource{resource} stays up and bills until it is stopped or goes idle: once get-training-session shows STOPPED, call stop-model-resource."),
        ))
    }
}
