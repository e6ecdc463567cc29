//! What runs cost, and what there is to buy.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::Refusal;
use super::fleet::{GPU_TYPES, MODELS};
use super::platform::Platform;
use super::query::Query;
use super::run::{CLUSTER, Run};
use super::task::share;
use crate::clock::stamp;

/// `GET /billing/runs/{run_id}/usage`. The tokens are those that were really worked on. What is paid for is GPU time,
/// so that the cost is shared out between training and inference by their GPUs. Bills of deleted runs stay.
pub(super) async fn usage(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    platform.look(|world| {
        let run = world
            .any_run(&id)
            .ok_or_else(|| Refusal::not_found("Run not found"))?;
        let cost = platform.cost(run);
        let gpus = run.recipe.gpus;
        let count = |gpus: u64| usize::try_from(gpus).unwrap_or(usize::MAX);
        let training = cost * share(count(gpus.train), count(gpus.all()));
        let tokens = run.tokens;
        let inference = tokens.input + tokens.output;
        Ok(Json(json!({
            "run_id": run.id,
            "run_name": run.name,
            "base_model": run.recipe.model,
            "status": run.status.name(),
            "training": {
                "tokens": tokens.training,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost_usd": training,
            },
            "inference": {
                "tokens": inference,
                "input_tokens": tokens.input,
                "output_tokens": tokens.output,
                "cost_usd": cost - training,
            },
            "total_tokens": tokens.training + inference,
            "total_cost_usd": cost,
            "pricing": {
                "training_per_mtok": null,
                "inference_input_per_mtok": null,
                "inference_output_per_mtok": null,
            },
            "record_count": run.counted,
        })))
    })
}

/// `GET /billing/wallet`: one billing for each run that has had pods, newest first.
pub(super) async fn wallet(
    State(platform): State<Arc<Platform>>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let limit = query.size("limit", 1..=100, 20)?;
    let offset = query.size("offset", 0..=u64::MAX, 0)?;
    let now = platform.clock.now();
    platform.look(|world| {
        let billed: Vec<&Run> = world
            .runs
            .iter()
            .rev()
            .filter(|run| run.started.is_some())
            .collect();
        let page = billed.iter().skip(offset).take(limit);
        let billing = |run: &&Run| {
            let until = stamp(run.completed.unwrap_or(now));
            json!({
                "id": format!("bill_{}", run.id),
                "created_at": run.started.map(stamp),
                "updated_at": until,
                "last_billed_at": until,
                "amount_usd": platform.cost(run),
                "currency": "USD",
                "resource_type": "training",
                "resource_id": run.id,
            })
        };
        Ok(Json(json!({
            "wallet_id": "wallet_sandbox",
            "team_id": query.text("teamId"),
            "balance_usd": platform.balance(world),
            "currency": "USD",
            "total_billings": billed.len(),
            "recent_billings": page.map(billing).collect::<Vec<Value>>(),
        })))
    })
}

/// `GET /training/available-gpu-types`.
pub(super) async fn gpu_types() -> Json<Value> {
    Json(json!({"gpuTypes": GPU_TYPES.map(|gpu| gpu.name)}))
}

/// `GET /training/available-fft-models`.
pub(super) async fn models(State(platform): State<Arc<Platform>>) -> Json<Value> {
    let free = platform.look(|world| world.runs.iter().all(|run| run.status.terminal()));
    let clusters =
        GPU_TYPES.map(|gpu| json!({"clusterId": CLUSTER, "clusterName": "sandbox", "gpuType": gpu.name}));
    let models = MODELS.map(|name| json!({"name": name, "clusters": clusters}));
    let on_demand = GPU_TYPES.map(|gpu| {
        json!({
            "gpuType": gpu.name,
            "pricePerGpuHour": gpu.price,
            "discountLabel": null,
            "availableNow": free,
            "isBeta": gpu.beta,
        })
    });
    Json(json!({"models": models, "onDemand": on_demand, "onDemandBetaAccess": true}))
}
