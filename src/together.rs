//! The typed bodies of Together AI's RL training sessions, as of November 2026.
//!
//! A member that is required for the service is still an `Option` here, marked `required` in its schema: the
//! argument checks report the gap, and one gap does not hide the other problems of a body.

pub(crate) mod args;
#[cfg(feature = "text")]
mod base_model;
pub(crate) mod batch;
pub(crate) mod billing;
pub(crate) mod course;
pub(crate) mod custom;
pub(crate) mod download;
pub(crate) mod forward_backward;
pub(crate) mod list;
pub(crate) mod losses;
pub(crate) mod model_resource;
mod numbers;
pub(crate) mod operation;
pub(crate) mod optimizer;
pub(crate) mod payload;
pub(crate) mod sample;
pub(crate) mod session;
pub(crate) mod summary;
pub(crate) mod tensor;
#[cfg(feature = "text")]
pub(crate) mod tokenizer;
pub(crate) mod weights_sync;

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
pub(crate) enum CheckpointVariant {
    /// the full model with the adapter merged in
    #[serde(rename = "CHECKPOINT_VARIANT_MERGED")]
    Merged,
    /// the LoRA adapter alone (LoRA checkpoints only)
    #[serde(rename = "CHECKPOINT_VARIANT_ADAPTER")]
    Adapter,
}

/// What a checkpoint is for.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
pub(crate) enum CheckpointType {
    /// resuming
    #[serde(rename = "CHECKPOINT_TYPE_TRAINING")]
    Training,
    /// serving and download
    #[serde(rename = "CHECKPOINT_TYPE_INFERENCE")]
    Inference,
}
