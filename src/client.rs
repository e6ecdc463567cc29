//! The HTTP client of both services: it sends a request with retries, deadlines and limits, and reads the answer.
//!
//! It knows rows, errors and secrets, and nothing of what tools make of an answer, of the configuration or of what is kept
//! on this machine.

pub(crate) mod connection;
mod door;
mod error_body;
mod exchange;
mod http;
#[cfg(feature = "text")]
mod hub;
mod idempotency_key;
pub(crate) mod path;
mod permits;
mod relay;
pub(crate) mod retry;
mod room;
mod secret_member;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::redact::Redactor;
use crate::spec::Spec;

pub(crate) use exchange::{Answer, Outgoing};
use http::Http;
pub(crate) use http::is_loopback;
#[cfg(feature = "text")]
pub(crate) use hub::{Fetched, Wanted};
pub(crate) use idempotency_key::IDEMPOTENCY_KEY;
pub(crate) use idempotency_key::IdempotencyKey;
use permits::Permits;
pub(crate) use relay::{Heard, Relay};
use room::Room;

/// The client. It connects to nothing and reads no certificates before the first request.
pub struct Client {
    http: Http,
    permits: Permits,
    room: Room,
    redactor: Arc<Redactor>,
    limits: Limits,
}

/// Limits that all requests share.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Requests under way at once, to each service.
    pub max_concurrency: usize,
    /// The wait before the first retry.
    pub retry_wait: Duration,
}

/// On whose behalf a request is sent.
#[derive(Clone, Copy)]
pub(crate) struct Asker {
    /// The tool that was called.
    pub tool: &'static Spec,
    /// When all its requests must have ended.
    pub deadline: Instant,
}

impl Client {
    /// A client that takes the secrets of `redactor` out of every answer.
    #[must_use]
    pub fn new(limits: Limits, redactor: Arc<Redactor>) -> Self {
        Self {
            http: Http::default(),
            permits: Permits::new(limits.max_concurrency),
            room: Room::default(),
            redactor,
            limits,
        }
    }
}
