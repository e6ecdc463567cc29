//! However much a service, a file or a caller says, an answer stays short enough for a conversation.

use std::fmt::Write as _;
use std::fs;

use rl_mcp::ALL;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{Outcome, Scripted, Server, examples, json as answer, operation_of, status};

/// The longest answer of any tool, in characters: hosts warn soon after.
const LONGEST: usize = 40_000;

fn short(outcome: &Outcome, what: &str) {
    let length = outcome.text.chars().count();
    assert!(length < LONGEST, "{what}: {length}, {:.300}", outcome.text);
}

/// The tools that pass an answer through, thin it out and sum it up: one of each.
const ONE_OF_EACH: [&str; 3] = [
    "get-checkpoint",
    "prime-intellect-getrunmetrics",
    "get-sample-operation",
];

/// What a service may answer in place of `response`, each far too long.
fn too_long(response: &Value, strange: bool) -> Vec<(&'static str, Value)> {
    let number: Vec<u32> = (0..10_000).collect();
    let members: Map<String, Value> = (0..3000).map(|n| (format!("member {n}"), json!(n))).collect();
    let mut beside = response.clone();
    for (name, value) in [
        ("extra", json!(number)),
        ("note", json!("n".repeat(41_000))),
        ("next", json!(members)),
    ] {
        beside[name] = value;
    }
    let mut nested = json!("x".repeat(41_000));
    for _ in 0..20 {
        nested = json!({"in": nested});
    }
    let mut answers = vec![
        ("long texts", long_texts(response)),
        ("long lists", long_lists(response, 400)),
        ("further members", beside),
    ];
    if strange {
        answers.extend([
            ("many members", members.into()),
            (
                "long names",
                json!({"n".repeat(41_000): 1, "m".repeat(41_000): 2}),
            ),
            ("a list", json!(number)),
            ("text", json!("é\n".repeat(21_000))),
            ("nested", nested),
        ]);
    }
    answers
}

fn long_texts(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.repeat(1 + 41_000 / text.len().max(1))),
        Value::Array(values) => values.iter().map(long_texts).collect(),
        Value::Object(members) => {
            let long = members
                .iter()
                .map(|(name, value)| (name.clone(), long_texts(value)));
            Value::Object(long.collect())
        }
        other => other.clone(),
    }
}

/// The first lists on the way down, made long.
fn long_lists(value: &Value, count: usize) -> Value {
    match value {
        Value::Array(values) => {
            let entry = values
                .first()
                .cloned()
                .unwrap_or_else(|| json!("an entry of a list"));
            let entries = (0..count).map(|number| match entry.clone() {
                Value::Object(mut members) => {
                    members.insert("number".to_owned(), json!(number));
                    Value::Object(members)
                }
                other => other,
            });
            entries.collect()
        }
        Value::Object(members) => {
            let long = members
                .iter()
                .map(|(name, value)| (name.clone(), long_lists(value, count)));
            Value::Object(long.collect())
        }
        other => other.clone(),
    }
}

async fn server(upstream: &Scripted) -> (Server, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut command = Server::command(&upstream.url);
    let server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
    (server, data)
}

#[tokio::test]
async fn no_answer_of_a_service_makes_a_long_one() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let (mut server, _data) = server(&upstream).await;
    for entry in ALL.iter().filter(|entry| !entry.spec.is_local()) {
        let name = entry.spec.name;
        let example = examples(&operation_of(entry.spec).name).remove(0);
        let mut arguments = example.path_params.clone();
        arguments.extend(example.query.clone());
        if !example.request.is_null() {
            arguments.insert("body".to_owned(), example.request.clone());
        }
        let strange = ONE_OF_EACH.contains(&name);
        for (what, body) in too_long(&example.response, strange) {
            upstream.script(vec![answer(&body)]);
            let outcome = server.call(name, Value::Object(arguments.clone())).await;
            short(&outcome, &format!("{name}, {what}"));
        }
        let long = "e".repeat(41_000);
        let errors: Vec<Value> = (0..500)
            .map(|n| json!({"param": n, "details": long[..90], "msg": long[..90], "loc": [n]}))
            .collect();
        let mut bodies = vec![json!({"error": {"message": long, "code": long}})];
        if strange {
            bodies.extend([json!({"errors": errors}), json!({"detail": errors}), json!(long)]);
        }
        for body in bodies {
            let head = "content-type: application/json\r\n";
            upstream.script(vec![status(400, head, &body.to_string())]);
            let outcome = server.call(name, Value::Object(arguments.clone())).await;
            short(&outcome, &format!("{name}, an error"));
        }
    }
}

#[tokio::test]
async fn no_arguments_make_a_long_answer() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let (mut server, data) = server(&upstream).await;
    let long = "a".repeat(41_000);
    let unknown: Map<String, Value> = (0..300)
        .map(|n| (format!("{}{n}", &long[..200]), json!(n)))
        .collect();
    for entry in ALL {
        for arguments in [
            json!({"session_id": long, "run_id": long, "id": long, "status": long, "limit": long, "at": long, "path": long, "body": {"config": long}}),
            json!({"body": unknown, "operation_ids": vec![long.clone(); 3]}),
            json!({"body_path": long, "directory": long, "config_path": long, "wait_seconds": long}),
            Value::Object(unknown.clone()),
            json!(long),
            json!([long]),
        ] {
            let outcome = server.call(entry.spec.name, arguments).await;
            short(&outcome, entry.spec.name);
        }
    }
    let answer = server
        .request("tools/call", json!({"name": long, "arguments": {}}))
        .await;
    assert!(answer.to_string().len() < LONGEST);

    // A file with all kinds of long things in it.
    let members: Map<String, Value> = (0..300)
        .map(|n| (format!("{}{n}", &long[..500]), json!(n)))
        .collect();
    let file = data.path().join("all.json");
    let content = json!({"members": members, "text": "\u{1}\"é".repeat(15_000), "list": vec![long.clone(); 5], "texts": vec!["\u{7f}\u{2028}"; 10_000]});
    fs::write(&file, content.to_string()).unwrap();
    for at in [
        "",
        "members",
        "text",
        "list",
        "list[0]",
        "texts",
        "members.zzz",
        "members[0]",
        "nowhere",
        "list.x",
    ] {
        for slice in [json!({}), json!({"start": 1, "count": 100_000})] {
            let mut arguments = json!({"path": file, "at": at});
            arguments
                .as_object_mut()
                .unwrap()
                .extend(slice.as_object().unwrap().clone());
            short(
                &server.call("read-result", arguments).await,
                &format!("read-result {at}"),
            );
        }
    }
}

#[tokio::test]
async fn a_batch_in_very_many_bodies_has_a_short_answer_and_a_file_with_the_rest() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let (mut server, _data) = server(&upstream).await;
    let examples = vec![json!({"prompt": [1, 2], "completion": [3]}); 700];
    let arguments = json!({"session_id": "s", "examples": examples, "max_tokens": 2});
    let outcome = server.call("build-training-batch", arguments).await;
    short(&outcome, "build-training-batch");
    let shown = outcome.json();
    assert_eq!(shown["samples"], 700);
    let stored = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["batches"].as_array().unwrap().len(), 700);
}

#[tokio::test]
async fn a_journal_of_long_things_makes_a_short_answer() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "r".repeat(5000), "status": "READY"}))]).await;
    let (mut server, data) = server(&upstream).await;
    server
        .call(
            "create-training-session",
            json!({"body": {"model_resources_id": "m".repeat(5000)}}),
        )
        .await;
    let mut files = fs::read_dir(data.path())
        .unwrap()
        .map(|file| file.unwrap().path());
    let journal = files.find(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    let journal = journal.unwrap();
    let line = fs::read_to_string(&journal).unwrap();
    let mut long = String::new();
    for _ in 0..200 {
        let _ = writeln!(long, "{}", line.lines().last().unwrap());
    }
    fs::write(&journal, long).unwrap();
    for arguments in [json!({}), json!({"limit": 100, "hours": 1500})] {
        let outcome = server.call("list-recent-activity", arguments).await;
        assert!(!outcome.is_error, "{}", outcome.text);
        short(&outcome, "list-recent-activity");
    }
}

#[tokio::test]
async fn of_thousands_of_links_as_many_as_fit_are_shown() {
    let link = |number: usize| json!({"filename": format!("model-{number:05}.safetensors"), "size": "1", "url": format!("https://store.example/{number}?signature={}", "s".repeat(300))});
    let links = json!({"data": (0..3000).map(link).collect::<Vec<_>>(), "expires": "soon"});
    let upstream = Scripted::start(vec![answer(&links)]).await;
    let (mut server, data) = server(&upstream).await;
    let arguments = json!({"id": "c", "variant": "merged"});
    let outcome = server.call("download-checkpoint", arguments).await;
    short(&outcome, "download-checkpoint");
    let shown = outcome.json();
    let data_shown = shown["data"].as_array().unwrap();
    assert!(data_shown.len() > 50, "{shown}");
    assert_eq!(data_shown[7], link(7));
    assert_eq!(shown["expires"], "soon");
    let note = shown["note"].as_str().unwrap();
    assert!(
        note.contains(&format!("first {} of 3000 files", data_shown.len())) && note.contains("directory"),
        "{note}"
    );
    // Presigned URLs are secrets and lie in no file.
    assert!(!data.path().join("results").exists());
}

#[tokio::test]
async fn a_sampling_of_very_many_prompts_is_summed_up_as_a_whole() {
    let sequence = json!({"tokens": [1, 2], "logprobs": [-1.0, -2.0], "stop_reason": "STOP_REASON_STOP"});
    let result = json!({"sequences": [sequence], "policy_segments": [{"version": 3}]});
    let operation = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"results": vec![result; 3000]}});
    let upstream = Scripted::start(vec![answer(&operation)]).await;
    let (mut server, _data) = server(&upstream).await;
    let arguments = json!({"session_id": "s", "operation_id": "op"});
    let outcome = server.call("get-sample-operation", arguments).await;
    short(&outcome, "get-sample-operation");
    let expected = json!({"prompts": 3000, "completions": 3000, "mean_token_count": 2.0, "stop_reasons": {"STOP": 3000}, "mean_logprob": -1.5, "policy_versions": [3]});
    assert_eq!(outcome.json()["output"]["results"], expected, "{}", outcome.text);
}

#[tokio::test]
async fn even_the_whole_result_stays_below_what_hosts_refuse() {
    let sized = |characters: usize| {
        let around = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"results": [], "x": ""}});
        let mut body = around.clone();
        body["output"]["x"] = json!("x".repeat(characters - around.to_string().len()));
        body
    };
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let (mut server, _data) = server(&upstream).await;
    let arguments = json!({"session_id": "s", "operation_id": "op", "output": "full"});
    let fits = sized(900_000);
    upstream.script(vec![answer(&fits)]);
    assert_eq!(
        server
            .call("get-sample-operation", arguments.clone())
            .await
            .json(),
        fits
    );
    let larger = sized(900_001);
    upstream.script(vec![answer(&larger)]);
    let outcome = server.call("get-sample-operation", arguments).await;
    short(&outcome, "output full");
    let shown = outcome.json();
    assert!(
        shown["note"].as_str().unwrap().contains("900,000 characters"),
        "{shown}"
    );
    let stored = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), larger);
}
