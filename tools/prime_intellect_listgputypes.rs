//! `prime-intellect-listgputypes`: the GPU types that a run can ask for.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{DiscoveryArgs, discover};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectListgputypes;

impl Handler for PrimeIntellectListgputypes {
    const SPEC: &'static Spec = &spec::LIST_GPU_TYPES;
    type Args = DiscoveryArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        discover(call, args, r#"{"gpuTypes":[]}"#).await
    }
}
