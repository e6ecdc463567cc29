//! `prime-intellect-deleterun`: removes a training run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::prime::RunId;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectDeleterun;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    run_id: RunId,
}

impl Handler for PrimeIntellectDeleterun {
    const SPEC: &'static Spec = &spec::DELETE_RUN;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().path("run_id", &args.run_id).send().await
    }
}
