//! `list-recent-activity`: what was done on this machine.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::timeout;

use crate::config::DATA_DIR;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::files::data::{BATCHES, Data};
use crate::files::directory::Directory;
use crate::files::{Listed, newest};
use crate::journal::Filter;
use crate::json;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::operation::SampleFiles;
use crate::work::blocking;

pub(crate) struct ListRecentActivity;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Only of this session, beside what may bill.
    session_id: Option<String>,
    /// How far back. Default 168.
    #[schemars(range(min = 1, max = 1500))]
    hours: Option<u32>,
    /// Of each list. Default 3 to 5.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

/// A week.
const HOURS: u32 = 168;

impl Handler for ListRecentActivity {
    const SPEC: &'static Spec = &spec::LIST_RECENT_ACTIVITY;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let config = call.context.config();
        let Some(data) = &config.data else {
            return Err(ToolError::Here {
                why: "There is no journal, because there is no data directory.".to_owned(),
                next: format!(
                    "look with the list tools; for the future the user can name a directory in {DATA_DIR}."
                ),
            });
        };
        let longest = Duration::from_secs(3600 * u64::from(args.hours.unwrap_or(HOURS)));
        let filter = Filter {
            session_id: args.session_id,
            longest,
            limit: args.limit,
        };
        let activity = call.context.journal().activity(filter).await;
        let activity = activity.map_err(|problem| ToolError::Here {
            why: format!(
                "The journal in {} cannot be read: {problem}.",
                data.root().display()
            ),
            next: "look with the list tools; ask the user to check that directory.".to_owned(),
        })?;
        // A disk that hangs must not keep the rest from being said.
        let (data, samplings) = (Arc::clone(data), activity.samplings());
        let look = blocking(move || (batches(data.root()), prompts(&data, samplings)));
        let found = timeout(PATIENCE, look).await;
        let (batches, prompts) = found.ok().and_then(Result::ok).unwrap_or_default();
        let activity = activity.with_batches(&batches, longest, args.limit);
        let activity = activity.with_prompts(&prompts);
        #[cfg(feature = "text")]
        {
            let runs = runs::newest(config.data.clone()).await;
            let activity = activity.with_runs(&runs::held(&runs));
            let reply = json::text(&activity).map(Reply::new)?;
            Ok(runs::told(reply, &runs))
        }
        #[cfg(not(feature = "text"))]
        json::text(&activity).map(Reply::new)
    }
}

/// Runs of start-training.
#[cfg(feature = "text")]
mod runs {
    use super::{Arc, Data, HashMap, PATIENCE, Reply, blocking, timeout};
    use crate::train::view::Looked;

    /// The runs that are under way, interrupted, or the last to end.
    pub(super) async fn newest(data: Option<Arc<Data>>) -> Vec<Looked> {
        let Some(data) = data else { return Vec::new() };
        let look = blocking(move || Looked::newest(&data));
        timeout(PATIENCE, look)
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    /// What those use that are worked on, by id.
    pub(super) fn held(runs: &[Looked]) -> HashMap<String, String> {
        let worked = runs.iter().filter(|run| !run.is_at_rest());
        worked
            .flat_map(|run| {
                let state = &run.state;
                let held = [&state.session, &state.reference, &state.resource]
                    .into_iter()
                    .flatten();
                held.map(|held| (held.id.clone(), run.place.id().to_owned()))
            })
            .collect()
    }

    /// With the runs.
    pub(super) fn told(reply: Reply, runs: &[Looked]) -> Reply {
        if runs.is_empty() {
            return reply;
        }
        let shown: Vec<_> = runs.iter().map(Looked::in_short).collect();
        let reply = reply.with("training_runs", &shown);
        if runs.iter().all(Looked::is_at_rest) {
            return reply;
        }
        reply.noted("What a training run holds (held_by) is its own while it works: get-training shows it, stop-training ends it.")
    }
}

/// How long the disk may take to list files.
const PATIENCE: Duration = Duration::from_secs(5);

/// The files of built batches; none where there is no such directory.
fn batches(data: &Path) -> Vec<Listed> {
    let folder = Directory::open(data).and_then(|data| data.find(Path::new(BATCHES)));
    folder.and_then(|folder| newest(&folder)).unwrap_or_default()
}

/// The files of the prompts of these samplings, by operation, as far as they are there.
fn prompts(data: &Data, samplings: Vec<(String, String)>) -> HashMap<String, String> {
    let files = samplings.into_iter().filter_map(|(session_id, operation_id)| {
        let SampleFiles { request, .. } = SampleFiles::of(data, &session_id, &operation_id);
        let file = request.is_file().then(|| request.display().to_string())?;
        Some((operation_id, file))
    });
    files.collect()
}
