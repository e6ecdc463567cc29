//! `list-training-sessions`: the caller's sessions, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::Problems;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::list;
use crate::together::list::{Filters, OfSession, Page};

pub(crate) struct ListTrainingSessions;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    #[serde(flatten)]
    filters: Filters<OfSession>,
    /// Only those on this model resource.
    model_resources_id: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl Handler for ListTrainingSessions {
    const SPEC: &'static Spec = &spec::LIST_TRAINING_SESSIONS;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.filters.check(problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = args.filters.of(call.request());
        let resource = args.model_resources_id.as_deref();
        list::of(call, args.page.of(request), "model_resources_id", resource).await
    }
}
