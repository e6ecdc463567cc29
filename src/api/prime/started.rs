//! What to say about a run that was just started: what it costs and how to end it.

use serde_json::value::RawValue;

use crate::api::Reply;

/// The note for a run: that it bills, if it does, and `more` sentences.
#[must_use]
pub fn noted(reply: Reply, more: impl Iterator<Item = String>) -> Reply {
    let note: Vec<String> = bill(&reply).into_iter().chain(more).collect();
    if note.is_empty() {
        return reply;
    }
    reply.with("note", &note.join(" "))
}

/// What a run on shared capacity costs. On reserved capacity nothing is billed by the hour.
fn bill(reply: &Reply) -> Option<String> {
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
        "Bills {price} while its pods run. Poll prime-intellect-getrun; to end it early call prime-intellect-stoprun with run_id {run}."
    ))
}
