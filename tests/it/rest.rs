//! REST: each route sends what its tool sends, and answers what the service said.

use std::collections::{BTreeMap, BTreeSet};

use rl_mcp::{ALL, Spec};
use serde_json::{Map, Value, json};

use crate::support::{
    Example, PRIME_KEY, Reaction, Scripted, Served, Server, TOGETHER_KEY, Upstream, answered, examples,
    json as answer, operation_of, status,
};

/// The operations that have a route.
const ROUTES: [&str; 17] = [
    "download-checkpoint",
    "list-training-sessions",
    "create-training-session",
    "get-training-session",
    "stop-training-session",
    "forward-backward-pass",
    "optimizer-step",
    "sample",
    "create-inference-checkpoint",
    "save-training-checkpoint",
    "get-forward-backward-operation",
    "get-optim-step-operation",
    "get-sample-operation",
    "get-inference-checkpoint-operation",
    "get-save-training-checkpoint-operation",
    "prime-intellect-createrun",
    "prime-intellect-deleterun",
];

const SESSIONS: &str = "/v1/rl/training-sessions";
const RUNS: &str = "/v1/api/v1/training/runs";

fn spec(tool: &str) -> &'static Spec {
    ALL.iter().find(|entry| entry.spec.name == tool).unwrap().spec
}

/// The path of an operation at the service.
fn upstream_path(example: &Example, template: &str) -> String {
    example
        .path_params
        .iter()
        .fold(template.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value.as_str().unwrap())
        })
}

/// The path of its route.
fn route(upstream: &str) -> String {
    match upstream.strip_prefix("/api") {
        Some(_) => format!("/v1{upstream}"),
        None => upstream.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[tokio::test]
async fn every_route_is_its_operation() {
    let upstream = Upstream::start().await;
    for tool in ROUTES {
        let operation = operation_of(spec(tool));
        for example in examples(&operation.name) {
            // A server of its own: examples are no course of a session.
            let served = Served::start(&upstream.server.uri()).await;
            let context = format!("{tool}, {}", example.note);
            upstream.answer(&example);
            let path = upstream_path(&example, &operation.path);
            let mut request = served.request(&operation.method, &route(&path));
            let pairs: Vec<(&str, String)> = example
                .query
                .iter()
                .map(|(name, value)| (name.as_str(), plain(value)))
                .collect();
            let query: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            if !query.is_empty() {
                let path = format!("{}?{}", route(&path), query.join("&"));
                request = served.request(&operation.method, &path);
            }
            if !example.request.is_null() {
                request = request
                    .header("content-type", "application/json")
                    .body(example.request.to_string());
            }
            let got = answered(request).await;
            assert_eq!(got.status().as_u16(), example.status, "{context}");
            assert_eq!(got.headers()["content-type"], "application/json", "{context}");
            let has_key = got.headers().contains_key("idempotency-key");
            assert_eq!(has_key, operation.needs_key, "{context}");
            let members = example.response.as_object().unwrap().iter();
            let wanted: Map<String, Value> = members
                .filter(|(name, _)| *name != "tokenValue")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            assert_eq!(
                got.text().await.unwrap(),
                Value::Object(wanted).to_string(),
                "{context}"
            );
            // Holds each of them against the documentation: key, headers, query and body.
            let requests = upstream.requests().await;
            assert_eq!(requests.len(), 1, "{context}");
            let sent = &requests[0];
            assert_eq!(sent.method.as_str(), operation.method, "{context}");
            assert_eq!(sent.url.path(), path, "{context}");
            let query: BTreeMap<String, String> = sent.url.query_pairs().into_owned().collect();
            let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
            assert_eq!(query, pairs.collect(), "{context}");
            if !example.request.is_null() {
                let mut body: Value = serde_json::from_slice(&sent.body).unwrap();
                if example.request.get("name").is_none() && tool == "prime-intellect-createrun" {
                    // As the tool does it.
                    body.as_object_mut().unwrap().remove("name");
                }
                assert_eq!(body, without_nulls(&example.request), "{context}");
            }
        }
    }
}

/// Null and an absent member mean the same, and null is not sent.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let given = members.iter().filter(|(_, value)| !value.is_null());
            given
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect()
        }
        other => other.clone(),
    }
}

/// A service answers with all kinds of statuses, and in its own way to write JSON.
#[tokio::test]
async fn status_and_body_come_as_they_came() {
    let upstream = Scripted::start(vec![]).await;
    let served = Served::start(&upstream.url).await;
    let odd = "{ \"z\" : 1.50,\n\t\"step\":\"9007199254740993\",\"big\":18446744073709551617 , \"a\":\"ünï\\u00e9 \u{200b}\" }\n";
    for code in [
        200, 201, 202, 400, 401, 402, 403, 404, 409, 418, 422, 429, 500, 501, 503, 504,
    ] {
        upstream.script(vec![status(code, "content-type: application/json\r\n", odd)]);
        for (method, path, body) in [
            ("GET", format!("{SESSIONS}/s"), None),
            ("POST", format!("{SESSIONS}/s/stop"), None),
            (
                "POST",
                format!("{SESSIONS}/s/operations/optim-step"),
                Some(json!({"adam_params": {"learning_rate": 0.1}})),
            ),
            ("DELETE", format!("{RUNS}/r"), None),
        ] {
            let mut request = served.request(method, &path);
            if let Some(body) = body {
                request = request
                    .header("content-type", "application/json")
                    .body(body.to_string());
            }
            let got = answered(request).await;
            assert_eq!(got.status().as_u16(), code, "{method} {path}");
            assert_eq!(got.headers()["content-type"], "application/json");
            assert_eq!(
                got.bytes().await.unwrap(),
                odd.as_bytes(),
                "{method} {path}: {code}"
            );
        }
    }
    upstream.script(vec![status(429, "retry-after: 3600\r\n", "{}")]);
    let got = answered(served.request("POST", &format!("{SESSIONS}/s/stop"))).await;
    assert_eq!(got.headers()["retry-after"], "3600");
    upstream.script(vec![status(204, "", "")]);
    let got = answered(served.request("DELETE", &format!("{RUNS}/r"))).await;
    assert_eq!(got.status().as_u16(), 204);
}

/// A refusal of one try is not what comes back when a later one fails in another way.
#[tokio::test]
async fn the_last_try_counts() {
    let upstream = Scripted::start(vec![
        status(503, "", r#"{"try": 1}"#),
        status(500, "", r#"{"try": 2}"#),
        status(200, "", r#"{"try": 3}"#),
    ])
    .await;
    let served = Served::start(&upstream.url).await;
    let path = format!("{SESSIONS}/s");
    assert_eq!(served.ask("GET", &path, None).await, (200, json!({"try": 3})));
    upstream.script(vec![status(503, "", r#"{"try": 1}"#), Reaction::Cut(Vec::new())]);
    let (status, body) = served.ask("GET", &path, None).await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (502, &json!("bad_answer")),
        "{body}"
    );
}

#[tokio::test]
async fn secrets_stay_here() {
    let echo =
        json!({"runId": "r", "tokenValue": "pit_live_0123456789abcdef", "echo": [TOGETHER_KEY, PRIME_KEY]});
    let upstream = Scripted::start(vec![answer(&echo)]).await;
    let served = Served::with(Server::command(&upstream.url).env("RL_MCP_LOG", "info"), &[]).await;
    let config = json!({"config": serde_json::from_str::<Value>(rl_mcp::MINIMAL_SFT).unwrap()});
    let (status_code, body) = served.ask("POST", RUNS, Some(&config)).await;
    assert_eq!(status_code, 200);
    assert_eq!(body, json!({"runId": "r", "echo": ["[redacted]", "[redacted]"]}));
    // Nor do they come out of a refusal, or later.
    upstream.script(vec![status(
        400,
        "",
        r#"{"tokenValue":"a","detail":"pit_live_0123456789abcdef"}"#,
    )]);
    let (_, body) = served.ask("POST", RUNS, Some(&config)).await;
    assert_eq!(body, json!({"detail": "[redacted]"}));
    let log = served.server.logged("status=\"400\"").await;
    for secret in ["pit_live", TOGETHER_KEY, PRIME_KEY] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_and_nothing_is_sent() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let served = Served::start(&upstream.url).await;
    let body = json!({"samples": [{}], "loss": {"type": "GRPOO"}, "unheard_of": 1});
    for (method, path, body, paths) in [
        (
            "GET",
            format!("{SESSIONS}?limit=0&sort=x&limit=2"),
            None,
            &["sort", "limit"][..],
        ),
        (
            "GET",
            format!("{SESSIONS}?limit=ten&status=ASLEEP"),
            None,
            &["limit", "status"],
        ),
        (
            "GET",
            "/v1/rl/checkpoints/c/download".to_owned(),
            None,
            &["variant"],
        ),
        (
            "GET",
            "/v1/rl/checkpoints/c/download?id=c&variant=ADAPTER".to_owned(),
            None,
            &["id"],
        ),
        ("GET", format!("{SESSIONS}/%20"), None, &["session_id"]),
        ("GET", format!("{SESSIONS}/%ff"), None, &["session_id"]),
        ("POST", SESSIONS.to_owned(), None, &["body"]),
        (
            "POST",
            SESSIONS.to_owned(),
            Some("{}"),
            &["body.model_resources_id"],
        ),
        ("POST", SESSIONS.to_owned(), Some("{"), &["body"]),
        ("POST", SESSIONS.to_owned(), Some("[1]"), &["body"]),
        (
            "POST",
            format!("{SESSIONS}/s/operations/forward-backward"),
            Some(&*body.to_string()),
            &["body.unheard_of", "body.loss.type", "body.samples[0].model_input"],
        ),
        ("POST", RUNS.to_owned(), Some("{}"), &["body.config"]),
        (
            "POST",
            format!("{SESSIONS}/s/operations/inference-checkpoint"),
            Some("{"),
            &["body"],
        ),
    ] {
        let mut request = served.request(method, &path);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        let got = answered(request).await;
        assert_eq!(got.status().as_u16(), 400, "{method} {path}");
        let text = got.text().await.unwrap();
        let got: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(got["error"]["type"], "invalid_arguments");
        let found: BTreeSet<&str> = got["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["path"].as_str().unwrap())
            .collect();
        for path in paths {
            assert!(found.contains(path), "{path}: {text}");
        }
    }
    assert!(upstream.seen().is_empty());
}

/// A caller elsewhere has no files on this machine, and none is read or written for it.
#[tokio::test]
async fn no_files_are_read_or_written_and_nothing_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let secret = place.path().join("body.json");
    std::fs::write(&secret, r#"{"model_inputs": []}"#).unwrap();
    let done = json!({
        "id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED",
        "output": {"payload_id": "p", "results": [{"sequences": [{"tokens": [1], "logprobs": [0.0], "stop_reason": "STOP"}]}]},
    });
    let running = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_RUNNING"});
    let upstream = Scripted::start(vec![answer(&running)]).await;
    let mut command = Server::command(&upstream.url);
    let data = place.path().join("data");
    command
        .env("RL_MCP_DATA_DIR", &data)
        .env("RL_MCP_MAX_WAIT_SECONDS", "50");
    let served = Served::with(command.env("RL_MCP_FILE_DIRS", place.path()), &[]).await;
    let sample = format!("{SESSIONS}/s/operations/sample");
    let path = secret.display().to_string();
    for (body, wrong) in [
        (json!({"body_path": path}), "body.body_path"),
        (json!({"prompts_path": path}), "body.prompts_path"),
        (json!({"prompts": [{"prompt": "a"}]}), "body.prompts"),
        (json!({"wait_seconds": 5}), "body.wait_seconds"),
    ] {
        let (status, answer) = served.ask("POST", &sample, Some(&body)).await;
        assert_eq!(status, 400, "{answer}");
        let problems = answer["problems"].as_array().unwrap();
        assert!(
            problems.iter().any(|problem| problem["path"] == wrong),
            "{wrong}: {answer}"
        );
    }
    let (status, body) = served
        .ask("POST", RUNS, Some(&json!({"config_path": path})))
        .await;
    assert_eq!(status, 400, "{body}");
    assert!(upstream.seen().is_empty());
    let prompt = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1, 2]}}]}]});
    assert_eq!(served.ask("POST", &sample, Some(&prompt)).await, (200, running));
    upstream.script(vec![answer(&done)]);
    assert_eq!(
        served.ask("GET", &format!("{sample}/op"), None).await,
        (200, done)
    );
    assert_eq!(upstream.seen().len(), 2);
    assert!(!data.join("results").exists());
}

#[tokio::test]
async fn what_is_in_the_way_has_a_status_of_its_own() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    let mut command = Server::command(&upstream.url);
    command
        .env("RL_MCP_CALL_TIMEOUT", "0.3")
        .env_remove("PRIME_API_KEY");
    // Nobody listens there.
    command.env("HOME", "/nonexistent").env_remove("RL_MCP_TOOLSETS");
    let served = Served::with(&mut command, &[]).await;
    let (status_code, body) = served.ask("GET", &format!("{SESSIONS}/s"), None).await;
    assert_eq!(
        (status_code, &body["error"]["type"]),
        (504, &json!("timeout")),
        "{body}"
    );
    let (status_code, body) = served.ask("DELETE", &format!("{RUNS}/r"), None).await;
    assert_eq!(status_code, 503, "{body}");
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("PRIME_API_KEY"),
        "{body}"
    );
    upstream.script(vec![Reaction::Cut(
        b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{".to_vec(),
    )]);
    let (status_code, _) = served.ask("POST", &format!("{SESSIONS}/s/stop"), None).await;
    assert_eq!(status_code, 502);
    upstream.script(vec![status(200, "content-type: text/html\r\n", "<html>")]);
    let (status_code, _) = served.ask("GET", SESSIONS, None).await;
    assert_eq!(status_code, 502);
    let served = Served::start("http://127.0.0.1:9").await;
    let (status_code, body) = served.ask("POST", &format!("{SESSIONS}/s/stop"), None).await;
    assert_eq!(
        (status_code, &body["error"]["type"]),
        (502, &json!("unreachable")),
        "{body}"
    );
}

/// A large body is uploaded first, as the tool does it, and that may be refused.
#[tokio::test]
async fn a_large_body_goes_the_way_of_the_tool() {
    let upstream = Scripted::start(vec![status(403, "", r#"{"error":{"message":"no uploads"}}"#)]).await;
    let mut command = Server::command(&upstream.url);
    let served = Served::with(command.env("RL_MCP_INLINE_LIMIT", "10"), &[]).await;
    let pass = format!("{SESSIONS}/s/operations/forward-backward");
    let example = &examples("forward-backward-pass")[0];
    let (got, body) = served.ask("POST", &pass, Some(&example.request)).await;
    assert_eq!((got, &body["error"]["type"]), (403, &json!("refused")), "{body}");
    assert!(
        body["error"]["message"].as_str().unwrap().contains("no uploads"),
        "{body}"
    );
    let target = json!({"payload_id": "p", "upload_url": format!("{}/store?signature=s", upstream.url)});
    upstream.script(vec![
        answer(&target),
        status(200, "", ""),
        answer(&json!({"id": "op"})),
    ]);
    assert_eq!(
        served.ask("POST", &pass, Some(&example.request)).await,
        (200, json!({"id": "op"}))
    );
    let seen = upstream.seen();
    assert!(
        seen[1].line().ends_with("/payloads/upload-url HTTP/1.1"),
        "{seen:?}"
    );
    assert!(seen[2].line().starts_with("PUT /store"), "{seen:?}");
    assert_eq!(seen[3].json()["payload_id"], "p");
}

#[tokio::test]
async fn an_operation_has_a_key_whoever_makes_it() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op"}))]).await;
    let mut command = Server::command(&upstream.url);
    let served = Served::with(command.env("RL_MCP_CALL_TIMEOUT", "0.3"), &[]).await;
    let submit = |key: Option<&'static str>| {
        let request = served.request("POST", &format!("{SESSIONS}/s/operations/training-checkpoint"));
        match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    };
    let got = answered(submit(Some("my-own-key"))).await;
    assert_eq!(got.headers()["idempotency-key"], "my-own-key");
    let got = answered(submit(None)).await;
    let made = got.headers()["idempotency-key"].to_str().unwrap().to_owned();
    let seen = upstream.seen();
    assert_eq!(seen[0].header("idempotency-key"), Some("my-own-key"));
    assert_eq!(seen[1].header("idempotency-key"), Some(&*made));
    // Most of all where nobody knows what it came to.
    upstream.script(vec![Reaction::Hang]);
    let got = answered(submit(None)).await;
    assert_eq!(got.status().as_u16(), 504);
    let sent = upstream.seen();
    assert_eq!(
        sent[2].header("idempotency-key"),
        got.headers()["idempotency-key"].to_str().ok()
    );
    let refused = answered(submit(Some("two words"))).await;
    assert_eq!(refused.status().as_u16(), 400);
    // What is no operation has none.
    upstream.script(vec![answer(&json!({"id": "s"}))]);
    let got = answered(
        served
            .request("GET", &format!("{SESSIONS}/s"))
            .header("Idempotency-Key", "k"),
    )
    .await;
    assert_eq!(got.headers().get("idempotency-key"), None);
    assert_eq!(upstream.seen().last().unwrap().header("idempotency-key"), None);
}

#[tokio::test]
async fn a_body_goes_on_with_a_checkpoint_that_has_none_today() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op"}))]).await;
    let served = Served::start(&upstream.url).await;
    for kind in ["inference-checkpoint", "training-checkpoint"] {
        for body in ["", "{ \"name\": \"tomorrow\" }"] {
            let request = served.request("POST", &format!("{SESSIONS}/s/operations/{kind}"));
            let got = answered(request.header("content-type", "application/json").body(body)).await;
            assert_eq!(got.status().as_u16(), 200);
            let seen = upstream.seen().pop().unwrap();
            assert_eq!(seen.body, body.as_bytes());
            assert_eq!(seen.header("content-type").is_some(), !body.is_empty());
        }
    }
}

#[tokio::test]
async fn only_what_is_offered_has_a_route() {
    let upstream = Scripted::start(vec![answer(&json!({"data": []}))]).await;
    let served = Served::with(&mut Server::command(&upstream.url), &["--read-only"]).await;
    for tool in ROUTES {
        let spec = spec(tool);
        let path = spec
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let query = if tool == "download-checkpoint" {
            "?variant=CHECKPOINT_VARIANT_MERGED"
        } else {
            ""
        };
        let (got, body) = served
            .ask(spec.method.as_str(), &(route(&path) + query), None)
            .await;
        let is_read = spec.method.as_str() == "GET";
        assert_eq!(got, if is_read { 200 } else { 403 }, "{tool}: {body}");
        assert!(
            is_read || body["error"]["message"].as_str().unwrap().contains("--read-only"),
            "{body}"
        );
    }
    let served = Served::with(&mut Server::command(&upstream.url), &["--toolsets", "runs"]).await;
    let (got, body) = served.ask("GET", SESSIONS, None).await;
    assert_eq!(got, 403, "{body}");
}

#[tokio::test]
async fn other_paths_and_methods_are_told_so() {
    let served = Served::start("http://127.0.0.1:9").await;
    for path in [
        "/",
        "/v1",
        "/v1/rl/training-sessions/",
        "/v1/rl/model-resources",
        "/api/v1/training/runs",
        "/v1/rl/training-sessions//stop",
        "/openapi",
    ] {
        let (got, body) = served.ask("GET", path, None).await;
        assert_eq!(
            (got, &body["error"]["type"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
    for (method, path, allowed) in [
        ("PUT", SESSIONS, "GET, POST"),
        ("HEAD", SESSIONS, "GET, POST"),
        ("DELETE", "/v1/rl/training-sessions/s", "GET"),
        ("GET", "/v1/rl/training-sessions/s/stop", "POST"),
        ("GET", RUNS, "POST"),
        ("OPTIONS", "/v1/api/v1/training/runs/r", "DELETE"),
        ("POST", "/openapi.json", "GET"),
    ] {
        let got = answered(served.request(method, path)).await;
        assert_eq!(
            (got.status().as_u16(), &got.headers()["allow"]),
            (405, &allowed.parse().unwrap()),
            "{method} {path}"
        );
    }
    let typed = served
        .request("POST", SESSIONS)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(answered(typed).await.status().as_u16(), 415);
}

/// What is done by one way counts for the other one.
#[tokio::test]
async fn both_adapters_share_one_memory() {
    let place = tempfile::tempdir().unwrap();
    let upstream = Scripted::start(vec![answer(
        &json!({"id": "s", "status": "TRAINING_SESSION_STATUS_RUNNING"}),
    )])
    .await;
    let mut command = Server::command(&upstream.url);
    let served = Served::with(command.env("RL_MCP_DATA_DIR", place.path()), &[]).await;
    let made = served
        .call(
            "create-training-session",
            json!({"body": {"model_resources_id": "m"}}),
        )
        .await;
    made.json();
    let step = format!("{SESSIONS}/s/operations/optim-step");
    let body = json!({"adam_params": {"learning_rate": 0.1}});
    // There are no gradients yet, and the route knows it as the tool does.
    let (got, refusal) = served.ask("POST", &step, Some(&body)).await;
    assert_eq!(got, 400, "{refusal}");
    let example = &examples("forward-backward-pass")[0];
    upstream.script(vec![answer(
        &json!({"id": "pass", "status": "TRAINING_OPERATION_STATUS_RUNNING"}),
    )]);
    let pass = format!("{SESSIONS}/s/operations/forward-backward");
    let (got, refusal) = served.ask("POST", &pass, Some(&example.request)).await;
    assert_eq!(got, 200, "{refusal}");
    let (got, refusal) = served.ask("POST", &step, Some(&body)).await;
    assert_eq!(got, 200, "{refusal}");
    let activity = served.call("list-recent-activity", json!({})).await.json();
    assert!(activity.to_string().contains("pass"), "{activity}");
}

#[tokio::test]
async fn the_document_has_the_routes() {
    let served = Served::start("http://127.0.0.1:9").await;
    let (got, document) = served.ask("GET", "/openapi.json", None).await;
    assert_eq!((got, &document["openapi"]), (200, &json!("3.1.0")));
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let tool = operation["operationId"].as_str().unwrap();
            let spec = spec(tool);
            assert_eq!(
                (path, method),
                (&route(spec.path), &spec.method.as_str().to_lowercase())
            );
            let key = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .any(|of| of["name"] == "Idempotency-Key");
            assert_eq!(key, operation_of(spec).needs_key, "{tool}");
            described.insert(tool);
        }
    }
    assert_eq!(described, BTreeSet::from(ROUTES));
    // Nothing of the checks' own members, or of what only a tool takes.
    let text = document.to_string();
    for word in [
        "x-",
        "wait_seconds",
        "body_path",
        "prompts_path",
        "config_path",
        "directory",
    ] {
        assert!(!text.contains(&format!("\"{word}")), "{word}");
    }
}

#[tokio::test]
async fn the_skill_is_there_too() {
    let served = Served::start("http://127.0.0.1:9").await;
    let (got, all) = served.ask("GET", "/skills", None).await;
    assert_eq!(got, 200, "{all}");
    let skill = &all["data"][0];
    let (got, own) = served.ask("GET", "/skills/rl-post-training", None).await;
    assert_eq!((got, &own), (200, skill));
    assert!(own["description"].as_str().unwrap().contains("RL-train"), "{own}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("skills/rl-post-training");
    for file in own["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        let at = format!("/skills/rl-post-training/contents/{path}");
        let got = answered(served.request("GET", &at)).await;
        assert_eq!(
            got.headers()["content-type"],
            "text/markdown; charset=utf-8",
            "{path}"
        );
        let text = got.text().await.unwrap();
        assert_eq!(text, std::fs::read_to_string(root.join(path)).unwrap(), "{path}");
        assert_eq!(file["bytes"], text.len());
    }
    let (_, files) = served.ask("GET", "/skills/rl-post-training/contents", None).await;
    assert_eq!(files["data"], own["files"]);
    let zip = answered(served.request("GET", "/skills/rl-post-training/download")).await;
    assert_eq!(zip.headers()["content-type"], "application/zip");
    assert!(zip.bytes().await.unwrap().starts_with(b"PK\x03\x04"));
    for path in [
        "/skills/",
        "/skills/other",
        "/skills/rl-post-training/contents/../SKILL.md",
        "/skills/rl-post-training/contents/none.md",
        "/skillsets",
    ] {
        let (got, body) = served.ask("GET", path, None).await;
        assert_eq!(got, if path == "/skills/" { 200 } else { 404 }, "{path}: {body}");
    }
    let got = answered(served.request("POST", "/skills")).await;
    assert_eq!(
        (got.status().as_u16(), &got.headers()["allow"]),
        (405, &"GET".parse().unwrap())
    );
}
