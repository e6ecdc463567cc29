//! `prime-intellect-getrunusage`: what a run has used and cost.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::RunArgs;
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectGetrunusage;

impl Handler for PrimeIntellectGetrunusage {
    const SPEC: &'static Spec = &spec::GET_RUN_USAGE;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await
    }
}
