//! `prime-intellect-getrunmetrics`: a run's metrics by step.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::prime::{RunId, thin};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectGetrunmetrics;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    run_id: RunId,
    min_step: Option<i64>,
    max_step: Option<i64>,
    /// Rows to ask the service for.
    #[schemars(range(min = 1))]
    limit: Option<u32>,
    /// Every n-th row only. Default: as many rows as fit.
    #[schemars(range(min = 1))]
    every: Option<u32>,
    /// Only these metrics, such as reward/mean; step stays.
    columns: Option<Vec<String>>,
}

impl Handler for PrimeIntellectGetrunmetrics {
    const SPEC: &'static Spec = &spec::GET_RUN_METRICS;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().path("run_id", &args.run_id);
        let request = request
            .query("min_step", args.min_step)
            .query("max_step", args.max_step);
        let reply = request.query("limit", args.limit).send().await?;
        let every = args.every.and_then(|every| usize::try_from(every).ok());
        let columns = args.columns.unwrap_or_default();
        thin::fit(reply, move |reply| thin::metrics(reply, &columns, every)).await
    }
}
