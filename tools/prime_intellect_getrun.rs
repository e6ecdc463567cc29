//! `prime-intellect-getrun`: state and config of a run.

use crate::api::prime::{RunArgs, thin};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectGetrun;

impl Handler for PrimeIntellectGetrun {
    const SPEC: &'static Spec = &spec::GET_RUN;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        args.request(call).send().await.map(thin::bounded)
    }
}
