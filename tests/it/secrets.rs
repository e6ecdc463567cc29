//! No key gets out: not on stdout, not on stderr, not in a result, whatever the service echoes.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{Reaction, Scripted, Server, json as answer, status};

/// The forms in which `secret` could stand in text, JSON, or JSON in JSON.
fn forms(secret: &str) -> Vec<String> {
    let once = Value::from(secret).to_string();
    let once = once[1..once.len() - 1].to_owned();
    let twice = Value::from(once.as_str()).to_string();
    vec![secret.to_owned(), once, twice[1..twice.len() - 1].to_owned()]
}

fn assert_absent(text: &str, secret: &str) {
    for form in forms(secret) {
        assert!(!text.contains(&form), "the secret {secret:?} got out: {text}");
    }
}

/// Everything that a service could do with a key that it was sent.
fn echoes(key: &str) -> Vec<Reaction> {
    let quoted = Value::from(format!("Authorization: Bearer {key} is wrong")).to_string();
    vec![
        status(
            401,
            "",
            &json!({"error": {"message": format!("bad key {key}"), "type": key}}).to_string(),
        ),
        status(
            400,
            "",
            &json!({"detail": [{"loc": ["header", key], "msg": quoted, "input": key}]}).to_string(),
        ),
        status(
            403,
            "content-type: text/html\r\n",
            &format!("<title>{key}</title>"),
        ),
        status(422, "", &format!("plain {key} text")),
        status(
            200,
            "",
            &json!({"id": key, "nested": quoted, key: [key]}).to_string(),
        ),
        status(200, "", &format!("not json {key}")),
        status(
            302,
            &format!("location: https://elsewhere.example/{}\r\n", "k"),
            key,
        ),
        Reaction::Cut(format!("HTTP/1.1 200 {}\r\n\r\n", "garbage").into_bytes()),
    ]
}

#[test]
fn no_configured_key_gets_out_whatever_the_service_echoes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 8,
        ..ProptestConfig::default()
    });
    // What a header can carry, quotes and backslashes included, in the length of a key.
    let key = "[!-~]{12,40}".prop_filter("an unexpanded placeholder counts as unset", |key| {
        !key.starts_with("${")
    });
    runner
        .run(&(key.clone(), key), |(together, prime)| {
            runtime.block_on(async {
                let upstream = Scripted::start(echoes(&together)).await;
                let mut command = Server::command(&upstream.url);
                command
                    .env("TOGETHER_API_KEY", &together)
                    .env("PRIME_API_KEY", &prime)
                    .env("RL_MCP_LOG", "trace,rmcp=trace");
                let mut server = Server::initialized(&mut command).await;
                for reaction in echoes(&together) {
                    upstream.script(vec![reaction]);
                    server
                        .call("get-training-session", json!({"session_id": together}))
                        .await;
                }
                for reaction in echoes(&prime) {
                    upstream.script(vec![reaction]);
                    server
                        .call("prime-intellect-deleterun", json!({"run_id": prime}))
                        .await;
                }
                server
                    .request("tools/call", json!({"name": together, "arguments": {}}))
                    .await;
                server.close().await;
                for text in [server.stdout(), server.stderr()] {
                    assert_absent(&text, &together);
                    assert_absent(&text, &prime);
                }
                assert!(server.stderr().contains("upstream"), "the log was on");
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn secrets_in_a_run_go_to_the_service_and_nowhere_else() {
    let (wandb, hf) = ("wandb-secret-0123456789", "hf_secret_0123456789");
    let run = json!({"config": {"trainer": {}, "orchestrator": {}}, "wandbApiKey": wandb, "hfToken": hf});
    let echo = json!({"detail": [{"loc": ["body", "wandbApiKey"], "msg": format!("no such key {wandb}"), "input": hf}]});
    let upstream = Scripted::start(vec![status(422, "", &echo.to_string())]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_LOG", "trace,rmcp=trace")).await;
    let text = server
        .call("prime-intellect-createrun", json!({"body": run}))
        .await
        .error()
        .to_owned();
    assert!(text.contains("wandbApiKey: no such key [redacted]"), "{text}");
    assert_eq!(upstream.seen()[0].json(), run);
    // A value of the wrong type is not repeated either.
    let mut wrong = run.clone();
    wrong["wandbApiKey"] = json!({"key": wandb});
    server
        .call("prime-intellect-createrun", json!({"body": wrong}))
        .await
        .error();
    server.close().await;
    for text in [server.stdout(), server.stderr()] {
        assert_absent(&text, wandb);
        assert_absent(&text, hf);
    }
}

#[tokio::test]
async fn the_token_of_a_run_is_taken_out_of_the_answer() {
    let token = "pit_run_token_0123456789";
    let run = json!({"body": {"config": {"trainer": {}, "orchestrator": {}}}});
    let whole = format!(
        r#"{{"runId":"r","tokenValue":"{token}","price":4.50,"run":[{{"tokenValue":"{token}"}}],"hint":"use {token}"}}"#
    );
    let cut = Reaction::Cut(
        format!(
            "HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{{\"runId\":\"r\",\"tokenValue\":\"{token}\""
        )
        .into_bytes(),
    );
    let upstream = Scripted::start(vec![
        status(201, "", &whole),
        cut,
        status(200, "", &format!("{{{token}")),
    ])
    .await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_LOG", "trace,rmcp=trace")).await;
    let outcome = server.call("prime-intellect-createrun", run.clone()).await;
    assert_eq!(
        outcome.text,
        r#"{"runId":"r","price":4.50,"run":[{}],"hint":"use [redacted]"}"#
    );
    server
        .call("prime-intellect-createrun", run.clone())
        .await
        .error();
    server.call("prime-intellect-createrun", run).await.error();
    server.close().await;
    for text in [server.stdout(), server.stderr()] {
        assert_absent(&text, token);
    }
}

#[tokio::test]
async fn presigned_urls_are_logged_without_their_query() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let download = json!({"download_url": format!("{}/store?X-Signature=topsecret", upstream.url)});
    let offloaded = json!({"id": "op", "status": "X", "output": {"payload_id": "pl"}});
    upstream.script(vec![answer(&offloaded), answer(&download), status(403, "", "no")]);
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_LOG", "trace,rmcp=trace")).await;
    let text = server
        .call(
            "get-sample-operation",
            json!({"session_id": "s", "operation_id": "op"}),
        )
        .await
        .error()
        .to_owned();
    server.close().await;
    assert!(!text.contains("topsecret"), "{text}");
    assert!(!server.stderr().contains("topsecret"), "{}", server.stderr());
    assert!(server.stderr().contains("path=\"/store\""), "{}", server.stderr());
}

#[tokio::test]
async fn the_token_of_a_run_does_not_get_out_through_a_refusal_either() {
    let run = json!({"body": {"config": {"trainer": {}, "orchestrator": {}}}});
    for (body, token) in [
        (
            r#"{"runId":"r","tokenValue":"pit_live_abcdefghijk"}"#,
            "pit_live_abcdefghijk",
        ),
        (
            r#"{"detail":{"token\u0056alue":"other-form-0123456789"}}"#,
            "other-form-0123456789",
        ),
        (
            "cut {\"tokenValue\":\"pit_live_abcdefghijk\"",
            "pit_live_abcdefghijk",
        ),
    ] {
        let upstream = Scripted::start(vec![status(409, "", body)]).await;
        let mut command = Server::command(&upstream.url);
        let mut server = Server::initialized(command.env("RL_MCP_LOG", "trace,rmcp=trace")).await;
        server
            .call("prime-intellect-createrun", run.clone())
            .await
            .error();
        server.close().await;
        assert_absent(&server.stdout(), token);
        assert_absent(&server.stderr(), token);
    }
}

#[tokio::test]
async fn debug_logs_hold_no_presigned_urls() {
    let files = json!({"data": [{"filename": "a", "size": 1, "url": "https://objects.example/a?X-Signature=topsecret"}]});
    let upstream = Scripted::start(vec![answer(&files)]).await;
    for level in ["debug", "trace"] {
        let mut command = Server::command(&upstream.url);
        let mut server = Server::initialized(command.env("RL_MCP_LOG", level)).await;
        let outcome = server
            .call("download-checkpoint", json!({"id": "c", "variant": "merged"}))
            .await;
        assert!(outcome.text.contains("topsecret"), "the model gets the URL");
        server.close().await;
        assert!(!server.stderr().contains("topsecret"), "{}", server.stderr());
    }
}
