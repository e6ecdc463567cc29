//! What is said when a request is refused.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal. Of the body forms that are known, 422 has the one that the official client reads: a list of members with
/// what is wrong with them. All others say it in one text.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `{"detail": "..."}`.
    Said(StatusCode, String),
    /// `{"detail": [{"loc", "msg", "type"}]}`.
    Invalid(Vec<Problem>),
}

/// What is wrong with one member of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    /// Where it is: `body`, `query` or `path`, then names and indices.
    pub(super) place: Vec<Value>,
    /// What is wrong.
    pub(super) message: String,
    /// The kind of problem, as the validators of Python services name it.
    pub(super) kind: &'static str,
}

impl Problem {
    /// A problem with a member of the body or query.
    pub(super) fn new(part: &str, name: &str, message: impl Into<String>, kind: &'static str) -> Self {
        Self {
            place: vec![part.into(), name.into()],
            message: message.into(),
            kind,
        }
    }
}

impl Refusal {
    /// Something that is not there, or not for the caller.
    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::Said(StatusCode::NOT_FOUND, what.into())
    }

    /// Something that does not go together with the present state.
    pub(super) fn conflict(why: impl Into<String>) -> Self {
        Self::Said(StatusCode::CONFLICT, why.into())
    }

    /// One wrong member.
    pub(super) fn invalid(part: &str, name: &str, message: impl Into<String>, kind: &'static str) -> Self {
        Self::Invalid(vec![Problem::new(part, name, message, kind)])
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::Said(status, text) => (status, Value::from(text)),
            Self::Invalid(problems) => {
                let list = problems.into_iter().map(
                    |problem| json!({"loc": problem.place, "msg": problem.message, "type": problem.kind}),
                );
                (StatusCode::UNPROCESSABLE_ENTITY, list.collect())
            }
        };
        (status, Json(json!({"detail": detail}))).into_response()
    }
}
