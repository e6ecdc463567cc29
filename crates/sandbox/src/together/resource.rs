//! Model resources: what they are; how they come about, live and are asked for is in the files below.

mod create;
mod life;
mod requests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::stamp;
use crate::policy::{Base, OptimizerKind, Scaling};
pub(super) use create::{create, estimate};
pub(super) use requests::{extend, get, is_user, list, stop};

/// LoRA sessions that share a resource.
pub(super) const LORA_SLOTS: usize = 4;

/// A block of GPUs with a base model, as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) base_model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_weights_ref: Option<String>,
    pub(super) compute_config: ComputeConfig,
    created_at: String,
    created_by: &'static str,
    updated_at: String,
    inactive_timeout: u64,
    pub(super) lora_enabled: bool,
    optimizer_config: OptimizerConfig,
    pub(super) status: Status,
    status_details: StatusDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// The weights that sessions start from.
    #[serde(skip)]
    pub(super) base: Arc<Base>,
    /// When it stops unless something happens.
    #[serde(skip)]
    expires: SystemTime,
    /// Operations that run on it.
    #[serde(skip)]
    running: usize,
    #[serde(skip)]
    stopped: CancellationToken,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Status {
    #[serde(rename = "MODEL_RESOURCES_STATUS_PENDING")]
    Pending,
    #[serde(rename = "MODEL_RESOURCES_STATUS_CREATING")]
    Creating,
    #[serde(rename = "MODEL_RESOURCES_STATUS_READY")]
    Ready,
    #[serde(rename = "MODEL_RESOURCES_STATUS_STOPPING")]
    Stopping,
    #[serde(rename = "MODEL_RESOURCES_STATUS_STOPPED")]
    Stopped,
    #[serde(rename = "MODEL_RESOURCES_STATUS_ERROR")]
    Error,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct StatusDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_position: Option<usize>,
}

/// Why something is in ERROR.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) occurred_at: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ComputeConfig {
    gpu_type: &'static str,
    pub(super) num_generator_replicas: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OptimizerConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    adam: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muon: Option<MuonConfig>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Object {}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MuonConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling_strategy: Option<ScalingStrategy>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum ScalingStrategy {
    #[serde(rename = "MUON_SCALING_STRATEGY_MATCH_ADAM")]
    MatchAdam,
    #[serde(rename = "MUON_SCALING_STRATEGY_ORIGINAL")]
    Original,
}

impl Resource {
    pub(super) fn optimizer(&self) -> OptimizerKind {
        let OptimizerConfig { muon: Some(muon), .. } = self.optimizer_config else {
            return OptimizerKind::Adam;
        };
        OptimizerKind::Muon(match muon.scaling_strategy {
            None | Some(ScalingStrategy::MatchAdam) => Scaling::MatchAdam,
            Some(ScalingStrategy::Original) => Scaling::Original,
        })
    }

    fn set(&mut self, status: Status, now: SystemTime) {
        self.status = status;
        self.updated_at = stamp(now);
        if status != Status::Pending {
            self.status_details.queue_position = None;
        }
        if status == Status::Ready {
            self.touch(now);
        } else {
            self.expires_at = None;
        }
    }

    /// Something happens: it does not stop for a while.
    pub(super) fn touch(&mut self, now: SystemTime) {
        self.stay_until(now + Duration::from_secs(self.inactive_timeout));
    }

    /// Never moved to an earlier time.
    fn stay_until(&mut self, time: SystemTime) {
        if self.status == Status::Ready {
            self.expires = self.expires.max(time);
            self.expires_at = Some(stamp(self.expires));
        }
    }

    /// An operation of one of its sessions begins.
    pub(super) fn begin(&mut self, now: SystemTime) {
        self.running += 1;
        self.touch(now);
    }

    /// It has ended.
    pub(super) fn end(&mut self, now: SystemTime) {
        self.running = self.running.saturating_sub(1);
        self.touch(now);
    }

    /// Whether nothing of it goes on any more.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.status, Status::Stopped | Status::Error)
    }

    const fn is_over(&self) -> bool {
        matches!(self.status, Status::Stopping | Status::Stopped | Status::Error)
    }
}
