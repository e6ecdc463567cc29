//! Training sessions: what they are; how they come about, live and are asked for is in the files below.

mod create;
mod life;
mod requests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::checkpoint::{Checkpoint, Kind as CheckpointKind};
use super::operation::{Job, Kind, Operation, Submitted};
use super::resource::Failure;
use super::world::{State as Contents, USER};
use crate::clock::stamp;
use crate::policy::{LoraConfig, Model, Trainer};
pub(super) use create::create;
pub(super) use requests::{get, list, stop, update};

/// A training session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) base_model: String,
    pub(super) model_resources_id: String,
    created_at: String,
    updated_at: String,
    display_name: String,
    status: Status,
    /// Optimizer steps.
    pub(super) step: u64,
    pub(super) policy: Policy,
    lora: Option<LoraConfig>,
    metadata: Metadata,
    resume_from: Option<String>,
    error: Option<Failure>,
    /// By id.
    pub(super) operations: HashMap<String, Operation>,
    /// What was submitted under which key.
    pub(super) submitted: HashMap<(Kind, String), Submitted>,
    pub(super) jobs: mpsc::UnboundedSender<Job>,
    ended: CancellationToken,
    /// Whether nothing of it goes on any more.
    pub(super) over: bool,
}

/// Which weights samples come from.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) model: Arc<Model>,
    /// The number of optimizer steps that made it.
    pub(super) version: u64,
    /// The version that the last weights-sync promised.
    pub(super) target: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Status {
    #[serde(rename = "TRAINING_SESSION_STATUS_CREATING")]
    Creating,
    #[serde(rename = "TRAINING_SESSION_STATUS_RUNNING")]
    Running,
    #[serde(rename = "TRAINING_SESSION_STATUS_STOPPING")]
    Stopping,
    #[serde(rename = "TRAINING_SESSION_STATUS_STOPPED")]
    Stopped,
    #[serde(rename = "TRAINING_SESSION_STATUS_ERROR")]
    Error,
    #[serde(rename = "TRAINING_SESSION_STATUS_EXPIRED")]
    Expired,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    wandb: Option<Wandb>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
struct Wandb {
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl Policy {
    /// What a trainer publishes now.
    pub(super) fn of(trainer: &Trainer) -> Self {
        Self {
            model: trainer.model(),
            version: trainer.step_count(),
            target: trainer.step_count(),
        }
    }
}

impl Metadata {
    /// Takes over the members that are given; an empty text takes one away.
    fn update(&mut self, given: Wandb) {
        let own = self.wandb.get_or_insert_default();
        let members = [
            (&mut own.entity, given.entity),
            (&mut own.group, given.group),
            (&mut own.project, given.project),
            (&mut own.run_id, given.run_id),
            (&mut own.run_name, given.run_name),
            (&mut own.url, given.url),
        ];
        for (own, given) in members {
            if let Some(given) = given {
                *own = Some(given).filter(|given| !given.is_empty());
            }
        }
        if *own == Wandb::default() {
            self.wandb = None;
        }
    }
}

impl Session {
    /// Whether operations are accepted.
    pub(super) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// Whether it would end with its resource.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.status, Status::Creating | Status::Running)
    }

    /// Whether it takes one of the places of its resource.
    pub(super) const fn holds_a_slot(&self) -> bool {
        matches!(self.status, Status::Creating | Status::Running | Status::Stopping)
    }

    fn set(&mut self, status: Status, now: SystemTime) {
        self.status = status;
        self.updated_at = stamp(now);
    }

    /// Ends it, now or by way of STOPPING. What still waits to be done fails.
    pub(super) fn end(&mut self, status: Status, now: SystemTime) {
        self.set(status, now);
        self.ended.cancel();
    }

    /// As the API shows it.
    fn shown(&self, contents: &Contents) -> Value {
        let saved = |kind| {
            let all = contents.checkpoints.iter();
            let own = all.filter(|checkpoint| checkpoint.session_id == self.id && checkpoint.kind == kind);
            own.map(Checkpoint::brief).collect::<Vec<_>>()
        };
        let mut shown = json!({
            "id": self.id,
            "base_model": self.base_model,
            "created_at": self.created_at,
            "created_by": USER,
            "updated_at": self.updated_at,
            "status": self.status,
            "step": self.step.to_string(),
            "model_resources_id": self.model_resources_id,
            "policy_state": {
                "trainer_step": self.step.to_string(),
                "target_weights_version": self.policy.target.to_string(),
                "applied_weights_version": self.policy.version.to_string(),
                "pending_publish": self.policy.target != self.policy.version,
            },
            "metadata": self.metadata,
            "inference_checkpoints": saved(CheckpointKind::Inference),
            "training_checkpoints": saved(CheckpointKind::Training),
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(value), Some(members)) = (value, shown.as_object_mut()) {
                members.insert(name.to_owned(), value);
            }
        };
        let name = Some(&self.display_name).filter(|name| !name.is_empty());
        set("display_name", name.map(|name| json!(name)));
        set("lora_config", self.lora.map(|lora| lora_shown(&lora)));
        set(
            "resume_from_checkpoint_id",
            self.resume_from.as_ref().map(|id| json!(id)),
        );
        set("error", self.error.as_ref().map(|error| json!(error)));
        shown
    }
}

fn lora_shown(lora: &LoraConfig) -> Value {
    json!({
        "rank": lora.rank,
        "alpha": lora.alpha,
        "dropout": lora.dropout,
        "seed": i64::from_ne_bytes(lora.seed.to_ne_bytes()).to_string(),
        "train_unembed": lora.train_unembed,
    })
}
