//! `list-model-resources`: model resources, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::together::list::{OfModelResource, Page, StatusFilter};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ListModelResources;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// Only those of this status, or of several joined by commas: PENDING, CREATING, READY, STOPPING, STOPPED, ERROR.
    status: Option<StatusFilter<OfModelResource>>,
    /// Only those of this user id, or me.
    created_by: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl Handler for ListModelResources {
    const SPEC: &'static Spec = &spec::LIST_MODEL_RESOURCES;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        if let Some(status) = &args.status {
            status.check(&Path::Root.key("status"), problems);
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let status = args.status.map(|status| status.to_string());
        let request = call
            .request()
            .query("status", status)
            .query("created_by", args.created_by);
        args.page.of(request).send().await
    }
}
