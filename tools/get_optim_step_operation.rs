//! `get-optim-step-operation`: state and result of an optimizer step.

use crate::api::together::args::SmallOperationArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetOptimStepOperation;

impl Handler for GetOptimStepOperation {
    const SPEC: &'static Spec = &spec::GET_OPTIM_STEP_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::OPTIMIZER_STEP).await
    }
}
