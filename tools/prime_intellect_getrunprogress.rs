//! `prime-intellect-getrunprogress`: how far a run is.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::RunArgs;
use crate::prime::condense;
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectGetrunprogress;

impl Handler for PrimeIntellectGetrunprogress {
    const SPEC: &'static Spec = &spec::GET_RUN_PROGRESS;
    type Args = RunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        condense::fit(args.request(call).send().await?, condense::progress).await
    }
}
