//! `list-checkpoints`: checkpoints of all sessions, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::CheckpointType;
use crate::together::list;
use crate::together::list::Page;

pub(crate) struct ListCheckpoints;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Only those for this use.
    #[serde(rename = "type")]
    kind: Option<CheckpointType>,
    /// Only those of this session.
    session_id: Option<String>,
    /// Only those of this model, written exactly so.
    base_model: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl Handler for ListCheckpoints {
    const SPEC: &'static Spec = &spec::LIST_CHECKPOINTS;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call
            .request()
            .query("type", args.kind)
            .query("base_model", args.base_model);
        list::of(
            call,
            args.page.of(request),
            "session_id",
            args.session_id.as_deref(),
        )
        .await
    }
}
