//! What the service takes without a word and is hardly ever meant gets a note.

use serde_json::{Value, json};

use crate::support::{Reaction, Scripted, Server, json as answer};

fn operation(id: &str, status: &str, output: Value) -> Reaction {
    answer(&json!({"id": id, "status": format!("TRAINING_OPERATION_STATUS_{status}"), "output": output}))
}

fn batch(tokens: [i64; 2], forward_only: bool) -> Value {
    let inputs = json!({
        "target_tokens": {"data": tokens, "dtype": "int64"},
        "weights": {"data": [1.0, 1.0], "dtype": "float32"},
    });
    let sample = json!({
        "model_input": {"chunks": [{"encoded_text": {"tokens": [1, 2]}}]}, "loss_fn_inputs": inputs,
    });
    json!({"body": {
        "samples": [sample], "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"}, "forward_only": forward_only,
    }})
}

fn step(parameters: Value) -> Value {
    json!({"body": {"adam_params": parameters}})
}

/// The same under a key of the caller's own: the service may know it, so that it is not refused.
fn keyed(mut step: Value) -> Value {
    step["idempotency_key"] = json!("own");
    step
}

/// What a tool notes about an operation of session `s` that the service answers so.
async fn note(
    server: &mut Server,
    upstream: &Scripted,
    tool: &str,
    mut arguments: Value,
    answer: Reaction,
) -> String {
    upstream.script(vec![answer]);
    arguments["session_id"] = json!("s");
    let reply = server.call(tool, arguments).await.json();
    reply["note"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_a_session_is_hardly_meant_to_do_is_noted() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "s"}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let session = json!({"body": {"model_resources_id": "m"}});
    server.call("create-training-session", session).await.json();
    let rate = || step(json!({"learning_rate": 1e-5}));
    let sync = || json!({"body": {"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"}});
    let prompts = || json!({"body": {"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}]}});
    let pass = "forward-backward-pass";
    let steps: [(&str, Value, &str, &str); 15] = [
        (
            "optimizer-step",
            keyed(rate()),
            "PENDING",
            "by momentum and weight decay alone",
        ),
        ("weights-sync", sync(), "PENDING", ""),
        (pass, batch([2, 3], false), "PENDING", ""),
        (pass, batch([2, 4], false), "PENDING", ""),
        (pass, batch([2, 3], true), "PENDING", ""),
        (
            pass,
            batch([2, 3], false),
            "FAILED",
            "as op-2, and no optimizer-step came between: its gradients count twice",
        ),
        (pass, batch([2, 3], false), "PENDING", "as op-2"),
        ("sample", prompts(), "PENDING", ""),
        (
            "optimizer-step",
            step(json!({"beta1": 0.9})),
            "PENDING",
            "No learning_rate was given",
        ),
        (
            "sample",
            prompts(),
            "PENDING",
            "1 optimizer-step(s) came after the last weights-sync",
        ),
        (pass, batch([2, 3], false), "PENDING", ""),
        (
            "optimizer-step",
            step(json!({"learning_rate": 0})),
            "PENDING",
            "learning_rate 0 changes no weights",
        ),
        ("weights-sync", sync(), "PENDING", ""),
        ("sample", prompts(), "PENDING", ""),
        (
            "optimizer-step",
            keyed(json!({"body": {"muon_params": {"learning_rate": 0.02}}})),
            "PENDING",
            "by momentum and weight decay alone",
        ),
    ];
    for (number, (tool, arguments, status, words)) in steps.into_iter().enumerate() {
        let accepted = operation(&format!("op-{number}"), status, Value::Null);
        let note = note(&mut server, &upstream, tool, arguments, accepted).await;
        let said = note.contains(words) && note.is_empty() == words.is_empty();
        assert!(said, "{number} {tool}: {words:?}, {note:?}");
    }
}

#[tokio::test]
async fn a_training_that_diverges_is_told_so() {
    let upstream = Scripted::start(Vec::new()).await;
    let mut server = Server::start(&upstream.url).await;
    let steep = step(json!({"learning_rate": 5.0}));
    let steps = [
        (batch([2, 3], false), json!(35.7), ""),
        (batch([2, 4], false), json!(900.0), ""),
        (batch([2, 3], false), json!(34.0), ""),
        (
            batch([2, 3], false),
            json!(851.9),
            "was 34.0000 before and is 851.9000 now: the training diverges.",
        ),
        (
            batch([2, 3], false),
            Value::Null,
            "The loss is no longer a number",
        ),
    ];
    for (number, (pass, loss, words)) in steps.into_iter().enumerate() {
        let done = operation(
            &format!("op-{number}"),
            "COMPLETED",
            json!({"loss": loss, "metrics": {}}),
        );
        let said = note(&mut server, &upstream, "forward-backward-pass", pass, done).await;
        assert!(
            said.contains(words) && said.is_empty() == words.is_empty(),
            "{number}: {said}"
        );
        let accepted = operation(&format!("step-{number}"), "COMPLETED", json!({"step": "1"}));
        let said = note(&mut server, &upstream, "optimizer-step", steep.clone(), accepted).await;
        assert!(said.contains("far above what is usual"), "{said}");
    }
}
