//! From a line to a message of the protocol.

use std::borrow::Cow;

use bytes::Bytes;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorCode, RequestId,
    RequestMetaObject, ServerJsonRpcMessage,
};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::RawArguments;

/// What is done with a line.
pub(super) enum Incoming {
    /// It is passed on to rmcp.
    Message(Box<ClientJsonRpcMessage>),
    /// It is answered here.
    Answer(Box<ServerJsonRpcMessage>),
    /// It is dropped.
    Nothing,
}

/// Reads a line.
pub(super) fn read(line: &Bytes) -> Incoming {
    let line = line
        .strip_prefix(b"\xEF\xBB\xBF".as_slice())
        .map_or_else(|| line.clone(), |rest| line.slice_ref(rest));
    if line.iter().all(u8::is_ascii_whitespace) {
        return Incoming::Nothing;
    }
    if let Some(call) = tool_call(&line) {
        return Incoming::Message(Box::new(call));
    }
    match serde_json::from_slice(&line) {
        Ok(message) => Incoming::Message(Box::new(message)),
        Err(_) => unusable(&line),
    }
}

/// The answer to a line that is longer than `limit`; `start` is its beginning.
pub(super) fn too_long(start: &[u8], limit: usize) -> Incoming {
    tracing::error!(limit, "a line that is too long was dropped");
    let message = format!(
        "the message is longer than {} MiB: send less at once",
        limit >> 20
    );
    refuse(ErrorCode::INVALID_REQUEST, message, find_id(start).0)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    id: RequestId,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: CallParams<'a>,
}

#[derive(Deserialize)]
struct CallParams<'a> {
    name: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(rename = "_meta")]
    meta: Option<RequestMetaObject>,
}

/// A well-formed `tools/call`, its arguments left as raw text; anything else is rmcp's to read.
fn tool_call(line: &Bytes) -> Option<ClientJsonRpcMessage> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).ok()?;
    if envelope.method != "tools/call" || envelope.jsonrpc != "2.0" {
        return None;
    }
    let arguments = envelope.params.arguments.map_or_else(
        || Bytes::from_static(b"{}"),
        |arguments| line.slice_ref(arguments.get().as_bytes()),
    );
    let mut request = CallToolRequest::new(CallToolRequestParams::new(envelope.params.name));
    request.extensions.insert(RawArguments(arguments));
    if let Some(meta) = envelope.params.meta {
        request.extensions.insert(meta);
    }
    Some(ClientJsonRpcMessage::request(
        ClientRequest::CallToolRequest(request),
        envelope.id,
    ))
}

/// What is said about a line that is no message. An answer needs an id, or a peer that echoes it would go on for
/// ever; JSON that is no message at all is answered without one, as the protocol wants it.
fn unusable(line: &[u8]) -> Incoming {
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(members)) => {
            let id = members.get("id").and_then(|id| RequestId::deserialize(id).ok());
            let named = members.get("method").is_some_and(Value::is_string);
            if id.is_none() && named {
                // Notifications are never answered.
                return Incoming::Nothing;
            }
            if named && members.get("jsonrpc").is_some_and(|version| version == "2.0") {
                return refuse(
                    ErrorCode::INVALID_PARAMS,
                    "params must be an object".to_owned(),
                    id,
                );
            }
            let message = "not a JSON-RPC 2.0 request, notification or response of MCP".to_owned();
            refuse(ErrorCode::INVALID_REQUEST, message, id)
        }
        Ok(Value::Array(_)) => {
            let message = "JSON-RPC batches are not part of MCP: send one message on each line".to_owned();
            refuse(ErrorCode::INVALID_REQUEST, message, None)
        }
        Ok(_) => refuse(
            ErrorCode::INVALID_REQUEST,
            "a message is a JSON object".to_owned(),
            None,
        ),
        Err(_) => {
            let (Some(id), error) = find_id(line) else {
                tracing::debug!("a line that is no JSON was dropped");
                return Incoming::Nothing;
            };
            let reason = error.map_or_else(String::new, |error| format!(": {error}"));
            refuse(
                ErrorCode::PARSE_ERROR,
                format!("not JSON (NaN and Infinity are not){reason}"),
                Some(id),
            )
        }
    }
}

fn refuse(code: ErrorCode, message: String, id: Option<RequestId>) -> Incoming {
    let error = ErrorData::new(code, message, None);
    Incoming::Answer(Box::new(ServerJsonRpcMessage::error(error, id)))
}

/// The id of a message that cannot be read to its end, if it comes before the place where reading fails.
fn find_id(start: &[u8]) -> (Option<RequestId>, Option<serde_json::Error>) {
    struct Search<'a>(&'a mut Option<RequestId>);
    impl<'de> Visitor<'de> for Search<'_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(name) = map.next_key::<Cow<'_, str>>()? {
                if name == "id" {
                    *self.0 = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }
    let mut id = None;
    let error = serde_json::Deserializer::from_slice(start)
        .deserialize_map(Search(&mut id))
        .err();
    (id, error)
}
