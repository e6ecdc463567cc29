//! Batches that a sandbox's session is trained on.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{read, tensor};
use crate::support::Server;

/// A server in front of its own sandbox, with a running session.
struct Session {
    server: Server,
    id: Value,
    resource: Value,
    data: TempDir,
}

impl Session {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Server::command("http://127.0.0.1:9");
        command
            .env("RL_MCP_DATA_DIR", data.path())
            .args(["--sandbox", "--sandbox-speed", "5000"]);
        let mut server = Server::initialized(&mut command).await;
        let body = json!({"base_model": "sandbox/byte-lm"});
        let made = server
            .call("create-model-resource", json!({"body": body}))
            .await
            .json();
        let resource = made["id"].clone();
        until(
            &mut server,
            "get-model-resource",
            &json!({"model_resources_id": resource}),
            &["_READY"],
        )
        .await;
        let mut session = Self {
            server,
            id: Value::Null,
            resource,
            data,
        };
        session.id = session.another().await;
        session
    }

    async fn another(&mut self) -> Value {
        let body = json!({"model_resources_id": self.resource});
        let made = self
            .server
            .call("create-training-session", json!({"body": body}))
            .await
            .json();
        let session = json!({"session_id": made["id"]});
        until(&mut self.server, "get-training-session", &session, &["_RUNNING"]).await;
        made["id"].clone()
    }

    /// The id of a finished operation.
    async fn finished(&mut self, tool: &str, get: &str, arguments: Value) -> Value {
        let made = self.server.call(tool, arguments.clone()).await.json();
        let operation = json!({"session_id": arguments["session_id"], "operation_id": made["id"]});
        let found = until(&mut self.server, get, &operation, &["_COMPLETED", "_FAILED"]).await;
        assert_eq!(found["status"], "TRAINING_OPERATION_STATUS_COMPLETED", "{found}");
        made["id"].clone()
    }

    async fn sampled(&mut self, prompts: &[&str], number: u32) -> Value {
        let inputs: Vec<Value> = prompts
            .iter()
            .map(|prompt| json!({"chunks": [{"encoded_text": {"tokens": prompt.as_bytes()}}]}))
            .collect();
        let body =
            json!({"model_inputs": inputs, "num_samples": number, "sampling_params": {"max_tokens": 8}});
        let arguments = json!({"session_id": self.id, "body": body});
        self.finished("sample", "get-sample-operation", arguments).await
    }

    async fn built(&mut self, mut arguments: Value) -> Value {
        arguments["session_id"] = self.id.clone();
        self.server.call("build-training-batch", arguments).await.json()
    }

    /// Makes a call that an answer names as the next.
    async fn follow(&mut self, next: &Value) -> Value {
        let tool = next["tool"].as_str().unwrap();
        let get = format!("get-{}-operation", tool.trim_end_matches("-pass"));
        self.finished(tool, &get, next["arguments"].clone()).await
    }
}

async fn until(server: &mut Server, tool: &str, arguments: &Value, wanted: &[&str]) -> Value {
    for _ in 0..4000 {
        let found = server.call(tool, arguments.clone()).await.json();
        let status = found["status"].as_str().unwrap();
        if wanted.iter().any(|wanted| status.ends_with(wanted)) {
            return found;
        }
        sleep(Duration::from_millis(3)).await;
    }
    panic!("never {wanted:?}");
}

#[tokio::test]
async fn a_batch_of_several_operations_is_trained_on_whatever_the_loss() {
    let mut session = Session::start().await;
    let operations = [
        session.sampled(&["a:", "b:"], 3).await,
        session.sampled(&["c:"], 2).await,
    ];
    let rewards = json!([[1, 0, 0.5], [0, 0, 1], [1, 0]]);
    for (name, params) in [
        ("CROSS_ENTROPY", json!({})),
        ("GRPO", json!({"grpo_params": {"beta": 0}})),
        ("IMPORTANCE_SAMPLING", json!({})),
        ("PPO", json!({"ppo_params": {"clip_low_threshold": 0.9}})),
        ("CISPO", json!({"cispo_params": {"clip_high_threshold": 3}})),
        ("DRO", json!({"dro_params": {"beta": 0.05}})),
        ("DPPO", json!({"dppo_params": {"delta_low": 0.1}})),
    ] {
        let mut loss = params;
        loss["type"] = json!(format!("LOSS_TYPE_{name}"));
        let arguments = json!({"operation_ids": operations, "rewards": rewards, "loss": loss});
        let built = session.built(arguments).await;
        assert_eq!(read(&built["batches"][0]["path"])["loss"], loss, "{name}");
        assert_eq!(built["groups"], 3, "{name}: {built}");
        assert_eq!(built["next"]["tool"], "forward-backward-pass", "{name}");
        session.follow(&built["next"]).await;
    }
}

#[tokio::test]
async fn a_batch_over_the_limit_is_split_into_bodies_that_add_up() {
    let mut session = Session::start().await;
    let operation = session.sampled(&["a:", "b:", "c:"], 4).await;
    let rewards = json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]);
    let arguments = json!({"operation_ids": [operation], "rewards": rewards});
    let whole = session.built(arguments.clone()).await;
    let mut split = arguments;
    split["max_tokens"] = json!(20);
    let built = session.built(split).await;
    let batches = built["batches"].as_array().unwrap();
    assert!(batches.len() > 1, "{built}");
    assert!(
        batches
            .iter()
            .all(|batch| batch["tokens"].as_u64().unwrap() <= 20),
        "{built}"
    );
    assert!(
        built["note"]
            .as_str()
            .unwrap()
            .contains("before one optimizer-step"),
        "{built}"
    );
    let parts: Vec<Value> = batches
        .iter()
        .map(|batch| read(&batch["path"])["samples"].clone())
        .collect();
    let joined: Vec<Value> = parts
        .iter()
        .flat_map(|part| part.as_array().unwrap().clone())
        .collect();
    assert_eq!(json!(joined), read(&whole["batches"][0]["path"])["samples"]);
    assert_eq!(built["tokens"], whole["tokens"]);
    for (index, (next, batch)) in built["next"].as_array().unwrap().iter().zip(batches).enumerate() {
        let path = batch["path"].as_str().unwrap();
        assert!(
            path.ends_with(&format!("-{}-of-{}.json", index + 1, batches.len())),
            "{path}"
        );
        assert_eq!(next["arguments"]["body_path"], batch["path"]);
        session.follow(next).await;
    }
}

#[tokio::test]
async fn supervised_examples_come_from_the_call_or_from_a_file() {
    let mut session = Session::start().await;
    let examples = json!([
        {"prompt": b"2+2=", "completion": b"4."},
        {"prompt": b"x", "completion": []},
    ]);
    let file = session.data.path().join("examples.json");
    fs::write(&file, examples.to_string()).unwrap();
    for mut arguments in [json!({"examples": examples}), json!({"examples_path": file})] {
        arguments["loss"] = json!({"type": "cross_entropy"});
        let built = session.built(arguments.clone()).await;
        let batch = read(&built["batches"][0]["path"]);
        assert_eq!(batch["loss"], json!({"type": "LOSS_TYPE_CROSS_ENTROPY"}));
        assert_eq!(tensor(&batch["samples"][0], "weights"), json!([0, 0, 0, 1, 1]));
        assert_eq!(
            (&built["samples"], &built["empty_completions"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(built.get("groups"), None);
        // It is the default of examples.
        arguments.as_object_mut().unwrap().remove("loss");
        let built = session.built(arguments).await;
        session.follow(&built["next"]).await;
    }
}

#[cfg(feature = "text")]
#[tokio::test]
async fn examples_as_text_are_encoded_for_the_session() {
    let mut session = Session::start().await;
    let examples = json!([
        {"messages": [{"role": "user", "content": "2+2="}, {"role": "assistant", "content": "4"}]},
        {"prompt": "2+2=", "completion": "4", "weight": 2},
        {"prompt": b"2+2=", "completion": b"4."},
    ]);
    let built = session.built(json!({"examples": examples})).await;
    assert_eq!(built["tokenizer"]["name"], "bytes", "{built}");
    assert_eq!(built["samples"], 3, "{built}");
    session.follow(&built["next"]).await;
}

#[tokio::test]
async fn batches_and_references_of_other_weights_are_noted() {
    let mut session = Session::start().await;
    let operation = session.sampled(&["ab"], 3).await;
    let arguments = json!({"operation_ids": [operation], "rewards": [[1, 0, 0]]});
    let built = session.built(arguments).await;
    let elsewhere = session.another().await;
    let mut pass = built["next"]["arguments"].clone();
    pass["session_id"] = elsewhere.clone();
    let shown = session.server.call("forward-backward-pass", pass).await.json();
    let told = format!(
        "This batch holds completions that session {} sampled",
        session.id.as_str().unwrap()
    );
    assert!(
        shown["note"].as_str().unwrap_or_default().starts_with(&told),
        "{shown}"
    );
    session.follow(&built["next"]).await;
    let step = json!({"session_id": session.id, "body": {"adam_params": {"learning_rate": 1e-3}}});
    session.server.call("optimizer-step", step).await.json();
    let sync = json!({"session_id": session.id});
    session.server.call("weights-sync", sync).await.json();

    // Nothing leads to scoring by weights that are no reference any more.
    let operation = session.sampled(&["ab"], 3).await;
    let loss = json!({"type": "LOSS_TYPE_GRPO", "grpo_params": {"beta": 0.1}});
    let mut arguments = json!({"operation_ids": [operation], "rewards": [[1, 0, 0]], "loss": loss});
    let built = session.built(arguments.clone()).await;
    let note = built["note"].as_str().unwrap();
    assert!(
        note.contains("version 1, are trained already. Make another session"),
        "{built}"
    );
    assert_eq!(built.get("next"), None, "{built}");
    let scoring = built["scoring"]["path"].clone();
    for (scorer, is_noted) in [(session.id.clone(), true), (elsewhere, false)] {
        let next = json!({"tool": "sample", "arguments": {"session_id": scorer, "body_path": scoring}});
        arguments["reference_operation_ids"] = json!([session.follow(&next).await]);
        arguments["reference_session_id"] = scorer;
        let built = session.built(arguments.clone()).await;
        let note = built["note"].as_str().unwrap_or_default();
        assert_eq!(
            note.contains("The reference was scored by trained weights, version 1"),
            is_noted,
            "{built}"
        );
    }
}

#[tokio::test]
async fn a_kl_term_takes_the_scores_of_another_session() {
    let mut session = Session::start().await;
    let operation = session.sampled(&["ab", "b:"], 3).await;
    let loss = json!({"type": "LOSS_TYPE_GRPO", "grpo_params": {"beta": 0.1}});
    let mut arguments =
        json!({"operation_ids": [operation], "rewards": [[1, 0, 0], [1, 1, 1]], "loss": loss});
    arguments["reference_session_id"] = session.another().await;
    let built = session.built(arguments.clone()).await;
    assert_eq!(built["batches"], json!([]));
    let body = read(&built["scoring"]["path"]);
    assert_eq!(body["prompt_logprobs"], true);
    let scored = body["model_inputs"].as_array().unwrap().len();
    assert!(scored <= 3, "the second group is dropped: {body}");
    assert_eq!(built["next"]["tool"], "sample");
    assert_eq!(
        built["next"]["arguments"]["session_id"],
        arguments["reference_session_id"]
    );
    let scoring = session.follow(&built["next"]).await;

    arguments["reference_operation_ids"] = json!([scoring]);
    let built = session.built(arguments.clone()).await;
    let batch = read(&built["batches"][0]["path"]);
    // Both sessions have the same weights still: the reference agrees with the policy, slot by slot.
    for sample in batch["samples"].as_array().unwrap() {
        let (policy, reference) = (tensor(sample, "logprobs"), tensor(sample, "reference_logprobs"));
        let (policy, reference) = (policy.as_array().unwrap(), reference.as_array().unwrap());
        assert_eq!(policy.len(), reference.len());
        assert_eq!((&policy[0], &reference[0]), (&json!(0), &json!(0)));
        for (policy, reference) in policy.iter().zip(reference) {
            let apart = policy.as_f64().unwrap() - reference.as_f64().unwrap();
            assert!(apart.abs() < 1e-3, "{batch}");
        }
    }
    session.follow(&built["next"]).await;

    // What was not scored is named.
    arguments["rewards"] = json!([[1, 0, 0], [1, 0, 1]]);
    arguments["session_id"] = session.id.clone();
    let outcome = session
        .server
        .call("build-training-batch", arguments.clone())
        .await;
    assert!(
        outcome
            .error()
            .contains("output.results[1].sequences[0]: score all sequences"),
        "{}",
        outcome.text
    );
    // The sampling itself scored nothing.
    arguments["reference_operation_ids"] = arguments["operation_ids"].clone();
    arguments.as_object_mut().unwrap().remove("reference_session_id");
    let outcome = session.server.call("build-training-batch", arguments).await;
    assert!(
        outcome
            .error()
            .contains("was not scored: call this without reference_operation_ids"),
        "{}",
        outcome.text
    );
}
