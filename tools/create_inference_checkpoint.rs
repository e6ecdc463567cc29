//! `create-inference-checkpoint`: saves weights for serving and download.

use crate::api::together::args::CheckpointArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct CreateInferenceCheckpoint;

impl Handler for CreateInferenceCheckpoint {
    const SPEC: &'static Spec = &spec::CREATE_INFERENCE_CHECKPOINT;
    type Args = CheckpointArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::save(call, args, &operation::INFERENCE_CHECKPOINT).await
    }
}
