//! `prime-intellect-stoprun`: ends a run.

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::WatchedRunArgs;
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::{RUN_DOWN, status};

const PAUSED: &str = "A PAUSED run stays PAUSED and bills nothing: prime-intellect-resumerun goes on with it, prime-intellect-deleterun removes it.";

pub(crate) struct PrimeIntellectStoprun;

impl Handler for PrimeIntellectStoprun {
    const SPEC: &'static Spec = &spec::STOP_RUN;
    type Args = WatchedRunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.run_id;
        let refusal = match call.request().path("run_id", id).send().await {
            Err(ToolError::Call(failure)) if failure.is_refusal() => failure,
            answered => {
                let waited = wait::followed(call, &RUN_DOWN, &[id], answered?, until).await;
                let paused = status(waited.reply()).as_deref() == Some("PAUSED");
                let told = waited.into_reply();
                return Ok(if paused { told.noted(PAUSED) } else { told });
            }
        };
        // A run that has ended already may be refused too: its state tells that from a refusal in earnest.
        let request = Request::new(call, &spec::GET_RUN).path("run_id", id);
        if let Ok(reply) = request.send().await
            && RUN_DOWN.is_reached(&reply)
        {
            return Ok(reply.with("note", &"It had already ended: there was nothing to stop."));
        }
        Err(ToolError::Call(refusal))
    }
}
