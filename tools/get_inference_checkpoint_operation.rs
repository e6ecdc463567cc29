//! `get-inference-checkpoint-operation`: state and result of saving an inference checkpoint.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallOperationArgs;
use crate::together::operation;

pub(crate) struct GetInferenceCheckpointOperation;

impl Handler for GetInferenceCheckpointOperation {
    const SPEC: &'static Spec = &spec::GET_INFERENCE_CHECKPOINT_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::INFERENCE_CHECKPOINT).await
    }
}
