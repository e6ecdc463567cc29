//! Every tool, every documented example: what is sent and what comes back.

use std::collections::{BTreeMap, BTreeSet};

use rl_mcp::tools::ALL;
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

/// The contract table: name, arguments, method and path, hints, toolset. Written out, so that the rows are held
/// against it.
const CONTRACT: &str = "\
download-checkpoint | id variant | GET /v1/rl/checkpoints/{id}/download | true false true | rl
list-training-sessions | status? model_resources_id? created_by? limit? after? | GET /v1/rl/training-sessions | true false true | rl
create-training-session | body | POST /v1/rl/training-sessions | false false false | rl
get-training-session | session_id | GET /v1/rl/training-sessions/{session_id} | true false true | rl
forward-backward-pass | session_id body | POST S/operations/forward-backward | false false false | rl
get-forward-backward-operation | session_id operation_id | GET S/operations/forward-backward/{operation_id} | true false true | rl
create-inference-checkpoint | session_id | POST S/operations/inference-checkpoint | false false false | rl
get-inference-checkpoint-operation | session_id operation_id | GET S/operations/inference-checkpoint/{operation_id} | true false true | rl
optimizer-step | session_id body | POST S/operations/optim-step | false false false | rl
get-optim-step-operation | session_id operation_id | GET S/operations/optim-step/{operation_id} | true false true | rl
sample | session_id body | POST S/operations/sample | false false false | rl
get-sample-operation | session_id operation_id | GET S/operations/sample/{operation_id} | true false true | rl
save-training-checkpoint | session_id | POST S/operations/training-checkpoint | false false false | rl
get-save-training-checkpoint-operation | session_id operation_id | GET S/operations/training-checkpoint/{operation_id} | true false true | rl
stop-training-session | session_id | POST S/stop | false false false | rl
list-supported-models | - | GET /v1/rl/supported-models | true false true | rl
create-model-resource | body | POST /v1/rl/model-resources | false false false | rl
get-model-resource | model_resources_id | GET /v1/rl/model-resources/{model_resources_id} | true false true | rl
list-model-resources | status? created_by? limit? after? | GET /v1/rl/model-resources | true false true | rl
stop-model-resource | model_resources_id force? | POST /v1/rl/model-resources/{model_resources_id}/stop | false true true | rl
weights-sync | session_id body idempotency_key? | POST S/operations/weights-sync | false false false | rl
get-weights-sync-operation | session_id operation_id | GET S/operations/weights-sync/{operation_id} | true false true | rl
build-training-batch | session_id operation_ids? rewards? rewards_path? advantages? advantages_path? loss? scale_by_deviation? keep_equal_groups? max_tokens? reference_operation_ids? reference_session_id? prompts_path? examples? examples_path? | this machine | false false false | rl
estimate-model-resource-cost | body | POST /v1/rl/model-resources/estimate-cost | true false true | rl-more
extend-model-resource-expiry | model_resources_id body | POST /v1/rl/model-resources/{model_resources_id}/extend-expiry | false false true | rl-more
update-training-session | session_id body | PATCH S | false false true | rl-more
custom-forward-backward-pass | session_id body idempotency_key? | POST S/operations/custom-forward-backward | false false false | rl-more
get-custom-forward-backward-operation | session_id operation_id | GET S/operations/custom-forward-backward/{operation_id} | true false true | rl-more
list-checkpoints | type? session_id? base_model? limit? after? | GET /v1/rl/checkpoints | true false true | rl-more
get-checkpoint | id | GET /v1/rl/checkpoints/{id} | true false true | rl-more
prime-intellect-createrun | body config_path? forward_secrets? | POST /api/v1/training/runs | false false false | runs
prime-intellect-listmodels | team_id? | GET /api/v1/training/available-fft-models | true false true | runs
prime-intellect-deleterun | run_id | DELETE /api/v1/training/runs/{run_id} | false true true | runs
prime-intellect-listruns | page? limit? team_id? mine? | GET /api/v1/rft/runs | true false true | runs
prime-intellect-getrun | run_id | GET R | true false true | runs
prime-intellect-stoprun | run_id | PUT R/stop | false true true | runs
prime-intellect-getrunlogs | run_id tail_lines? search? regex? level? since_seconds? component? pod_index? env_name? | GET R/logs | true false true | runs
prime-intellect-getrunmetrics | run_id min_step? max_step? limit? every? columns? | GET R/metrics | true false true | runs
prime-intellect-getrunprogress | run_id | GET R/progress | true false true | runs
prime-intellect-getrunsamples | run_id step page? limit? columns? | GET R/samples | true false true | runs
prime-intellect-listruncheckpoints | run_id status_filter? page? limit? | GET R/checkpoints | true false true | runs
prime-intellect-restartrun | run_id | PUT R/restart | false false false | runs-more
prime-intellect-pauserun | run_id | POST /api/v1/training/runs/{run_id}/pause | false false false | runs-more
prime-intellect-resumerun | run_id body? forward_secrets? | POST /api/v1/training/runs/{run_id}/resume | false false false | runs-more
prime-intellect-listgputypes | team_id? | GET /api/v1/training/available-gpu-types | true false true | runs-more
prime-intellect-getrunusage | run_id | GET /api/v1/billing/runs/{run_id}/usage | true false true | runs-more
prime-intellect-getwallet | limit? offset? team_id? | GET /api/v1/billing/wallet | true false true | runs-more
list-recent-activity | session_id? hours? limit? | this machine | true false true | local
read-result | path at? start? count? | this machine | true false true | local";

#[tokio::test]
async fn the_tools_are_those_of_the_contract() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    let answer = server.request("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    let rows: Vec<Vec<String>> = CONTRACT
        .replace(" S", " /v1/rl/training-sessions/{session_id}")
        .replace(" R", " /api/v1/rft/runs/{run_id}")
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
        let call = match spec.path {
            "" => "this machine".to_owned(),
            path => format!("{} {path}", spec.method.as_str()),
        };
        assert_eq!(call, row[2], "{name}");
        let hints = &tool["annotations"];
        let hint = |name: &str| hints[name].as_bool().unwrap().to_string();
        let given = [
            hint("readOnlyHint"),
            hint("destructiveHint"),
            hint("idempotentHint"),
        ]
        .join(" ");
        assert_eq!(given, row[3], "{name}");
        assert_eq!(hints["openWorldHint"], !spec.is_local(), "{name}");
        assert_eq!(spec.toolset.unwrap().name(), row[4], "{name}");

        let schema = &tool["inputSchema"];
        let required: BTreeSet<_> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap())
            .collect();
        let offered = schema["properties"].as_object().unwrap();
        // A body may come as a file instead.
        let must = |argument: &str| !argument.ends_with('?') && argument != "body";
        assert_eq!(
            offered.contains_key("body"),
            offered.contains_key("body_path"),
            "{name}"
        );
        let arguments = || row[1].split(' ').filter(|argument| *argument != "-");
        for argument in arguments() {
            let plain = argument.trim_end_matches('?');
            assert!(offered.contains_key(plain), "{name} {argument}");
            assert_eq!(required.contains(plain), must(argument), "{name} {argument}");
        }
        // Further arguments may be added, always optional.
        let must = arguments().filter(|argument| must(argument));
        assert_eq!(required.len(), must.count(), "{name}");
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
