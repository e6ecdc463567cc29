//! `list-model-resources`: model resources, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::Problems;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::list::{Filters, OfModelResource, Page};

pub(crate) struct ListModelResources;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    #[serde(flatten)]
    filters: Filters<OfModelResource>,
    #[serde(flatten)]
    page: Page,
}

impl Handler for ListModelResources {
    const SPEC: &'static Spec = &spec::LIST_MODEL_RESOURCES;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.filters.check(problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = args.filters.of(call.request());
        args.page.of(request).send().await
    }
}
