//! `prime-intellect-deleterun`: removes a training run.

use crate::api::prime::RunArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectDeleterun;

impl Handler for PrimeIntellectDeleterun {
    const SPEC: &'static Spec = &spec::DELETE_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
