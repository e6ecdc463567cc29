//! The plain schema dialect: input schemas that every host understands.
//!
//! Hosts break on what schemars writes by default: references, `type` lists with `null`, formats, bare `true`.
//! [`input_schema`] writes what all of them read: draft 2020-12, everything inlined, one `enum` for the variants
//! of an enum with their docs joined into the description, and nothing at the root but an object.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Members that types may attach for the argument checks (`arguments.rs`); no client sees them.
pub const RETIRED: &str = "x-retired";

/// Names and values of other versions or services, each with the one that it has here; likewise private. What is to be said
/// of one that is not called so any more and no more than that need not be said in [`RETIRED`] too.
pub const RENAMED: &str = "x-renamed";

/// How to write an object, for those who wrote something else; likewise private.
pub const HINT: &str = "x-hint";

/// Marks a member that is accepted but not offered: it tells the service nothing new, and every conversation pays for
/// what is listed.
pub const UNLISTED: &str = "x-unlisted";

/// Marks a member whose name says everything: its description is for readers of the code alone.
pub const PLAIN: &str = "x-plain";

/// Bounds that go without saying: they are enforced, and not published.
const OBVIOUS: [(&str, u64); 3] = [("minimum", 0), ("minItems", 1), ("minLength", 1)];

/// Marks a member whose description says in the published schema what its parts are; likewise private.
pub const BRIEF: &str = "x-brief";

/// Other spellings of members, each with the member that it stands for; likewise private.
pub const ALIASES: &str = "x-aliases";

/// Marks an object in which empty text is a value of its own; elsewhere it counts as absent.
pub const KEEPS_EMPTY: &str = "x-keeps-empty";

/// What members of other names hold. Converters to the dialects of other vendors refuse a schema for them, so the published
/// one lists names alone.
pub const OTHERS: &str = "x-others";

/// The bound that a number stays below, for which not every host has a word; the description says it.
pub const BELOW: &str = "x-below";

/// Marks a value of which the published schema names only the usual kind, as the dialect has no words for all; its type
/// reads it as it came.
pub const ANY: &str = "x-any";

/// The input schema of a tool, as the argument checks read it: with the private members named above.
#[must_use]
pub fn input_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("$schema");
    schema.remove("title");
    schema.remove("description");
    let mut schema = schema.to_value();
    simplify(&mut schema);
    schema
}

/// The same schema as a client sees it.
#[must_use]
pub fn published(mut schema: Value) -> Map<String, Value> {
    drop_private(&mut schema);
    match schema {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn simplify(schema: &mut Value) {
    let Value::Object(map) = schema else {
        return;
    };
    if let Some(Value::Array(mut variants)) = map.remove("oneOf").or_else(|| map.remove("anyOf")) {
        variants.iter_mut().for_each(simplify);
        join_variants(map, &variants);
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let Some(first) = types.first().cloned() {
            map.insert("type".to_owned(), first);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    // An object without listed members is open by itself, and a bare `true` breaks hosts.
    if let Some(others @ Value::Object(_)) = map.remove("additionalProperties") {
        map.insert(OTHERS.to_owned(), others);
    }
    // An absent optional member means its default, and the description says which one that is.
    map.remove("format");
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::String(description)) = map.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    for (name, value) in map.iter_mut() {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(simplify),
            ("items" | OTHERS, value) => simplify(value),
            _ => {}
        }
    }
}

/// Turns the alternatives of a Rust enum or of an `Option` into one plain schema.
fn join_variants(map: &mut Map<String, Value>, variants: &[Value]) {
    let mut values = Vec::new();
    let mut docs = Vec::new();
    for variant in variants.iter().filter_map(Value::as_object) {
        if variant.get("type").is_some_and(|kind| kind == "null") {
            continue;
        }
        let constant = variant.get("const");
        match (constant, variant.get("enum")) {
            (Some(value), _) => {
                values.push(value.clone());
                docs.extend(variant.get("description").zip(value.as_str()));
            }
            // The undocumented variants of an enum that has documented ones.
            (None, Some(Value::Array(several))) if variants.len() > 1 && !has_null(variants) => {
                values.extend(several.iter().cloned());
            }
            // `Option` of something: the something, under the member's own description.
            _ => variant.iter().for_each(|(name, value)| {
                map.entry(name.clone()).or_insert_with(|| value.clone());
            }),
        }
    }
    if values.is_empty() {
        return;
    }
    let prefix = common_prefix(values.iter().filter_map(Value::as_str));
    let docs: Vec<String> = docs
        .iter()
        .map(|(doc, value)| {
            let short = value.get(prefix..).unwrap_or(value);
            format!("{short}: {}", doc.as_str().unwrap_or_default())
        })
        .collect();
    map.insert("type".to_owned(), "string".into());
    map.insert("enum".to_owned(), Value::Array(values));
    if !docs.is_empty() {
        let own = map.get("description").and_then(Value::as_str).unwrap_or_default();
        let joined = format!("{own} {}", docs.join("; "));
        map.insert("description".to_owned(), joined.trim().into());
    }
}

/// The length of what all values begin with, up to an underscore: descriptions do without it, as callers may.
fn common_prefix<'a>(mut values: impl Iterator<Item = &'a str>) -> usize {
    let first = values.next().unwrap_or_default();
    let common = values.fold(first.len(), |common, value| {
        let alike = first.bytes().zip(value.bytes()).take_while(|(a, b)| a == b);
        common.min(alike.count())
    });
    let shared = first.get(..common).unwrap_or_default();
    shared.rfind('_').map_or(0, |underscore| underscore + 1)
}

fn has_null(variants: &[Value]) -> bool {
    variants
        .iter()
        .any(|variant| variant.get("type").is_some_and(|kind| kind == "null"))
}

/// The schema of `T` without the descriptions of its members, for a place where `T` was described shortly before:
/// every conversation pays for every description.
pub struct Undescribed<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Undescribed<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Undescribed{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let members = schema.get_mut("properties").and_then(Value::as_object_mut);
        members
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(drop_descriptions);
        schema
    }
}

/// At any depth. A member may itself be called `description`; then it holds a schema, not text.
fn drop_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(drop_descriptions);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_descriptions),
        _ => {}
    }
}

fn drop_private(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.remove(BRIEF).is_some() {
                map.retain(|name, _| ["type", "description"].contains(&name.as_str()));
            }
            if map.remove(PLAIN).is_some() {
                map.remove("description");
            }
            for (bound, value) in OBVIOUS {
                if map.get(bound).and_then(Value::as_u64) == Some(value) {
                    map.remove(bound);
                }
            }
            for private in [RETIRED, RENAMED, HINT, ALIASES, KEEPS_EMPTY, OTHERS, BELOW, ANY] {
                map.remove(private);
            }
            if let Some(Value::Object(members)) = map.get_mut("properties") {
                members.retain(|_, member| member.get(UNLISTED).is_none());
            }
            map.values_mut().for_each(drop_private);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_private),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde_json::json;

    /// Which way.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Way {
        /// to the left
        #[schemars(rename = "WAY_LEFT")]
        Left,
        #[schemars(rename = "WAY_RIGHT")]
        Right,
    }

    #[derive(JsonSchema)]
    #[schemars(extend("x-retired" = {"old": "write new"}))]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Args {
        /// How many,
        /// at most.
        count: Option<u32>,
        way: Option<Way>,
        /// Named by its field.
        #[schemars(required)]
        must: Option<Way>,
        #[schemars(range(min = 2), extend("x-below" = 5))]
        share: Option<f64>,
        named: std::collections::BTreeMap<String, Option<u32>>,
    }

    #[test]
    fn what_is_not_published_is_enforced_all_the_same() {
        let schema = input_schema::<Args>();
        assert_eq!(schema["properties"]["share"][BELOW], 5);
        assert_eq!(
            schema["properties"]["named"][OTHERS],
            json!({"type": "integer", "minimum": 0})
        );
    }

    #[test]
    fn every_construct_comes_out_plain() {
        let schema = published(input_schema::<Args>());
        assert_eq!(
            Value::Object(schema),
            json!({
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "description": "How many, at most."},
                    "way": {"type": "string", "enum": ["WAY_RIGHT", "WAY_LEFT"], "description": "Which way. LEFT: to the left"},
                    "must": {"type": "string", "enum": ["WAY_RIGHT", "WAY_LEFT"], "description": "Named by its field. LEFT: to the left"},
                    "share": {"type": "number", "minimum": 2},
                    "named": {"type": "object"},
                },
                "required": ["must", "named"],
            })
        );
    }
}
