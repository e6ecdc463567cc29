//! `get-sample-operation`: state and result of a sampling.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::OperationArgs;
use crate::together::operation;

pub(crate) struct GetSampleOperation;

impl Handler for GetSampleOperation {
    const SPEC: &'static Spec = &spec::GET_SAMPLE_OPERATION;
    type Args = OperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args, &operation::SAMPLE).await
    }
}
