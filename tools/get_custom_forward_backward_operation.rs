//! `get-custom-forward-backward-operation`: state of a custom forward-backward pass.

use crate::api::together::args::SmallOperationArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetCustomForwardBackwardOperation;

impl Handler for GetCustomForwardBackwardOperation {
    const SPEC: &'static Spec = &spec::GET_CUSTOM_FORWARD_BACKWARD_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::CUSTOM_FORWARD_BACKWARD).await
    }
}
