//! `update-training-session`: another name or metadata.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::SessionId;
use crate::together::session::UpdateSession;

pub(crate) struct UpdateTrainingSession;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    session_id: SessionId,
    body: Body<UpdateSession>,
}

impl Handler for UpdateTrainingSession {
    const SPEC: &'static Spec = &spec::UPDATE_TRAINING_SESSION;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().path("session_id", &args.session_id);
        request.body(args.body.into_text()).send().await
    }
}
