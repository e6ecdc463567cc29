//! `weights-sync`: makes sampling use the trained weights.

use crate::api::json;
use crate::api::together::args::{SmallSubmitArgs, SubmitArgs};
use crate::api::together::operation;
use crate::api::together::weights_sync::WeightsSync as WeightsSyncBody;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct WeightsSync;

impl Handler for WeightsSync {
    const SPEC: &'static Spec = &spec::WEIGHTS_SYNC;
    type Args = SmallSubmitArgs<WeightsSyncBody>;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let mut args: SubmitArgs<_> = args.into();
        if !args.body.value.has_type() {
            args.body = json::body(WeightsSyncBody::USUAL)?;
        }
        operation::submit(call, args, &operation::WEIGHTS_SYNC).await
    }
}
