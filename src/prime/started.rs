//! What to say about a run that was just started: how it gets on, what it costs and how to end it.

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::context::{Call, Reply};
use crate::json::Object;
use crate::wait;
use crate::wait::RUN;

/// What of a run's state belongs in the answer that started it. The rest, with the config that the caller has just
/// written, is prime-intellect-getrun's.
const STATE: [&str; 6] = [
    "status",
    "notice",
    "runsAhead",
    "queueReason",
    "errorMessage",
    "failureAnalysis",
];

/// The answer that started a run, with its state when it works, has ended, or the time is up.
pub(crate) async fn followed(call: &Call<'_>, reply: Reply, until: Option<Instant>) -> Reply {
    let waited = wait::created(call, &RUN, &[], "runId", reply.clone(), until).await;
    waited.map(|shown| with_state(reply, &shown)).into_reply()
}

fn with_state(reply: Reply, shown: &Reply) -> Reply {
    // Before the first look it is the same answer.
    let run: Object = shown.member("run").unwrap_or_default();
    STATE.iter().fold(reply, |reply, name| match run.get(name) {
        Some(value) if value.get() != "null" => reply.with(name, &value),
        _ => reply,
    })
}

/// The note for a run: that it bills, if it does, and `more` sentences.
#[must_use]
pub(crate) fn noted(reply: Reply, more: impl Iterator<Item = String>) -> Reply {
    let note: Vec<String> = bill(&reply).into_iter().chain(more).collect();
    if note.is_empty() {
        return reply;
    }
    reply.noted(&note.join(" "))
}

/// The states in which a run has no pods any more.
const AT_REST: [&str; 4] = ["COMPLETED", "FAILED", "STOPPED", "PAUSED"];

/// What a run on shared capacity costs. On reserved capacity nothing is billed by the hour, nor once a run has ended.
fn bill(reply: &Reply) -> Option<String> {
    let status: Option<String> = reply.member("status");
    if status.is_some_and(|status| AT_REST.contains(&status.as_str())) {
        return None;
    }
    reply.member("onDemand").filter(|on_demand: &bool| *on_demand)?;
    let run: String = reply.member("runId")?;
    let price: Option<Box<RawValue>> = reply.member("estimatedCostPerHour");
    let price = price
        .map(|price| price.get().to_owned())
        .filter(|price| price != "null");
    let price = price.map_or_else(
        || "by the GPU hour".to_owned(),
        |price| format!("about {price} USD per hour"),
    );
    Some(format!(
        "Bills {price} while its pods run; to end it early call prime-intellect-stoprun with run_id {run}."
    ))
}
