//! JSON as text: what callers and services wrote is passed on as they wrote it, never rebuilt from numbers.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use reqwest::header::HeaderValue;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::clean;
use crate::error::{Cause, ToolError};
use crate::redact::Redactor;

/// A request body: the caller's own text, which is what is sent, and its typed form, which is what is checked.
pub struct Body<T> {
    text: Box<RawValue>,
    /// What it says.
    pub value: T,
}

impl<T> Body<T> {
    /// The JSON text.
    #[must_use]
    pub fn into_text(self) -> String {
        Box::<str>::from(self.text).into_string()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Body<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(json)?;
        let value = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { text, value })
    }
}

impl<T: JsonSchema> JsonSchema for Body<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A JSON object whose members keep their order and their text.
#[derive(Default)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// The text of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// Sets a member, in its place or at the end.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The names of all members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Drops all members but those whose names are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| wanted(name));
    }

    /// All members.
    pub fn into_members(self) -> impl Iterator<Item = (String, Box<RawValue>)> {
        self.0.into_iter()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some(member) = map.next_entry()? {
                    object.0.push(member);
                }
                Ok(object)
            }
        }
        json.deserialize_map(Members)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut map = json.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// JSON text of something that is made here; what callers and services wrote is passed on as text.
pub fn text(value: &impl Serialize) -> Result<String, ToolError> {
    serde_json::to_string(value)
        .map_err(|error| ToolError::Internal(format!("JSON cannot be written: {error}")))
}

/// An object of which the text is known to be one.
pub fn object(text: &str) -> Result<Object, ToolError> {
    serde_json::from_str(text)
        .map_err(|error| ToolError::Internal(format!("an object cannot be read: {error}")))
}

/// The text as a value that can be put into an [`Object`].
pub fn raw(text: String) -> Result<Box<RawValue>, ToolError> {
    RawValue::from_string(text)
        .map_err(|error| ToolError::Internal(format!("JSON cannot be read again: {error}")))
}

/// How deep an answer is searched for a secret member.
const DEEPEST: usize = 32;

/// Makes the key known that an answer holds which cannot be used, such as a refusal or a broken one: the value of the
/// member `name`, and what begins like a key of the platform.
pub(super) fn register_secrets(body: &[u8], name: &str, redactor: &Redactor) {
    let text = String::from_utf8_lossy(body);
    for (_, word) in clean::key_words(&text) {
        redactor.add(word);
    }
    // What cannot be read as JSON has no members.
    let _ = without_secret(text.trim(), name, redactor);
}

/// Takes the member `name` out of an answer, wherever it stands, and makes its value known as a secret, so that no
/// other mention of it gets out either.
pub(super) fn without_secret(text: &str, name: &str, redactor: &Redactor) -> Result<String, ToolError> {
    stripped(text, name, redactor, 0)
}

fn stripped(value: &str, name: &str, redactor: &Redactor, depth: usize) -> Result<String, ToolError> {
    if depth > DEEPEST {
        return Ok(value.to_owned());
    }
    if value.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
        let items: Result<Vec<_>, _> = items
            .iter()
            .map(|item| stripped(item.get(), name, redactor, depth + 1))
            .collect();
        return Ok(format!("[{}]", items?.join(",")));
    }
    if !value.starts_with('{') {
        return Ok(value.to_owned());
    }
    let mut kept = Object::default();
    for (member, value) in object(value)?.into_members() {
        if member == name {
            if let Ok(secret) = serde_json::from_str::<String>(value.get()) {
                redactor.add(&secret);
            }
        } else {
            kept.set(&member, raw(stripped(value.get(), name, redactor, depth + 1)?)?);
        }
    }
    text(&kept)
}

/// The text of a successful answer: checked to be JSON and without white space between its parts, otherwise as it
/// came. No body at all counts as `{}`.
pub(super) fn compact(body: Vec<u8>, content_type: Option<&HeaderValue>) -> Result<String, Cause> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok("{}".to_owned());
    }
    if let Err(error) = serde_json::from_slice::<&RawValue>(&body) {
        return Err(if error.is_eof() {
            Cause::Truncated
        } else {
            not_json(content_type)
        });
    }
    let text = String::from_utf8(body).map_err(|_| not_json(content_type))?;
    Ok(if is_compact(&text) {
        text
    } else {
        without_white_space(&text)
    })
}

/// Whether there is surely no white space between the parts of a JSON text; white space inside of its strings counts
/// against it.
#[must_use]
pub fn is_compact(text: &str) -> bool {
    let text = text.as_bytes();
    memchr3(b' ', b'\n', b'\t', text).is_none() && memchr(b'\r', text).is_none()
}

fn not_json(content_type: Option<&HeaderValue>) -> Cause {
    let kind = content_type
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("no content type");
    Cause::NotJson(kind.to_owned())
}

/// Drops the white space outside of strings; `text` is valid JSON.
#[must_use]
pub fn without_white_space(text: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    text.chars()
        .filter(|character| {
            if inside {
                inside = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            inside = *character == '"';
            !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read(body: &str) -> Result<String, Cause> {
        compact(body.as_bytes().to_vec(), None)
    }

    #[test]
    fn numbers_and_strings_stay_as_they_came() {
        let compact =
            r#"{"step":"9007199254740993","big":18446744073709551617,"x":1.50,"s":"a \" b \\","t":"c d"}"#;
        assert_eq!(read(compact).unwrap(), compact);
        let spaced = compact.replace("\":", "\" : ").replace(',', " ,\n\t");
        assert_eq!(read(&spaced).unwrap(), compact);
    }

    #[test]
    fn what_is_no_json_is_told_from_what_was_cut() {
        assert_eq!(read(""), Ok("{}".to_owned()));
        assert_eq!(read(r#"{"data": [1, 2"#), Err(Cause::Truncated));
        assert_eq!(read("<html>"), Err(Cause::NotJson("no content type".to_owned())));
        assert_eq!(read("{} {}"), Err(Cause::NotJson("no content type".to_owned())));
        assert!(compact(b"{\"a\":\"\xff\"}".to_vec(), None).is_err());
    }

    #[test]
    fn an_object_keeps_order_and_text() {
        let mut object: Object = serde_json::from_str(r#"{"b":1.0,"a":[1, 2],"c":"x"}"#).unwrap();
        assert_eq!(object.remove("c").unwrap().get(), "\"x\"");
        object.set("b", RawValue::from_string("2.50".to_owned()).unwrap());
        object.set("d", RawValue::from_string("null".to_owned()).unwrap());
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"b":2.50,"a":[1, 2],"d":null}"#
        );
    }

    proptest! {
        #[test]
        fn compacting_changes_nothing_but_space(strings in prop::collection::vec("\\PC*", 0..8)) {
            let value: Value = strings.iter().map(|text| serde_json::json!({"k \" \\": text, "n": 1.5})).collect();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(read(&pretty).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }
}
