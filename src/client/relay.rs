//! Passing an answer on as it came, for callers who are no models.

#![cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only REST passes answers on")
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::header::HeaderValue;

/// The place where what a service says to one request is kept as it came, whatever a tool would make of it.
#[derive(Default)]
pub(crate) struct Relay {
    /// What is sent where the tool itself sends no body.
    pub(crate) body: Option<Bytes>,
    passed: Mutex<Passed>,
}

#[derive(Default)]
struct Passed {
    heard: Option<Heard>,
    idempotency_key: Option<String>,
}

/// An answer as it came, but for secrets.
#[derive(Clone)]
pub(crate) struct Heard {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long the service asks to wait, in its own words.
    pub(crate) retry_after: Option<HeaderValue>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Relay {
    /// A relay that sends `body` where the tool itself sends none.
    #[must_use]
    pub(crate) fn new(body: Option<Bytes>) -> Self {
        Self {
            body,
            passed: Mutex::default(),
        }
    }

    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the key of the request.
    pub(crate) fn is_sent_under(&self, idempotency_key: Option<&str>) {
        self.passed().idempotency_key = idempotency_key.map(str::to_owned);
    }

    /// Keeps an answer. That of a try before goes: it is not what the request came to.
    pub(super) fn hear(&self, heard: Option<Heard>) {
        self.passed().heard = heard;
    }

    /// Whether there is an answer: then the call has no more to ask.
    #[must_use]
    pub(crate) fn has_heard(&self) -> bool {
        self.passed().heard.is_some()
    }

    /// The answer, if there is one.
    #[must_use]
    pub(crate) fn heard(&self) -> Option<Heard> {
        self.passed().heard.clone()
    }

    /// The key of the request, if it has one.
    #[must_use]
    pub(crate) fn idempotency_key(&self) -> Option<String> {
        self.passed().idempotency_key.clone()
    }
}
