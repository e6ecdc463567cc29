//! `save-training-checkpoint`: saves weights, optimizer and step for resuming.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::CheckpointArgs;
use crate::together::operation;

pub(crate) struct SaveTrainingCheckpoint;

impl Handler for SaveTrainingCheckpoint {
    const SPEC: &'static Spec = &spec::SAVE_TRAINING_CHECKPOINT;
    type Args = CheckpointArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::save(call, args, &operation::TRAINING_CHECKPOINT).await
    }
}
