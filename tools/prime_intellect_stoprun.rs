//! `prime-intellect-stoprun`: ends a run.

use serde::Deserialize;

use crate::api::prime::RunArgs;
use crate::api::{Call, Reply, Request};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectStoprun;

#[derive(Deserialize)]
struct Run {
    status: String,
}

/// The statuses of a run that has ended, or bills no more.
const FINAL: [&str; 4] = ["COMPLETED", "FAILED", "STOPPED", "PAUSED"];

impl Handler for PrimeIntellectStoprun {
    const SPEC: &'static Spec = &spec::STOP_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let refusal = match args.request(call).send().await {
            Err(ToolError::Call(failure)) if failure.is_refusal() => failure,
            answered => return answered,
        };
        // A run that has ended already may be refused too: its state tells that from a refusal in earnest.
        let request = Request::new(call, &spec::GET_RUN).path("run_id", &args.run_id);
        if let Ok(reply) = request.send().await
            && let Some(Run { status }) = reply.member("run")
            && FINAL.contains(&status.as_str())
        {
            return Ok(reply.with("note", &"It had ended already: there was nothing left to stop."));
        }
        Err(ToolError::Call(refusal))
    }
}
