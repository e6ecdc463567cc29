//! `create-inference-checkpoint`: saves weights for serving and download.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::CheckpointArgs;
use crate::together::operation;

pub(crate) struct CreateInferenceCheckpoint;

impl Handler for CreateInferenceCheckpoint {
    const SPEC: &'static Spec = &spec::CREATE_INFERENCE_CHECKPOINT;
    type Args = CheckpointArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::save(call, args, &operation::INFERENCE_CHECKPOINT).await
    }
}
