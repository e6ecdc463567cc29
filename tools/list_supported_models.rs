//! `list-supported-models`: the base models that can be trained.

use crate::api::NoArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ListSupportedModels;

impl Handler for ListSupportedModels {
    const SPEC: &'static Spec = &spec::LIST_SUPPORTED_MODELS;
    type Args = NoArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let NoArgs {} = args;
        call.request().send().await
    }
}
