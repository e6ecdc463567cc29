//! What a host, a service, a network or a crash may do, by chance: every call ends, nothing is done twice, and no file is
//! left half. The seed is fixed, so that a failure comes again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, Reaction, Scripted, Server, json as answer, status};

/// Any JSON value, not too large.
fn value(random: &mut Rng, depth: u32) -> Value {
    match random.u32(..if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(..)),
        3 => json!(random.f64() * 1e30),
        4 => json!(text(random)),
        5 => json!(u64::MAX),
        6 => json!(["sample", "tools/call", "2025-11-25", "ts_1", ""][random.usize(..5)]),
        7 => (0..random.usize(..4)).map(|_| value(random, depth - 1)).collect(),
        _ => {
            let names = [
                "name",
                "arguments",
                "_meta",
                "session_id",
                "body",
                "x",
                "",
                "progressToken",
            ];
            let member = |random: &mut Rng| {
                (
                    names[random.usize(..names.len())].to_owned(),
                    value(random, depth - 1),
                )
            };
            let members: serde_json::Map<String, Value> =
                (0..random.usize(..4)).map(|_| member(random)).collect();
            members.into()
        }
    }
}

fn text(random: &mut Rng) -> String {
    (0..random.usize(..12)).map(|_| random.char(..)).collect()
}

#[tokio::test]
async fn a_request_with_any_params_gets_one_answer() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "ts_1"}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let mut random = Rng::with_seed(11);
    let methods = [
        "tools/call",
        "tools/list",
        "ping",
        "initialize",
        "server/discover",
        "prompts/list",
        "x",
        "",
    ];
    let mut answers = Vec::new();
    for number in 0..2000 {
        let id = format!("request {number}");
        let answer = server.expect(json!(id));
        let method = methods[random.usize(..methods.len())];
        let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if random.u32(..8) > 0 {
            request["params"] = value(&mut random, 4);
        }
        server.write(&request.to_string()).await;
        answers.push((request, answer));
    }
    for (request, answer) in answers {
        assert!(
            timeout(PATIENCE, answer).await.is_ok_and(|answer| answer.is_ok()),
            "{request}"
        );
    }
    assert!(server.others.try_recv().is_err(), "each was answered once");
}

#[tokio::test]
async fn a_line_of_any_bytes_stops_nothing() {
    let mut server = Server::start("http://127.0.0.1:1").await;
    let mut random = Rng::with_seed(12);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get-training-session", "arguments": {"session_id": "é \u{202e}\\\""}, "_meta": {"progressToken": 1},
    }});
    for _ in 0..2000 {
        let mut line = call.to_string().into_bytes();
        for _ in 0..random.usize(1..5) {
            // At least one byte is left.
            let at = random.usize(..line.len().max(2) - 1);
            match random.u32(..4) {
                0 => line[at] = random.u8(..),
                1 => line.insert(at, random.u8(..)),
                2 => line.truncate(at.max(1)),
                _ if line.len() > 1 => drop(line.remove(at)),
                _ => {}
            }
        }
        line.retain(|byte| *byte != b'\n');
        line.extend_from_slice(b"x");
        server.write_bytes(&line).await;
    }
    // The harness has held each line of the output against the protocol.
    let pong = server.request("ping", json!({})).await;
    assert_eq!(pong["result"], json!({}));
}

/// An answer as no service should give one.
fn garbage(random: &mut Rng) -> Reaction {
    let body = match random.u32(..5) {
        0 => value(random, 4).to_string().into_bytes(),
        1 => (0..random.usize(..200)).map(|_| random.u8(..)).collect(),
        2 => br#"{"status":"TRAINING_OPERATION_STATUS_COMPLETED","output":{"results":[{"sequences":7}]}}"#
            .to_vec(),
        3 => "[".repeat(random.usize(..3000)).into_bytes(),
        _ => Vec::new(),
    };
    let code = [
        200, 200, 200, 201, 204, 304, 400, 404, 409, 422, 429, 500, 503, 999,
    ][random.usize(..14)];
    let length = match random.u32(..4) {
        0 => format!("content-length: {}\r\n", body.len() + random.usize(..50)),
        1 => String::new(),
        2 => "transfer-encoding: chunked\r\n".to_owned(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let mut bytes = format!("HTTP/1.1 {code} X\r\n{length}\r\n").into_bytes();
    bytes.extend(body);
    if random.u32(..6) == 0 {
        bytes.truncate(random.usize(..bytes.len()));
    }
    Reaction::Cut(bytes)
}

#[tokio::test]
async fn whatever_a_service_answers_each_call_ends() {
    let upstream = Scripted::start(Vec::new()).await;
    let mut server = Server::start(&upstream.url).await;
    let mut random = Rng::with_seed(13);
    let calls = [
        ("get-training-session", json!({"session_id": "ts_1"})),
        (
            "get-sample-operation",
            json!({"session_id": "ts_1", "operation_id": "op_1"}),
        ),
        (
            "optimizer-step",
            json!({"session_id": "ts_1", "body": {"adam_params": {"learning_rate": 1e-5}}}),
        ),
        ("stop-model-resource", json!({"model_resources_id": "mr_1"})),
        ("list-checkpoints", json!({})),
        ("prime-intellect-getrunlogs", json!({"run_id": "r1"})),
        ("prime-intellect-getrunmetrics", json!({"run_id": "r1"})),
        (
            "prime-intellect-getrunsamples",
            json!({"run_id": "r1", "step": 1}),
        ),
        ("prime-intellect-stoprun", json!({"run_id": "r1"})),
        ("prime-intellect-deleterun", json!({"run_id": "r1"})),
    ];
    for _ in 0..400 {
        upstream.script((0..10).map(|_| garbage(&mut random)).collect());
        let (tool, arguments) = calls[random.usize(..calls.len())].clone();
        // That it ends is all that can be said.
        server.call(tool, arguments).await;
    }
}

#[tokio::test]
async fn what_is_lost_on_the_way_is_done_once() {
    let upstream = Scripted::start(Vec::new()).await;
    let mut server = Server::start(&upstream.url).await;
    let mut random = Rng::with_seed(14);
    let done = || answer(&json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED"}));
    let mut lost = 0;
    for call in 0..250 {
        // Before it arrives whole or after it was carried out: the client can't tell them apart.
        let faults = random.usize(..4).saturating_sub(1);
        lost += faults;
        let mut script: Vec<Reaction> = (0..faults)
            .map(|_| match random.u32(..3) {
                0 => Reaction::Cut(Vec::new()),
                1 => Reaction::Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"id\":".to_vec()),
                _ => status(503, "", "{}"),
            })
            .collect();
        script.push(done());
        upstream.script(script);
        let body = json!({"adam_params": {"learning_rate": 1e-5, "beta1": f64::from(call) / 1000.0}});
        let arguments = json!({"session_id": "ts_1", "body": body});
        server.call("optimizer-step", arguments).await.json();
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 250 + lost);
    // A service that starts an operation once for each key has started each once.
    let mut by_key = BTreeMap::<String, Vec<&[u8]>>::new();
    for request in &seen {
        let key = request.header("idempotency-key").unwrap().to_owned();
        by_key.entry(key).or_default().push(&request.body);
    }
    assert_eq!(by_key.len(), 250);
    assert!(
        by_key
            .values()
            .all(|bodies| bodies.iter().all(|body| *body == bodies[0]))
    );
}

/// A finished sampling of some 100 KB.
fn sampling(operation: &str) -> Value {
    let tokens: Vec<u32> = (0..12_000).collect();
    json!({
        "id": operation,
        "status": "TRAINING_OPERATION_STATUS_COMPLETED",
        "output": {"results": [{"sequences": [{"tokens": tokens, "logprobs": null}]}]},
    })
}

async fn with_data(url: &str, data: &Path) -> Server {
    Server::initialized(Server::command(url).env("RL_MCP_DATA_DIR", data)).await
}

fn fetch(operation: &str) -> Value {
    json!({"name": "get-sample-operation", "arguments": {"session_id": "ts_1", "operation_id": operation}})
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_no_half_file() {
    let data = tempfile::tempdir().unwrap();
    let mut random = Rng::with_seed(15);
    for round in 0..15 {
        let operations: Vec<String> = (0..6).map(|number| format!("op_{round}_{number}")).collect();
        let upstream = Scripted::start(operations.iter().map(|id| answer(&sampling(id))).collect()).await;
        let mut server = with_data(&upstream.url, data.path()).await;
        for operation in &operations {
            server.begin("tools/call", fetch(operation)).await;
        }
        sleep(Duration::from_millis(random.u64(..40))).await;
        server.kill().await;
    }
    let mut whole = 0;
    for entry in std::fs::read_dir(data.path().join("results/ts_1"))
        .into_iter()
        .flatten()
    {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", path.display());
            whole += 1;
        }
    }
    assert!(whole <= 15 * 6);
}

#[tokio::test]
async fn many_servers_share_a_data_directory() {
    const SERVERS: usize = 8;
    let data = tempfile::tempdir().unwrap();
    let upstream = Scripted::start(vec![answer(&sampling("op_1"))]).await;
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        servers.push(with_data(&upstream.url, data.path()).await);
    }
    let step = json!({"name": "optimizer-step", "arguments": {
        "session_id": "ts_1", "body": {"adam_params": {"learning_rate": 1e-5}},
    }});
    let mut answers = Vec::new();
    for _ in 0..5 {
        for server in &mut servers {
            answers.push(server.begin("tools/call", fetch("op_1")).await.1);
            answers.push(server.begin("tools/call", step.clone()).await.1);
        }
    }
    for answer in answers {
        let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert!(answer["result"]["isError"] != json!(true), "{answer}");
    }
    let results = std::fs::read_dir(data.path().join("results/ts_1")).unwrap();
    let names: Vec<String> = results
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(names, ["sample-op_1.json"], "the same result is stored once");
    let known = servers[0]
        .call("list-recent-activity", json!({"limit": 100}))
        .await
        .json();
    assert_eq!(known["entries"].as_array().unwrap().len(), 5 * SERVERS, "{known}");
}
