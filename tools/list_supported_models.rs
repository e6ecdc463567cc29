//! `list-supported-models`: the base models that can be trained.

use crate::arguments::NoArgs;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::models::Models;

pub(crate) struct ListSupportedModels;

impl Handler for ListSupportedModels {
    const SPEC: &'static Spec = &spec::LIST_SUPPORTED_MODELS;
    type Args = NoArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let NoArgs {} = args;
        let shown = call.request().send().await?;
        call.context.state::<Models>().learn(&shown);
        Ok(shown)
    }
}
