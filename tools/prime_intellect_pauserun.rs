//! `prime-intellect-pauserun`: holds a run and frees its GPUs.

use crate::api::prime::WatchedRunArgs;
use crate::api::wait::{self, RUN_DOWN};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectPauserun;

impl Handler for PrimeIntellectPauserun {
    const SPEC: &'static Spec = &spec::PAUSE_RUN;
    type Args = WatchedRunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.run_id;
        let reply = call.request().path("run_id", id).send().await?;
        Ok(wait::followed(call, &RUN_DOWN, &[id], reply, until).await.told())
    }
}
