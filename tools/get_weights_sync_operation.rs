//! `get-weights-sync-operation`: state and result of a weights-sync.

use crate::api::together::args::SmallOperationArgs;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetWeightsSyncOperation;

impl Handler for GetWeightsSyncOperation {
    const SPEC: &'static Spec = &spec::GET_WEIGHTS_SYNC_OPERATION;
    type Args = SmallOperationArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::show(call, &args.into(), &operation::WEIGHTS_SYNC).await
    }
}
