//! `get-weights-sync-operation`: state and result of a weights-sync.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallOperationArgs;
use crate::together::operation;

pub(crate) struct GetWeightsSyncOperation;

impl Handler for GetWeightsSyncOperation {
    const SPEC: &'static Spec = &spec::GET_WEIGHTS_SYNC_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::WEIGHTS_SYNC).await
    }
}
