//! `prime-intellect-deleterun`: removes a training run.

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::RunArgs;
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectDeleterun;

impl Handler for PrimeIntellectDeleterun {
    const SPEC: &'static Spec = &spec::DELETE_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let refusal = match args.request(call).send().await {
            Err(ToolError::Call(failure)) if failure.status() == Some(403) => failure,
            answered => return answered,
        };
        // This way is for admins; owners have another one.
        let request = Request::new(call, &spec::DELETE_OWN_RUN).path("run_id", &args.run_id);
        match request.send().await {
            Ok(reply) => Ok(reply.with("note", &"deleted as its owner, by /rft/runs")),
            // Refused both ways: the first one's words are about the run as it was named.
            Err(ToolError::Call(second)) if matches!(second.status(), Some(400..=499)) => {
                Err(ToolError::Call(refusal))
            }
            Err(error) => Err(error),
        }
    }
}
