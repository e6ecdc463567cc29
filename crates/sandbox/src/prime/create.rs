//! Starting runs: anew, from a paused one with another config, and from a paused one as it was.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{Problem, Refusal};
use super::fields::reading;
use super::fleet::GPU_TYPES;
use super::life::Life;
use super::logs::Logs;
use super::platform::{Platform, World};
use super::recipe::Recipe;
use super::request::{gpu, read};
use super::run::{Run, Status};
use super::task::float;
use super::training::Tokens;

/// The trainer's image when none is asked for.
const IMAGE: &str = "main";

/// `POST /training/runs`.
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let (asked, body) = reading(&body, read)?;
    let config = body.get("config").cloned().unwrap_or_default();
    if asked.source_ref {
        let why = "sourceRef: running another source is not granted to this account";
        return Err(Refusal::Said(StatusCode::FORBIDDEN, why.to_owned()));
    }
    let run = platform.change(|world| {
        admitted(&platform, world)?;
        let mut run = fresh(&platform, world, asked.recipe, config);
        run.name = asked.name;
        run.team = asked.team;
        run.image = asked.image.unwrap_or(run.image);
        run.gpu = asked.gpu.unwrap_or(run.gpu);
        run.volume = asked.volume;
        if let Some(paused) = &asked.resume_from {
            continue_from(world, paused, &mut run)?;
        }
        if let Some(volume) = &run.volume {
            world.usable(volume)?;
        }
        Ok(launch(&platform, world, run))
    })?;
    Ok((StatusCode::CREATED, Json(run)))
}

/// `POST /training/runs/{run_id}/resume`.
pub(super) async fn resume(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let body = if body.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        body
    };
    let ((image, gpu), _) = reading(&body, |fields| {
        fields.only(&["gpuType", "imageTag", "wandbApiKey", "hfToken"]);
        fields.text("wandbApiKey");
        fields.text("hfToken");
        (fields.word("imageTag").map(str::to_owned), gpu(fields))
    })?;
    let run = platform.change(|world| {
        admitted(&platform, world)?;
        let paused = world.run(&id)?;
        let (recipe, config) = ((*paused.recipe).clone(), paused.config.clone());
        let (name, team) = (paused.name.clone(), paused.team.clone());
        let mut run = fresh(&platform, world, recipe, config);
        run.name = name;
        run.team = team;
        continue_from(world, &id, &mut run)?;
        run.image = image.unwrap_or(run.image);
        run.gpu = gpu.unwrap_or(run.gpu);
        if let Some(volume) = &run.volume {
            world.usable(volume)?;
        }
        Ok(launch(&platform, world, run))
    })?;
    Ok((StatusCode::OK, Json(run)))
}

/// Refuses what cannot be paid for, and what there is no place for.
fn admitted(platform: &Platform, world: &World) -> Result<(), Refusal> {
    let most = platform.bounds.runs;
    if world.runs.iter().filter(|run| !run.status.terminal()).count() >= most {
        let why = format!("{most} runs have not ended: stop some first");
        return Err(Refusal::Said(StatusCode::TOO_MANY_REQUESTS, why));
    }
    if platform.balance(world) > 0.0 {
        return Ok(());
    }
    Err(Refusal::Said(
        StatusCode::PAYMENT_REQUIRED,
        "Insufficient balance".to_owned(),
    ))
}

/// A run that nothing has happened to yet.
fn fresh(platform: &Platform, world: &World, recipe: Recipe, config: Value) -> Run {
    let now = platform.clock.now();
    let [gpu, ..] = &GPU_TYPES;
    Run {
        id: format!("cm{}", Uuid::new_v4().simple()),
        number: world.runs.last().map_or(0, |last| last.number + 1),
        name: None,
        team: None,
        config,
        recipe: Arc::new(recipe),
        image: IMAGE.to_owned(),
        gpu,
        volume: None,
        status: Status::Queued,
        order: None,
        deleted: false,
        created: now,
        updated: now,
        started: None,
        completed: None,
        pods: false,
        failure: None,
        origin: None,
        records: std::collections::BTreeMap::new(),
        checkpoints: Vec::new(),
        tokens: Tokens::default(),
        counted: 0,
        logs: Logs::default(),
    }
}

/// Makes a run one that continues a paused one, on its volume, image and GPUs.
fn continue_from(world: &World, id: &str, run: &mut Run) -> Result<(), Refusal> {
    let paused = world.run(id)?;
    if paused.status != Status::Paused {
        let why = format!("Only a PAUSED run can be resumed; it is {}", paused.status.name());
        return Err(Refusal::conflict(why));
    }
    let wrong = |name: &str, message: String| {
        Err(Refusal::Invalid(vec![Problem::new(
            "body",
            name,
            message,
            "value_error",
        )]))
    };
    if run.volume.is_some() && run.volume != paused.volume {
        return wrong("volume", "It must be the paused run's".to_owned());
    }
    if run.recipe.mode != paused.recipe.mode {
        return wrong("mode", "It must be the paused run's".to_owned());
    }
    if run.recipe.model != paused.recipe.model {
        return wrong("config", "model.name must be the paused run's".to_owned());
    }
    let state = paused.newest_state();
    let step = state.as_ref().map_or(0, |state| state.step);
    if run.recipe.max_steps < step {
        return wrong(
            "config",
            format!("max_steps: the paused run is at step {step} already"),
        );
    }
    run.volume.clone_from(&paused.volume);
    run.image.clone_from(&paused.image);
    run.gpu = paused.gpu;
    run.origin = state;
    Ok(())
}

/// Puts a run into the queue.
fn launch(platform: &Arc<Platform>, world: &mut World, run: Run) -> Value {
    let life = Life {
        platform: platform.clone(),
        id: run.id.clone(),
        recipe: run.recipe.clone(),
    };
    drop(tokio::spawn(life.live()));
    let gpus = usize::try_from(run.recipe.gpus.all()).unwrap_or(usize::MAX);
    let mut created = json!({
        "runId": run.id,
        "tokenValue": format!("pit_run_{}", Uuid::new_v4().simple()),
        "onDemand": true,
        "gpuType": run.gpu.name,
        "pricePerGpuHour": run.gpu.price,
        "estimatedCostPerHour": run.gpu.price * float(gpus),
        "isBeta": run.gpu.beta,
    });
    if let (Some(notice), Some(members)) = (run.recipe.notice(), created.as_object_mut()) {
        members.insert("notice".to_owned(), json!(notice));
    }
    world.runs.push(run);
    created
}
