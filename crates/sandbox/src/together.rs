//! The Together AI side: all endpoints of RL training sessions.
//!
//! Each model resource and each session is a task that leads its life; handlers look at and change what they share.

mod body;
mod checkpoint;
mod kept;
mod model;
mod operation;
mod page;
mod resource;
mod session;
mod storage;
#[cfg(test)]
mod tests;
mod wire;
mod work;
mod world;

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::{Shared, TOGETHER_KEY};
use wire::Refusal;
use world::World;

/// The largest body of a request that is read, in bytes. Larger ones belong in the payload upload.
const LARGEST_BODY: usize = 64 << 20;

/// The answer to a request that is meant for another host.
pub(crate) fn misdirected(why: &str) -> Response {
    let status = StatusCode::MISDIRECTED_REQUEST;
    Refusal::new(status, "invalid_request_error", why).into_response()
}

/// The service.
pub(crate) fn router(shared: &Shared) -> Router {
    let world = World::new(shared.clone());
    let mut router = Router::new()
        .route("/v1/rl/supported-models", get(model::list))
        .route(
            "/v1/rl/model-resources",
            post(resource::create).get(resource::list),
        )
        .route("/v1/rl/model-resources/estimate-cost", post(resource::estimate))
        .route("/v1/rl/model-resources/{id}", get(resource::get))
        .route(
            "/v1/rl/model-resources/{id}/extend-expiry",
            post(resource::extend),
        )
        .route("/v1/rl/model-resources/{id}/stop", post(resource::stop))
        .route(
            "/v1/rl/training-sessions",
            post(session::create).get(session::list),
        )
        .route(
            "/v1/rl/training-sessions/{id}",
            get(session::get).patch(session::update),
        )
        .route("/v1/rl/training-sessions/{id}/stop", post(session::stop))
        .route(
            "/v1/rl/training-sessions/{id}/payloads/upload-url",
            post(storage::upload_url),
        )
        .route(
            "/v1/rl/training-sessions/{id}/payloads/{payload}/download-url",
            post(storage::download_url),
        )
        .route("/v1/rl/checkpoints", get(checkpoint::list))
        .route("/v1/rl/checkpoints/{id}", get(checkpoint::get))
        .route("/v1/rl/checkpoints/{id}/download", get(checkpoint::download))
        .route("/v1/rl/{*rest}", axum::routing::any(unknown));
    for kind in operation::Kind::ALL {
        let path = format!("/v1/rl/training-sessions/{{id}}/operations/{}", kind.path());
        router = router
            .route(
                &path,
                post(
                    move |State(world): State<Arc<World>>,
                          Path(id): Path<String>,
                          headers: HeaderMap,
                          body: Bytes| {
                        ready(operation::submit(kind, &world, &id, &headers, &body))
                    },
                ),
            )
            .route(
                &format!("{path}/{{operation}}"),
                get(
                    move |State(world): State<Arc<World>>, Path((id, operation)): Path<(String, String)>| {
                        ready(operation::get(kind, &world, &id, &operation))
                    },
                ),
            );
    }
    router
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .route_layer(middleware::from_fn(authorize))
        // Behind no key: whoever has a signed URL may use it.
        .merge(storage::router())
        .with_state(world)
}

/// Refuses requests without the key.
async fn authorize(request: Request, next: Next) -> Result<Response, Refusal> {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) != Some(TOGETHER_KEY) {
        let problem = "missing or wrong API key";
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            problem,
        ));
    }
    Ok(next.run(request).await)
}

async fn unknown(request: Request) -> Refusal {
    Refusal::not_found(format!(
        "there is no {} {}",
        request.method(),
        request.uri().path()
    ))
}
