//! `get-forward-backward-operation`: state and result of a forward-backward pass.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::OperationArgs;
use crate::together::operation;

pub(crate) struct GetForwardBackwardOperation;

impl Handler for GetForwardBackwardOperation {
    const SPEC: &'static Spec = &spec::GET_FORWARD_BACKWARD_OPERATION;
    type Args = OperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args, &operation::FORWARD_BACKWARD).await
    }
}
