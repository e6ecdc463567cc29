//! `weights-sync`: makes sampling use the trained weights.

use crate::api::together::args::SmallSubmitArgs;
use crate::api::together::{operation, weights_sync};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct WeightsSync;

impl Handler for WeightsSync {
    const SPEC: &'static Spec = &spec::WEIGHTS_SYNC;
    type Args = SmallSubmitArgs<weights_sync::WeightsSync>;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::submit(call, args.into(), &operation::WEIGHTS_SYNC).await
    }
}
