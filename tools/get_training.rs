//! `get-training`: how a run is, or was.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::arguments::schema::unlisted;
use crate::context::{self, Call, CallProgress, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::train::Place;
use crate::train::launch::RunId;
use crate::train::report;
use crate::train::view::{self, Looked, View};
use crate::wait;
use crate::wait::WaitSeconds;
use crate::work::blocking;

/// How often a run is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

pub(crate) struct GetTraining;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    view: Option<View>,
    /// For rollouts, default the last; for steps the first.
    #[schemars(range(min = 1))]
    step: Option<u32>,
    #[schemars(transform = unlisted)]
    until_step: Option<u32>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for GetTraining {
    const SPEC: &'static Spec = &spec::GET_TRAINING;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let cut_short = wait::cut_short(call, args.wait_seconds.as_ref());
        let until = wait::until(call, args.wait_seconds);
        let place = args.run_id.place(call).await?;
        let looked = waited(call, &place, until, args.until_step).await?;
        let cut_short = cut_short.filter(|_| !looked.is_at_rest());
        let step = args.step.and_then(|step| usize::try_from(step).ok());
        let view = args.view.unwrap_or_default();
        let drawn = place.clone();
        let shown = blocking(move || {
            let image = match view {
                View::Curve => report::draw(&drawn)?,
                _ => None,
            };
            Ok((view::shown(looked, view, step)?, image))
        })
        .await?;
        let (shown, image) = shown.map_err(unreadable)?;
        match shown {
            Ok(shown) => {
                let view = context::View {
                    image,
                    ..context::View::default()
                };
                let reply = Reply::new(json::text(&shown)?).with_view(view);
                Ok(match cut_short {
                    Some(note) => reply.noted(&note),
                    None => reply,
                })
            }
            Err(problem) => Err(Problems::one(&Path::Root.key("step"), problem).into()),
        }
    }
}

/// A run once it is at rest, or at that time.
pub(crate) async fn waited(
    call: &Call<'_>,
    place: &Place,
    until: Option<Instant>,
    step: Option<u32>,
) -> Result<Looked, ToolError> {
    let step = step.and_then(|step| usize::try_from(step).ok());
    loop {
        let own = place.clone();
        let looked = blocking(move || Looked::at(own)).await?.map_err(unreadable)?;
        let is_there = step.is_some_and(|step| looked.state.step >= step);
        if looked.is_at_rest() || is_there || until.is_none_or(|until| Instant::now() + INTERVAL > until) {
            return Ok(looked);
        }
        let doing = looked.state.doing.as_deref().unwrap_or("working");
        let what = format!("step {} of {}, {doing}", looked.state.step, looked.state.steps);
        call.report(CallProgress {
            what: Some(what),
            bytes: None,
        });
        sleep(INTERVAL).await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` passes it")]
pub(crate) fn unreadable(error: std::io::Error) -> ToolError {
    ToolError::Here {
        why: format!("The directory of the run cannot be read: {error}."),
        next: "ask the user to look at it.".to_owned(),
    }
}
