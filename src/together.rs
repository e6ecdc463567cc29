//! The typed bodies of Together AI's RL training sessions, as of November 2026.
//!
//! A member that is required for the service is still an `Option` here, marked `required` in its schema: the
//! argument checks report the gap, and one gap does not hide the other problems of a body.

pub mod args;
#[cfg(feature = "text")]
pub mod base_model;
pub mod batch;
pub mod billing;
pub mod course;
pub mod custom;
pub mod download;
pub mod forward_backward;
pub mod list;
pub mod losses;
pub mod model_resource;
mod numbers;
pub mod operation;
pub mod optimizer;
pub mod payload;
pub mod sample;
pub mod session;
pub mod summary;
pub mod tensor;
pub mod weights_sync;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arguments::id;

id!(
    /// Training session.
    SessionId
);
id!(
    /// Model resource.
    ModelResourceId
);
id!(
    /// From the answer that started it.
    OperationId
);
id!(
    /// Id of the checkpoint.
    CheckpointId
);

/// The files of a checkpoint.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum CheckpointVariant {
    /// the full model with the adapter merged in
    #[serde(rename = "CHECKPOINT_VARIANT_MERGED")]
    Merged,
    /// the LoRA adapter alone (LoRA checkpoints only)
    #[serde(rename = "CHECKPOINT_VARIANT_ADAPTER")]
    Adapter,
}

/// What a checkpoint is for.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
pub enum CheckpointType {
    /// resuming
    #[serde(rename = "CHECKPOINT_TYPE_TRAINING")]
    Training,
    /// serving and download
    #[serde(rename = "CHECKPOINT_TYPE_INFERENCE")]
    Inference,
}
