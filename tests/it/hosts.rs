//! What hosts add to a call, and what forms and models fill in that they have no value for.

use rl_mcp::ALL;
use serde_json::{Map, Value, json};

use crate::support::{Example, Scripted, Server, Upstream, examples, json as answer, operation_of, status};

fn arguments(example: &Example) -> Map<String, Value> {
    let mut arguments = example.path_params.clone();
    arguments.extend(example.query.clone());
    if !example.request.is_null() {
        arguments.insert("body".to_owned(), example.request.clone());
    }
    // Without a key a step would be refused where nothing was gathered.
    let has = |name: &str| example.request.get(name).is_some();
    if has("adam_params") || has("muon_params") {
        arguments.insert("idempotency_key".to_owned(), json!("own"));
    }
    arguments
}

/// What n8n's agent adds to each call.
fn n8n(mut arguments: Map<String, Value>) -> Value {
    for name in ["toolCallId", "sessionId", "action", "chatInput"] {
        arguments.insert(name.to_owned(), json!("call_1"));
    }
    Value::Object(arguments)
}

/// Fills in every optional value of the schema that is not there and is no free text.
fn blank(schema: &Value, value: &mut Value, blanks: &mut usize) {
    match value {
        Value::Object(members) => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            for (name, member) in properties {
                let required = schema["required"]
                    .as_array()
                    .is_some_and(|all| all.contains(&json!(name)));
                let text = member["type"] == "string" && member.get("enum").is_none();
                match members.get_mut(&name) {
                    Some(given) => blank(&member, given, blanks),
                    None if !required && !text && name != "body" => {
                        *blanks += 1;
                        members.insert(name, json!(["", " "][*blanks % 2]));
                    }
                    None => {}
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                blank(&schema["items"], value, blanks);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_tool_takes_the_members_of_n8n_and_says_so() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    for entry in ALL.iter().filter(|entry| !entry.spec.is_local()) {
        let name = entry.spec.name;
        let example = examples(&operation_of(entry.spec).name).remove(0);
        upstream.answer(&example);
        let plain = server.call(name, Value::Object(arguments(&example))).await;
        let sent = upstream.requests().await;
        let noted = server.call(name, n8n(arguments(&example))).await;
        let again = upstream.requests().await;
        let note = noted.json()["note"].as_str().unwrap_or_default().to_owned();
        assert!(
            note.contains("toolCallId, sessionId, action, chatInput"),
            "{name}: {note}"
        );
        assert!(!plain.text.contains("toolCallId"), "{name}");
        let calls = |requests: &[wiremock::Request]| -> Vec<_> {
            requests
                .iter()
                .map(|request| (request.url.clone(), request.body.clone()))
                .collect()
        };
        assert_eq!(calls(&sent), calls(&again), "{name}");
    }
    for name in ["list-recent-activity", "list-supported-models"] {
        let outcome = server.call(name, n8n(Map::new())).await;
        assert!(
            outcome.json()["note"].as_str().unwrap().contains("chatInput"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_note_reaches_the_model_on_failure_and_beside_a_summary() {
    let upstream = Scripted::start(vec![status(404, "", "{\"detail\":\"no such run\"}")]).await;
    let mut server = Server::start(&upstream.url).await;
    let of_run = n8n(json!({"run_id": "r"}).as_object().unwrap().clone());
    let outcome = server.call("prime-intellect-getrun", of_run.clone()).await;
    assert!(outcome.error().contains("no such run"), "{}", outcome.text);
    assert!(
        outcome.text.ends_with(
            "\nNote: Ignored, because no tool here has such an argument: toolCallId, sessionId, action, chatInput."
        ),
        "{}",
        outcome.text
    );
    let outcome = server.call("prime-intellect-getrun", n8n(Map::new())).await;
    assert!(
        outcome.error().contains("run_id: is required"),
        "{}",
        outcome.text
    );
    assert!(outcome.text.contains("\nNote: Ignored,"), "{}", outcome.text);

    let sequence = json!({"tokens": vec![7; 9000], "logprobs": vec![-0.5; 9000]});
    let sampled = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"results": [{"sequences": [sequence]}]}});
    upstream.script(vec![answer(&sampled)]);
    let of_operation = json!({"session_id": "s", "operation_id": "op"});
    let outcome = server
        .call(
            "get-sample-operation",
            n8n(of_operation.as_object().unwrap().clone()),
        )
        .await;
    let shown = outcome.json();
    assert!(
        shown["file"].is_string() && shown["note"].as_str().unwrap().contains("toolCallId"),
        "{shown}"
    );
}

#[tokio::test]
async fn what_a_model_can_have_meant_is_not_ignored() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    for (tool, arguments, problem) in [
        // Another tool has it.
        (
            "prime-intellect-getrun",
            json!({"run_id": "r", "limit": 3}),
            "limit: is not known here; known are: run_id",
        ),
        (
            "list-supported-models",
            json!({"status": "READY"}),
            "status: is not known here, where nothing is: leave it out",
        ),
        // It is a known one misspelt, and that is not there.
        (
            "get-training-session",
            json!({"sessionId": "s"}),
            "sessionId: is not known here; did you mean session_id?",
        ),
        (
            "prime-intellect-listruns",
            json!({"limt": 3}),
            "limt: is not known here; did you mean limit?",
        ),
        // It belongs deeper.
        (
            "sample",
            json!({"session_id": "s", "temperature": 0.5}),
            "temperature: belongs inside body.sampling_params: write body.sampling_params.temperature",
        ),
        (
            "sample",
            json!({"session_id": "s", "num_samples": 2}),
            "num_samples: belongs inside body: write body.num_samples, as {\"body\": {\"num_samples\": …}}",
        ),
        // It is an old name, or a misspelt one, of what is deeper.
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": []}, "num_generations": 2}),
            "num_generations: belongs inside body, where it is called num_samples here",
        ),
        (
            "create-training-session",
            json!({"model_resource_id": "m"}),
            "model_resource_id: belongs inside body, where it is called model_resources_id",
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": [], "loss": {"type": "grpo", "clip_low": 0.2}}}),
            "body.loss.clip_low: belongs inside grpo_params or ppo_params or cispo_params, where it is an offset from 1",
        ),
        (
            "optimizer-step",
            json!({"session_id": "s", "body": {"adam_params": {"betas": [0.9, 0.95]}}}),
            "body.adam_params.betas: is written as beta1 and beta2",
        ),
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [], "prompt": "Hi"}}),
            if cfg!(feature = "text") {
                "body.prompt: belongs into prompts, beside body"
            } else {
                "body.prompt: is not known here; prompts is called model_inputs today"
            },
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "m", "lora_rank": 8}}),
            "body.lora_rank: belongs inside lora_config, where it is called rank here",
        ),
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [], "sampling_params": {"num_samples": 2}}}),
            "body.sampling_params.num_samples: belongs beside sampling_params",
        ),
        // What is not there is shown in its least form.
        (
            "create-model-resource",
            json!({}),
            "body: is required: an object, at least {\"base_model\": \"…\"} (or body_path: a file that holds it)",
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s"}),
            "body: is required: an object, at least {\"samples\": […], \"loss\": {\"type\": \"…\"}} (or body_path",
        ),
        (
            "build-training-batch",
            json!({"session_id": "s"}),
            "rewards: is required beside operation_ids",
        ),
        // Nobody who writes it wants the call carried out.
        (
            "create-model-resource",
            json!({"body": {}, "dry_run": true}),
            "dry_run: is not known here",
        ),
        // In a body nothing is ignored.
        (
            "optimizer-step",
            json!({"session_id": "s", "body": {"toolCallId": "c"}}),
            "body.toolCallId: is not known here",
        ),
    ] {
        let outcome = server.call(tool, arguments).await;
        assert!(
            outcome.error().contains(&format!("\n- {problem}")),
            "{tool}: {}",
            outcome.text
        );
        assert!(
            !outcome.text.contains("known are: \n") && !outcome.text.contains("Note:"),
            "{}",
            outcome.text
        );
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn empty_text_for_any_optional_value_of_any_tool_is_no_value() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let answer = server.request("tools/list", json!({})).await;
    let mut blanks = 0;
    for tool in answer["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let spec = ALL.iter().find(|entry| entry.spec.name == name).unwrap().spec;
        if spec.is_local() {
            continue;
        }
        let example = examples(&operation_of(spec).name).remove(0);
        upstream.answer(&example);
        let plain = Value::Object(arguments(&example));
        server.call(name, plain.clone()).await.json();
        let sent = upstream.requests().await;
        let mut filled = plain.clone();
        blank(&tool["inputSchema"], &mut filled, &mut blanks);
        let outcome = server.call(name, filled.clone()).await;
        assert!(!outcome.is_error, "{name} {filled}: {}", outcome.text);
        let again = upstream.requests().await;
        assert_eq!(sent.len(), again.len(), "{name}");
        for (one, other) in sent.iter().zip(&again) {
            assert_eq!(
                (&one.url, &one.body),
                (&other.url, &other.body),
                "{name} {filled}"
            );
        }
    }
    assert!(blanks > 50, "{blanks}");
}

#[tokio::test]
async fn arguments_inside_of_text_may_name_a_file_too() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op"}))]).await;
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("step.json");
    std::fs::write(&path, r#"{"adam_params":{"learning_rate":0.5}}"#).unwrap();
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
    let arguments = json!({"session_id": "s", "body_path": path});
    server
        .call("optimizer-step", json!(arguments.to_string()))
        .await
        .json();
    assert_eq!(
        upstream.seen()[0].json(),
        json!({"adam_params": {"learning_rate": 0.5}})
    );
}
