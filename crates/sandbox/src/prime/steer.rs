//! Orders to runs: stop, pause, restart, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::Refusal;
use super::platform::Platform;
use super::run::{Order, Run, Status};
use super::volume::OWN;

/// `PUT /rft/runs/{run_id}/stop`. A run that has ended stays as it is.
pub(super) async fn stop(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    platform.on(&id, |run| {
        if !run.status.terminal() {
            run.order = Some(Order::Stop);
        }
        Ok(())
    })?;
    shown(&platform, &id)
}

/// `PUT /rft/runs/{run_id}/restart`.
pub(super) async fn restart(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    platform.on(&id, |run| {
        idle(run, "restarted")?;
        run.order = Some(Order::Restart);
        run.status = Status::Pending;
        Ok(())
    })?;
    shown(&platform, &id)
}

/// `POST /training/runs/{run_id}/pause`.
pub(super) async fn pause(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    platform.on(&id, |run| {
        idle(run, "paused")?;
        if run.volume.is_none() {
            return Err(Refusal::conflict(format!(
                "Only a run that was created with a volume can be paused; volume {OWN} is ready for one"
            )));
        }
        run.order = Some(Order::Pause);
        run.status = Status::Pausing;
        Ok(Json(json!({"runId": run.id, "status": run.status.name()})))
    })
}

/// `DELETE /training/runs/{run_id}`.
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let hidden = platform.update(&id, |run, _| {
        if !run.status.terminal() {
            run.order = Some(Order::Stop);
        }
        run.deleted = true;
    });
    hidden.ok_or_else(|| Refusal::not_found("Run not found"))?;
    platform.change(|world| platform.drop_surplus(world));
    Ok(Json(json!({"runId": id, "deleted": true})))
}

/// Reports that a run isn't running, or is about to stop.
fn idle(run: &Run, what: &str) -> Result<(), Refusal> {
    match (run.status, run.order) {
        (Status::Running, None) => Ok(()),
        (Status::Running, Some(_)) => Err(Refusal::conflict("The run is being stopped")),
        (status, _) => {
            let why = format!("Only a RUNNING run can be {what}; it is {}", status.name());
            Err(Refusal::conflict(why))
        }
    }
}

fn shown(platform: &Platform, id: &str) -> Result<Json<Value>, Refusal> {
    platform.look(|world| {
        let run = world.run(id)?;
        Ok(Json(json!({"run": run.shown(world.ahead(run))})))
    })
}
