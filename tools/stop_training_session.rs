//! `stop-training-session`: ends a session.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SessionArgs;
use crate::wait;
use crate::wait::SESSION_DOWN;

pub(crate) struct StopTrainingSession;

impl Handler for StopTrainingSession {
    const SPEC: &'static Spec = &spec::STOP_TRAINING_SESSION;
    type Args = SessionArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.session_id;
        let reply = call.request().path("session_id", id).send().await?;
        let waited = wait::followed(call, &SESSION_DOWN, &[id], reply, until).await;
        let when = if waited.is_at_rest() {
            ""
        } else {
            "once get-training-session shows STOPPED, "
        };
        let reply = waited.into_reply();
        let resource: Option<String> = reply.member("model_resources_id");
        let resource = resource.map_or_else(String::new, |id| format!(" {id}"));
        Ok(reply.noted(&format!("The model resource{resource} stays up and bills until it is stopped or goes idle: {when}call stop-model-resource, unless another session still needs it.")))
    }
}
