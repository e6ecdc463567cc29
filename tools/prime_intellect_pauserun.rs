//! `prime-intellect-pauserun`: holds a run and frees its GPUs.

use crate::api::prime::RunArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectPauserun;

impl Handler for PrimeIntellectPauserun {
    const SPEC: &'static Spec = &spec::PAUSE_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
