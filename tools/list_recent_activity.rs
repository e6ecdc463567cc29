//! `list-recent-activity`: what was done on this machine.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::{Call, Reply, json};
use crate::config::DATA_DIR;
use crate::error::ToolError;
use crate::journal::Filter;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ListRecentActivity;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// Only of this session, beside what may bill.
    session_id: Option<String>,
    /// How far back. Default 168.
    #[schemars(range(min = 1, max = 1500))]
    hours: Option<u32>,
    /// Entries. Default 20 or fewer.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

/// A week: whoever comes back on Monday finds what was left on Friday.
const HOURS: u32 = 168;

impl Handler for ListRecentActivity {
    const SPEC: &'static Spec = &spec::LIST_RECENT_ACTIVITY;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let config = call.api.config();
        let Some(data) = &config.data else {
            return Err(ToolError::Here {
                why: "There is no journal, as there is no data directory.".to_owned(),
                next: format!(
                    "look with the list tools; for the future the user can name a directory in {DATA_DIR}."
                ),
            });
        };
        let filter = Filter {
            session_id: args.session_id,
            longest: Duration::from_secs(3600 * u64::from(args.hours.unwrap_or(HOURS))),
            limit: args.limit,
        };
        let activity = call.api.journal().activity(filter).await;
        let activity = activity.map_err(|problem| ToolError::Here {
            why: format!(
                "The journal in {} cannot be read: {problem}.",
                data.root().display()
            ),
            next: "look with the list tools; the user can see to the directory.".to_owned(),
        })?;
        json::text(&activity).map(Reply::new)
    }
}
