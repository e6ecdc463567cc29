//! `get-custom-forward-backward-operation`: state of a custom forward-backward pass.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallOperationArgs;
use crate::together::operation;

pub(crate) struct GetCustomForwardBackwardOperation;

impl Handler for GetCustomForwardBackwardOperation {
    const SPEC: &'static Spec = &spec::GET_CUSTOM_FORWARD_BACKWARD_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::CUSTOM_FORWARD_BACKWARD).await
    }
}
