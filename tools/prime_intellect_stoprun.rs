//! `prime-intellect-stoprun`: ends a run.

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::error::problems::list;
use crate::mcp::tool::Handler;
use crate::prime::WatchedRunArgs;
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::{RUN_DOWN, status};

const PAUSED: &str = "A PAUSED run stays PAUSED and bills nothing: prime-intellect-resumerun goes on with it, prime-intellect-deleterun removes it.";
const ENDED: &str = "It had already ended: there was nothing to stop.";

pub(crate) struct PrimeIntellectStoprun;

impl Handler for PrimeIntellectStoprun {
    const SPEC: &'static Spec = &spec::STOP_RUN;
    type Args = WatchedRunArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let id = &*args.run_id;
        let refusal = match call.request().path("run_id", id).send().await {
            Err(ToolError::Call(failure)) if failure.is_refusal() => failure,
            answered => {
                let waited = wait::followed(call, &RUN_DOWN, &[id], answered?, until).await;
                let told = waited.into_reply();
                return Ok(if is_paused(&told) {
                    paused(call, id, told).await
                } else {
                    told
                });
            }
        };
        // A run that has ended already may be refused too: its state tells that from a refusal in earnest.
        let request = Request::new(call, &spec::GET_RUN).path("run_id", id);
        if let Ok(reply) = request.send().await
            && RUN_DOWN.is_reached(&reply)
        {
            return Ok(if is_paused(&reply) {
                paused(call, id, reply).await
            } else {
                reply.with("note", &ENDED)
            });
        }
        Err(ToolError::Call(refusal))
    }
}

fn is_paused(reply: &Reply) -> bool {
    status(reply).as_deref() == Some("PAUSED")
}

/// A run that stays as it is, with those that go on from it: they are what bills, and what is probably meant.
async fn paused(call: &Call<'_>, id: &str, reply: Reply) -> Reply {
    let successors = call.context.journal().resumed(id).await;
    if successors.is_empty() {
        return reply.noted(PAUSED);
    }
    let runs = list(successors.iter().map(String::as_str));
    reply.noted(&format!("It was PAUSED and stays so, which bills nothing. What was resumed from it bills by itself: call prime-intellect-stoprun with run_id {runs}."))
}
