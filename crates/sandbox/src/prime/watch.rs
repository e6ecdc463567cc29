//! Looking at runs.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::Refusal;
use super::logs::{Filter, Level};
use super::platform::Platform;
use super::query::{Page, Query};
use super::run::{Run, Status};

type Answer = Result<Json<Value>, Refusal>;

const ANY: std::ops::RangeInclusive<u64> = 0..=u64::MAX;
const COMPONENTS: [(&str, &str); 4] = [
    ("orchestrator", "orchestrator"),
    ("trainer", "trainer"),
    ("inference", "inference"),
    ("env-server", "env-server"),
];

/// `GET /rft/runs`, newest first. All runs are the one user's, so that `mine` changes nothing.
pub(super) async fn list(State(platform): State<Arc<Platform>>, query: Query) -> Answer {
    let page = query.size("page", 1..=u64::MAX, 1)?;
    let limit = query.size("limit", 1..=100, 20)?;
    query.flag("mine")?;
    let team = query.text("team_id");
    platform.look(|world| {
        let visible = world.runs.iter().rev().filter(|run| !run.deleted);
        let chosen = visible.filter(|run| team.is_none() || run.team.as_deref() == team);
        let chosen: Vec<&Run> = chosen.collect();
        let page = Page::of(chosen.into_iter(), page, limit);
        let runs: Vec<Value> = page.items.iter().map(|run| run.shown(world.ahead(run))).collect();
        Ok(Json(json!({
            "runs": runs,
            "total": page.total,
            "page": page.number,
            "limit": page.limit,
            "total_pages": page.pages,
        })))
    })
}

/// `GET /rft/runs/{run_id}`.
pub(super) async fn get(State(platform): State<Arc<Platform>>, Path(id): Path<String>) -> Answer {
    platform.look(|world| {
        let run = world.run(&id)?;
        Ok(Json(json!({"run": run.shown(world.ahead(run))})))
    })
}

fn see(platform: &Platform, id: &str, see: impl FnOnce(&Run) -> Answer) -> Answer {
    platform.look(|world| see(world.run(id)?))
}

/// `GET /rft/runs/{run_id}/metrics`: rows by step; with a limit, the newest.
pub(super) async fn metrics(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let least = query.integer("min_step", ANY)?.unwrap_or(0);
    let most = query.integer("max_step", ANY)?.unwrap_or(u64::MAX);
    let limit = query.size("limit", 1..=u64::MAX, usize::MAX)?;
    see(&platform, &id, |run| {
        let rows = run
            .records
            .iter()
            .filter(|(step, _)| (least..=most).contains(step));
        let mut rows: Vec<_> = rows
            .rev()
            .take(limit)
            .map(|(_, record)| &record.metrics)
            .collect();
        rows.reverse();
        Ok(Json(json!({"metrics": rows})))
    })
}

/// `GET /rft/runs/{run_id}/samples`. A step without samples has none.
pub(super) async fn samples(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    query.required("step")?;
    let step = query.integer("step", ANY)?.unwrap_or(0);
    let page = query.size("page", 1..=u64::MAX, 1)?;
    let limit = query.size("limit", 1..=1000, 100)?;
    see(&platform, &id, |run| {
        let page = Page::of(run.samples(step).iter(), page, limit);
        Ok(Json(json!({
            "run_id": run.id,
            "samples": page.items,
            "total": page.total,
            "page": page.number,
            "limit": page.limit,
            "total_pages": page.pages,
        })))
    })
}

/// `GET /rft/runs/{run_id}/progress`.
pub(super) async fn progress(State(platform): State<Arc<Platform>>, Path(id): Path<String>) -> Answer {
    see(&platform, &id, |run| Ok(Json(run.progress())))
}

/// `GET /rft/runs/{run_id}/distributions`.
pub(super) async fn distributions(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let names = [("rewards", "rewards"), ("advantages", "advantages")];
    let name = query.one_of("type", &names)?.unwrap_or("rewards");
    let step = query.integer("step", ANY)?;
    see(&platform, &id, |run| {
        let (bins, step) = run.distribution(name, step);
        Ok(Json(json!({"bins": bins, "step": step})))
    })
}

/// `GET /rft/runs/{run_id}/checkpoints`.
pub(super) async fn checkpoints(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let statuses = ["READY", "PENDING", "UPLOADING", "FAILED"].map(|status| (status, status));
    let status = query.one_of("status_filter", &statuses)?;
    see(&platform, &id, |run| {
        Ok(Json(json!({"checkpoints": run.list_checkpoints(status)})))
    })
}

/// `GET /rft/runs/{run_id}/env-servers`.
pub(super) async fn env_servers(State(platform): State<Arc<Platform>>, Path(id): Path<String>) -> Answer {
    see(&platform, &id, |run| {
        Ok(Json(json!({"env_servers": run.env_servers()})))
    })
}

/// `GET /rft/runs/{run_id}/logs`.
pub(super) async fn logs(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let component = query.one_of("component", &COMPONENTS)?;
    let index = query.integer("pod_index", ANY)?.unwrap_or(0);
    shown(&platform, &id, &query, component, query.text("env_name"), index)
}

/// `GET /rft/runs/{run_id}/env-server-logs`.
pub(super) async fn env_server_logs(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let env = query.required("env_name")?;
    let index = query.integer("env_index", ANY)?.unwrap_or(0);
    shown(&platform, &id, &query, Some("env-server"), Some(env), index)
}

fn shown(
    platform: &Platform,
    id: &str,
    query: &Query,
    component: Option<&str>,
    env: Option<&str>,
    index: u64,
) -> Answer {
    let tail = query.size("tail_lines", 1..=5000, 1000)?;
    let level = query.one_of("level", &Level::NAMES)?;
    let since = query
        .integer("since_seconds", 60..=86_400)?
        .map(Duration::from_secs);
    let search = query.text("search");
    if query.flag("regex")?
        && search.is_some_and(|search| search.contains(|sign| r".^$*+?()[]{}|\".contains(sign)))
    {
        let message = "The sandbox has no regular expressions: search for a plain text";
        return Err(Refusal::invalid("query", "search", message, "value_error"));
    }
    let now = platform.clock.now();
    see(platform, id, |run| {
        match run.status {
            Status::Queued => return Err(too_early("queued")),
            Status::Pending if !run.pods => return Err(too_early("pending")),
            _ => {}
        }
        let components = run.recipe.components();
        let component = component.or(components.first().copied()).unwrap_or("trainer");
        if !components.contains(&component) || index > 0 {
            let pod = format!("The run has no pod {component}-{index}");
            return Err(Refusal::not_found(pod));
        }
        if let Some(env) = env.filter(|_| component == "env-server")
            && !run.recipe.sources().iter().any(|source| source.name == env)
        {
            return Err(Refusal::not_found(format!("The run has no environment {env}")));
        }
        let filter = Filter {
            component,
            env: env.filter(|_| component == "env-server"),
            level,
            since,
            search,
            tail,
        };
        Ok(Json(json!({"logs": run.logs.show(&filter, now)})))
    })
}

fn too_early(status: &str) -> Refusal {
    Refusal::not_found(format!("Logs are not available yet: the run is {status}"))
}
