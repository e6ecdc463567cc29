//! `extend-model-resource-expiry`: keeps an idle model resource up.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::Body;
use crate::api::together::ModelResourceId;
use crate::api::together::model_resource::ExtendExpiry;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ExtendModelResourceExpiry;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
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
