//! `get-save-training-checkpoint-operation`: state and result of saving a training checkpoint.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallOperationArgs;
use crate::together::operation;

pub(crate) struct GetSaveTrainingCheckpointOperation;

impl Handler for GetSaveTrainingCheckpointOperation {
    const SPEC: &'static Spec = &spec::GET_SAVE_TRAINING_CHECKPOINT_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::TRAINING_CHECKPOINT).await
    }
}
