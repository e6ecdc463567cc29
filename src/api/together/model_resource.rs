//! Model resources: their bodies, their price, and what holds one up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::{Call, Reply, Request};
use crate::problems::{Path, Problems};
use crate::spec::{ESTIMATE_MODEL_RESOURCE_COST, LIST_TRAINING_SESSIONS};

/// How long a step may take that the call can do without.
const ASIDE: Duration = Duration::from_secs(8);

/// Everything about it is fixed at creation.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("x-retired" = {
    "model": "is called base_model here",
    "lora_config": "belongs to create-training-session; here lora_enabled says whether sessions train adapters",
    "num_gpus": "is not for callers: compute_config.num_generator_replicas decides",
}))]
pub struct NewModelResource {
    /// From list-supported-models.
    #[schemars(required, length(min = 1))]
    #[expect(dead_code, reason = "checked by its schema and sent as it came")]
    base_model: Option<String>,
    /// Full weights to start from, as together://ml_…. Default: the stock ones.
    #[expect(dead_code, reason = "checked by its schema and sent as it came")]
    base_weights_ref: Option<String>,
    #[expect(dead_code, reason = "checked by its schema and sent as it came")]
    compute_config: Option<ComputeConfig>,
    /// Seconds without any operation after which it stops. Default 3600.
    #[schemars(range(min = 300, max = 86400))]
    #[expect(dead_code, reason = "checked by its schema and sent as it came")]
    inactive_timeout: Option<i64>,
    /// Default true: LoRA sessions, several at once. false: one full-weight session.
    #[expect(dead_code, reason = "checked by its schema and sent as it came")]
    lora_enabled: Option<bool>,
    optimizer_config: Option<OptimizerConfig>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct ComputeConfig {
    /// Default: the model's.
    gpu_type: Option<String>,
    /// Default 1. 0: no sampling, for supervised runs.
    #[schemars(range(min = 0))]
    num_generator_replicas: Option<i64>,
}

/// Default {"adam": {}}.
#[derive(Deserialize, JsonSchema)]
struct OptimizerConfig {
    adam: Option<Adam>,
    muon: Option<Muon>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(extend("properties" = {}))]
struct Adam {}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct Muon {
    scaling_strategy: Option<ScalingStrategy>,
}

#[derive(Deserialize, JsonSchema)]
enum ScalingStrategy {
    #[serde(rename = "MUON_SCALING_STRATEGY_MATCH_ADAM")]
    MatchAdam,
    #[serde(rename = "MUON_SCALING_STRATEGY_ORIGINAL")]
    Original,
}

impl NewModelResource {
    /// Applies the rules that a schema cannot say.
    pub fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        let Some(optimizer) = &self.optimizer_config else {
            return;
        };
        if optimizer.adam.is_some() && optimizer.muon.is_some() {
            problems.add(
                &path.key("optimizer_config"),
                "has both adam and muon: give one of them",
            );
        }
    }
}

/// How much longer it is to stay up.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by its schema and sent as it came")]
pub struct ExtendExpiry {
    /// From now.
    #[schemars(required, range(min = 60, max = 86400))]
    seconds: Option<i64>,
}

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
        .query("model_resources_id", Some(model_resources_id));
    let sessions: Vec<Session> = request.send().await.ok()?.member("data")?;
    let named = sessions.iter().map(|session| {
        let status = session.status.trim_start_matches("TRAINING_SESSION_STATUS_");
        match &session.display_name {
            Some(name) => format!("{} ({name}, {status})", session.id),
            None => format!("{} ({status})", session.id),
        }
    });
    let named = named.collect::<Vec<_>>().join(", ");
    (!named.is_empty()).then_some(named)
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
