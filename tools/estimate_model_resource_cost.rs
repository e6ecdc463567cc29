//! `estimate-model-resource-cost`: the price of a model resource.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::undescribed;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::model_resource::NewModelResource;
use crate::together::models;

pub(crate) struct EstimateModelResourceCost;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// As that of create-model-resource.
    #[schemars(transform = undescribed)]
    body: Body<NewModelResource>,
}

impl Handler for EstimateModelResourceCost {
    const SPEC: &'static Spec = &spec::ESTIMATE_MODEL_RESOURCE_COST;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        models::look(call, args.body.text(), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().body(args.body.into_text()).send().await
    }
}
