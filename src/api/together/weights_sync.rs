//! The body of a weights-sync.

use schemars::JsonSchema;
use serde::Deserialize;

/// How to publish.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by its schema and sent as it came")]
#[schemars(extend("x-plain" = true))]
pub struct WeightsSync {
    #[schemars(required)]
    weight_sync_type: Option<WeightSyncType>,
}

/// When it completes.
#[derive(Deserialize, JsonSchema)]
enum WeightSyncType {
    /// when the generator uses the new weights (the usual one)
    #[serde(rename = "WEIGHT_SYNC_TYPE_SYNCHRONOUS")]
    Synchronous,
    /// when the publish is scheduled
    #[serde(rename = "WEIGHT_SYNC_TYPE_BACKGROUND_PUBLISH")]
    BackgroundPublish,
    /// overlaps with running samples; may be refused for LoRA
    #[serde(rename = "WEIGHT_SYNC_TYPE_PIPELINE")]
    Pipeline,
}
