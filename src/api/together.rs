//! The typed bodies of Together AI's RL training sessions, as of November 2026.
//!
//! A member that is required for the service is still an `Option` here, marked `required` in its schema: the
//! argument checks report the gap, and one gap does not hide the other problems of a body.

pub mod args;
pub mod forward_backward;
pub mod losses;
pub mod operation;
pub mod optimizer;
pub mod sample;
pub mod session;
pub mod tensor;

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

id!(
    /// Id of the training session.
    SessionId
);
id!(
    /// Id of the operation, from the answer that started it.
    OperationId
);
id!(
    /// Id of the inference checkpoint.
    CheckpointId
);

/// The files of a checkpoint.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
pub enum CheckpointVariant {
    /// the full model with the adapter merged in
    #[serde(rename = "CHECKPOINT_VARIANT_MERGED")]
    Merged,
    /// the LoRA adapter alone (LoRA checkpoints only)
    #[serde(rename = "CHECKPOINT_VARIANT_ADAPTER")]
    Adapter,
}

impl fmt::Display for CheckpointVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merged => "CHECKPOINT_VARIANT_MERGED",
            Self::Adapter => "CHECKPOINT_VARIANT_ADAPTER",
        })
    }
}
