//! `prime-intellect-getwallet`: balance and recent bills.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::aliases;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{TeamId, team};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectGetwallet;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = aliases(&[("teamId", "team_id")]))]
pub(crate) struct Args {
    /// Bills to show. Default 20.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// Bills to skip.
    #[schemars(range(min = 0))]
    offset: Option<u32>,
    team_id: Option<TeamId>,
}

impl Handler for PrimeIntellectGetwallet {
    const SPEC: &'static Spec = &spec::GET_WALLET;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call
            .request()
            .query("limit", args.limit)
            .query("offset", args.offset);
        request.query("teamId", team(args.team_id, call)).send().await
    }
}
