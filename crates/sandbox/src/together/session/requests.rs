//! What can be asked of a training session.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Metadata, Session, Status};
use crate::clock::stamp;
use crate::together::page::{Page, separated};
use crate::together::resource::is_user;
use crate::together::wire::{Json, Params, Refusal};
use crate::together::world::{State as Contents, World};

pub(crate) async fn get(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Refusal> {
    world.with(|contents| show(contents, &id))
}

fn show(contents: &mut Contents, id: &str) -> Result<Answer<Value>, Refusal> {
    contents.session(id)?;
    let session = contents.sessions.iter().find(|session| session.id == id);
    Ok(Answer(
        session.map_or(Value::Null, |session| session.shown(contents)),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    status: Option<String>,
    created_by: Option<String>,
    model_resources_id: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

pub(crate) async fn list(
    State(world): State<Arc<World>>,
    Params(list): Params<List>,
) -> Result<Answer<Value>, Refusal> {
    let statuses = separated("status", list.status.as_deref(), |name| {
        serde_json::from_value::<Status>(json!(name)).ok()
    })?;
    let page = Page {
        limit: list.limit,
        after: list.after,
    };
    world.with(|contents| {
        let wanted = |session: &Session| {
            statuses
                .as_ref()
                .is_none_or(|statuses| statuses.contains(&session.status))
                && is_user(list.created_by.as_deref())
                && list
                    .model_resources_id
                    .as_ref()
                    .is_none_or(|id| *id == session.model_resources_id)
        };
        let newest_first = contents.sessions.iter().rev();
        page.of(
            newest_first,
            |session| &session.id,
            wanted,
            |session| session.shown(contents),
        )
        .map(Answer)
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    display_name: Option<String>,
    metadata: Option<Metadata>,
}

pub(crate) async fn update(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Json(update): Json<Update>,
) -> Result<Answer<Value>, Refusal> {
    let now = world.clock.now();
    world.with(|contents| {
        let session = contents.session(&id)?;
        if let Some(name) = update.display_name {
            session.display_name = name;
        }
        if let Some(Metadata { wandb: Some(wandb) }) = update.metadata {
            session.metadata.update(wandb);
        }
        session.updated_at = stamp(now);
        show(contents, &id)
    })
}

/// Stopping twice is as good as once.
pub(crate) async fn stop(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Refusal> {
    let now = world.clock.now();
    world.with(|contents| {
        let session = contents.session(&id)?;
        if session.is_active() {
            session.end(Status::Stopping, now);
        }
        show(contents, &id)
    })
}
