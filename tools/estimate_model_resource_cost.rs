//! `estimate-model-resource-cost`: the price of a model resource.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::Body;
use crate::api::together::model_resource::NewModelResource;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::schema::Undescribed;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct EstimateModelResourceCost;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// As that of create-model-resource.
    #[schemars(with = "Undescribed<NewModelResource>")]
    body: Body<NewModelResource>,
}

impl Handler for EstimateModelResourceCost {
    const SPEC: &'static Spec = &spec::ESTIMATE_MODEL_RESOURCE_COST;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().body(args.body.into_text()).send().await
    }
}
