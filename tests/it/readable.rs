//! Answers and files that are nearly what they should be are read, and say what was made of them.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Reaction, Scripted, Server, json as answer, status};

const MARK: &str = "\u{feff}";

fn bytes(code: u16, headers: &str, body: &[u8]) -> Reaction {
    let head = format!(
        "HTTP/1.1 {code} X\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    Reaction::Answer([head.as_bytes(), body].concat())
}

async fn asked(tool: &str, arguments: Value, reaction: Reaction) -> crate::support::Outcome {
    let upstream = Scripted::start(vec![reaction]).await;
    let mut server = Server::start(&upstream.url).await;
    server.call(tool, arguments).await
}

#[tokio::test]
async fn the_metrics_of_a_run_that_diverges_are_shown() {
    let rows = r#"{"metrics":[{"step":1,"loss":0.5},{"step":2,"loss":NaN,"grad/norm":Infinity},{"step":3,"loss":-Infinity}]}"#;
    for arguments in [
        json!({"run_id": "r"}),
        json!({"run_id": "r", "every": 1, "columns": ["loss"]}),
    ] {
        let shown = asked("prime-intellect-getrunmetrics", arguments, status(200, "", rows))
            .await
            .json();
        assert_eq!(shown["metrics"][1]["loss"], Value::Null);
        assert_eq!(shown["metrics"][0]["loss"], 0.5);
        assert_eq!(
            shown["note"],
            "null stands for NaN at metrics[1].loss, Infinity at metrics[1].grad/norm, -Infinity at metrics[2].loss."
        );
    }
    // The server's own notes stand beside it.
    let many: Vec<String> = (0..5000)
        .map(|step| format!(r#"{{"step":{step},"loss":NaN}}"#))
        .collect();
    let many = format!(r#"{{"metrics":[{}]}}"#, many.join(","));
    let shown = asked(
        "prime-intellect-getrunmetrics",
        json!({"run_id": "r"}),
        status(200, "", &many),
    )
    .await
    .json();
    let note = shown["note"].as_str().unwrap();
    assert!(
        note.contains("and 4997 more of the kind") && note.contains("rows: one in"),
        "{note}"
    );
}

fn sampled(logprob: &str) -> String {
    format!(
        r#"{{"results":[{{"sequences":[{{"tokens":[1,2],"logprobs":[{logprob},-0.5],"stop_reason":"STOP_REASON_STOP"}},{{"tokens":[3],"logprobs":[-0.1]}}]}}]}}"#
    )
}

fn completed(output: &str) -> String {
    format!(r#"{{"id":"op","status":"TRAINING_OPERATION_STATUS_COMPLETED","output":{output}}}"#)
}

#[tokio::test]
async fn a_paid_sampling_with_a_log_probability_that_is_none_is_read_stored_and_used() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let data = tempfile::tempdir().unwrap();
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
    let arguments = json!({"session_id": "s", "operation_id": "op", "output": "file"});
    let offloaded = completed(r#"{"payload_id":"pl"}"#);
    let download = json!({"download_url": format!("{}/store", upstream.url)});
    let ways = [
        (
            vec![status(200, "", &completed(&sampled("-Infinity")))],
            "output.results[0]",
        ),
        (
            vec![
                status(200, "", &offloaded),
                answer(&download),
                status(200, "", &sampled("-Infinity")),
            ],
            "In output: null stands for -Infinity at results[0]",
        ),
    ];
    for (script, place) in ways {
        upstream.script(script);
        let shown = server
            .call("get-sample-operation", arguments.clone())
            .await
            .json();
        let note = shown["note"].as_str().unwrap();
        assert!(note.contains(place) && note.contains(".logprobs[0]"), "{note}");
        assert_eq!(shown["output"]["results"][0]["token_counts"], json!([2, 1]));
        let file = shown["file"].as_str().unwrap();
        let stored: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let output = &stored["output"];
        assert_eq!(
            output["results"][0]["sequences"][0]["logprobs"],
            json!([null, -0.5])
        );
        assert_eq!(output.get("note"), None);
    }
}

#[tokio::test]
async fn marks_and_broken_bytes_do_not_lose_an_answer_or_a_refusal() {
    let session = |body: &[u8], code| {
        asked(
            "get-training-session",
            json!({"session_id": "s"}),
            bytes(code, "", body),
        )
    };
    let marked = format!("{MARK}{{\"id\":\"s\"}}");
    assert_eq!(session(marked.as_bytes(), 200).await.text, r#"{"id":"s"}"#);
    let broken = session(b"{\"id\":\"a\xffb\"}", 200).await.json();
    assert_eq!(broken["id"], "a\u{fffd}b");
    assert!(broken["note"].as_str().unwrap().contains("no UTF-8"), "{broken}");

    let words = format!("{MARK}{{\"error\":{{\"message\":\"no such thing\",\"seconds\":NaN}}}}");
    let refusal = session(words.as_bytes(), 404).await;
    assert!(
        refusal.error().contains("saying: no such thing\n"),
        "{}",
        refusal.text
    );
    let refusal = session(b"{\"detail\":\"no \xff thing\"}", 404).await;
    assert!(
        refusal.error().contains("saying: no \u{fffd} thing\n"),
        "{}",
        refusal.text
    );
}

#[tokio::test]
async fn no_coding_is_asked_for_and_one_that_comes_is_named() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_INLINE_LIMIT", "10")).await;
    let upload = json!({"payload_id": "pl", "upload_url": format!("{}/up", upstream.url)});
    let offloaded = completed(r#"{"payload_id":"pl"}"#);
    let download = json!({"download_url": format!("{}/down", upstream.url)});
    upstream.script(vec![
        answer(&upload),
        status(200, "", ""),
        status(200, "", &offloaded),
        answer(&download),
        status(200, "", "{}"),
    ]);
    let body =
        json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1, 2]}}]}], "num_samples": 2});
    let submitted = server
        .call("sample", json!({"session_id": "s", "body": body}))
        .await;
    submitted.json();
    server
        .call("prime-intellect-getrun", json!({"run_id": "r"}))
        .await
        .json();
    let seen = upstream.seen();
    assert_eq!(seen.len(), 6);
    for request in &seen {
        assert_eq!(
            request.header("accept-encoding"),
            Some("identity"),
            "{}",
            request.line()
        );
    }

    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(b"{}").unwrap();
    let zipped = gzip.wait_with_output().unwrap().stdout;
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    upstream.script(vec![bytes(200, headers, &zipped)]);
    let outcome = server
        .call("prime-intellect-getrun", json!({"run_id": "r"}))
        .await;
    assert!(
        outcome
            .error()
            .contains("(application/json, in the coding gzip, which was not asked for)"),
        "{}",
        outcome.text
    );
}

#[tokio::test]
async fn files_from_windows_and_from_python_are_read() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op"}))]).await;
    let files = tempfile::tempdir().unwrap();
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_FILE_DIRS", files.path())).await;
    let write = |name: &str, text: &str| fs::write(files.path().join(name), text).unwrap();
    let body = r#"{"adam_params": {"learning_rate": 1e-5}}"#;
    write("body.json", &format!("{MARK}{body}"));
    write("nan.json", "{\"adam_params\":\n {\"learning_rate\": NaN}}");
    write("run.toml", &format!("{MARK}[trainer]\n[orchestrator]\n"));
    write("metrics.json", &format!("{MARK}{{\"loss\": [0.5, NaN]}}"));

    let step = |path: &str| json!({"session_id": "s", "body_path": path});
    server.call("optimizer-step", step("body.json")).await.json();
    assert_eq!(
        upstream.seen()[0].json(),
        serde_json::from_str::<Value>(body).unwrap()
    );
    let refused = server.call("optimizer-step", step("nan.json")).await;
    assert!(
        refused.error().contains(
            "body_path: the file holds NaN at adam_params.learning_rate (the first in line 2, column 20)"
        ),
        "{}",
        refused.text
    );
    upstream.script(vec![answer(&json!({"runId": "r"}))]);
    let run = json!({"body": {}, "config_path": "run.toml"});
    server.call("prime-intellect-createrun", run).await.json();
    let shown = server
        .call("read-result", json!({"path": "metrics.json", "at": "loss"}))
        .await
        .json();
    assert_eq!(shown["value"], json!([0.5, null]));
    assert_eq!(shown["note"], "null stands for NaN at loss[1].");

    // Of the other arguments that may be files, one stands for all.
    write("rewards.json", "[[1, Infinity]]");
    let batch = json!({"session_id": "s", "operation_ids": ["op"], "loss": {"type": "LOSS_TYPE_GRPO"}, "rewards_path": "rewards.json"});
    let refused = server.call("build-training-batch", batch).await;
    assert!(
        refused
            .error()
            .contains("rewards_path: the file holds Infinity at [0][1]"),
        "{}",
        refused.text
    );
}
