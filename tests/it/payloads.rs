//! Large bodies and results travel beside the API, and the caller never sees the difference.

use serde_json::{Value, json};

use crate::support::{Scripted, Server, examples, json as answer, status};

fn batch(tokens: usize) -> Value {
    let data: Vec<usize> = (0..tokens).collect();
    let targets: Vec<usize> = (1..=tokens).collect();
    let weights = vec![1; tokens];
    json!({
        "samples": [{
            "model_input": {"chunks": [{"encoded_text": {"tokens": data}}]},
            "loss_fn_inputs": {
                "target_tokens": {"data": targets, "dtype": "int64", "shape": [tokens]},
                "weights": {"data": weights, "dtype": "float32"},
            },
            "routed_experts_key": "opaque",
        }],
        "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"},
        "forward_only": true,
    })
}

fn pending() -> Value {
    json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_PENDING"})
}

async fn small_limit(upstream: &Scripted) -> Server {
    let mut command = Server::command(&upstream.url);
    Server::initialized(command.env("RL_MCP_INLINE_LIMIT", "500")).await
}

#[tokio::test]
async fn a_large_body_is_uploaded_without_the_key_and_replaced_by_a_stand_in() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let upload = json!({"payload_id": "pl_1", "upload_url": format!("{}/store/1?sig=demo", upstream.url)});
    upstream.script(vec![answer(&upload), status(200, "", ""), answer(&pending())]);
    let mut server = small_limit(&upstream).await;
    let body = batch(200);
    let outcome = server
        .call(
            "forward-backward-pass",
            json!({"session_id": "s/1", "body": body}),
        )
        .await;
    assert_eq!(outcome.json(), pending());

    let seen = upstream.seen();
    assert_eq!(
        seen[0].line(),
        "POST /v1/rl/training-sessions/s%2F1/payloads/upload-url HTTP/1.1"
    );
    assert!(seen[0].header("authorization").is_some() && seen[0].header("idempotency-key").is_none());
    assert!(seen[0].body.is_empty());

    assert_eq!(seen[1].line(), "PUT /store/1?sig=demo HTTP/1.1");
    assert_eq!(seen[1].header("authorization"), None);
    assert_eq!(
        seen[1].json(),
        json!({"samples": body["samples"], "loss": body["loss"]})
    );

    let inline = seen[2].json();
    assert!(seen[2].header("idempotency-key").is_some());
    assert_eq!(inline["payload_id"], "pl_1");
    assert_eq!(inline["forward_only"], true);
    assert_eq!(inline["loss"], body["loss"]);
    let sample = &inline["samples"][0];
    assert_eq!(sample["routed_experts_key"], "opaque");
    assert_eq!(
        sample["loss_fn_inputs"]["target_tokens"],
        json!({"data": [1, 2, 3, 4, 5, 6, 7, 8], "dtype": "int64"})
    );
    assert!(crate::support::operation("forward-backward-pass").accepts(&inline));
}

#[tokio::test]
async fn a_large_sampling_is_uploaded_whole() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let upload = json!({"payload_id": "pl_1", "upload_url": format!("{}/store/1", upstream.url)});
    upstream.script(vec![
        answer(&upload),
        status(201, "", "<ok/>"),
        answer(&pending()),
    ]);
    let mut server = small_limit(&upstream).await;
    let tokens: Vec<u32> = (0..300).collect();
    let body =
        json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": tokens}}]}], "num_samples": 4});
    server
        .call("sample", json!({"session_id": "s", "body": body}))
        .await
        .json();
    assert_eq!(upstream.seen()[1].json(), body);
    assert_eq!(upstream.seen()[2].json()["num_samples"], 4);
}

#[tokio::test]
async fn a_service_without_uploads_gets_the_body_inline() {
    for missing in [404, 405] {
        let upstream = Scripted::start(vec![status(missing, "", "{}"), answer(&pending())]).await;
        let mut server = small_limit(&upstream).await;
        let body = batch(200);
        server
            .call("forward-backward-pass", json!({"session_id": "s", "body": body}))
            .await
            .json();
        assert_eq!(upstream.seen()[1].json(), body);
    }
}

#[tokio::test]
async fn a_call_that_is_repeated_under_its_key_does_not_upload_again() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let upload = json!({"payload_id": "pl_1", "upload_url": format!("{}/store/1", upstream.url)});
    upstream.script(vec![
        answer(&upload),
        status(200, "", ""),
        status(400, "", "{}"),
        answer(&pending()),
    ]);
    let mut server = small_limit(&upstream).await;
    let arguments = json!({"session_id": "s", "body": batch(200), "idempotency_key": "k1"});
    server
        .call("forward-backward-pass", arguments.clone())
        .await
        .error();
    server.call("forward-backward-pass", arguments).await.json();
    let seen = upstream.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(
        seen[2].body, seen[3].body,
        "the same key must carry the same body"
    );
    assert_eq!(seen[2].header("idempotency-key"), Some("k1"));
    assert_eq!(seen[3].header("idempotency-key"), Some("k1"));
}

#[tokio::test]
async fn an_offloaded_result_is_fetched_and_merged() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let offloaded = examples("get-sample-operation")
        .into_iter()
        .find(|example| example.response.pointer("/output/payload_id").is_some())
        .unwrap();
    let download = json!({"download_url": format!("{}/store/2?sig=demo", upstream.url)});
    let content = json!({"results": [{"sequences": [], "policy_segments": []}]});
    upstream.script(vec![
        answer(&offloaded.response),
        answer(&download),
        answer(&content),
    ]);
    let mut server = Server::start(&upstream.url).await;
    let arguments = json!({"session_id": "s", "operation_id": "op"});
    let result = server
        .call("get-sample-operation", arguments.clone())
        .await
        .json();
    assert_eq!(result["id"], offloaded.response["id"]);
    assert_eq!(result["output"], content);
    let seen = upstream.seen();
    assert_eq!(
        seen[1].line(),
        "POST /v1/rl/training-sessions/s/payloads/pl_demo_02/download-url HTTP/1.1"
    );
    assert_eq!(seen[2].line(), "GET /store/2?sig=demo HTTP/1.1");
    assert_eq!(seen[2].header("authorization"), None);

    // Members of the store are laid over the inline ones, which stay otherwise.
    let partial =
        json!({"id": "op", "status": "X", "output": {"loss": 1.5, "metrics": {}, "payload_id": "pl"}});
    let content = json!({"loss_fn_outputs": [], "metrics": {"a": 1}});
    upstream.script(vec![answer(&partial), answer(&download), answer(&content)]);
    let result = server
        .call("get-forward-backward-operation", arguments)
        .await
        .json();
    assert_eq!(
        result["output"],
        json!({"loss": 1.5, "metrics": {"a": 1}, "loss_fn_outputs": []})
    );
}

#[tokio::test]
async fn presigned_urls_are_used_over_https_or_not_at_all() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let offloaded = json!({"id": "op", "status": "X", "output": {"payload_id": "pl"}});
    for url in [
        "http://objects.example/x?sig=demo",
        "file:///etc/passwd",
        "no url",
        "",
    ] {
        upstream.script(vec![answer(&offloaded), answer(&json!({"download_url": url}))]);
        let mut server = Server::start(&upstream.url).await;
        let arguments = json!({"session_id": "s", "operation_id": "op"});
        let text = server
            .call("get-sample-operation", arguments)
            .await
            .error()
            .to_owned();
        assert!(
            text.contains("no https URL") && !text.contains("sig=demo"),
            "{text}"
        );
        assert!(
            text.starts_with("get-sample-operation (at its create-payload-download-url step) failed"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_operation_that_was_started_keeps_its_id_whatever_becomes_of_its_result() {
    let started = json!({"id": "op_1", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"payload_id": "pl"}});
    let upstream = Scripted::start(vec![answer(&started), status(500, "", "{}")]).await;
    let mut server = Server::start(&upstream.url).await;
    let arguments = json!({"session_id": "s", "body": batch(3)});
    let outcome = server.call("forward-backward-pass", arguments).await;
    assert_eq!(outcome.json(), started);
}

#[tokio::test]
async fn a_store_that_refuses_is_not_taken_for_the_service() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let offloaded = json!({"id": "op", "status": "X", "output": {"payload_id": "pl"}});
    let download = json!({"download_url": format!("{}/store", upstream.url)});
    upstream.script(vec![
        answer(&offloaded),
        answer(&download),
        status(403, "", "expired"),
    ]);
    let mut server = Server::start(&upstream.url).await;
    let arguments = json!({"session_id": "s", "operation_id": "op"});
    let text = server
        .call("get-sample-operation", arguments)
        .await
        .error()
        .to_owned();
    assert!(
        text.contains("call again for a fresh link") && !text.contains("key"),
        "{text}"
    );
}

#[tokio::test]
async fn an_optimizer_step_is_never_uploaded() {
    let upstream = Scripted::start(vec![answer(&pending())]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_INLINE_LIMIT", "0")).await;
    let body = json!({"adam_params": {"learning_rate": 1e-5}});
    server
        .call("optimizer-step", json!({"session_id": "s", "body": body}))
        .await
        .json();
    assert_eq!(upstream.seen()[0].json(), body);
}

#[tokio::test]
async fn a_wrong_idempotency_key_is_found_before_the_upload() {
    let upstream = Scripted::start(vec![answer(&pending())]).await;
    let mut server = small_limit(&upstream).await;
    for key in ["two words".to_owned(), "k".repeat(256)] {
        let arguments = json!({"session_id": "s", "body": batch(200), "idempotency_key": key});
        let text = server
            .call("forward-backward-pass", arguments)
            .await
            .error()
            .to_owned();
        assert!(
            text.contains("idempotency_key: is 1 to 255 visible ASCII"),
            "{text}"
        );
    }
    assert!(upstream.seen().is_empty());
}
