//! `prime-intellect-restartrun`: takes a run up again from its newest checkpoint.

use crate::api::prime::RunArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectRestartrun;

impl Handler for PrimeIntellectRestartrun {
    const SPEC: &'static Spec = &spec::RESTART_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
