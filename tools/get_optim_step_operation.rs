//! `get-optim-step-operation`: state and result of an optimizer step.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallOperationArgs;
use crate::together::operation;

pub(crate) struct GetOptimStepOperation;

impl Handler for GetOptimStepOperation {
    const SPEC: &'static Spec = &spec::GET_OPTIM_STEP_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::OPTIMIZER_STEP).await
    }
}
