//! `prime-intellect-getrun`: state and config of a run.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::prime::{WatchedRunArgs, condense};
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::{RUN_ENDED, RUN_SHOWN};
use crate::work;

/// The service has another answer for it.
const COST: &str = "prime-intellect-getrunusage (toolset runs-more) says what it cost.";

pub(crate) struct PrimeIntellectGetrun;

impl Handler for PrimeIntellectGetrun {
    const SPEC: &'static Spec = &spec::GET_RUN;
    type Args = WatchedRunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        // Nobody who only asks how it goes waits for hours.
        let goal = if args.wait_seconds.is_some() {
            &RUN_ENDED
        } else {
            &RUN_SHOWN
        };
        let waited = wait::shown(call, goal, &[&args.run_id], until).await?;
        let size = waited.reply().text().len();
        let has_ended = RUN_ENDED.is_reached(waited.reply());
        let reply = work::over(size, move || waited.map(condense::bounded).into_reply()).await?;
        Ok(if has_ended { reply.noted(COST) } else { reply })
    }
}
