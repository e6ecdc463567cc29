//! `prime-intellect-listmodels`: models that are ready on clusters.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{DiscoveryArgs, discover};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectListmodels;

impl Handler for PrimeIntellectListmodels {
    const SPEC: &'static Spec = &spec::LIST_MODELS;
    type Args = DiscoveryArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        discover(call, args, r#"{"models":[],"onDemand":[]}"#).await
    }
}
