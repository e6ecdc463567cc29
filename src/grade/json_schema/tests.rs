//! Held against the crate that knows all of JSON Schema.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Both say the same of every value.
fn holds(schema: &Value, values: &[Value]) {
    let own = Schema::read(schema).unwrap();
    let whole = jsonschema::draft202012::new(schema).unwrap();
    for value in values {
        let said = accept(&own, value);
        assert_eq!(said.is_ok(), whole.is_valid(value), "{schema} {value} {said:?}");
    }
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(-3),
        json!(12),
        json!(1e20),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("żółw"),
        json!("2026-11-27"),
        json!([]),
        json!([1]),
        json!([1, 1.0]),
        json!([1, "a"]),
        json!(["a", "b", "c"]),
        json!([[1], [1]]),
        json!([{"a": 1}, {"a": 1.0}]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "x"}),
        json!({"a": 1, "b": 2}),
        json!({"b": null}),
        json!({"ab": [1, 2]}),
        json!({"a": {"a": {"a": 1}}}),
        json!({"a": {"a": {"a": "x"}}}),
        json!({"x": 1, "y": 2, "z": 3}),
    ]
}

fn schemas() -> Vec<Value> {
    vec![
        json!(true),
        json!(false),
        json!({}),
        json!({"title": "t", "format": "date", "examples": [1]}),
        json!({"type": "integer"}),
        json!({"type": ["number", "null"]}),
        json!({"type": "object"}),
        json!({"type": "array"}),
        json!({"type": "boolean"}),
        json!({"type": "string"}),
        json!({"enum": [1, "a", [1, "a"], {"a": 1}]}),
        json!({"const": null}),
        json!({"const": 1}),
        json!({"const": {"a": 1, "b": 2}}),
        json!({"minimum": 1, "maximum": 12}),
        json!({"exclusiveMinimum": 1, "exclusiveMaximum": 12}),
        json!({"multipleOf": 0.5}),
        json!({"multipleOf": 3}),
        json!({"minLength": 1, "maxLength": 3}),
        json!({"maxLength": 4}),
        json!({"pattern": "^[a-z]{2}$"}),
        json!({"pattern": "\\d"}),
        json!({"properties": {"a": {"type": "integer"}}}),
        json!({"required": ["a"]}),
        json!({"required": ["a", "b"]}),
        json!({"properties": {"a": true}, "additionalProperties": false}),
        json!({"additionalProperties": {"type": "integer"}}),
        json!({"patternProperties": {"^a": {"type": "array"}}, "additionalProperties": {"type": "null"}}),
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"minProperties": 1, "maxProperties": 2}),
        json!({"items": {"type": "string"}}),
        json!({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false}),
        json!({"prefixItems": [{"const": 1}]}),
        json!({"contains": {"type": "string"}}),
        json!({"minItems": 1, "maxItems": 2}),
        json!({"uniqueItems": true}),
        json!({"uniqueItems": false}),
        json!({"allOf": [{"type": "object"}, {"required": ["a"]}]}),
        json!({"anyOf": [{"type": "null"}, {"minimum": 1}]}),
        json!({"oneOf": [{"type": "number"}, {"multipleOf": 1}]}),
        json!({"not": {"type": "object"}}),
        json!({"not": {}}),
        json!({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "number"}}),
        json!({"then": false}),
        json!({"$ref": "#/$defs/short", "$defs": {"short": {"type": "string", "maxLength": 1}}}),
        json!({"properties": {"a": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "integer"}}}),
        json!({"type": ["object", "integer"], "properties": {"a": {"$ref": "#"}}}),
        json!({"$ref": "#/$defs/n", "minimum": 1, "$defs": {"n": {"type": "number"}}}),
    ]
}

#[test]
fn it_says_what_the_whole_of_json_schema_says() {
    for schema in schemas() {
        holds(&schema, &values());
    }
}

proptest! {
    /// Several schemas together, and values within values.
    #[test]
    fn so_it_does_of_what_is_put_together(
        picked in prop::collection::vec(prop::sample::select(schemas()), 1..4),
        parts in prop::collection::vec(prop::sample::select(values()), 1..4),
        how in prop::sample::select(vec!["allOf", "anyOf", "oneOf"]),
    ) {
        let local = |schema: &&Value| !schema.to_string().contains("$ref");
        let picked: Vec<&Value> = picked.iter().filter(local).collect();
        if !picked.is_empty() {
            let inside = json!({how: picked});
            let whole = json!({"properties": {"a": inside, "list": {"items": inside}}, "additionalProperties": inside});
            let (first, last) = (&parts[0], parts.last().unwrap());
            let value = json!({"a": first, "list": parts, "other": last});
            holds(&inside, &parts);
            holds(&whole, &[value]);
        }
    }
}

#[test]
fn what_is_refused_is_named_with_its_place() {
    let schema = json!({
        "type": "object", "required": ["city"],
        "properties": {"city": {"type": "string", "minLength": 2}, "years": {"items": {"type": "integer", "minimum": 1}}},
        "additionalProperties": false,
    });
    let schema = Schema::read(&schema).unwrap();
    for (value, place, why) in [
        (json!([]), "", "is array, not object"),
        (json!({}), "", "lacks city"),
        (
            json!({"city": "P"}),
            "/city",
            "has 1 character, at least 2 are wanted",
        ),
        (
            json!({"city": "Paris", "years": [1, 0]}),
            "/years/1",
            "is below 1",
        ),
        (json!({"city": "Paris", "x": 1}), "/x", "is not allowed"),
    ] {
        let refusal = accept(&schema, &value).unwrap_err();
        assert_eq!(
            (refusal.place.as_str(), refusal.why.as_str()),
            (place, why),
            "{value}"
        );
    }
}

#[test]
fn what_is_not_known_is_refused() {
    for (schema, expected) in [
        (
            json!({"minLenght": 1}),
            "minLenght is no keyword that is known here: did you mean minLength?",
        ),
        (
            json!({"dependentRequired": {}}),
            "dependentRequired is no keyword",
        ),
        (
            json!({"properties": {"a": {"typ": "string"}}}),
            "typ is no keyword",
        ),
        (json!({"type": "text"}), "unknown variant `text`"),
        (json!({"$ref": "other.json"}), "$ref other.json leads nowhere"),
        (
            json!({"items": {"$ref": "#/$defs/x"}}),
            "$ref #/$defs/x leads nowhere",
        ),
        (json!({"pattern": "("}), "the pattern ( cannot be used"),
        (json!({"items": [1]}), "a schema is an object"),
        (json!({"minLength": -1}), "invalid value"),
    ] {
        let problem = Schema::read(&schema).err().unwrap();
        assert!(problem.contains(expected), "{schema}: {problem}");
    }
}

#[test]
fn a_schema_that_runs_in_circles_ends() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
    ] {
        assert!(accept(&Schema::read(&schema).unwrap(), &json!(1)).is_err());
    }
    let twice = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
    assert!(accept(&Schema::read(&twice).unwrap(), &json!(1)).is_err());
}
