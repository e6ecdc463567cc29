//! `prime-intellect-restartrun`: takes a run up again from its newest checkpoint.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::RunArgs;
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectRestartrun;

impl Handler for PrimeIntellectRestartrun {
    const SPEC: &'static Spec = &spec::RESTART_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
