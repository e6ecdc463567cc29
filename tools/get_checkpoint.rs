//! `get-checkpoint`: one checkpoint.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::together::CheckpointId;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetCheckpoint;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    id: CheckpointId,
}

impl Handler for GetCheckpoint {
    const SPEC: &'static Spec = &spec::GET_CHECKPOINT;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().path("id", &args.id).send().await
    }
}
