//! Making a model resource, and what it costs.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::life::live;
use super::{ComputeConfig, Failure, Object, OptimizerConfig, Resource, Status, StatusDetails};
use crate::clock::stamp;
use crate::policy::Base;
use crate::together::model::{self, GPU_TYPE};
use crate::together::wire::{Json, Refusal, filled, within};
use crate::together::world::{State as Contents, USER, World, fresh_id};

/// USD for the trainer, and for each generator replica.
const PRICE_PER_HOUR: f64 = 28.0;

/// Generator replicas when nobody says, and the most there are.
const REPLICAS: (u32, u32) = (1, 8);

/// Seconds without activity after which a resource stops: when nobody says, at least and at most.
const INACTIVE_TIMEOUT: (u64, u64, u64) = (3600, 300, 86_400);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    #[serde(deserialize_with = "filled")]
    base_model: String,
    base_weights_ref: Option<String>,
    compute_config: Option<ComputeRequest>,
    inactive_timeout: Option<u64>,
    lora_enabled: Option<bool>,
    optimizer_config: Option<OptimizerConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ComputeRequest {
    gpu_type: Option<String>,
    num_generator_replicas: Option<u32>,
}

impl Create {
    /// The replicas, once everything is as it can be.
    fn check(&self) -> Result<u32, Refusal> {
        if model::base(&self.base_model).is_none() {
            return Err(Refusal::of("base_model", "is not among the supported models"));
        }
        let compute = self.compute_config.clone().unwrap_or_default();
        if compute.gpu_type.is_some_and(|gpu_type| gpu_type != GPU_TYPE) {
            return Err(Refusal::of(
                "compute_config.gpu_type",
                format!("only {GPU_TYPE} is there"),
            ));
        }
        if let Some(timeout) = self.inactive_timeout {
            let (_, least, most) = INACTIVE_TIMEOUT;
            within("inactive_timeout", timeout, least, most)?;
        }
        if matches!(
            self.optimizer_config,
            Some(OptimizerConfig {
                adam: Some(_),
                muon: Some(_)
            })
        ) {
            return Err(Refusal::of("optimizer_config", "has both adam and muon"));
        }
        let replicas = compute.num_generator_replicas.unwrap_or(REPLICAS.0);
        within("compute_config.num_generator_replicas", replicas, 0, REPLICAS.1)
    }
}

fn price(replicas: u32) -> Value {
    json!({"currency": "USD", "price_per_hour": PRICE_PER_HOUR * f64::from(1 + replicas)})
}

pub(crate) async fn estimate(Json(create): Json<Create>) -> Result<Answer<Value>, Refusal> {
    create.check().map(|replicas| Answer(price(replicas)))
}

pub(crate) async fn create(
    State(world): State<Arc<World>>,
    Json(create): Json<Create>,
) -> Result<Answer<Value>, Refusal> {
    let replicas = create.check()?;
    let now = world.clock.now();
    let base = model::base(&create.base_model).unwrap_or_else(|| Base::new(0));
    let answer = world.with(|contents| {
        contents.admit_resource(&world.bounds)?;
        let base = match &create.base_weights_ref {
            None => Ok(base),
            Some(weights) => registered(contents, weights, &create.base_model),
        };
        let error = base.as_ref().err().map(|message| Failure {
            code: "MODEL_RESOURCES_ERROR_CODE_PROVISIONING_FAILED",
            message: message.clone(),
            occurred_at: stamp(now),
        });
        let ahead = contents
            .resources
            .iter()
            .filter(|other| other.status == Status::Pending);
        let queue_position = error.is_none().then(|| ahead.count() + 1);
        let resource = Resource {
            id: fresh_id(),
            base_weights_ref: create.base_weights_ref,
            compute_config: ComputeConfig {
                gpu_type: GPU_TYPE,
                num_generator_replicas: replicas,
            },
            created_at: stamp(now),
            created_by: USER,
            updated_at: stamp(now),
            inactive_timeout: create.inactive_timeout.unwrap_or(INACTIVE_TIMEOUT.0),
            lora_enabled: create.lora_enabled.unwrap_or(true),
            optimizer_config: create.optimizer_config.unwrap_or(OptimizerConfig {
                adam: Some(Object {}),
                muon: None,
            }),
            status: if error.is_some() {
                Status::Error
            } else {
                Status::Pending
            },
            status_details: StatusDetails { queue_position },
            expires_at: None,
            error,
            base: base.unwrap_or_else(|_| Base::new(0)),
            base_model: create.base_model,
            expires: now,
            running: 0,
            stopped: CancellationToken::new(),
        };
        if resource.status == Status::Pending {
            tokio::spawn(live(world.clone(), resource.id.clone(), resource.stopped.clone()));
        }
        let answer = json!(resource);
        contents.resources.push(resource);
        contents.drop_surplus(&world.bounds);
        Ok::<_, Refusal>(answer)
    })?;
    Ok(Answer(answer))
}

/// The weights of a registered model.
fn registered(contents: &Contents, weights: &str, base_model: &str) -> Result<Arc<Base>, String> {
    let id = weights.strip_prefix("together://").unwrap_or(weights);
    let found = contents
        .checkpoints
        .iter()
        .find(|checkpoint| checkpoint.model_id().as_deref() == Some(id));
    match found {
        Some(checkpoint) if checkpoint.base_model == base_model => {
            Ok(checkpoint.snapshot.weights.model().into_base())
        }
        Some(checkpoint) => Err(format!("{weights} is a model of {}", checkpoint.base_model)),
        None => Err(format!("{weights} is no registered model with full weights")),
    }
}
