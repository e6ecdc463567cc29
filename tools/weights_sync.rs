//! `weights-sync`: makes sampling use the trained weights.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::json;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallSubmitArgs;
use crate::together::operation;
use crate::together::weights_sync::WeightsSync as WeightsSyncBody;

pub(crate) struct WeightsSync;

impl Handler for WeightsSync {
    const SPEC: &'static Spec = &spec::WEIGHTS_SYNC;
    type Args = SmallSubmitArgs<WeightsSyncBody>;

    async fn call(mut args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        if !args.body.value.has_type() {
            args.body = json::body(WeightsSyncBody::USUAL)?;
        }
        operation::submit(call, args.into(), &operation::WEIGHTS_SYNC).await
    }
}
