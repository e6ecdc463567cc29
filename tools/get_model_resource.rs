//! `get-model-resource`: state and expiry of a model resource.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::ModelResourceArgs;
use crate::together::base_model;
use crate::wait;
use crate::wait::RESOURCE;

pub(crate) struct GetModelResource;

impl Handler for GetModelResource {
    const SPEC: &'static Spec = &spec::GET_MODEL_RESOURCE;
    type Args = ModelResourceArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let waited = wait::shown(call, &RESOURCE, &[&args.model_resources_id], until).await?;
        base_model::learn(call, waited.reply());
        Ok(waited.into_reply())
    }
}
