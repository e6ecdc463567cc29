//! `get-sample-operation`: state and result of a sampling.

use crate::api::together::args::OperationArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetSampleOperation;

impl Handler for GetSampleOperation {
    const SPEC: &'static Spec = &spec::GET_SAMPLE_OPERATION;
    type Args = OperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args, &operation::SAMPLE).await
    }
}
