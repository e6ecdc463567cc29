//! The body of a weights-sync.

use crate::arguments::schema::{plain, renamed};
use schemars::JsonSchema;
use serde::Deserialize;

/// How to publish.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = plain, transform = renamed(&[
    ("type", "weight_sync_type"),
    ("mode", "weight_sync_type"),
    ("sync_type", "weight_sync_type"),
]))]
pub(crate) struct WeightsSync {
    weight_sync_type: Option<WeightSyncType>,
}

impl WeightsSync {
    /// The body that means what everybody does who names no type; the service wants one.
    pub(crate) const USUAL: &'static str = r#"{"weight_sync_type":"WEIGHT_SYNC_TYPE_SYNCHRONOUS"}"#;

    /// Whether a type is named.
    #[must_use]
    pub(crate) const fn has_type(&self) -> bool {
        self.weight_sync_type.is_some()
    }
}

/// When it completes. Default SYNCHRONOUS.
#[derive(Deserialize, JsonSchema)]
enum WeightSyncType {
    /// when the generator uses the new weights
    #[serde(rename = "WEIGHT_SYNC_TYPE_SYNCHRONOUS")]
    Synchronous,
    /// when the publish is scheduled
    #[serde(rename = "WEIGHT_SYNC_TYPE_BACKGROUND_PUBLISH")]
    BackgroundPublish,
    /// overlaps with running samples; may be refused for LoRA
    #[serde(rename = "WEIGHT_SYNC_TYPE_PIPELINE")]
    Pipeline,
}
