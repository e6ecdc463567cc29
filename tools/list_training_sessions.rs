//! `list-training-sessions`: the caller's sessions, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::together::session::StatusFilter;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ListTrainingSessions;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    status: Option<StatusFilter>,
    /// Sessions on one page. Default 20.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// meta.next_cursor of the page before.
    after: Option<String>,
}

impl Handler for ListTrainingSessions {
    const SPEC: &'static Spec = &spec::LIST_TRAINING_SESSIONS;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        if let Some(status) = &args.status {
            status.check(&Path::Root.key("status"), problems);
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().query("status", args.status);
        request
            .query("limit", args.limit)
            .query("after", args.after)
            .send()
            .await
    }
}
