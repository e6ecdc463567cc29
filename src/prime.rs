//! Prime Intellect's training runs, as of November 2026: typed bodies, and what is made of the answers.
//!
//! What a run writes (logs, samples, names, error messages) is cleaned before the model sees it, and what grows with
//! the length of a run is condensed until it fits one answer.

pub(crate) mod condense;
pub(crate) mod config;
pub(crate) mod config_file;
pub(crate) mod create;
mod doubts;
pub(crate) mod estimate;
pub(crate) mod gpu_types;
pub(crate) mod logs;
pub(crate) mod named;
pub(crate) mod places;
mod retired;
pub(crate) mod secrets;
mod source_ref;
pub(crate) mod started;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::id;
use crate::arguments::schema::aliases;
use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::wait::WaitSeconds;

id!(
    /// Id of the run.
    RunId: "prime-intellect-listruns shows those that exist"
);

/// Arguments of tools for one run.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct RunArgs {
    pub run_id: RunId,
}

/// Arguments of tools that wait for a run.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WatchedRunArgs {
    pub run_id: RunId,
    pub wait_seconds: Option<WaitSeconds>,
}

impl RunArgs {
    /// The request of the tool's own row for this run.
    #[must_use]
    pub(crate) fn request<'a>(&'a self, call: &'a Call<'a>) -> Request<'a> {
        call.request().path("run_id", &self.run_id)
    }
}

/// Team, or `personal`. Default: that of the configuration, else personal.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct TeamId(String);

/// The team to ask for. Callers write `team_id` everywhere; the wire says `team_id` in some queries and `teamId` in
/// others.
#[must_use]
pub(crate) fn team(given: Option<TeamId>, call: &Call<'_>) -> Option<String> {
    match given {
        Some(TeamId(id)) => (id != PERSONAL).then_some(id),
        None => call.context.config().prime_team.clone(),
    }
}

/// What a caller writes for no team at all, where the configuration names one.
const PERSONAL: &str = "personal";

/// Arguments of tools that show what a run could use.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = aliases(&[("teamId", "team_id")]))]
pub(crate) struct DiscoveryArgs {
    team_id: Option<TeamId>,
}

/// Shows what a run could use; an older deployment that has no such list has nothing to offer.
pub(crate) async fn discover(
    call: &Call<'_>,
    args: DiscoveryArgs,
    nothing: &str,
) -> Result<Reply, ToolError> {
    let shown = call
        .request()
        .query("team_id", team(args.team_id, call))
        .send()
        .await;
    match shown {
        Err(ToolError::Call(failure)) if failure.status() == Some(404) => {
            let note = "this deployment has no such list (HTTP 404): nothing is known";
            Ok(Reply::new(nothing.to_owned()).with("note", &note))
        }
        answered => answered,
    }
}
