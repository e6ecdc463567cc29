//! What can be asked of a model resource.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Resource, Status};
use crate::together::page::{Page, separated};
use crate::together::session::Status as SessionStatus;
use crate::together::wire::{Json, Params, Refusal, within};
use crate::together::world::{USER, World};

pub(crate) async fn get(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Refusal> {
    world.with(|contents| contents.resource(&id).map(|resource| Answer(json!(resource))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    status: Option<String>,
    created_by: Option<String>,
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
        let wanted = |resource: &Resource| {
            statuses
                .as_ref()
                .is_none_or(|statuses| statuses.contains(&resource.status))
                && is_user(list.created_by.as_deref())
        };
        let newest_first = contents.resources.iter().rev();
        page.of(
            newest_first,
            |resource| &resource.id,
            wanted,
            |resource| json!(resource),
        )
        .map(Answer)
    })
}

/// Whether something of the only user's is meant.
pub(crate) fn is_user(created_by: Option<&str>) -> bool {
    created_by.is_none_or(|user| user.is_empty() || user == USER || user == "me")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extend {
    seconds: u64,
}

pub(crate) async fn extend(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Json(Extend { seconds }): Json<Extend>,
) -> Result<Answer<Value>, Refusal> {
    let seconds = within("seconds", seconds, 60, 86_400)?;
    let until = world.clock.now() + Duration::from_secs(seconds);
    world.with(|contents| {
        let resource = contents.resource(&id)?;
        if resource.status != Status::Ready {
            return Err(Refusal::bad("the model resource is not READY"));
        }
        resource.stay_until(until);
        Ok(Answer(json!(resource)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    #[serde(default)]
    force: bool,
}

pub(crate) async fn stop(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Params(Stop { force }): Params<Stop>,
) -> Result<Answer<Value>, Refusal> {
    let now = world.clock.now();
    world.with(|contents| {
        let resource = contents.resource(&id)?;
        if resource.is_over() {
            return Err(Refusal::bad("the model resource has stopped or failed already"));
        }
        let sessions = contents.sessions.iter_mut();
        let sessions = sessions.filter(|session| session.model_resources_id == id);
        let active: Vec<_> = sessions.filter(|session| session.holds_a_slot()).collect();
        if let Some(session) = active.first().filter(|_| !force) {
            let problem = format!(
                "training session {} is still active; stop it first, or use force",
                session.id
            );
            return Err(Refusal::bad(problem));
        }
        for session in active.into_iter().filter(|session| session.is_active()) {
            session.end(SessionStatus::Stopping, now);
        }
        let resource = contents.resource(&id)?;
        resource.set(Status::Stopping, now);
        resource.stopped.cancel();
        Ok(Answer(json!(resource)))
    })
}
