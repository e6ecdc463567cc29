//! What a caller reads when no service has answered.

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;

use crate::context::Context;
use crate::error::problems::Problems;
use crate::error::{Cause, ToolError};
use crate::http::answer::{Answer, error, error_with, with};

/// The answer to arguments that need correction: all that is wrong with them.
pub(super) fn arguments(problems: &Problems) -> Answer {
    let more = match problems.more() {
        0 => json!({"problems": problems.listed()}),
        more => json!({"problems": problems.listed(), "more_problems": more}),
    };
    let message = "The arguments need correction; nothing was sent.";
    error_with(StatusCode::BAD_REQUEST, "invalid_arguments", message, more)
}

/// The answer to a failure of a call, without secrets.
pub(super) fn of(context: &Context, failure: &ToolError) -> Answer {
    match failure {
        ToolError::Noted(inner, _) => of(context, inner),
        ToolError::Arguments(problems) => arguments(problems),
        _ => {
            let (status, kind) = kind(failure);
            let message = context.redactor().scrub_owned(message(failure));
            let answer = error(status, kind, &message);
            if status == StatusCode::SERVICE_UNAVAILABLE && kind == BUSY {
                return with(answer, RETRY_AFTER, HeaderValue::from_static("1"));
            }
            answer
        }
    }
}

/// The answer to a failure in which nothing of a caller's is quoted.
pub(super) fn other(failure: &ToolError) -> Answer {
    let (status, kind) = kind(failure);
    error(status, kind, &message(failure))
}

const BUSY: &str = "busy";

/// The status of a failure, and one word for it.
fn kind(failure: &ToolError) -> (StatusCode, &'static str) {
    match failure {
        ToolError::Noted(inner, _) => kind(inner),
        ToolError::Arguments(_) => (StatusCode::BAD_REQUEST, "invalid_arguments"),
        ToolError::MissingKey { .. } => (StatusCode::SERVICE_UNAVAILABLE, "no_key"),
        ToolError::Here { .. } => (StatusCode::FORBIDDEN, "not_allowed"),
        ToolError::Deadline(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        ToolError::Internal(_) | ToolError::Cancelled => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        ToolError::Call(failure) => match failure.cause {
            // Of a request that goes before: a large body is uploaded first.
            Cause::Status { status, .. } => (
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
                "refused",
            ),
            Cause::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Cause::Busy(_) | Cause::NoRoom(_) => (StatusCode::SERVICE_UNAVAILABLE, BUSY),
            Cause::Unreachable(_) | Cause::Dns(_) | Cause::Tls(_) => (StatusCode::BAD_GATEWAY, "unreachable"),
            _ => (StatusCode::BAD_GATEWAY, "bad_answer"),
        },
    }
}

/// What happened, and what to do next.
fn message(failure: &ToolError) -> String {
    match failure {
        ToolError::MissingKey { service, .. } => format!(
            "No key for {} is configured; nothing was sent. Next: put it into the environment variable {} of this server, and start it again.",
            service.name(),
            service.key_variables().join(" or ")
        ),
        failure => failure.to_string(),
    }
}
