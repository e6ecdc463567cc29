//! Requests in the forms that hosts write, put into the form that rmcp reads.
//!
//! rmcp gives up on a request of which it cannot read one member, also where nothing here depends on that member. What
//! such a member would have said is left out.

use rmcp::model::{ClientCapabilities, Implementation};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What is assumed of a client that names no version; the specification has servers assume this one over HTTP.
const UNNAMED_VERSION: &str = "2025-03-26";
/// Where requests of 2026-07-28 and later say what the client can do.
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Puts the params of `method` into their plain form; `None` if they cannot be meant as an object.
pub(super) fn params(method: &str, written: Option<Value>) -> Option<Map<String, Value>> {
    let mut params = match written {
        None | Some(Value::Null) => Map::new(),
        Some(written) => object(written)?,
    };
    if let Some(given) = params.remove("_meta")
        && let Some(plain) = meta(given)
    {
        params.insert("_meta".to_owned(), plain.into());
    }
    if method == "initialize" {
        initialize(&mut params);
    }
    Some(params)
}

/// An object. PHP and Lua write one without members as an empty list.
fn object(written: Value) -> Option<Map<String, Value>> {
    match written {
        Value::Object(members) => Some(members),
        Value::Array(values) if values.is_empty() => Some(Map::new()),
        _ => None,
    }
}

/// Puts the `_meta` of a request into its plain form; `None` if it says nothing.
pub(super) fn meta(written: Value) -> Option<Map<String, Value>> {
    let mut meta = object(written)?;
    if let Some(capabilities) = meta.get_mut(CLIENT_CAPABILITIES) {
        plain_capabilities(capabilities);
    }
    Some(meta)
}

fn initialize(params: &mut Map<String, Value>) {
    if !params.get("protocolVersion").is_some_and(Value::is_string) {
        params.insert("protocolVersion".to_owned(), UNNAMED_VERSION.into());
    }
    plain_capabilities(params.entry("capabilities").or_insert(Value::Null));
    let client = params.entry("clientInfo").or_insert(Value::Null);
    if !is::<Implementation>(client) {
        let text = |name| client.get(name).and_then(Value::as_str);
        let name = client.as_str().or_else(|| text("name")).unwrap_or("unknown");
        *client = json!({"name": name, "version": text("version").unwrap_or("unknown")});
    }
}

fn plain_capabilities(capabilities: &mut Value) {
    if !is::<ClientCapabilities>(capabilities) {
        *capabilities = json!({});
    }
}

fn is<T: DeserializeOwned>(value: &Value) -> bool {
    value.is_object() && T::deserialize(value).is_ok()
}
