//! The bodies of model resources.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::{brief, renamed, retired};
use crate::error::problems::{Path, Problems};

const GPUS: &str = "is not for callers: the model decides, and body.compute_config.num_generator_replicas how many copies sample (the type is body.compute_config.gpu_type)";

const MINUTES: &str =
    "is counted in seconds: write body.inactive_timeout, such as 1800 for half an hour without any operation";
const LONGER: &str = "is counted in seconds: write body.seconds, such as 7200 for two hours";

/// Everything about it is fixed at creation.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("lora_config", "belongs to create-training-session; here lora_enabled says whether sessions train adapters"),
    ("num_gpus", GPUS),
    ("gpu_count", GPUS),
    ("gpus", GPUS),
    ("timeout_minutes", MINUTES),
    ("idle_timeout_minutes", MINUTES),
    ("max_hours", MINUTES),
]), transform = renamed(&[
    ("lora", "lora_enabled"),
    ("use_lora", "lora_enabled"),
    ("idle_timeout", "inactive_timeout"),
    ("inactivity_timeout", "inactive_timeout"),
    ("auto_stop_seconds", "inactive_timeout"),
    ("model", "base_model"),
    ("model_name", "base_model"),
]))]
pub(crate) struct NewModelResource {
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
    /// {"adam": {}} (default) or {"muon": {"scaling_strategy": "MATCH_ADAM" or "ORIGINAL"}}.
    #[schemars(transform = brief)]
    optimizer_config: Option<OptimizerConfig>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = renamed(&[
    ("gpu", "gpu_type"),
    ("gpuType", "gpu_type"),
    ("accelerator", "gpu_type"),
    ("num_replicas", "num_generator_replicas"),
    ("replicas", "num_generator_replicas"),
]))]
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
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
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
#[schemars(transform = retired(&[
    ("hours", LONGER),
    ("minutes", LONGER),
    ("extend_hours", LONGER),
]), transform = renamed(&[("extend_seconds", "seconds"), ("duration", "seconds"), ("ttl", "seconds")]))]
#[expect(dead_code, reason = "checked by its schema and sent as it came")]
pub(crate) struct ExtendExpiry {
    /// From now.
    #[schemars(required, range(min = 60, max = 86400))]
    seconds: Option<i64>,
}
