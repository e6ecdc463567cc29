//! What a model resource costs, and what keeps it from being stopped.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::{Call, Reply, Request};
use crate::spec::{ESTIMATE_MODEL_RESOURCE_COST, LIST_TRAINING_SESSIONS};

/// How long a step may take that the call can do without.
const ASIDE: Duration = Duration::from_secs(8);
/// The largest page of sessions.
const MOST_SESSIONS: u32 = 100;

/// What a model resource with this body costs while READY, such as `56.0 USD per hour`; `None` when the service does
/// not say so at once.
pub async fn price(call: &Call<'_>, body: &str) -> Option<String> {
    let aside = call.hurried(ASIDE);
    let request = Request::new(&aside, &ESTIMATE_MODEL_RESOURCE_COST).body(body.to_owned());
    let estimate = request.send().await.ok()?;
    let price: Box<RawValue> = estimate.member("price_per_hour")?;
    let currency: String = estimate.member("currency")?;
    Some(format!("{} {currency} per hour", price.get()))
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    status: String,
    display_name: Option<String>,
}

/// The sessions that hold a model resource up, in words; `None` when there are none or the list cannot be had.
pub async fn attached_sessions(call: &Call<'_>, model_resources_id: &str) -> Option<String> {
    let aside = call.hurried(ASIDE);
    let active =
        "TRAINING_SESSION_STATUS_CREATING,TRAINING_SESSION_STATUS_RUNNING,TRAINING_SESSION_STATUS_STOPPING";
    let request = Request::new(&aside, &LIST_TRAINING_SESSIONS)
        .query("status", Some(active))
        .query("limit", Some(MOST_SESSIONS))
        .query("model_resources_id", Some(model_resources_id));
    let answer = request.send().await.ok()?;
    let sessions: Vec<Session> = answer.member("data")?;
    let more = answer.member::<Meta>("meta").is_some_and(|meta| meta.has_more);
    let named = sessions.iter().map(|session| {
        let status = session.status.trim_start_matches("TRAINING_SESSION_STATUS_");
        match &session.display_name {
            Some(name) => format!("{} ({name}, {status})", session.id),
            None => format!("{} ({status})", session.id),
        }
    });
    let mut named = named.collect::<Vec<_>>().join(", ");
    if more {
        named.push_str(" and more");
    }
    (!sessions.is_empty()).then_some(named)
}

/// Whether an answer shows a model resource that has ended or is about to: then it bills no more.
#[must_use]
pub fn has_ended(resource: &Reply) -> bool {
    let status: Option<String> = resource.member("status");
    status.is_some_and(|status| {
        let short = status.strip_prefix("MODEL_RESOURCES_STATUS_");
        short.is_some_and(|short| ["STOPPING", "STOPPED", "ERROR"].contains(&short))
    })
}
