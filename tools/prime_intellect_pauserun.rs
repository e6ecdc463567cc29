//! `prime-intellect-pauserun`: holds a run and frees its GPUs.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::WatchedRunArgs;
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::RUN_DOWN;

pub(crate) struct PrimeIntellectPauserun;

impl Handler for PrimeIntellectPauserun {
    const SPEC: &'static Spec = &spec::PAUSE_RUN;
    type Args = WatchedRunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.run_id;
        let reply = call.request().path("run_id", id).send().await?;
        Ok(wait::followed(call, &RUN_DOWN, &[id], reply, until)
            .await
            .into_reply())
    }
}
