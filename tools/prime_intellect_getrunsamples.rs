//! `prime-intellect-getrunsamples`: completions and rewards of one step.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::names;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{RunId, condense};
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectGetrunsamples;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    step: i64,
    /// From 1.
    #[schemars(range(min = 1))]
    page: Option<u32>,
    /// Samples on one page. Default 4, shortened.
    #[schemars(range(min = 1))]
    limit: Option<u32>,
    /// Only these members of each sample; step and id stay.
    #[schemars(transform = names)]
    columns: Option<Vec<String>>,
}

impl Handler for PrimeIntellectGetrunsamples {
    const SPEC: &'static Spec = &spec::GET_RUN_SAMPLES;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
        let request = call
            .request()
            .path("run_id", &args.run_id)
            .query("step", Some(args.step));
        let reply = request
            .query("page", args.page)
            .query("limit", Some(limit))
            .send()
            .await?;
        let columns = args.columns.unwrap_or_default();
        let room = if args.limit.is_some() {
            condense::BUDGET
        } else {
            condense::SHORT
        };
        condense::fit(reply, move |reply| condense::samples(reply, &columns, room)).await
    }
}

/// The service's own default, 100, would leave a few words of each.
const DEFAULT_LIMIT: u32 = 4;
