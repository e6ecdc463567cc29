//! JSON as text: what callers and services wrote is passed on as they wrote it, never rebuilt from numbers.

pub(crate) mod edit;
pub(crate) mod integer;
pub(crate) mod lines;
pub(crate) mod non_finite;
pub(crate) mod peek;
pub(crate) mod walk;

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;

use memchr::{memchr, memchr2, memchr3};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::ToolError;

/// A request body: the caller's own text, which is what is sent, and its typed form, which is what is checked.
pub(crate) struct Body<T> {
    text: Box<RawValue>,
    /// What it says.
    pub value: T,
}

impl<T> Body<T> {
    /// The JSON text, to look at.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        self.text.get()
    }

    /// The JSON text.
    #[must_use]
    pub(crate) fn into_text(self) -> String {
        self.into_parts().0
    }

    /// The JSON text, and what it says.
    #[must_use]
    pub(crate) fn into_parts(self) -> (String, T) {
        (Box::<str>::from(self.text).into_string(), self.value)
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

/// A JSON object whose members keep their order.
#[derive(Clone)]
pub struct Ordered<V>(Vec<(String, V)>);

/// One whose members keep their text.
pub(crate) type Object = Ordered<Box<RawValue>>;

/// One whose members are parts of the text that it was read from.
pub(crate) type Members<'a> = Ordered<&'a RawValue>;

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a> Members<'a> {
    /// Those of `value`; none if it is no object.
    pub(crate) fn of(value: &'a RawValue) -> Self {
        serde_json::from_str(value.get()).unwrap_or_default()
    }

    /// All of them, in order.
    pub(crate) fn list(self) -> Vec<(String, &'a RawValue)> {
        self.0
    }
}

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

    /// Sets the members of another object, each in its place or at the end.
    pub fn extend(&mut self, other: Self) {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, (name, _)) in self.0.iter().enumerate() {
            places.entry(name.clone()).or_insert(place);
        }
        for (name, value) in other.0 {
            if let Some((_, old)) = places.get(&name).and_then(|place| self.0.get_mut(*place)) {
                *old = value;
            } else {
                places.insert(name.clone(), self.0.len());
                self.0.push((name, value));
            }
        }
    }

    /// Adds a member of which it is known that there is none of this name.
    pub fn push(&mut self, name: String, value: Box<RawValue>) {
        self.0.push((name, value));
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

    /// All members, by name and value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
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

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct All<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for All<V> {
            type Value = Ordered<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<V>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        json.deserialize_map(All(PhantomData))
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
pub(crate) fn text(value: &impl Serialize) -> Result<String, ToolError> {
    serde_json::to_string(value)
        .map_err(|error| ToolError::Internal(format!("JSON cannot be written: {error}")))
}

/// An object of which the text is known to be one.
pub(crate) fn object(text: &str) -> Result<Object, ToolError> {
    serde_json::from_str(text)
        .map_err(|error| ToolError::Internal(format!("an object cannot be read: {error}")))
}

/// A body that is written here.
pub(crate) fn body<T: DeserializeOwned>(text: &str) -> Result<Body<T>, ToolError> {
    serde_json::from_str(text)
        .map_err(|error| ToolError::Internal(format!("a body cannot be read again: {error}")))
}

/// The text as a value that can be put into an [`Object`].
pub(crate) fn raw(text: String) -> Result<Box<RawValue>, ToolError> {
    RawValue::from_string(text)
        .map_err(|error| ToolError::Internal(format!("JSON cannot be read again: {error}")))
}

/// The JSON in the text of a local file, or why it cannot be used.
pub(crate) fn of_file(text: String) -> Result<Box<RawValue>, String> {
    let Err(error) = serde_json::from_str::<&RawValue>(&text) else {
        return raw(text).map_err(|error| error.to_string());
    };
    Err(match non_finite::as_null(&text) {
        Some((plain, found)) if serde_json::from_str::<&RawValue>(&plain).is_ok() => found.problem(),
        _ => format!("the file is not JSON: {error}"),
    })
}

/// Whether there is surely no white space between the parts of a JSON text; white space inside of its strings counts
/// against it.
#[must_use]
pub(crate) fn is_compact(text: &str) -> bool {
    let text = text.as_bytes();
    memchr3(b' ', b'\n', b'\t', text).is_none() && memchr(b'\r', text).is_none()
}

/// Drops the white space outside of strings; `text` is valid JSON.
#[must_use]
pub(crate) fn without_white_space(text: &str) -> String {
    let mut compact = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (outside, string) = rest.split_at(memchr(b'"', rest.as_bytes()).unwrap_or(rest.len()));
        compact.extend(outside.split_ascii_whitespace());
        let (string, after) = string.split_at(string_end(string));
        compact.push_str(string);
        rest = after;
    }
    compact
}

/// How long the string is that a text begins with, its quotation marks included; one without end takes all of it.
pub(crate) fn string_end(text: &str) -> usize {
    let mut at = 1;
    while let Some(next) = text
        .as_bytes()
        .get(at..)
        .and_then(|rest| memchr2(b'"', b'\\', rest))
    {
        at += next + 1;
        if text.as_bytes().get(at - 1) == Some(&b'"') {
            return at;
        }
        at += text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::assert_linear;
    use proptest::prelude::*;
    use serde_json::Value;

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

    #[test]
    fn one_object_is_laid_over_another() {
        let read = |text: &str| serde_json::from_str::<Object>(text).unwrap();
        let mut object = read(r#"{"a":1,"b":2}"#);
        object.extend(read(r#"{"c":3,"b":[4],"c":5}"#));
        object.push("d".to_owned(), raw("6".to_owned()).unwrap());
        assert_eq!(text(&object).unwrap(), r#"{"a":1,"b":[4],"c":5,"d":6}"#);
    }

    #[test]
    fn objects_of_many_members_take_time_in_proportion() {
        assert_linear("extend", |bytes| {
            let members: Vec<String> = (0..bytes / 16).map(|n| format!("\"{n:08}\":1")).collect();
            let text = format!("{{{}}}", members.join(","));
            let read = || serde_json::from_str::<Object>(&text).unwrap();
            let mut object = read();
            object.extend(read());
        });
        assert_linear("white space", |bytes| {
            drop(without_white_space(&"\" \" , ".repeat(bytes / 6)));
        });
    }

    #[test]
    fn a_string_ends_at_its_own_quotation_mark() {
        for (text, string) in [
            (r#""a" "b""#, r#""a""#),
            (r#""\\"""#, r#""\\""#),
            (r#""\"é\é"x"#, r#""\"é\é""#),
            (r#""no end\"#, r#""no end\"#),
            ("\"", "\""),
        ] {
            assert_eq!(&text[..string_end(text)], string);
        }
    }

    proptest! {
        #[test]
        fn compacting_changes_nothing_but_space(strings in prop::collection::vec("\\PC*", 0..8)) {
            let value: Value = strings.iter().map(|text| serde_json::json!({"k \" \\": text, "n": 1.5})).collect();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(without_white_space(&pretty), serde_json::to_string(&value).unwrap());
        }
    }
}
