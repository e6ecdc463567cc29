//! `resume-training`: goes on with a run that was interrupted, stopped, or has failed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::get_training::unreadable;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::{self, Body};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::train::launch::{RunId, met, taken_up};
use crate::train::recipe::Limits;
use crate::train::view::{Looked, Now};
use crate::train::{Launcher, Status};
use crate::work::blocking;

pub(crate) struct ResumeTraining;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    /// New ones, of the whole run.
    limits: Option<Body<Limits>>,
}

impl Handler for ResumeTraining {
    const SPEC: &'static Spec = &spec::RESUME_TRAINING;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let place = args.run_id.place(call).await?;
        let own = place.clone();
        let looked = blocking(move || Looked::at(own)).await?.map_err(unreadable)?;
        let at = Path::Root.key("run_id");
        match looked.now {
            Now::Worked(_) => {
                return Err(
                    Problems::one(&at, "is of a run that is under way: get-training shows it").into(),
                );
            }
            Now::Ended(Status::Completed) => {
                return Err(Problems::one(
                    &at,
                    "is of a run that is complete: start-training begins a new one",
                )
                .into());
            }
            Now::Ended(_) | Now::Interrupted => {}
        }
        let limits = args.limits.map(Body::into_text);
        let (own, given) = (place.clone(), limits.clone());
        let met = blocking(move || met(&own, given)).await?.map_err(unreadable)?;
        if !met.is_empty() {
            return Err(ToolError::Arguments(met));
        }
        let own = place.clone();
        blocking(move || taken_up(&own, limits))
            .await?
            .map_err(unreadable)?;
        let launcher = call.context.state::<Launcher>();
        if let Err(problem) = launcher.launch(call.context, &place).await {
            return Err(ToolError::Here {
                why: format!("The run {} did not go on: {problem}.", place.id()),
                next: "mend what it says, then call again; what the run holds at the service is as it was (get-training).".to_owned(),
            });
        }
        let next =
            json!({"tool": spec::GET_TRAINING.name, "arguments": {"run_id": place.id(), "wait_seconds": 50}});
        let reply = json!({"run_id": place.id(), "step": looked.state.step, "steps": looked.state.steps, "next": next});
        json::text(&reply).map(Reply::new)
    }
}
