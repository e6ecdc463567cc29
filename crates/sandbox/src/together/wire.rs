//! What goes over the wire: refusals, and how bodies and queries are read.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            param: None,
        }
    }

    /// Something is wrong with the request, or with the state of what it concerns.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Something is wrong with one member of the request.
    pub(super) fn of(param: impl Into<String>, problem: impl fmt::Display) -> Self {
        let param = param.into();
        Self {
            param: Some(param.clone()),
            ..Self::bad(format!("{param}: {problem}"))
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": null,
        });
        let mut response = (self.status, axum::Json(json!({"error": error}))).into_response();
        if self.status == StatusCode::CONFLICT {
            // The official client would try again for a minute.
            let never = HeaderValue::from_static("false");
            response.headers_mut().insert("x-should-retry", never);
        }
        response
    }
}

/// A JSON body; where there may be none, an empty one.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state).await;
        let body =
            body.map_err(|error| Refusal::new(error.status(), "invalid_request_error", error.body_text()))?;
        parse(&body).map(Self)
    }
}

/// Reads JSON, and says where it is wrong.
pub(super) fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "body".to_owned() } else { path };
        Refusal::of(place, error.into_inner())
    })?;
    reader.end().map_err(|error| Refusal::of("body", error))?;
    Ok(parsed)
}

/// A query.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|error| Refusal::bad(error.body_text()))
    }
}

/// A 64-bit integer, which may be written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer(pub(super) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either(PhantomData<()>);

        impl Visitor<'_> for Either {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 64 bits, as a number or as text")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Integer, E> {
                Ok(Integer(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Integer, E> {
                i64::try_from(value)
                    .map(Integer)
                    .map_err(|_| E::custom(format!("{value} is too large")))
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Integer, E> {
                let parsed = value.parse().map(Integer);
                parsed.map_err(|_| E::custom(format!("`{value}` is not an integer of 64 bits")))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A number in a list of the range that the API states.
pub(super) fn within<T: PartialOrd + fmt::Display + Copy>(
    param: &str,
    value: T,
    low: T,
    high: T,
) -> Result<T, Refusal> {
    if value >= low && value <= high {
        Ok(value)
    } else {
        Err(Refusal::of(param, format!("{value} is not from {low} to {high}")))
    }
}

/// A text of at least one character.
pub(super) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(D::Error::custom("must not be empty"));
    }
    Ok(text)
}
