//! `get-checkpoint`: one checkpoint.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::CheckpointId;

pub(crate) struct GetCheckpoint;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    id: CheckpointId,
}

impl Handler for GetCheckpoint {
    const SPEC: &'static Spec = &spec::GET_CHECKPOINT;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().path("id", &args.id).send().await
    }
}
