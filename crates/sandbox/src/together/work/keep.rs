//! `weights-sync` and the checkpoints: what is done with trained weights.

use std::sync::{Arc, Mutex};

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{Output, failure, locked, raw};
use crate::policy::Trainer;
use crate::together::body::WeightSyncType;
use crate::together::checkpoint::{Checkpoint, Kind};
use crate::together::operation::Code;
use crate::together::session::Policy;
use crate::together::world::{State as Contents, World, fresh_id};

/// Seconds until a publish in the background is done.
const PUBLISH_SECONDS: f64 = 10.0;

/// Makes sampling use the trained weights.
pub(super) fn sync(
    world: &Arc<World>,
    session: &str,
    trainer: &Mutex<Trainer>,
    how: WeightSyncType,
) -> Output {
    if how == WeightSyncType::Pipeline && locked(trainer).lora().is_some() {
        return Err(failure(
            Code::InvalidInput,
            "WEIGHT_SYNC_TYPE_PIPELINE is not for LoRA",
        ));
    }
    let publish = Policy::of(&locked(trainer));
    let version = publish.version;
    let published = world.with(|contents| {
        let session = contents.session(session).ok()?;
        if how == WeightSyncType::BackgroundPublish {
            session.policy.target = version;
        } else {
            session.policy = publish.clone();
        }
        Some(())
    });
    published.ok_or_else(|| failure(Code::InternalError, "the training session is gone"))?;
    if how == WeightSyncType::BackgroundPublish {
        let (world, session) = (world.clone(), session.to_owned());
        tokio::spawn(async move {
            world.clock.wait(PUBLISH_SECONDS).await;
            world.with(|contents| {
                if let Ok(session) = contents.session(&session)
                    && session.policy.version <= publish.version
                {
                    let target = session.policy.target.max(publish.target);
                    session.policy = Policy { target, ..publish };
                }
            });
        });
    }
    raw(&json!({"weights_version": version.to_string()}))
}

/// Makes a checkpoint of the trained weights.
pub(super) fn save(world: &World, session: &str, trainer: &Mutex<Trainer>, kind: Kind) -> Box<RawValue> {
    let snapshot = Arc::new(locked(trainer).snapshot());
    let created_at = world.clock.stamp();
    let brief = world.with(|contents| {
        let (base_model, base_weights_ref) = base_of(contents, session).unwrap_or_default();
        let checkpoint = Checkpoint {
            id: fresh_id(),
            kind,
            base_model,
            base_weights_ref,
            session_id: session.to_owned(),
            created_at,
            snapshot,
            number: contents.checkpoints.last().map_or(1, |last| last.number + 1),
        };
        let brief = checkpoint.brief();
        contents.keep_checkpoint(checkpoint, &world.bounds);
        brief
    });
    to_raw_value(&json!({"checkpoint": brief})).unwrap_or_default()
}

/// The base model of a session, and its registered weights unless they are the stock ones.
fn base_of(contents: &mut Contents, session: &str) -> Option<(String, Option<String>)> {
    let id = contents.session(session).ok()?.model_resources_id.clone();
    let resource = contents.resource(&id).ok()?;
    Some((resource.base_model.clone(), resource.base_weights_ref.clone()))
}
