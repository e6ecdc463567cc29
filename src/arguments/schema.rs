//! The plain schema dialect: input schemas that every host understands.
//!
//! Hosts break on what schemars writes by default: references, `type` lists with `null`, formats, bare `true`.
//! [`input_schema`] writes what all of them read: draft 2020-12, everything inlined, one `enum` for the variants
//! of an enum with their docs joined into the description, and nothing at the root but an object.

mod mark;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

pub(crate) use mark::{
    ALIASES, ANY, BELOW, EITHER, FILED, HINT, INSTEAD, Instead, KEEPS_EMPTY, NAMES, OTHERS, RENAMED, RETIRED,
    UNLISTED, aliases, below, brief, filed, hint, instead, keeps_empty, names, others, plain, renamed,
    retired, undescribed, unlisted,
};
use mark::{BRIEF, PLAIN};

/// Bounds that go without saying: they are enforced, and not published.
const OBVIOUS: [(&str, u64); 3] = [("minimum", 0), ("minItems", 1), ("minLength", 1)];

/// The input schema of a tool, as the argument checks read it: with the private members of `mark.rs`.
#[must_use]
pub(crate) fn input_schema<T: JsonSchema>() -> Value {
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
pub(crate) fn published(mut schema: Value) -> Map<String, Value> {
    drop_private(&mut schema, true);
    match schema {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The same with all that goes without saying, and what only the checks read where JSON Schema has a word for it: for
/// programs.
#[cfg(feature = "http")]
#[must_use]
pub(crate) fn complete(mut schema: Value) -> Value {
    spell_out(&mut schema);
    drop_private(&mut schema, false);
    schema
}

#[cfg(feature = "http")]
fn spell_out(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    if let Some(bound) = map.get(BELOW).cloned() {
        map.insert("exclusiveMaximum".to_owned(), bound);
    }
    let is_closed = map.contains_key("properties") && !map.contains_key(ANY) && !map.contains_key(EITHER);
    match map.get(OTHERS).cloned() {
        Some(mut others) => {
            spell_out(&mut others);
            map.insert("additionalProperties".to_owned(), others);
        }
        None if is_closed => {
            map.insert("additionalProperties".to_owned(), false.into());
        }
        None => {}
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(spell_out);
    }
    if let Some(items) = map.get_mut("items") {
        spell_out(items);
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
pub(super) fn common_prefix<'a>(mut values: impl Iterator<Item = &'a str>) -> usize {
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

/// Takes the private members out; `short`: with whatever else a reader can do without.
fn drop_private(schema: &mut Value, short: bool) {
    match schema {
        Value::Object(map) => {
            if map.remove(BRIEF).is_some() && short {
                map.retain(|name, _| ["type", "description", "items"].contains(&name.as_str()));
                if let Some(Value::Object(items)) = map.get_mut("items") {
                    items.retain(|name, _| name == "type");
                }
            }
            if map.remove(PLAIN).is_some() && short {
                map.remove("description");
            }
            for (bound, value) in OBVIOUS.into_iter().filter(|_| short) {
                if map.get(bound).and_then(Value::as_u64) == Some(value) {
                    map.remove(bound);
                }
            }
            for private in [
                RETIRED,
                RENAMED,
                HINT,
                ALIASES,
                KEEPS_EMPTY,
                OTHERS,
                BELOW,
                ANY,
                EITHER,
                NAMES,
                FILED,
                INSTEAD,
            ] {
                map.remove(private);
            }
            if let Some(Value::Object(members)) = map.get_mut("properties") {
                members.retain(|_, member| member.get(UNLISTED).is_none());
            }
            map.values_mut().for_each(|value| drop_private(value, short));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| drop_private(value, short)),
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
    #[schemars(transform = retired(&[("old", "write new")]))]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Args {
        /// How many,
        /// at most.
        count: Option<u32>,
        way: Option<Way>,
        /// Named by its field.
        #[schemars(required)]
        must: Option<Way>,
        #[schemars(range(min = 2), transform = below(5))]
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
