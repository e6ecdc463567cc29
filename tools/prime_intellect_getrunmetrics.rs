//! `prime-intellect-getrunmetrics`: a run's metrics by step.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::{names, renamed};
use crate::context::{Call, Reply, View};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::prime::RunId;
use crate::prime::condense;
use crate::prime::condense::Wanted;
use crate::spec;
use crate::spec::Spec;
#[cfg(feature = "text")]
use crate::work;

pub(crate) struct PrimeIntellectGetrunmetrics;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[
    ("start", "min_step"),
    ("start_step", "min_step"),
    ("from_step", "min_step"),
    ("end", "max_step"),
    ("end_step", "max_step"),
    ("to_step", "max_step"),
    ("metrics", "columns"),
    ("metric", "columns"),
    ("keys", "columns"),
    ("names", "columns"),
    ("fields", "columns"),
]))]
pub(crate) struct Args {
    run_id: RunId,
    min_step: Option<i64>,
    max_step: Option<i64>,
    /// Rows to ask the service for.
    #[schemars(range(min = 1))]
    limit: Option<u32>,
    /// Every n-th row; 1: all. Default: a few dozen.
    #[schemars(range(min = 1))]
    every: Option<u32>,
    /// Only these, such as reward/mean; step stays. Default: a few.
    #[schemars(transform = names)]
    columns: Option<Vec<String>>,
    /// true: also a picture of them.
    #[cfg(feature = "text")]
    curve: Option<bool>,
}

impl Handler for PrimeIntellectGetrunmetrics {
    const SPEC: &'static Spec = &spec::GET_RUN_METRICS;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        if let (Some(least), Some(most)) = (args.min_step, args.max_step)
            && least > most
        {
            problems.add(
                &Path::Root.key("min_step"),
                format!("is {least}, which is above max_step {most}: no step is in between"),
            );
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().path("run_id", &args.run_id);
        let request = request
            .query("min_step", args.min_step)
            .query("max_step", args.max_step);
        let reply = request.query("limit", args.limit).send().await?;
        #[cfg(feature = "text")]
        let image = if args.curve == Some(true) {
            let (columns, run) = (args.columns.clone().unwrap_or_default(), args.run_id.to_string());
            let text = reply.shared_text();
            let drawing = work::over(text.len(), move || condense::drawn(&text, &run, &columns));
            drawing
                .await?
                .map_err(|error| ToolError::Internal(error.to_string()))?
        } else {
            None
        };
        #[cfg(not(feature = "text"))]
        let image = None;
        let wanted = Wanted {
            columns: args.columns.unwrap_or_default(),
            every: args.every.and_then(|every| usize::try_from(every).ok()),
            detailed: args.limit.is_some(),
        };
        let reply = condense::fit(reply, move |reply| condense::metrics(reply, &wanted)).await?;
        Ok(reply.with_view(View {
            image,
            ..View::default()
        }))
    }
}
