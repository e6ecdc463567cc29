//! What would otherwise be told one call after the other.

use serde_json::{Value, json};

use super::{all_begin, begins, input};
use crate::support::{Place, json as answer, status};

const ID: &str = "2c92b1a0-9d44-4f0e-b7a6-5e2d1c3b4a59";

/// A sampling with this id of session `s`, completed, in the files that tools read.
async fn sampled(place: &mut Place, id: &str) {
    let tokens = json!({"tokens": [3], "logprobs": [-0.5]});
    let output = json!({"results": [{"sequences": [tokens, tokens]}]});
    let completed = json!({"id": id, "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": output});
    place.upstream.script(vec![answer(&completed)]);
    let body = json!({"model_inputs": [input(&[1, 2])], "num_samples": 2});
    let call = json!({"session_id": "s", "body": body, "output": "file"});
    place.server.call("sample", call).await.json();
}

#[tokio::test]
async fn the_name_of_a_file_counts_as_the_id_of_its_operation() {
    let mut place = Place::new().await;
    sampled(&mut place, ID).await;
    for name in [
        format!("sample-{ID}"),
        format!("sample-{ID}.json"),
        format!("/elsewhere/s/sample-{ID}.completions.jsonl"),
    ] {
        let pending = json!({"id": ID, "status": "TRAINING_OPERATION_STATUS_PENDING"});
        place.upstream.script(vec![answer(&pending)]);
        let call = json!({"session_id": "s", "operation_id": name, "wait_seconds": 0});
        let shown = place.server.call("get-sample-operation", call).await.json();
        assert_eq!(shown["id"], ID);
        let seen = place.upstream.seen();
        let line = seen.last().unwrap().line();
        assert!(line.contains(&format!("/operations/sample/{ID} ")), "{line}");
        // In a list, and in one text.
        for ids in [json!([name]), json!(name)] {
            let call = json!({"session_id": "s", "operation_ids": ids, "rewards": [[1, 0]]});
            let built = place.server.call("build-training-batch", call).await.json();
            assert_eq!(built["samples"], 2, "{built}");
        }
        let loss = json!({"type": "grpo", "grpo_params": {"beta": 0.1}});
        let call = json!({"session_id": "s", "operation_ids": [ID], "rewards": [[1, 0]], "loss": loss, "reference_operation_ids": [name]});
        let found = place.problems("build-training-batch", call).await;
        all_begin(&found, &["reference_operation_ids: operation 2c92b1a0"]);
    }
    // What nobody knows is told those that are known.
    place.upstream.script(vec![status(404, "", "{}")]);
    let call = json!({"session_id": "s", "operation_id": "forward-backward-pass-1.json"});
    let text = place
        .server
        .call("get-sample-operation", call)
        .await
        .error()
        .to_owned();
    assert!(text.contains(&format!("the newest first: {ID}.")), "{text}");
}

#[tokio::test]
async fn a_batch_by_hand_is_told_the_shift_of_its_targets_at_once() {
    let mut place = Place::new().await;
    let shift =
        "is 1, but the next token in model_input is 2: target_tokens is the sequence without its first token";
    for sample in [
        json!({"model_input": [1, 2, 3], "loss_fn_inputs": {"target_tokens": [1, 2, 3], "weights": [1, 1, 1]}}),
        json!({"input_ids": [1, 2, 3], "targets": [1, 2, 3]}),
        json!({"model_input": input(&[1, 2, 3]), "loss_fn_inputs": {"target_tokens": {"data": [1, 2], "dtype": "int64"}}}),
    ] {
        let call = json!({"session_id": "s", "body": {"samples": [sample], "loss_fn": "cross_entropy"}});
        let found = place.problems("forward-backward-pass", call).await;
        let line = format!("body.samples[0].loss_fn_inputs.target_tokens.data[0]: {shift}");
        all_begin(
            &found,
            &[
                &line,
                "body.loss_fn: is a member of loss: write loss: {\"type\": \"LOSS_TYPE_CROSS_ENTROPY\"}",
            ],
        );
    }
    // What is no token is reported as that, and the next one counts.
    let sample = json!({"input_ids": [1, 2, 3], "labels": [-100, 2, 3]});
    let call = json!({"session_id": "s", "body": {"samples": [sample], "loss": "cross_entropy"}});
    let found = place.problems("forward-backward-pass", call).await;
    let at = "body.samples[0].loss_fn_inputs.target_tokens.data";
    all_begin(
        &found,
        &[
            &format!("{at}[0]: is -100, but is not a token id"),
            &format!("{at}[1]: is 2, but the next token in model_input is 3"),
        ],
    );
    let sample = json!({"model_input": [1, 2, 3], "loss_fn_inputs": {"target_tokens": [1, 2, 3]}});
    let call = json!({"session_id": "s", "body": {"gradients": [[0.1, 0.1, 0.1]], "samples": [sample]}});
    let found = place.problems("custom-forward-backward-pass", call).await;
    all_begin(&found, &[&format!("{at}[0]: {shift}")]);
    // Beside the body too.
    let call = json!({"session_id": "s", "loss_fn": "ce", "body": {"samples": []}});
    let found = place.problems("forward-backward-pass", call).await;
    all_begin(&found, &["loss_fn: "]);
    let call = json!({"session_id": "s", "loss_fn": "cross_entropy", "body": {"samples": []}});
    let found = place.problems("forward-backward-pass", call).await;
    all_begin(
        &found,
        &["loss_fn: is a member of body.loss: write loss: {\"type\": \"LOSS_TYPE_CROSS_ENTROPY\"}"],
    );
}

#[tokio::test]
async fn a_loss_without_parameters_says_so() {
    let mut place = Place::new().await;
    for (kind, wire) in [
        ("cross_entropy", "LOSS_TYPE_CROSS_ENTROPY"),
        ("importance_sampling", "LOSS_TYPE_IMPORTANCE_SAMPLING"),
    ] {
        let loss = json!({"type": kind, "grpo_params": {}});
        let call = json!({"session_id": "s", "operation_ids": ["o"], "rewards": [[1]], "loss": loss});
        let found = place.problems("build-training-batch", call).await;
        let line = format!("loss.grpo_params: does not belong to {wire}: this loss has no parameters");
        assert!(found.contains(&line), "{found:#?}");
    }
}

#[tokio::test]
async fn examples_of_several_wrong_kinds_are_all_named() {
    let mut place = Place::new().await;
    let examples = json!([
        {"prompt": [1], "completion": [2]},
        "text",
        {"prompt": [1]},
        5,
        {"prompt": [1], "completion": "two"},
        {},
        {"messages": "hi"},
        {"prompt": [1], "completion": [2], "weight": 0},
    ]);
    let call = json!({"session_id": "s", "examples": examples});
    let found = place.problems("build-training-batch", call).await;
    let lines = [
        "examples[1]: found text",
        "examples[2].completion: is required beside prompt",
        "examples[3]: found a number",
        "examples[4].completion: must be token ids",
        "examples[5]: needs messages, or prompt and completion",
        "examples[6].messages: found text",
        "examples[7].weight: must be above 0",
    ];
    all_begin(&found, &lines);
    assert_eq!(found.len(), lines.len(), "{found:#?}");
    // The same of any list of objects.
    let good = json!({"model_input": input(&[1, 2]), "loss_fn_inputs": {"target_tokens": {"data": [5, 6], "dtype": "int64"}, "weights": {"data": [1, 1], "dtype": "float32"}}});
    let call = json!({"session_id": "s", "body": {"samples": [7, good], "loss": {"type": "cross_entropy"}}});
    let found = place.problems("forward-backward-pass", call).await;
    all_begin(
        &found,
        &[
            "body.samples[0]: found a number",
            "body.samples[1].loss_fn_inputs.target_tokens.data[0]: is 5",
        ],
    );
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[tokio::test]
async fn what_cannot_be_used_is_not_called_missing_as_well() {
    let mut place = Place::new().await;
    for (arguments, count) in [
        (json!({"examples": "x.jsonl"}), 1),
        (json!({"examples": [5]}), 1),
        (json!({"examples": []}), 1),
        (json!({"conversations": [[{"role": "user"}]]}), 1),
        (json!({"operation_ids": [{}], "rewards": [[1]]}), 1),
        (json!({"operation_ids": [{}], "rewards": "x"}), 2),
        // Here something is.
        (json!({"rewards": "x"}), 2),
        (json!({"operation_ids": [{}]}), 2),
        (json!({}), 2),
        // And of two that exclude each other that is said.
        (json!({"examples": [5], "operation_ids": ["o"]}), 3),
    ] {
        let mut call = arguments.clone();
        call["session_id"] = json!("s");
        let found = place.problems("build-training-batch", call).await;
        assert_eq!(found.len(), count, "{arguments}: {found:#?}");
    }
    let call = json!({"session_id": "s", "examples": [{"prompt": [1], "completion": [2]}], "rewards": "x"});
    let found = place.problems("build-training-batch", call).await;
    assert_eq!(found, ["rewards: does not go with examples: leave it out"]);
}

#[tokio::test]
async fn an_id_that_has_its_own_place_is_not_there_in_place_of_another() {
    let mut place = Place::new().await;
    sampled(&mut place, ID).await;
    for name in ["operation_id", "operation_ids"] {
        let call = json!({name: [ID], "rewards": [[1, 0]]});
        let found = place.problems("build-training-batch", call).await;
        all_begin(&found, &["session_id: is required"]);
        assert!(!begins(&found, "session_id: is to name"), "{found:#?}");
    }
    let call = json!({"operation_id": ID, "rewards": [[1, 0]]});
    let found = place.problems("build-training-batch", call).await;
    all_begin(&found, &["session_id: is required"]);
    // Here it really is.
    let found = place
        .problems("stop-training-session", json!({"operation_id": ID}))
        .await;
    all_begin(
        &found,
        &[&format!(
            "session_id: is to name a training session, and {ID} is an operation"
        )],
    );
}

#[tokio::test]
async fn a_step_again_is_told_what_comes_next_first() {
    let mut place = Place::answering(vec![json!({"id": "s"})]).await;
    let session = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
    place.server.call("create-training-session", session).await.json();
    let step =
        json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 1e-5}}, "wait_seconds": 0});
    let told = |found: &[String]| {
        let next = ["weights-sync", "Call forward-backward-pass first"];
        let next = next.iter().filter_map(|next| found[0].find(next)).min().unwrap();
        let key = found[0].find("idempotency_key").unwrap();
        assert!(
            next < key && found[0].contains("Only if a program other than"),
            "{found:#?}"
        );
    };
    let found = place.problems("optimizer-step", step.clone()).await;
    told(&found);
    assert!(
        found[0].contains("Call forward-backward-pass first"),
        "{found:#?}"
    );
    let pending = |id: &str| answer(&json!({"id": id, "status": "TRAINING_OPERATION_STATUS_PENDING"}));
    let sample = json!({"model_input": input(&[1, 2]), "loss_fn_inputs": {"target_tokens": {"data": [2, 3], "dtype": "int64"}, "weights": {"data": [1, 1], "dtype": "float32"}}});
    let pass = json!({"session_id": "s", "body": {"samples": [sample], "loss": {"type": "cross_entropy"}}, "wait_seconds": 0});
    place.upstream.script(vec![pending("o-1"), pending("o-2")]);
    place.server.call("forward-backward-pass", pass).await.json();
    place.server.call("optimizer-step", step.clone()).await.json();
    let found = place.problems("optimizer-step", step).await;
    told(&found);
    assert!(
        found[0].contains("the last optimizer-step has applied all there were"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_session_to_resume_from_is_told_what_makes_a_checkpoint() {
    let mut place = Place::new().await;
    sampled(&mut place, ID).await;
    for (tool, call, words) in [
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "m", "resume_from_checkpoint_id": "s"}}),
            "save-training-checkpoint makes one to go on from, with that session's id, and get-training-session shows those that exist",
        ),
        (
            "get-checkpoint",
            json!({"id": "s"}),
            "save-training-checkpoint makes one to go on from, create-inference-checkpoint one to download",
        ),
        (
            "download-checkpoint",
            json!({"id": "s", "variant": "adapter"}),
            "create-inference-checkpoint makes one, and",
        ),
    ] {
        place.upstream.script(vec![status(404, "", "{}")]);
        let text = place.server.call(tool, call).await.error().to_owned();
        assert!(text.contains(words), "{text}");
    }
}
