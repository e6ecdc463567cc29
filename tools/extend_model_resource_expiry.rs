//! `extend-model-resource-expiry`: keeps an idle model resource up.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::ModelResourceId;
use crate::together::model_resource::ExtendExpiry;

pub(crate) struct ExtendModelResourceExpiry;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    model_resources_id: ModelResourceId,
    body: Body<ExtendExpiry>,
}

impl Handler for ExtendModelResourceExpiry {
    const SPEC: &'static Spec = &spec::EXTEND_MODEL_RESOURCE_EXPIRY;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call
            .request()
            .path("model_resources_id", &args.model_resources_id);
        request.body(args.body.into_text()).send().await
    }
}
