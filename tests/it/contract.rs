//! Every tool, every documented example: what is sent and what comes back.

use std::collections::{BTreeMap, BTreeSet};

use rl_mcp::ALL;
use serde_json::{Map, Value, json};

use crate::support::{Example, Scripted, Server, Upstream, examples, operation_of, status};

/// Tools whose answer holds a note of the server beside what the service said.
const NOTED: [&str; 2] = ["create-model-resource", "stop-training-session"];

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The arguments of the tool that make this call.
fn arguments(example: &Example) -> Value {
    let mut arguments = example.path_params.clone();
    arguments.extend(example.query.clone());
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

/// The states of a run whose cost is known.
const AT_REST: [&str; 4] = ["COMPLETED", "FAILED", "STOPPED", "PAUSED"];

#[tokio::test]
async fn every_example_of_every_tool() {
    let upstream = Upstream::start().await;
    for entry in ALL.iter().filter(|entry| !entry.spec.is_local()) {
        let name = entry.spec.name;
        let operation = operation_of(entry.spec);
        for example in examples(&operation.name) {
            let context = format!("{name}, {}", example.note);
            upstream.answer(&example);
            let offloaded = example.response.pointer("/output/payload_id").is_some();
            if offloaded {
                // Needs a store beside the API: `payloads.rs`.
                continue;
            }
            // A server of its own: examples are no course of a session, of which a server would note what is odd.
            let mut server = Server::start(&upstream.server.uri()).await;
            let outcome = server.call(name, arguments(&example)).await;
            let requests = upstream.requests().await;
            let mut answer = outcome.json();
            let note = answer.as_object_mut().and_then(|answer| answer.remove("note"));
            let bills = example.response["onDemand"] == true || name == "prime-intellect-resumerun";
            let rate = example.request.to_string().contains("learning_rate");
            let status = example.response.pointer("/run/status").and_then(Value::as_str);
            let has_ended = status.is_some_and(|status| AT_REST.contains(&status));
            let bills = bills || (name == "prime-intellect-getrun" && has_ended);
            let noted = bills || NOTED.contains(&name) || (name == "optimizer-step" && !rate);
            assert_eq!(note.is_some(), noted, "{context}");
            assert_eq!(answer, received(&example), "{context}");
            // The price is asked for first.
            let expected = if name == "create-model-resource" { 2 } else { 1 };
            assert_eq!(requests.len(), expected, "{context}");
            let request = requests.last().unwrap();
            assert_eq!(request.method.as_str(), operation.method, "{context}");
            let mut path = operation.path.clone();
            for (placeholder, value) in &example.path_params {
                path = path.replace(&format!("{{{placeholder}}}"), value.as_str().unwrap());
            }
            assert_eq!(request.url.path(), path, "{context}");
            let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
            let expected = example.query.iter();
            let mut expected: BTreeMap<_, _> = expected
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect();
            if name == "prime-intellect-getrunsamples" {
                expected.insert("limit".to_owned(), "4".to_owned());
            }
            assert_eq!(query, expected, "{context}");
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

/// Without text there are more files than tools.
#[cfg(feature = "text")]
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
