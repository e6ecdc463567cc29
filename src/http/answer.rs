//! Responses.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

/// A response of either adapter.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// One that is found on the way: the request goes no further.
pub(super) type Refusal = Box<Answer>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response with this JSON text.
pub(super) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    // What a service says is nothing that a browser shows as a page.
    let nosniff = HeaderValue::from_static("nosniff");
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    answer
}

/// A refusal or failure of this program: one word for programs, and a sentence for people.
pub(super) fn error(status: StatusCode, kind: &str, message: &str) -> Answer {
    error_with(status, kind, message, json!({}))
}

/// The same with further members.
pub(super) fn error_with(status: StatusCode, kind: &str, message: &str, more: Value) -> Answer {
    let mut body = more;
    if let Value::Object(body) = &mut body {
        body.insert("error".to_owned(), json!({"type": kind, "message": message}));
    }
    json_text(status, body.to_string())
}

/// The response with a header more.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}
