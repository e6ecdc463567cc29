//! JSON Schema, as far as people write it for answers: the keywords of draft 2020-12 that look at values, with references
//! inside of the document. A keyword that is not among them is refused, so that none is passed over in silence.
//!
//! The crate for all of it is two megabytes of the program and some forty dependencies. The tests hold this against it.

use std::collections::BTreeMap;

use ::regex::{Regex, RegexBuilder};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::problems::nearest;
use crate::grade::regex::unusable;

/// How large a compiled pattern may be, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// What says nothing of a value.
const ANNOTATIONS: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
];

/// What does.
const KEYWORDS: [&str; 34] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "required",
    "minProperties",
    "maxProperties",
    "prefixItems",
    "items",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
];

/// A schema.
pub(super) enum Schema {
    /// Accepts everything, or nothing.
    Always(bool),
    Rules(Box<Rules>),
}

/// What a value has to keep to.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Rules {
    #[serde(deserialize_with = "one_or_more")]
    pub(super) r#type: Option<Vec<Type>>,
    pub(super) r#enum: Option<Vec<Value>>,
    #[serde(deserialize_with = "even_null")]
    pub(super) r#const: Option<Value>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_minimum: Option<f64>,
    pub(super) exclusive_maximum: Option<f64>,
    pub(super) multiple_of: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) properties: BTreeMap<String, Schema>,
    #[serde(deserialize_with = "by_pattern")]
    pub(super) pattern_properties: Vec<(Pattern, Schema)>,
    pub(super) additional_properties: Option<Schema>,
    pub(super) property_names: Option<Schema>,
    pub(super) required: Vec<String>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,
    pub(super) prefix_items: Vec<Schema>,
    pub(super) items: Option<Schema>,
    pub(super) contains: Option<Schema>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) unique_items: bool,
    pub(super) all_of: Vec<Schema>,
    pub(super) any_of: Option<Vec<Schema>>,
    pub(super) one_of: Option<Vec<Schema>>,
    pub(super) not: Option<Schema>,
    pub(super) r#if: Option<Schema>,
    pub(super) then: Option<Schema>,
    pub(super) r#else: Option<Schema>,
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "$defs")]
    pub(super) defs: BTreeMap<String, Schema>,
    pub(super) definitions: BTreeMap<String, Schema>,
}

/// A kind of value.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Null,
    Boolean,
    Object,
    Array,
    Number,
    Integer,
    String,
}

/// A regular expression, which takes time linear in a text.
pub(super) struct Pattern(pub(super) Regex);

impl Schema {
    /// Reads a document. An error says what in it cannot be used.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        let schema = Self::deserialize(document).map_err(|error| error.to_string())?;
        schema.look(&schema)?;
        Ok(schema)
    }

    /// The schema that a reference of this document means: `#`, `#/$defs/NAME` or `#/definitions/NAME`.
    pub(super) fn find(&self, reference: &str) -> Option<&Self> {
        if reference == "#" {
            return Some(self);
        }
        let Self::Rules(rules) = self else { return None };
        let named = |prefix: &str| reference.strip_prefix(prefix);
        if let Some(name) = named("#/$defs/") {
            return rules.defs.get(name);
        }
        rules.definitions.get(named("#/definitions/")?)
    }

    /// Whether all references lead somewhere.
    fn look(&self, document: &Self) -> Result<(), String> {
        let Self::Rules(rules) = self else { return Ok(()) };
        if let Some(reference) = &rules.reference
            && document.find(reference).is_none()
        {
            return Err(format!(
                "$ref {reference} leads nowhere: write #/$defs/NAME, with the schema in $defs of the document"
            ));
        }
        rules.inner().try_for_each(|inner| inner.look(document))
    }
}

impl Rules {
    /// The schemas in it.
    fn inner(&self) -> impl Iterator<Item = &Schema> {
        let named = [&self.properties, &self.defs, &self.definitions];
        let single = [
            &self.additional_properties,
            &self.property_names,
            &self.items,
            &self.contains,
            &self.not,
            &self.r#if,
            &self.then,
            &self.r#else,
        ];
        let lists = [
            Some(&self.prefix_items),
            Some(&self.all_of),
            self.any_of.as_ref(),
            self.one_of.as_ref(),
        ];
        named
            .into_iter()
            .flat_map(BTreeMap::values)
            .chain(self.pattern_properties.iter().map(|(_, schema)| schema))
            .chain(single.into_iter().flatten())
            .chain(lists.into_iter().flatten().flatten())
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut rules = match Value::deserialize(json)? {
            Value::Bool(always) => return Ok(Self::Always(always)),
            Value::Object(rules) => rules,
            _ => return Err(D::Error::custom("a schema is an object, or true or false")),
        };
        rules.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()));
        if let Some(unknown) = rules.keys().find(|name| !KEYWORDS.contains(&name.as_str())) {
            let near = nearest(unknown, KEYWORDS.into_iter());
            let near = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
            return Err(D::Error::custom(format!(
                "{unknown} is no keyword that is known here{near}"
            )));
        }
        let rules = Rules::deserialize(Value::Object(rules)).map_err(D::Error::custom)?;
        Ok(Self::Rules(Box::new(rules)))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        pattern(&String::deserialize(json)?).map_err(D::Error::custom)
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let pattern = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
    pattern
        .map(Pattern)
        .map_err(|error| format!("the pattern {text} cannot be used: {}", unusable(&error)))
}

fn by_pattern<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<(Pattern, Schema)>, D::Error> {
    let named = BTreeMap::<String, Schema>::deserialize(json)?.into_iter();
    let read = named.map(|(name, schema)| Ok((pattern(&name)?, schema)));
    read.collect::<Result<_, String>>().map_err(D::Error::custom)
}

fn one_or_more<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Vec<Type>>, D::Error> {
    let value = Value::deserialize(json)?;
    let list = match value {
        Value::Array(list) => Value::Array(list),
        one => Value::Array(vec![one]),
    };
    Vec::deserialize(list).map(Some).map_err(D::Error::custom)
}

/// A value that may be null, which is not the same as none.
fn even_null<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(json).map(Some)
}

/// A text that is the same for equal values: members in order, and numbers by their value.
pub(super) fn canonical(value: &Value) -> String {
    fn write(value: &Value, text: &mut String) {
        match value {
            Value::Number(number) => {
                let float = || number.as_f64().unwrap_or_default().to_string();
                text.push_str(&number.as_i64().map_or_else(float, |whole| whole.to_string()));
            }
            Value::Array(items) => {
                text.push('[');
                for item in items {
                    write(item, text);
                    text.push(',');
                }
                text.push(']');
            }
            Value::Object(members) => {
                let sorted: BTreeMap<&String, &Value> = members.iter().collect();
                text.push('{');
                for (name, value) in sorted {
                    write(&Value::String(name.clone()), text);
                    text.push(':');
                    write(value, text);
                    text.push(',');
                }
                text.push('}');
            }
            other => text.push_str(&other.to_string()),
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}
