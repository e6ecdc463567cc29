//! `get-model-resource`: state and expiry of a model resource.

use crate::api::together::args::ModelResourceArgs;
use crate::api::wait::{self, RESOURCE};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetModelResource;

impl Handler for GetModelResource {
    const SPEC: &'static Spec = &spec::GET_MODEL_RESOURCE;
    type Args = ModelResourceArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let waited = wait::shown(call, &RESOURCE, &[&args.model_resources_id], until).await?;
        Ok(waited.told())
    }
}
