//! What a run would cost on demand: what the service asks for a GPU, times the GPUs of its config. The service has no call
//! that says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::create::{CreateRun, Mode};
use super::gpu_types;
use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::spec::LIST_MODELS;

/// GPUs of a node, if the config does not say.
const PER_NODE: u64 = 8;

/// What the service asks for a type of GPU.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    pub(super) gpu_type: String,
    price_per_gpu_hour: f64,
    available_now: Option<bool>,
}

#[derive(Serialize)]
struct Estimate {
    currency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<u64>,
    on_demand: Vec<Priced>,
    note: String,
}

#[derive(Serialize)]
struct Priced {
    gpu_type: String,
    price_per_gpu_hour: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_per_hour: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_now: Option<bool>,
}

/// The prices of a run by the hour, for its GPU type or for all, and what is doubtful about its config.
pub(crate) async fn estimate(
    call: &Call<'_>,
    run: &CreateRun,
    team: Option<String>,
    gpu_type: Option<&str>,
    doubts: Problems,
) -> Result<Reply, ToolError> {
    let request = Request::new(call, &LIST_MODELS).query("team_id", team.as_deref());
    let shown = match request.send().await {
        // An older deployment has no such list.
        Err(ToolError::Call(failure)) if failure.status() == Some(404) => Reply::new("{}".to_owned()),
        shown => shown?,
    };
    let offers: Vec<Offer> = shown.member("onDemand").unwrap_or_default();
    if let Some(wanted) = gpu_type
        && !offers.iter().any(|offer| offer.gpu_type == wanted)
    {
        let known = offers.iter().map(|offer| offer.gpu_type.clone()).collect();
        if let Some(problem) = gpu_types::unoffered(call, team.as_deref(), wanted, Some(known)).await {
            let body = Path::Root.key("body");
            let mut problems = Problems::one(&body.key("gpuType"), problem);
            problems.append(doubts);
            return Err(ToolError::Arguments(problems));
        }
    }
    let is_refused = shown.member("onDemandBetaAccess") == Some(false);
    let gpus = run.tables().and_then(|tables| gpus(tables, run.mode()));
    let wanted = offers
        .into_iter()
        .filter(|offer| gpu_type.is_none_or(|wanted| wanted == offer.gpu_type));
    let on_demand: Vec<Priced> = wanted
        .map(|offer| Priced {
            price_per_hour: gpus.map(|gpus| rounded(offer.price_per_gpu_hour, gpus)),
            gpu_type: offer.gpu_type,
            price_per_gpu_hour: offer.price_per_gpu_hour,
            available_now: offer.available_now,
        })
        .collect();
    let mut note = "Only an estimate: nothing was started.".to_owned();
    if on_demand.is_empty() {
        note.push_str(" No on-demand price is known for it.");
    } else if gpus.is_none() {
        note.push_str(" How many GPUs the config takes is not known: deployment.num_train_gpus sets it, and price_per_gpu_hour times that is the price per hour.");
    }
    if is_refused {
        note.push_str(" The account is not enrolled for on-demand runs.");
    }
    note.push_str(" The platform chooses: on reserved capacity nothing is billed by the hour.");
    if !doubts.is_empty() {
        note.push_str(" The platform will probably refuse this config: ");
        note.push_str(&doubts.sentences());
    }
    let estimate = Estimate {
        currency: "USD",
        gpus,
        on_demand,
        note,
    };
    json::text(&estimate).map(Reply::new)
}

/// A price in cents.
fn rounded(price: f64, gpus: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 GPUs")]
    let whole = price * gpus as f64;
    (whole * 100.0).round() / 100.0
}

/// The GPUs of a config; `None` where only the platform knows.
fn gpus(config: &BTreeMap<String, Value>, mode: Mode) -> Option<u64> {
    let deployment = config.get("deployment");
    let count = |name: &str| deployment?.get(name)?.as_u64();
    let is_rl = mode == Mode::Rl;
    match deployment.and_then(|table| table.get("type")).map(Value::as_str) {
        None | Some(Some("single_node")) => {
            // What a supervised run takes by default is not published.
            let train = count("num_train_gpus").or_else(|| is_rl.then_some(1))?;
            let inference = if is_rl {
                count("num_infer_gpus").unwrap_or(1)
            } else {
                0
            };
            train.checked_add(inference)
        }
        Some(Some("multi_node")) => {
            let train = count("num_train_nodes")?;
            let replicas = count("num_infer_replicas").unwrap_or(1);
            let inference = if is_rl {
                count("num_infer_nodes")?.checked_mul(replicas)?
            } else {
                0
            };
            let nodes = train.checked_add(inference)?;
            nodes.checked_mul(count("gpus_per_node").unwrap_or(PER_NODE))
        }
        Some(_) => None,
    }
}
