//! From a line to a message of the protocol.

mod plain;

use std::borrow::Cow;

use bytes::Bytes;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorCode, GetMeta as _,
    ProtocolVersion, RequestId, RequestMetaObject, ServerJsonRpcMessage,
};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::RawArguments;

const VERSION: &str = "2.0";
const TOOL_CALL: &str = "tools/call";
const NO_MESSAGE: &str = "not a JSON-RPC 2.0 request, notification or response of MCP";
/// How much is said of why a call cannot be read, in characters: the reason may quote the call.
const LONGEST_REASON: usize = 300;

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
    let unread = match tool_call(&line) {
        Ok(Some(call)) => return Incoming::Message(Box::new(call)),
        Ok(None) => None,
        Err(error) => Some(error),
    };
    match serde_json::from_slice(&line) {
        Ok(Value::Object(members)) => object(members, unread.as_ref()),
        Ok(value) => no_message(&value),
        Err(_) => no_json(&line),
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

/// Whether rmcp begins a session with this message. Until then it ends at whatever is no request.
pub(super) fn opens(message: &ClientJsonRpcMessage) -> bool {
    let ClientJsonRpcMessage::Request(message) = message else {
        return false;
    };
    let meta = message.request.get_meta();
    match message.request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        _ => {
            let version = meta.protocol_version();
            version.is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version))
                && meta
                    .missing_required_keys(&ProtocolVersion::V_2026_07_28)
                    .is_empty()
        }
    }
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
    #[serde(rename = "_meta", borrow)]
    meta: Option<&'a RawValue>,
}

/// A well-formed `tools/call`, its arguments left as raw text. `None` for any other method, and an error for what cannot
/// be read as a call.
fn tool_call(line: &Bytes) -> serde_json::Result<Option<ClientJsonRpcMessage>> {
    let envelope: Envelope<'_> = serde_json::from_slice(line)?;
    if envelope.method != TOOL_CALL || envelope.jsonrpc != VERSION {
        return Ok(None);
    }
    let arguments = envelope.params.arguments.map_or_else(
        || Bytes::from_static(b"{}"),
        |arguments| line.slice_ref(arguments.get().as_bytes()),
    );
    let mut request = CallToolRequest::new(CallToolRequestParams::new(envelope.params.name));
    request.extensions.insert(RawArguments(arguments));
    if let Some(meta) = envelope.params.meta
        && let Some(meta) = plain::meta(serde_json::from_str(meta.get())?)
    {
        request.extensions.insert(RequestMetaObject::from(meta));
    }
    let request = ClientRequest::CallToolRequest(request);
    Ok(Some(ClientJsonRpcMessage::request(request, envelope.id)))
}

/// The raw arguments of a well-formed `tools/call`, and the message with `{}` in their place, which is all that is left to be
/// read.
#[cfg(feature = "http")]
pub(super) fn taken_out(body: &Bytes) -> Option<(Bytes, Bytes)> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    if envelope.method != TOOL_CALL {
        return None;
    }
    let arguments = body.slice_ref(envelope.params.arguments?.get().as_bytes());
    let start = arguments.as_ptr().addr() - body.as_ptr().addr();
    let parts = [body.get(..start)?, b"{}", body.get(start + arguments.len()..)?];
    Some((arguments, parts.concat().into()))
}

/// Any object that is no well-formed `tools/call`; `unread` says why it is none, if it looks like one.
fn object(mut members: Map<String, Value>, unread: Option<&serde_json::Error>) -> Incoming {
    let Some(method) = members.get("method").and_then(Value::as_str).map(str::to_owned) else {
        let id = members.get("id").and_then(|id| RequestId::deserialize(id).ok());
        return message(members, id);
    };
    // JSON-RPC 1.0 marked notifications by an id that is null, and some clients still do.
    if method.starts_with("notifications/") && members.get("id").is_some_and(Value::is_null) {
        members.remove("id");
    }
    let Some(id) = members.get("id") else {
        return notification(&method, members);
    };
    let Ok(id) = RequestId::deserialize(id) else {
        let reason = "the id of a request is a string or an integer of at most 64 bits".to_owned();
        return refuse(ErrorCode::INVALID_REQUEST, reason, None);
    };
    if members.get("jsonrpc").is_none_or(|version| version != VERSION) {
        return refuse(ErrorCode::INVALID_REQUEST, NO_MESSAGE.to_owned(), Some(id));
    }
    let Some(params) = plain::params(&method, members.remove("params")) else {
        let reason = "params must be an object".to_owned();
        return refuse(ErrorCode::INVALID_PARAMS, reason, Some(id));
    };
    if method == TOOL_CALL {
        // Passed on, it would be carried out without its arguments.
        let reason = unread.map_or_else(String::new, |error| format!(": {error}"));
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let reason = format!("the params of {TOOL_CALL} cannot be read{reason}");
        return refuse(ErrorCode::INVALID_PARAMS, reason, Some(id));
    }
    members.insert("params".to_owned(), params.into());
    message(members, Some(id))
}

/// Notifications are never answered, whatever is wrong with them.
fn notification(method: &str, mut members: Map<String, Value>) -> Incoming {
    if let Some(params) = plain::params(method, members.remove("params")) {
        members.insert("params".to_owned(), params.into());
    }
    serde_json::from_value(Value::Object(members))
        .map_or(Incoming::Nothing, |message| Incoming::Message(Box::new(message)))
}

fn message(members: Map<String, Value>, id: Option<RequestId>) -> Incoming {
    match serde_json::from_value(Value::Object(members)) {
        Ok(message) => Incoming::Message(Box::new(message)),
        Err(_) => refuse(ErrorCode::INVALID_REQUEST, NO_MESSAGE.to_owned(), id),
    }
}

/// JSON that is no message at all is answered without an id, as the protocol wants it.
fn no_message(value: &Value) -> Incoming {
    let reason = if value.is_array() {
        "JSON-RPC batches are not part of MCP: send one message on each line"
    } else {
        "a message is a JSON object"
    };
    refuse(ErrorCode::INVALID_REQUEST, reason.to_owned(), None)
}

/// What is said about a line that is no JSON. An answer needs an id, or a peer that echoes it would go on for ever.
fn no_json(line: &[u8]) -> Incoming {
    let (Some(id), error) = find_id(line) else {
        tracing::debug!("a line that is not JSON was dropped");
        return Incoming::Nothing;
    };
    let reason = error.map_or_else(String::new, |error| format!(": {error}"));
    refuse(
        ErrorCode::PARSE_ERROR,
        format!("not JSON (NaN and Infinity are not){reason}"),
        Some(id),
    )
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
