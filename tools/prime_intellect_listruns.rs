//! `prime-intellect-listruns`: the runs, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::aliases;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{TeamId, condense, team};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectListruns;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = aliases(&[("teamId", "team_id")]))]
pub(crate) struct Args {
    /// From 1.
    #[schemars(range(min = 1))]
    page: Option<u32>,
    /// Runs on one page. Default 20.
    #[schemars(range(min = 1))]
    limit: Option<u32>,
    team_id: Option<TeamId>,
    /// true: only the caller's own.
    mine: Option<bool>,
}

impl Handler for PrimeIntellectListruns {
    const SPEC: &'static Spec = &spec::LIST_RUNS;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().query("page", args.page).query("limit", args.limit);
        let request = request.query("team_id", team(args.team_id, call));
        let reply = request
            .query("mine", args.mine.filter(|mine| *mine))
            .send()
            .await?;
        condense::fit(reply, condense::runs).await
    }
}
