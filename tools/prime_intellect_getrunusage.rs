//! `prime-intellect-getrunusage`: what a run has used and cost.

use crate::api::prime::RunArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectGetrunusage;

impl Handler for PrimeIntellectGetrunusage {
    const SPEC: &'static Spec = &spec::GET_RUN_USAGE;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
