//! What goes wrong between a client and a service, on demand and reproducibly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use fastrand::Rng;
use futures_util::{StreamExt as _, stream};

use crate::digest;
use crate::http::{HangUp, HungUp};

/// How long a slow body takes, in pieces.
const SLOW: [Duration; 4] = [Duration::from_millis(20); 4];
/// How long a body that will break off pauses before.
const GAP: Duration = Duration::from_millis(5);
/// What a proxy says for itself.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

/// Decides which requests go wrong, and how. The n-th request of a route meets the same fate in each run with the same
/// seed, whatever other routes do meanwhile.
#[derive(Debug)]
pub(crate) struct Faults {
    rate: f64,
    seed: u64,
    requests: Mutex<HashMap<String, u64>>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fault {
    /// The connection is reset before anything is done.
    ResetBefore,
    /// It is done, but the connection is reset.
    ResetAfter,
    /// It is done, but the connection ends without an answer.
    Lost,
    /// Too many requests; says when to come back.
    TooManyWithWait,
    /// Too many requests; says nothing more.
    TooMany,
    /// It is done, but the answer is an internal error.
    Internal,
    /// Nothing is done.
    Unavailable,
    /// It is done, but a proxy answers for itself.
    Page,
    /// It is done, and the answer comes slowly.
    Slow,
    /// It is done, but the answer breaks off in the middle.
    Truncated,
}

impl Fault {
    const ALL: [Self; 10] = [
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Lost,
        Self::TooManyWithWait,
        Self::TooMany,
        Self::Internal,
        Self::Unavailable,
        Self::Page,
        Self::Slow,
        Self::Truncated,
    ];
}

impl Faults {
    /// Faults in this share of requests.
    pub(crate) fn new(rate: f64, seed: u64) -> Self {
        Self {
            rate,
            seed,
            requests: Mutex::default(),
        }
    }

    /// What happens to the next request of a route.
    fn next(&self, route: &str) -> Option<Fault> {
        if self.rate <= 0.0 {
            return None;
        }
        let number = {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let number = requests.entry(route.to_owned()).or_default();
            *number += 1;
            *number
        };
        let mut rng = Rng::with_seed(digest((self.seed, route, number)));
        (rng.f64() < self.rate).then(|| rng.choice(Fault::ALL)).flatten()
    }
}

/// Lets faults happen to the routes that are there so far.
pub(crate) fn inject(router: Router, faults: Faults) -> Router {
    router.route_layer(middleware::from_fn_with_state(Arc::new(faults), meet))
}

async fn meet(
    State(faults): State<Arc<Faults>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let route = format!("{} {}", request.method(), path.as_str());
    let Some(fault) = faults.next(&route) else {
        return next.run(request).await;
    };
    tracing::info!(route, ?fault, "sandbox fault");
    match fault {
        Fault::ResetBefore => HangUp::Reset.into_response(),
        Fault::TooManyWithWait => {
            let mut refusal = refuse(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
            let wait = (header::RETRY_AFTER, HeaderValue::from_static("0.05"));
            refusal.headers_mut().extend([(Some(wait.0), wait.1)]);
            refusal
        }
        Fault::TooMany => refuse(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded"),
        Fault::Unavailable => refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily unavailable"),
        after => {
            let response = next.run(request).await;
            spoil(after, response).await
        }
    }
}

/// What becomes of an answer.
async fn spoil(fault: Fault, response: Response) -> Response {
    match fault {
        Fault::ResetAfter => HangUp::Reset.into_response(),
        Fault::Lost => HangUp::Closed.into_response(),
        Fault::Internal => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        Fault::Page => {
            let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (StatusCode::BAD_GATEWAY, html, PAGE).into_response()
        }
        _ => {
            let (mut parts, body) = response.into_parts();
            let Ok(whole) = to_bytes(body, usize::MAX).await else {
                return HangUp::Closed.into_response();
            };
            parts
                .headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
            let body = if fault == Fault::Slow {
                slow(whole)
            } else {
                truncated(&whole)
            };
            Response::from_parts(parts, body)
        }
    }
}

/// A refusal in a form that both services know.
fn refuse(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({"error": {"message": message, "type": "sandbox_fault"}});
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let asks: [(HeaderName, HeaderValue); 1] = json;
    (status, asks, body.to_string()).into_response()
}

fn slow(whole: Bytes) -> Body {
    let piece = whole.len().div_ceil(SLOW.len()).max(1);
    let pieces = stream::unfold((whole, 0), move |(mut rest, number)| async move {
        tokio::time::sleep(*SLOW.get(number)?).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, HungUp>(next), (rest, number + 1)))
    });
    Body::from_stream(pieces)
}

fn truncated(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    let rest = stream::once(async {
        // Else the connection would end before the first half is on its way.
        tokio::time::sleep(GAP).await;
        Err(HungUp)
    });
    Body::from_stream(stream::iter([Ok(half)]).chain(rest))
}

impl axum::response::IntoResponse for HangUp {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Option<Fault>> {
        let faults = Faults::new(0.2, seed);
        (0..2000).map(|_| faults.next("POST /a/{id}")).collect()
    }

    #[test]
    fn faults_come_at_the_asked_rate_in_every_kind_and_the_same_again() {
        let first = fates(1);
        assert_eq!(first, fates(1));
        assert_ne!(first, fates(2));
        let met: Vec<Fault> = first.into_iter().flatten().collect();
        assert!((300..500).contains(&met.len()), "{}", met.len());
        for fault in Fault::ALL {
            assert!(met.contains(&fault), "{fault:?}");
        }
    }

    #[test]
    fn a_route_does_not_depend_on_what_others_are_asked() {
        let faults = Faults::new(0.5, 3);
        let mut mixed = Vec::new();
        for _ in 0..50 {
            mixed.push(faults.next("GET /one"));
            faults.next("GET /two");
        }
        let alone = Faults::new(0.5, 3);
        assert_eq!(mixed, (0..50).map(|_| alone.next("GET /one")).collect::<Vec<_>>());
    }
}
