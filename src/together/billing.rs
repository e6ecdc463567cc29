//! What a model resource costs, and what keeps it from being stopped.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::config::MAX_PRICE;
use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::spec::{ESTIMATE_MODEL_RESOURCE_COST, LIST_TRAINING_SESSIONS, Status};

/// How long a step may take that the call can do without.
const ASIDE: Duration = Duration::from_secs(8);
/// The largest page of sessions.
const MOST_SESSIONS: u32 = 100;

/// What a model resource costs while READY; shown as `56.0 USD per hour`.
pub(crate) struct Price {
    amount: Box<RawValue>,
    currency: String,
}

impl Price {
    fn of(estimate: &Reply) -> Option<Self> {
        let amount = estimate.member("price_per_hour");
        let currency = estimate.member("currency");
        amount
            .zip(currency)
            .map(|(amount, currency)| Self { amount, currency })
    }

    /// The amount, if it is one of USD.
    #[must_use]
    pub(crate) fn usd(&self) -> Option<f64> {
        let amount: f64 = self.amount.get().parse().ok()?;
        (self.currency == "USD" && amount >= 0.0).then_some(amount)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} per hour", self.amount.get(), self.currency)
    }
}

/// What a model resource with this body costs; `Ok(None)` when the service answers with something else.
pub(crate) async fn price(call: &Call<'_>, body: &str) -> Result<Option<Price>, ToolError> {
    let aside = call.hurried(ASIDE);
    let request = Request::new(&aside, &ESTIMATE_MODEL_RESOURCE_COST).body(body.to_owned());
    let estimate = request.send().await?;
    Ok(Price::of(&estimate))
}

/// What an estimate above the limit of this server means; `None` for one within it.
#[must_use]
pub(crate) fn over_limit(estimate: &Reply, limit: f64) -> Option<String> {
    let price = Price::of(estimate);
    let fits = price
        .as_ref()
        .and_then(Price::usd)
        .is_some_and(|usd| usd <= limit);
    (!fits).then(|| {
        format!("It could not be started: {MAX_PRICE} of this server allows at most {limit} USD per hour, which only the user can raise.")
    })
}

/// Refuses what costs more than the user allows, or might.
pub(crate) fn within_limit(price: &Result<Option<Price>, ToolError>, limit: f64) -> Result<(), ToolError> {
    let why = match price {
        Ok(Some(price)) => match price.usd() {
            Some(amount) if amount <= limit => return Ok(()),
            Some(_) => format!("it costs {price}"),
            None => format!("its price is {price}, which cannot be compared"),
        },
        Ok(None) => "the service does not say what it costs".to_owned(),
        Err(missing @ ToolError::MissingKey { .. }) => return Err(missing.clone()),
        Err(error) => {
            // What mends that is what the failure itself says.
            let text = error.to_string();
            let (what, next) = text.split_once("\nNext: ").unwrap_or((&text, "call again."));
            return Err(ToolError::Here {
                why: format!(
                    "Not created, nothing was started: {MAX_PRICE} is set, and the price is not known: {what}"
                ),
                next: next.to_owned(),
            });
        }
    };
    Err(ToolError::Here {
        why: format!(
            "Not created, nothing was started: {why}, and {MAX_PRICE} of this server allows at most {limit} USD per hour."
        ),
        next: format!(
            "tell the user. Either something cheaper will do (a smaller compute_config.num_generator_replicas, another base_model or gpu_type; estimate_only true asks for the price), or the user raises {MAX_PRICE} (in the host's mcp.json, under \"env\") and restarts the server."
        ),
    })
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
pub(crate) async fn attached_sessions(call: &Call<'_>, model_resources_id: &str) -> Option<String> {
    let aside = call.hurried(ASIDE);
    let active =
        ["CREATING", "RUNNING", "STOPPING"].map(|word| format!("{}{word}", Status::SESSION.prefix()));
    let request = Request::new(&aside, &LIST_TRAINING_SESSIONS)
        .query("status", Some(active.join(",")))
        .query("limit", Some(MOST_SESSIONS))
        .query("model_resources_id", Some(model_resources_id));
    let answer = request.send().await.ok()?;
    let sessions: Vec<Session> = answer.member("data")?;
    let more = answer.member::<Meta>("meta").is_some_and(|meta| meta.has_more);
    let named = sessions.iter().map(|session| {
        let status = Status::SESSION.short(&session.status);
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
pub(crate) fn has_ended(resource: &Reply) -> bool {
    let status: Option<String> = resource.member("status");
    status.is_some_and(|status| {
        let short = Status::RESOURCE.word(&status);
        short.is_some_and(|short| ["STOPPING", "STOPPED", "ERROR"].contains(&short))
    })
}
