//! The description of the routes, from the same rows and schemas.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::route::Route;
use crate::arguments::schema;
use crate::spec::{Effect, Service};

/// An OpenAPI document. Its dialect of schemas is that of the tools.
pub(super) fn document(routes: &[Arc<Route>], has_token: bool) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path()).or_insert_with(|| json!({}));
        let method = route.method().to_ascii_lowercase();
        if let Value::Object(path) = path {
            path.insert(method, operation(route, has_token));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "RL post-training",
            "summary": "Together AI's training sessions step by step, and whole training runs of Prime Intellect.",
            "description": "An adapter in the middle: a request is checked, sent on with the key of this server, and answered with the status and the body of the service. How to use all this well is at /skills, for agents to read.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "Together AI", "description": "Reinforcement learning step by step."},
            {"name": "Prime Intellect", "description": "A whole run in one call."},
        ],
        "paths": paths,
        "components": {
            "schemas": {"Error": error_schema(), "Problems": problems_schema()},
        },
    });
    if has_token && let Value::Object(document) = &mut document {
        document.insert("security".to_owned(), json!([{"token": []}]));
        let schemes = json!({"token": {"type": "http", "scheme": "bearer"}});
        if let Some(Value::Object(components)) = document.get_mut("components") {
            components.insert("securitySchemes".to_owned(), schemes);
        }
    }
    document
}

fn operation(route: &Route, has_token: bool) -> Value {
    let spec = route.spec();
    let schema = schema::complete(route.schema().clone());
    let parameter = |name: &str, place: &str| {
        let mut schema = schema
            .pointer(&format!("/properties/{name}"))
            .cloned()
            .unwrap_or_default();
        let description = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let required = schema_requires(route.schema(), name) || place == "path";
        json!({
            "name": name,
            "in": place,
            "required": required,
            "description": description.unwrap_or_else(|| Value::from("")),
            "schema": schema,
        })
    };
    let path = spec.placeholders().map(|name| parameter(name, "path"));
    let query = route.query().iter().map(|name| parameter(name, "query"));
    let mut parameters: Vec<Value> = path.chain(query).collect();
    if spec.effect == Effect::Submit {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Under the same key the same body starts one operation only. Without it one is made; the answer has it.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
    }
    let mut operation = json!({
        "operationId": spec.name,
        "summary": spec.title,
        "description": spec.description,
        "tags": [spec.service.map(Service::name)],
        "parameters": parameters,
        "responses": responses(route, has_token),
    });
    let body = if route.has_body() {
        schema
            .pointer("/properties/body")
            .cloned()
            .map(|body| (body, true))
    } else {
        route.passes_body_on().then(|| (json!({"type": "object"}), false))
    };
    if let (Some((body, required)), Value::Object(operation)) = (body, &mut operation) {
        let body = json!({"required": required, "content": {"application/json": {"schema": body}}});
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn schema_requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.into_iter().flatten().any(|required| required == name)
}

fn responses(route: &Route, has_token: bool) -> Value {
    let json = |description: &str, schema: Value| json!({"description": description, "content": {"application/json": {"schema": schema}}});
    let error = |description: &str| json(description, json!({"$ref": "#/components/schemas/Error"}));
    let mut success = json("What the service said.", json!({}));
    if route.spec().effect == Effect::Submit
        && let Value::Object(success) = &mut success
    {
        let key = json!({"Idempotency-Key": {"description": "The key of the operation.", "schema": {"type": "string"}}});
        success.insert("headers".to_owned(), key);
    }
    let mut responses = json!({
        "2XX": success,
        "400": json(
            "The arguments need correction and nothing was sent: `problems` has all that is wrong. Or the service refused them.",
            json!({"anyOf": [{"$ref": "#/components/schemas/Problems"}, {}]}),
        ),
        "403": json("The server was started without this route, or the request comes from a foreign page. Or the service refused it.", json!({})),
        "502": error("The service cannot be reached, or its answer is of no use."),
        "503": json("The server has no key for the service, or no room; or the service said so.", json!({})),
        "504": error("The service did not answer in time."),
        "default": json("What the service said, or an error of this server.", json!({})),
    });
    if has_token && let Value::Object(responses) = &mut responses {
        let refusal = json("The token is missing or wrong.", json!({}));
        responses.insert("401".to_owned(), refusal);
    }
    responses
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string", "description": "One word, for programs."},
                "message": {"type": "string", "description": "What happened, and what to do next."},
            },
        }},
    })
}

fn problems_schema() -> Value {
    json!({
        "allOf": [{"$ref": "#/components/schemas/Error"}],
        "type": "object",
        "required": ["problems"],
        "properties": {
            "problems": {"type": "array", "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {
                    "path": {"type": "string", "description": "Where, such as body.samples[0].model_input."},
                    "message": {"type": "string", "description": "What is wrong, and what would be right."},
                },
            }},
            "more_problems": {"type": "integer", "description": "How many more there are."},
        },
    })
}
