//! The typed bodies of Together AI's RL training sessions, as of November 2026.
//!
//! A member that is required for the service is still an `Option` here, marked `required` in its schema: the
//! argument checks report the gap, and one gap does not hide the other problems of a body.

pub(crate) mod args;
pub(crate) mod base_model;
pub(crate) mod batch;
pub(crate) mod billing;
pub(crate) mod course;
pub(crate) mod custom;
pub(crate) mod download;
pub(crate) mod forward_backward;
#[cfg(feature = "text")]
pub(crate) mod grader_argument;
pub(crate) mod gradients;
#[cfg(feature = "text")]
pub(crate) mod grading;
pub(crate) mod list;
pub(crate) mod losses;
pub(crate) mod model_resource;
pub(crate) mod models;
pub(crate) mod numbers;
pub(crate) mod operation;
pub(crate) mod optimizer;
pub(crate) mod payload;
pub(crate) mod sample;
pub(crate) mod session;
pub(crate) mod summary;
pub(crate) mod tensor;
#[cfg(feature = "text")]
pub(crate) mod tokenizer;
pub(crate) mod unknown_operation;
pub(crate) mod weights_sync;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arguments::id;
use crate::arguments::schema::{filed, renamed};

id!(
    /// Training session.
    SessionId: "list-training-sessions shows those that exist"
);
id!(
    /// Model resource.
    ModelResourceId
);
id!(
    /// From the answer that started it.
    #[schemars(transform = filed)]
    OperationId: "the id in the answer that started it, which list-recent-activity shows as well"
);
id!(
    /// Id of the checkpoint.
    CheckpointId
);

/// The files of a checkpoint.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[schemars(transform = renamed(&[
    ("CHECKPOINT_VARIANT_LORA", "CHECKPOINT_VARIANT_ADAPTER"),
    ("CHECKPOINT_VARIANT_FULL", "CHECKPOINT_VARIANT_MERGED"),
]))]
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
