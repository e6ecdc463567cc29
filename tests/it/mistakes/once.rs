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

#[tokio::test]
async fn names_in_place_of_ids_are_told_the_ids_beside_other_problems() {
    let mut place = Place::new().await;
    place.upstream.script(vec![
        answer(&json!({"id": "ses-1"})),
        answer(&json!({"runId": "run-1"})),
    ]);
    let session =
        json!({"body": {"model_resources_id": "m", "display_name": "first try"}, "wait_seconds": 0});
    place.server.call("create-training-session", session).await.json();
    let config = json!({"name": "grpo-1", "trainer": {}, "orchestrator": {}});
    let run = json!({"body": {"config": config}, "wait_seconds": 0});
    place.server.call("prime-intellect-createrun", run).await.json();
    for (tool, call, line) in [
        (
            "forward-backward-pass",
            json!({"session_id": "first try", "body": {}}),
            "session_id: is to be the id of a training session, and first try is what it is called: its id is ses-1",
        ),
        (
            "prime-intellect-getrunlogs",
            json!({"run_id": "grpo-1", "limit": 0}),
            "run_id: is to be the id of a run, and grpo-1 is what it is called: its id is run-1",
        ),
    ] {
        let found = place.problems(tool, call).await;
        all_begin(&found, &[line]);
        assert!(found.len() > 1, "{found:#?}");
    }
    // And where the service says no.
    place.upstream.script(vec![status(404, "", "{}")]);
    let call = json!({"session_id": "first try"});
    let text = place
        .server
        .call("get-training-session", call)
        .await
        .error()
        .to_owned();
    assert!(text.ends_with("its id is ses-1."), "{text}");
    // What may bill is told by its name and kind.
    let shown = place.server.call("list-recent-activity", json!({})).await.json();
    let run = &shown["may_be_billing"][0];
    assert_eq!(
        (&run["name"], &run["kind"]),
        (&json!("grpo-1"), &json!("RL")),
        "{shown}"
    );
}

#[tokio::test]
async fn what_a_known_list_of_models_shows_is_told_beside_other_problems() {
    let trainer = json!({"lora": {"max_rank": 64}});
    let config = json!({"gpu_type": "B200-SXM", "trainer_config": trainer, "generator_config": {"context_length": 100}});
    let models = json!({"data": [{"base_model": "m/n", "compute_configs": [config]}]});
    let mut place = Place::answering(vec![models]).await;
    let wrong = |body: Value| {
        let mut body = body;
        body["inactive_timeout"] = json!(1);
        json!({"body": body})
    };
    let gpu = json!({"base_model": "m/n", "compute_config": {"gpu_type": "H100"}});
    // Nothing is asked for it.
    let found = place
        .problems("create-model-resource", wrong(json!({"base_model": "m"})))
        .await;
    assert_eq!(found.len(), 1, "{found:#?}");
    place.server.call("list-supported-models", json!({})).await.json();
    for tool in ["create-model-resource", "estimate-model-resource-cost"] {
        let found = place.problems(tool, wrong(json!({"base_model": "m"}))).await;
        all_begin(&found, &["body.base_model: `m` is not offered; offered are m/n"]);
        let found = place.problems(tool, wrong(gpu.clone())).await;
        all_begin(
            &found,
            &["body.compute_config.gpu_type: `H100` is not offered; offered are B200-SXM"],
        );
    }
    let shown = json!({"id": "res-1", "base_model": "m/n", "status": "MODEL_RESOURCES_STATUS_READY"});
    place.upstream.script(vec![answer(&shown)]);
    place
        .server
        .call("get-model-resource", json!({"model_resources_id": "res-1"}))
        .await
        .json();
    let lora = json!({"rank": 128, "alpha": 1000});
    let call = json!({"body": {"model_resources_id": "res-1", "lora_config": lora}});
    let found = place.problems("create-training-session", call).await;
    assert_eq!(
        found,
        [
            "body.lora_config.alpha: is 1000, but must be at least 1 and at most 128",
            "body.lora_config.rank: is 128, and this model takes at most 64",
        ]
    );
    // An id of something else in the body as well.
    sampled(&mut place, ID).await;
    let call = json!({"body": {"model_resources_id": "res-1", "resume_from_checkpoint_id": "s", "lora_config": {"rank": 0}}});
    let found = place.problems("create-training-session", call).await;
    all_begin(
        &found,
        &[
            "body.resume_from_checkpoint_id: is to name a checkpoint, and s is a training session: no checkpoint of it is known here: save-training-checkpoint",
        ],
    );
}

#[cfg(feature = "text")]
#[tokio::test]
async fn what_an_encoder_at_hand_shows_is_told_beside_other_problems() {
    let mut place = Place::new().await;
    let user = json!({"role": "user", "content": "hi"});
    let examples = json!([{"messages": [user]}, {"prompt": "a"}, {"prompt": "a", "completion": "b"}]);
    let call = json!({"session_id": "s", "examples": examples});
    let found = place.problems("build-training-batch", call).await;
    let unanswered = "examples[0].messages: have nothing to train on: no turn is the assistant's";
    all_begin(&found, &[unanswered, "examples[1].completion: is required"]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let path = place.file("examples.json", &json!([{"messages": [user]}, {"prompt": 1}]));
    let call = json!({"session_id": "s", "examples_path": path, "scale_by_deviation": true});
    let found = place.problems("build-training-batch", call).await;
    all_begin(
        &found,
        &[
            "scale_by_deviation: does not go with examples",
            "examples_path[0].messages: have nothing to train on",
        ],
    );
}
