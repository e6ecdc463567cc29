//! `stop-training`: ends a run at its next step, and saves what it has learned.

use schemars::JsonSchema;
use serde::Deserialize;

use super::get_training::{unreadable, waited};
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::json;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::train::launch::RunId;
use crate::train::view::{self, Looked, Now, View};
use crate::wait;
use crate::wait::WaitSeconds;
use crate::work::blocking;

pub(crate) struct StopTraining;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for StopTraining {
    const SPEC: &'static Spec = &spec::STOP_TRAINING;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let place = args.run_id.place(call).await?;
        let asked = place.clone();
        let before = blocking(move || {
            let looked = Looked::at(asked.clone())?;
            if !looked.is_at_rest() {
                asked.ask_to_stop()?;
            }
            Ok(looked)
        })
        .await?
        .map_err(unreadable)?;
        let note = match before.now {
            Now::Worked(_) => None,
            Now::Ended(_) => Some("It had ended already.".to_owned()),
            Now::Interrupted => Some(interrupted(&before)),
        };
        let looked = waited(call, &place, until, None).await?;
        let shown = blocking(move || view::shown(looked, View::Summary, None)).await?;
        let shown = shown.map_err(unreadable)?.map_err(ToolError::Internal)?;
        let reply = Reply::new(json::text(&shown)?);
        Ok(match note {
            Some(note) => reply.noted(&note),
            None => reply,
        })
    }
}

/// Of a run without a worker nobody can save anything, but what it made may be up.
fn interrupted(looked: &Looked) -> String {
    let up: Vec<String> = looked
        .state
        .left_up()
        .map(|(what, held)| format!("{what} {}", held.id))
        .collect();
    if up.is_empty() {
        return "Its worker is gone, and nothing that it made is up.".to_owned();
    }
    format!(
        "Its worker is gone, so that nobody can stop it in order: either resume-training, and then this again, which saves what it has learned, or end what it made: {} (stop-training-session, stop-model-resource).",
        up.join(", ")
    )
}
