//! `create-training-session`: a new session on a model resource.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::Body;
use crate::api::together::session::CreateSession;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct CreateTrainingSession;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    body: Body<CreateSession>,
}

impl Handler for CreateTrainingSession {
    const SPEC: &'static Spec = &spec::CREATE_TRAINING_SESSION;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().body(args.body.into_text()).send().await
    }
}
