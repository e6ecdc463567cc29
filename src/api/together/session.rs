//! The body that creates a training session, and the filter of the list.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::problems::{Path, Problems, list, nearest};

/// The new session.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(extend("x-retired" = {
    "base_model": "is fixed by the model resource today: name a READY one in model_resources_id",
    "type": "is gone: the model resource decides between LoRA and full weights",
    "session_type": "is gone: the model resource decides between LoRA and full weights",
}))]
pub struct CreateSession {
    /// Id of a READY model resource.
    #[schemars(required, length(min = 1))]
    model_resources_id: Option<String>,
    display_name: Option<String>,
    lora_config: Option<LoraConfig>,
    metadata: Option<Metadata>,
    /// Training or inference checkpoint to start from.
    resume_from_checkpoint_id: Option<String>,
    /// Default true: take over optimizer state and step count of a training checkpoint. false: weights only, step 0. Not with an inference checkpoint.
    load_optimizer: Option<bool>,
}

/// For LoRA resources.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(extend("x-retired" = {
    "lora_rank": "is called rank here",
    "lora_alpha": "is called alpha here",
    "lora_dropout": "is called dropout here",
}))]
struct LoraConfig {
    /// Default 32; the model's max_rank bounds it.
    #[schemars(range(min = 1))]
    rank: Option<i64>,
    /// Scale. Default 64.
    #[schemars(range(min = 1, max = 128))]
    alpha: Option<i64>,
    /// Default 0.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
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
    wandb: Option<Wandb>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct Wandb {
    entity: Option<String>,
    group: Option<String>,
    project: Option<String>,
    run_id: Option<String>,
    run_name: Option<String>,
    url: Option<String>,
}

/// Only sessions of this status, or of several joined by commas: CREATING, RUNNING, STOPPING, STOPPED, ERROR, EXPIRED.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StatusFilter(String);

const STATUS: &str = "TRAINING_SESSION_STATUS_";
const STATUSES: [&str; 6] = ["CREATING", "RUNNING", "STOPPING", "STOPPED", "ERROR", "EXPIRED"];

impl StatusFilter {
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|part| !part.is_empty())
    }

    /// Reports statuses that do not exist.
    pub fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        if self.parts().next().is_none() {
            problems.add(path, "must not be empty; leave it out for all sessions");
        }
        for part in self.parts().filter(|part| short_status(part).is_none()) {
            let hint = nearest(part, STATUSES.into_iter())
                .map_or_else(String::new, |near| format!(" Did you mean {near}?"));
            let known = list(STATUSES.into_iter());
            problems.add(path, format!("`{part}` is not one of: {known}.{hint}"));
        }
    }
}

/// The wire form: long names, joined by commas.
impl fmt::Display for StatusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, status) in self.parts().filter_map(short_status).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{STATUS}{status}")?;
        }
        Ok(())
    }
}

fn short_status(text: &str) -> Option<&'static str> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix(STATUS).unwrap_or(&upper);
    STATUSES.into_iter().find(|status| *status == short)
}
