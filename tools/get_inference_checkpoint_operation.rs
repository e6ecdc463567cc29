//! `get-inference-checkpoint-operation`: state and result of saving an inference checkpoint.

use crate::api::together::args::SmallOperationArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetInferenceCheckpointOperation;

impl Handler for GetInferenceCheckpointOperation {
    const SPEC: &'static Spec = &spec::GET_INFERENCE_CHECKPOINT_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::INFERENCE_CHECKPOINT).await
    }
}
