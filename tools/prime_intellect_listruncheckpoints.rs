//! `prime-intellect-listruncheckpoints`: a run's checkpoints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{RunId, condense};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectListruncheckpoints;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    /// Only those of this status.
    status_filter: Option<Status>,
    /// From 1, the newest.
    #[schemars(range(min = 1))]
    page: Option<u32>,
    /// Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

/// Rarely is another one wanted than one of the newest.
const DEFAULT_LIMIT: usize = 10;

impl Handler for PrimeIntellectListruncheckpoints {
    const SPEC: &'static Spec = &spec::LIST_RUN_CHECKPOINTS;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().path("run_id", &args.run_id);
        let request = request.query("status_filter", args.status_filter);
        let size = |number: Option<u32>, default| {
            number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let (page, limit) = (size(args.page, 1), size(args.limit, DEFAULT_LIMIT));
        let reply = request.send().await?;
        condense::fit(reply, move |reply| condense::checkpoints(reply, page, limit)).await
    }
}

/// How far the upload is.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Ready,
    Pending,
    Uploading,
    Failed,
}
