//! Every tool, every documented example: what is sent and what comes back.

use std::collections::{BTreeMap, BTreeSet};

use rl_mcp::tools::ALL;
use serde_json::{Map, Value, json};

use crate::support::{Example, Scripted, Server, Upstream, examples, operation, status};

/// A filter that the API got later than the contract of the tools.
const ADDED_LATER: &str = "model_resources_id";

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The arguments of the tool that make this call.
fn arguments(example: &Example) -> Value {
    let mut arguments = example.path_params.clone();
    for (name, value) in &example.query {
        if name != ADDED_LATER {
            arguments.insert(name.clone(), value.clone());
        }
    }
    if !example.request.is_null() {
        arguments.insert("body".to_owned(), example.request.clone());
    }
    Value::Object(arguments)
}

/// What reaches the service: an absent member and null mean the same, and null is not sent.
fn sent(request: &Value) -> Value {
    match request {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), sent(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn received(example: &Example) -> Value {
    let mut response = example.response.clone();
    if let Value::Object(members) = &mut response {
        members.remove("tokenValue");
    }
    response
}

#[tokio::test]
async fn every_example_of_every_tool() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    for entry in ALL {
        let name = entry.spec.name;
        for example in examples(name) {
            let context = format!("{name}, {}", example.note);
            upstream.answer(&example);
            let offloaded = example.response.pointer("/output/payload_id").is_some();
            if offloaded {
                // Needs a store beside the API: `payloads.rs`.
                continue;
            }
            let outcome = server.call(name, arguments(&example)).await;
            let requests = upstream.requests().await;
            assert_eq!(outcome.json(), received(&example), "{context}");
            assert_eq!(requests.len(), 1, "{context}");
            let request = &requests[0];
            let operation = operation(name);
            assert_eq!(request.method.as_str(), operation.method, "{context}");
            let mut path = operation.path.clone();
            for (placeholder, value) in &example.path_params {
                path = path.replace(&format!("{{{placeholder}}}"), value.as_str().unwrap());
            }
            assert_eq!(request.url.path(), path, "{context}");
            let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
            let expected = example.query.iter().filter(|(name, _)| *name != ADDED_LATER);
            let expected = expected.map(|(name, value)| (name.clone(), plain(value)));
            assert_eq!(query, expected.collect(), "{context}");
            if !example.request.is_null() {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let mut expected = sent(&example.request);
                if let (Some(config), None) = (expected.get("config"), expected.get("name")) {
                    // A run is named after its config, as the official client does it.
                    expected["name"] = config["name"].clone();
                }
                assert_eq!(body, expected, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn the_service_text_is_passed_through_untouched() {
    let upstream = Scripted::start(vec![status(
        200,
        "content-type: text/plain\r\n",
        r#"{"z":1.50,"step":"9007199254740993","big":18446744073709551617,"a":"ünï\u00e9"}"#,
    )])
    .await;
    let mut server = Server::start(&upstream.url).await;
    let outcome = server
        .call("get-training-session", json!({"session_id": "s"}))
        .await;
    assert_eq!(
        outcome.text,
        r#"{"z":1.50,"step":"9007199254740993","big":18446744073709551617,"a":"ünï\u00e9"}"#
    );
}

/// The contract table: name, arguments, method and path, hints. Written out, so that the rows are held against it.
const CONTRACT: &str = "\
download-checkpoint | id variant | GET /v1/rl/checkpoints/{id}/download | true false true
list-training-sessions | status? limit? after? | GET /v1/rl/training-sessions | true false true
create-training-session | body | POST /v1/rl/training-sessions | false false false
get-training-session | session_id | GET /v1/rl/training-sessions/{session_id} | true false true
forward-backward-pass | session_id body | POST S/operations/forward-backward | false false false
get-forward-backward-operation | session_id operation_id | GET S/operations/forward-backward/{operation_id} | true false true
create-inference-checkpoint | session_id | POST S/operations/inference-checkpoint | false false false
get-inference-checkpoint-operation | session_id operation_id | GET S/operations/inference-checkpoint/{operation_id} | true false true
optimizer-step | session_id body | POST S/operations/optim-step | false false false
get-optim-step-operation | session_id operation_id | GET S/operations/optim-step/{operation_id} | true false true
sample | session_id body | POST S/operations/sample | false false false
get-sample-operation | session_id operation_id | GET S/operations/sample/{operation_id} | true false true
save-training-checkpoint | session_id | POST S/operations/training-checkpoint | false false false
get-save-training-checkpoint-operation | session_id operation_id | GET S/operations/training-checkpoint/{operation_id} | true false true
stop-training-session | session_id | POST S/stop | false false false
prime-intellect-createrun | body | POST /api/v1/training/runs | false false false
prime-intellect-deleterun | run_id | DELETE /api/v1/training/runs/{run_id} | false true true";

#[tokio::test]
async fn the_tools_are_those_of_the_contract() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    let answer = server.request("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    let rows: Vec<Vec<String>> = CONTRACT
        .replace(" S/", " /v1/rl/training-sessions/{session_id}/")
        .lines()
        .map(|row| row.split(" | ").map(str::to_owned).collect())
        .collect();
    assert_eq!(tools.len(), rows.len());
    for (tool, row) in tools.iter().zip(&rows) {
        let (name, spec) = (
            row[0].as_str(),
            ALL.iter().find(|entry| entry.spec.name == row[0]).unwrap().spec,
        );
        assert_eq!(tool["name"], name);
        assert_eq!(
            format!("{} {}", spec.method.as_str(), spec.path),
            row[2],
            "{name}"
        );
        let hints = &tool["annotations"];
        let hint = |name: &str| hints[name].as_bool().unwrap().to_string();
        let given = [
            hint("readOnlyHint"),
            hint("destructiveHint"),
            hint("idempotentHint"),
        ]
        .join(" ");
        assert_eq!(given, row[3], "{name}");
        assert_eq!(hints["openWorldHint"], true, "{name}");

        let schema = &tool["inputSchema"];
        let required: BTreeSet<_> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap())
            .collect();
        let offered = schema["properties"].as_object().unwrap();
        for argument in row[1].split(' ') {
            let plain = argument.trim_end_matches('?');
            assert!(offered.contains_key(plain), "{name} {argument}");
            assert_eq!(
                required.contains(plain),
                !argument.ends_with('?'),
                "{name} {argument}"
            );
        }
        // Further arguments may be added, always optional.
        assert_eq!(
            required.len(),
            row[1]
                .split(' ')
                .filter(|argument| !argument.ends_with('?'))
                .count()
        );
    }
}

#[test]
fn every_tool_has_its_own_file_named_after_it() {
    let files: BTreeSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tools"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "mod.rs")
        .collect();
    let tools: BTreeSet<String> = ALL
        .iter()
        .map(|entry| format!("{}.rs", entry.spec.name.replace('-', "_")))
        .collect();
    assert_eq!(files, tools);
    assert_eq!(tools.len(), ALL.len(), "no row has two handlers");
}

#[tokio::test]
async fn every_documented_error_body_is_shown_in_words() {
    for (api, tool, arguments) in [
        ("together-rl", "get-training-session", json!({"session_id": "s"})),
        (
            "prime-training",
            "prime-intellect-deleterun",
            json!({"run_id": "r"}),
        ),
    ] {
        let file = format!(
            "{}/tests/data/api/examples/{api}.errors.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for error in document["errors"].as_array().unwrap() {
            let body = error["body"].to_string();
            let code = u16::try_from(error["status"].as_u64().unwrap()).unwrap();
            let headers = if code == 429 {
                "x-should-retry: false\r\nretry-after: 0.01\r\n"
            } else {
                ""
            };
            let upstream = Scripted::start(vec![status(code, headers, &body)]).await;
            let mut server = Server::start(&upstream.url).await;
            let text = server.call(tool, arguments.clone()).await.error().to_owned();
            let words = [
                "/error/message",
                "/message",
                "/errors/0/details",
                "/detail/0/msg",
                "/detail",
            ]
            .iter()
            .find_map(|pointer| error["body"].pointer(pointer).and_then(Value::as_str))
            .unwrap();
            assert!(
                text.contains(words) && text.contains(&format!("HTTP {code}")),
                "{text}"
            );
        }
    }
}
