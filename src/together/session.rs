//! The bodies that create and change a training session.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::{below, brief, keeps_empty, plain, renamed, retired};
use crate::error::problems::{Path, Problems};

/// What to say of a new adapter for a checkpoint that has one.
const ADAPTER: &str = "A session that resumes keeps the adapter of its checkpoint: leave lora_config out beside resume_from_checkpoint_id.";

/// The new session.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = plain)]
#[schemars(transform = retired(&[
    ("base_model", "is fixed by the model resource today: name a READY one in model_resources_id"),
    ("type", "is gone: the model resource decides between LoRA and full weights"),
    ("session_type", "is gone: the model resource decides between LoRA and full weights"),
]), transform = renamed(&[
    ("name", "display_name"),
    ("lora", "lora_config"),
    ("peft_config", "lora_config"),
    ("resume_from", "resume_from_checkpoint_id"),
    ("checkpoint_id", "resume_from_checkpoint_id"),
]))]
pub(crate) struct CreateSession {
    /// Id of a READY model resource.
    #[schemars(required, length(min = 1))]
    model_resources_id: Option<String>,
    display_name: Option<String>,
    /// For LoRA resources: rank (32, bounded by the model's max_rank), alpha (64, at most 128), dropout (0), seed (of the initial adapter), train_unembed (true: also the output head).
    #[schemars(transform = brief)]
    lora_config: Option<LoraConfig>,
    /// Informational: {wandb: {entity, group, project, run_id, run_name, url}}.
    #[schemars(transform = brief)]
    metadata: Option<Metadata>,
    /// Training or inference checkpoint to start from.
    resume_from_checkpoint_id: Option<String>,
    /// Default true: take over optimizer state and step count of a training checkpoint. false: weights only, step 0. Not with an inference checkpoint.
    load_optimizer: Option<bool>,
}

impl CreateSession {
    /// Whether it starts from a checkpoint.
    #[must_use]
    pub(crate) const fn resumes(&self) -> bool {
        self.resume_from_checkpoint_id.is_some()
    }

    /// What the caller may not have meant.
    #[must_use]
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        (self.resumes() && self.lora_config.is_some()).then_some(ADAPTER)
    }

    /// The rank of its adapter, and the model resource that it is to be on.
    #[must_use]
    pub(crate) fn rank(&self) -> Option<(i64, &str)> {
        let rank = self.lora_config.as_ref()?.rank?;
        Some((rank, self.model_resources_id.as_deref()?))
    }

    /// What people call it.
    #[must_use]
    pub(crate) fn name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// The ids in it, by their paths in the arguments.
    #[must_use]
    pub(crate) fn ids(&self) -> [(&'static str, Option<&str>); 2] {
        [
            ("body.model_resources_id", self.model_resources_id.as_deref()),
            (
                "body.resume_from_checkpoint_id",
                self.resume_from_checkpoint_id.as_deref(),
            ),
        ]
    }
}

/// For LoRA resources.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by its schema and sent as it came")]
#[schemars(transform = renamed(&[
    ("r", "rank"),
    ("lora_rank", "rank"),
    ("lora_alpha", "alpha"),
    ("lora_dropout", "dropout"),
]))]
struct LoraConfig {
    /// Default 32; the model's max_rank bounds it.
    #[schemars(range(min = 1))]
    rank: Option<i64>,
    /// Scale. Default 64.
    #[schemars(range(min = 1, max = 128))]
    alpha: Option<i64>,
    /// Below 1. Default 0.
    #[schemars(range(min = 0), transform = below(1))]
    dropout: Option<f64>,
    /// Of the initial adapter; ignored when resuming.
    seed: Option<i64>,
    /// Also adapt the output head. Default true.
    train_unembed: Option<bool>,
}

/// Informational.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct Metadata {
    /// entity, group, project, run_id, run_name, url.
    #[schemars(transform = brief)]
    wandb: Option<Wandb>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = keeps_empty)]
struct Wandb {
    entity: Option<String>,
    group: Option<String>,
    project: Option<String>,
    run_id: Option<String>,
    run_name: Option<String>,
    url: Option<String>,
}

/// What to change about a session.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = keeps_empty, transform = renamed(&[("name", "display_name")]))]
pub(crate) struct UpdateSession {
    display_name: Option<String>,
    metadata: Option<Metadata>,
}

impl UpdateSession {
    /// Reports an update that changes nothing.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        let nothing = self.display_name.is_none() && self.metadata.is_none();
        if nothing && !problems.mention(&path.key("display_name")) {
            problems.add(path, "changes nothing: give display_name or metadata");
        }
    }
}
