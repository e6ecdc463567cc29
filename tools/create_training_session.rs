//! `create-training-session`: a new session on a model resource.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::course::Courses;
use crate::together::session::CreateSession;
use crate::wait;
use crate::wait::SESSION_UP;
use crate::wait::WaitSeconds;

/// The tool.
pub struct CreateTrainingSession;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    body: Body<CreateSession>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for CreateTrainingSession {
    const SPEC: &'static Spec = &spec::CREATE_TRAINING_SESSION;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let (text, session) = args.body.into_parts();
        let mut request = call.request().body(text);
        for (path, id) in session.ids() {
            request = request.id(path, id);
        }
        let reply = request.send().await?;
        if let Some(id) = reply.member::<String>("id") {
            call.context.state::<Courses>().created(&id);
        }
        let waited = wait::created(call, &SESSION_UP, &[], "id", reply, until).await;
        Ok(waited.told())
    }
}
