//! `save-training-checkpoint`: saves weights, optimizer and step for resuming.

use crate::api::together::args::CheckpointArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct SaveTrainingCheckpoint;

impl Handler for SaveTrainingCheckpoint {
    const SPEC: &'static Spec = &spec::SAVE_TRAINING_CHECKPOINT;
    type Args = CheckpointArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::save(call, args, &operation::TRAINING_CHECKPOINT).await
    }
}
