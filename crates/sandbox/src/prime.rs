//! Prime Intellect's training runs, played on this machine.
//!
//! A run really trains: the small policy of the sandbox, with all its weights, on a toy environment that the config
//! names. One run at a time has the cluster, and the others queue. Where the platform's documentation leaves a question
//! open, `docs/sandbox.md` has the answer that is given here.

mod billing;
mod components;
mod config;
mod create;
mod error;
mod fields;
mod fleet;
mod life;
mod logs;
mod platform;
mod query;
mod recipe;
mod request;
mod rollouts;
mod run;
mod shown;
mod steer;
mod task;
#[cfg(test)]
mod tests;
mod training;
mod volume;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, delete, get, patch, post, put};

use crate::{PRIME_KEY, Shared};
use error::Refusal;
use platform::Platform;

/// What all paths begin with.
pub(crate) const PREFIX: &str = "/api/v1";

/// The answer to a request that is meant for another host.
pub(crate) fn misdirected(why: &str) -> Response {
    Refusal::Said(StatusCode::MISDIRECTED_REQUEST, why.to_owned()).into_response()
}

/// All routes, on a platform of their own.
pub(crate) fn router(shared: &Shared) -> Router {
    let platform = Arc::new(Platform::new(shared));
    let runs = Router::new()
        .route("/training/runs", post(create::create))
        // `POST /training/runs/prepare` matches this too: 405, as from any deployment without it.
        .route("/training/runs/{run_id}", delete(steer::delete))
        .route("/training/runs/{run_id}/pause", post(steer::pause))
        .route("/training/runs/{run_id}/resume", post(create::resume))
        .route("/training/available-gpu-types", get(billing::gpu_types))
        .route("/training/available-fft-models", get(billing::models))
        .route("/training/volumes", get(volume::list).post(volume::create))
        .route(
            "/training/volumes/{name}",
            patch(volume::resize).delete(volume::delete),
        )
        .route("/rft/runs", get(watch::list))
        .route("/rft/runs/{run_id}", get(watch::get).delete(steer::delete))
        .route("/rft/runs/{run_id}/stop", put(steer::stop))
        .route("/rft/runs/{run_id}/restart", put(steer::restart))
        .route("/rft/runs/{run_id}/checkpoints", get(watch::checkpoints))
        .route("/rft/runs/{run_id}/logs", get(watch::logs))
        .route("/rft/runs/{run_id}/env-servers", get(watch::env_servers))
        .route("/rft/runs/{run_id}/env-server-logs", get(watch::env_server_logs))
        .route("/rft/runs/{run_id}/metrics", get(watch::metrics))
        .route("/rft/runs/{run_id}/samples", get(watch::samples))
        .route("/rft/runs/{run_id}/progress", get(watch::progress))
        .route("/rft/runs/{run_id}/distributions", get(watch::distributions))
        .route("/billing/runs/{run_id}/usage", get(billing::usage))
        .route("/billing/wallet", get(billing::wallet))
        .method_not_allowed_fallback(no_method)
        .route("/{*rest}", any(nothing))
        .route_layer(middleware::from_fn(identify))
        .with_state(platform);
    Router::new().nest(PREFIX, runs)
}

/// Lets nobody in without the key.
async fn identify(request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given == format!("Bearer {PRIME_KEY}") {
        return next.run(request).await;
    }
    Refusal::Said(StatusCode::UNAUTHORIZED, "Invalid or missing API key".to_owned()).into_response()
}

async fn no_method() -> Refusal {
    Refusal::Said(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".to_owned())
}

async fn nothing() -> Refusal {
    Refusal::not_found("Not Found")
}
