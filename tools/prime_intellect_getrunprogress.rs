//! `prime-intellect-getrunprogress`: how far a run is.

use crate::api::prime::RunArgs;
use crate::api::prime::thin;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectGetrunprogress;

impl Handler for PrimeIntellectGetrunprogress {
    const SPEC: &'static Spec = &spec::GET_RUN_PROGRESS;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        thin::fit(args.request(call).send().await?, thin::progress).await
    }
}
