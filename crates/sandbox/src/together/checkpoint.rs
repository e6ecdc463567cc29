//! Checkpoints: what they are, and their files.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::page::Page;
use super::storage;
use super::wire::{Params, Refusal};
use super::world::World;
use crate::policy::{File, Snapshot, adapter_files, merged_files};

/// A checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) base_model: String,
    pub(super) session_id: String,
    pub(super) created_at: String,
    pub(super) snapshot: Arc<Snapshot>,
    /// The registered weights that it is based on; `None`: the stock ones.
    pub(super) base_weights_ref: Option<String>,
    /// The number in the ids of its registration.
    pub(super) number: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "CHECKPOINT_TYPE_TRAINING")]
    Training,
    #[serde(rename = "CHECKPOINT_TYPE_INFERENCE")]
    Inference,
}

/// Which files.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Variant {
    #[serde(rename = "CHECKPOINT_VARIANT_MERGED")]
    Merged,
    #[serde(rename = "CHECKPOINT_VARIANT_ADAPTER")]
    Adapter,
}

impl Checkpoint {
    fn rank(&self) -> Option<usize> {
        self.snapshot.weights.lora().map(|lora| lora.rank)
    }

    /// Its id in the registry, if it is registered as a whole model: an adapter alone is no use where its base is not the
    /// stock weights.
    pub(super) fn model_id(&self) -> Option<String> {
        (self.kind == Kind::Inference && (self.rank().is_none() || self.base_weights_ref.is_some()))
            .then(|| self.registry_id())
    }

    fn registry_id(&self) -> String {
        format!("ml_sandbox{}", self.number)
    }

    fn registration(&self) -> Value {
        let artifact = json!({
            "id": self.registry_id(),
            "revision_id": format!("rv_sandbox{}", self.number),
        });
        match self.kind {
            Kind::Training => artifact,
            Kind::Inference if self.model_id().is_some() => json!({"model": artifact}),
            Kind::Inference => json!({"adapter": artifact}),
        }
    }

    /// As its session and the operation that saved it show it.
    pub(super) fn brief(&self) -> Value {
        json!({
            "id": self.id,
            "created_at": self.created_at,
            "step": self.snapshot.step.to_string(),
            "registration": self.registration(),
        })
    }

    fn whole(&self) -> Value {
        let mut whole = Map::from_iter([
            ("id".to_owned(), json!(self.id)),
            ("type".to_owned(), json!(self.kind)),
            ("base_model".to_owned(), json!(self.base_model)),
            ("session_id".to_owned(), json!(self.session_id)),
            ("step".to_owned(), json!(self.snapshot.step.to_string())),
            ("created_at".to_owned(), json!(self.created_at)),
        ]);
        if let Some(rank) = self.rank() {
            whole.insert("lora_rank".to_owned(), json!(rank));
        }
        let member = match self.kind {
            Kind::Training => "training_registration",
            Kind::Inference => "inference_registration",
        };
        whole.insert(member.to_owned(), self.registration());
        Value::Object(whole)
    }

    /// The files of a variant.
    pub(super) fn files(&self, variant: Variant) -> Result<Vec<File>, Refusal> {
        if self.kind != Kind::Inference {
            return Err(Refusal::bad("training checkpoints cannot be downloaded"));
        }
        match variant {
            Variant::Merged => Ok(merged_files(&self.snapshot.weights, &self.base_model)),
            Variant::Adapter => adapter_files(&self.snapshot.weights, &self.base_model)
                .ok_or_else(|| Refusal::of("variant", "a checkpoint of full weights has no adapter")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    r#type: Option<Kind>,
    session_id: Option<String>,
    base_model: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Params(list): Params<List>,
) -> Result<Answer<Value>, Refusal> {
    let page = Page {
        limit: list.limit,
        after: list.after,
    };
    world.with(|contents| {
        let wanted = |checkpoint: &Checkpoint| {
            list.r#type.is_none_or(|kind| kind == checkpoint.kind)
                && list
                    .session_id
                    .as_ref()
                    .is_none_or(|id| *id == checkpoint.session_id)
                && list
                    .base_model
                    .as_ref()
                    .is_none_or(|name| *name == checkpoint.base_model)
        };
        let newest_first = contents.checkpoints.iter().rev();
        page.of(
            newest_first,
            |checkpoint| &checkpoint.id,
            wanted,
            Checkpoint::whole,
        )
        .map(Answer)
    })
}

pub(super) async fn get(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Refusal> {
    world.with(|contents| {
        contents
            .checkpoint(&id)
            .map(|checkpoint| Answer(checkpoint.whole()))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Download {
    variant: Variant,
}

pub(super) async fn download(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Params(Download { variant }): Params<Download>,
) -> Result<Answer<Value>, Refusal> {
    let checkpoint = world.with(|contents| contents.checkpoint(&id).cloned())?;
    let files = checkpoint.files(variant)?;
    let entry = |file: &File| {
        json!({
            "filename": file.name,
            "size": file.content.len().to_string(),
            "url": storage::file_url(&world, &id, variant, file.name),
        })
    };
    Ok(Answer(
        json!({"data": files.iter().map(entry).collect::<Vec<_>>()}),
    ))
}
