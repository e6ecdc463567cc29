//! Making a training session, from the base or from a checkpoint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::life::live;
use super::{Metadata, Policy, Session, Status};
use crate::clock::stamp;
use crate::policy::{LoraConfig, Trainer, Weights};
use crate::together::checkpoint::{Checkpoint, Kind as CheckpointKind};
use crate::together::model::MAX_RANK;
use crate::together::resource::{Failure, LORA_SLOTS, Resource, Status as ResourceStatus};
use crate::together::wire::{Integer, Json, Refusal, filled, within};
use crate::together::world::{World, fresh_id};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    #[serde(deserialize_with = "filled")]
    model_resources_id: String,
    display_name: Option<String>,
    lora_config: Option<LoraRequest>,
    metadata: Option<Metadata>,
    resume_from_checkpoint_id: Option<String>,
    load_optimizer: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoraRequest {
    rank: Option<usize>,
    alpha: Option<u32>,
    dropout: Option<f64>,
    seed: Option<Integer>,
    train_unembed: Option<bool>,
}

fn full_weights() -> Refusal {
    Refusal::of(
        "lora_config",
        "the model resource trains full weights (lora_enabled is false)",
    )
}

impl LoraRequest {
    /// Refuses to change the adapter of a checkpoint. The seed and the dropout decide nothing about its shape.
    fn check_same(&self, lora: &LoraConfig) -> Result<(), Refusal> {
        self.config()?;
        let differs = [
            ("rank", self.rank.is_some_and(|rank| rank != lora.rank)),
            ("alpha", self.alpha.is_some_and(|alpha| alpha != lora.alpha)),
            (
                "train_unembed",
                self.train_unembed
                    .is_some_and(|train| train != lora.train_unembed),
            ),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((name, _)) => {
                let problem =
                    format!("the checkpoint's adapter was made with another {name}, which it keeps");
                Err(Refusal::of(format!("lora_config.{name}"), problem))
            }
            None => Ok(()),
        }
    }

    /// The adapter that is asked for.
    fn config(&self) -> Result<LoraConfig, Refusal> {
        let dropout = self.dropout.unwrap_or(0.0);
        if !(0.0..1.0).contains(&dropout) {
            return Err(Refusal::of(
                "lora_config.dropout",
                format!("{dropout} is not from 0 to below 1"),
            ));
        }
        let seed = self
            .seed
            .map(|Integer(seed)| u64::from_ne_bytes(seed.to_ne_bytes()));
        Ok(LoraConfig {
            rank: within("lora_config.rank", self.rank.unwrap_or(32), 1, MAX_RANK)?,
            alpha: within("lora_config.alpha", self.alpha.unwrap_or(64), 1, 128)?,
            dropout,
            seed: seed.unwrap_or_else(|| fastrand::u64(..)),
            train_unembed: self.train_unembed.unwrap_or(true),
        })
    }
}

pub(crate) async fn create(
    State(world): State<Arc<World>>,
    Json(create): Json<Create>,
) -> Result<Answer<Value>, Refusal> {
    let now = world.clock.now();
    let shown = world.with(|contents| {
        let from = create
            .resume_from_checkpoint_id
            .as_deref()
            .filter(|id| !id.is_empty());
        let checkpoint = from.map(|id| contents.checkpoint(id).cloned()).transpose()?;
        let resource = contents.resource(&create.model_resources_id)?;
        if resource.status != ResourceStatus::Ready {
            return Err(Refusal::bad("the model resource is not READY"));
        }
        let trainer = match checkpoint {
            None => create.fresh(resource)?,
            Some(checkpoint) => create.resumed(resource, &checkpoint)?,
        };
        resource.touch(now);
        let slots = if resource.lora_enabled { LORA_SLOTS } else { 1 };
        let base_model = resource.base_model.clone();
        let others = contents.sessions.iter();
        let others = others.filter(|other| other.model_resources_id == create.model_resources_id);
        let full = others.filter(|other| other.holds_a_slot()).count() >= slots;
        let session = Session::start(&world, create, base_model, trainer, full);
        let shown = session.shown(contents);
        contents.sessions.push(session);
        contents.drop_surplus(&world.bounds);
        Ok(shown)
    })?;
    Ok(Answer(shown))
}

impl Create {
    /// The trainer of a session that starts from the base.
    fn fresh(&self, resource: &Resource) -> Result<Trainer, Refusal> {
        let lora = match (&self.lora_config, resource.lora_enabled) {
            (request, true) => Some(request.clone().unwrap_or_default().config()?),
            (None, false) => None,
            (Some(_), false) => return Err(full_weights()),
        };
        let weights = Weights::new(resource.base.clone(), lora);
        Ok(Trainer::new(weights, resource.optimizer()))
    }

    /// The trainer of a session that goes on from a checkpoint, whose adapter it keeps.
    fn resumed(&self, resource: &Resource, checkpoint: &Checkpoint) -> Result<Trainer, Refusal> {
        const PARAM: &str = "resume_from_checkpoint_id";
        let snapshot = &checkpoint.snapshot;
        let lora = snapshot.weights.lora();
        if checkpoint.base_model != resource.base_model {
            return Err(Refusal::of(
                PARAM,
                format!("is a checkpoint of {}", checkpoint.base_model),
            ));
        }
        if lora.is_some() != resource.lora_enabled {
            return Err(Refusal::of(
                PARAM,
                "is one of LoRA and full weights, the model resource the other",
            ));
        }
        if lora.is_some() && checkpoint.base_weights_ref != resource.base_weights_ref {
            return Err(Refusal::of(
                PARAM,
                "is an adapter on other base weights than the model resource's",
            ));
        }
        match (&self.lora_config, lora) {
            (None, _) => {}
            (Some(_), None) => return Err(full_weights()),
            (Some(request), Some(lora)) => request.check_same(&lora)?,
        }
        let inference = checkpoint.kind == CheckpointKind::Inference;
        if inference && self.load_optimizer == Some(true) {
            return Err(Refusal::of(
                "load_optimizer",
                "an inference checkpoint has no optimizer state",
            ));
        }
        let load_optimizer = !inference && self.load_optimizer.unwrap_or(true);
        if load_optimizer && snapshot.optimizer_kind() != resource.optimizer() {
            let problem = "the checkpoint's optimizer is not the model resource's";
            return Err(Refusal::of("load_optimizer", problem));
        }
        Ok(Trainer::resume(snapshot, resource.optimizer(), load_optimizer))
    }
}

impl Session {
    /// Starts one; when its resource is `full`, it has failed already.
    fn start(world: &Arc<World>, create: Create, base_model: String, trainer: Trainer, full: bool) -> Self {
        let now = world.clock.now();
        let (jobs, waiting) = mpsc::unbounded_channel();
        let error = full.then(|| Failure {
            code: "TRAINING_SESSION_ERROR_CODE_RESOURCE_AT_CAPACITY",
            message: "all places of the model resource are taken; stop another session first".to_owned(),
            occurred_at: stamp(now),
        });
        let mut metadata = Metadata::default();
        if let Some(Metadata { wandb: Some(wandb) }) = create.metadata {
            metadata.update(wandb);
        }
        let session = Self {
            id: fresh_id(),
            base_model,
            model_resources_id: create.model_resources_id,
            created_at: stamp(now),
            updated_at: stamp(now),
            display_name: create.display_name.unwrap_or_default(),
            status: if full { Status::Error } else { Status::Creating },
            step: trainer.step_count(),
            policy: Policy::of(&trainer),
            lora: trainer.lora(),
            metadata,
            resume_from: create.resume_from_checkpoint_id.filter(|id| !id.is_empty()),
            error,
            operations: HashMap::new(),
            submitted: HashMap::new(),
            jobs,
            ended: CancellationToken::new(),
            over: full,
        };
        if !full {
            let trainer = Arc::new(Mutex::new(trainer));
            tokio::spawn(live(
                world.clone(),
                session.id.clone(),
                trainer,
                waiting,
                session.ended.clone(),
            ));
        }
        session
    }
}
