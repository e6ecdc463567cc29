//! Mistakes that models make: one answer says all that the next call needs.

mod arguments;
mod configs;
mod foreign;
mod ids;
mod names;
mod once;
mod rounds;
mod wishes;

use serde_json::{Value, json};

use crate::support::{Place, json as answer, status};

impl Place {
    /// The lines about problems of a call that is refused before anything is sent.
    async fn problems(&mut self, tool: &str, arguments: Value) -> Vec<String> {
        // What is only read may be asked for, so that nobody has to guess.
        let changes = |place: &Self| {
            let seen = place.upstream.seen();
            seen.iter()
                .filter(|request| !request.line().starts_with("GET "))
                .count()
        };
        let before = changes(self);
        let text = self.server.call(tool, arguments).await.error().to_owned();
        assert_eq!(changes(self), before, "{text}");
        let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
        lines.map(str::to_owned).collect()
    }

    /// A file of the data directory, in place of one that a tool writes.
    fn file(&self, path: &str, content: &Value) -> String {
        let path = self.data.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }
}

/// Whether one of the lines begins so.
fn begins(found: &[String], beginning: &str) -> bool {
    found.iter().any(|line| line.starts_with(beginning))
}

fn all_begin(found: &[String], beginnings: &[&str]) {
    for beginning in beginnings {
        assert!(begins(found, beginning), "{beginning}: {found:#?}");
    }
}

fn input(tokens: &[i64]) -> Value {
    json!({"chunks": [{"encoded_text": {"tokens": tokens}}]})
}

#[tokio::test]
async fn a_misplaced_value_is_checked_where_it_belongs() {
    let mut place = Place::new().await;
    let sample = json!({"model_input": input(&[1, 2, 3]), "loss_fn_inputs": {"target_tokens": [2, 3], "weights": [1, 1, 1], "own": [1]}});
    let cases = [
        (
            "extend-model-resource-expiry",
            json!({"model_resources_id": "m", "seconds": 30}),
            vec![
                "seconds: belongs inside body: write body.seconds, as {\"body\": {\"seconds\": …}}",
                "body.seconds: is 30, but must be at least 60",
            ],
        ),
        (
            "weights-sync",
            json!({"session_id": "s", "weight_sync_type": "sync"}),
            vec![
                "weight_sync_type: belongs inside body: write body.weight_sync_type",
                "body.weight_sync_type: `sync` is not one of",
            ],
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "m", "lora_config": {"lora_dropout": 1, "r": 0}, "lora_alpha": 999}}),
            vec![
                "body.lora_alpha: belongs inside lora_config, where it is called alpha here",
                "body.lora_config.lora_dropout: is called dropout here",
                "body.lora_config.r: is called rank here",
                "body.lora_config.dropout: is 1, but must be at least 0 and below 1",
                "body.lora_config.rank: is 0, but must be at least 1",
                "body.lora_config.alpha: is 999, but must be at least 1 and at most 128",
            ],
        ),
        // One thing is said of a name that belongs further out.
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [input(&[1])], "n": 0, "sampling_params": {"num_samples": 2}}}),
            vec![
                "body.n: is called num_samples here",
                "body.num_samples: is 0, but must be at least 1",
            ],
        ),
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [input(&[1])], "sampling_params": {"n": 0}}}),
            vec![
                "body.sampling_params.n: is called num_samples here, and belongs beside sampling_params: write body.num_samples",
                "body.num_samples: is 0, but must be at least 1",
            ],
        ),
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [input(&[1])], "wait_seconds": -1}}),
            vec![
                "body.wait_seconds: belongs beside body: write wait_seconds",
                "wait_seconds: is -1, but must be at least 0",
            ],
        ),
        // A value in another form is looked at all the same.
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": [sample], "loss": "cross_entropy"}}),
            vec![
                "body.samples[0].loss_fn_inputs.target_tokens: found a list, expected an object: write {\"data\": […], \"dtype\": \"int64\"}",
                "body.samples[0].loss_fn_inputs.weights: found a list, expected an object: write {\"data\": […], \"dtype\": \"int64\" or \"float32\"}",
                "body.loss: found text, expected an object: write {\"type\":\"LOSS_TYPE_CROSS_ENTROPY\"}",
                "body.samples[0].loss_fn_inputs.own: found a list, expected an object",
                "body.samples[0].loss_fn_inputs.target_tokens: has 2 values for 3 tokens",
                "body.samples[0].loss_fn_inputs.own: has 1 values for 3 tokens",
            ],
        ),
        (
            "custom-forward-backward-pass",
            json!({"session_id": "s", "body": {"gradients": [[0.1, 0.2]], "samples": [{"model_input": [1, 2, 3], "loss_fn_inputs": {"target_tokens": {"data": [2, 3, 4], "dtype": "int32"}}}]}}),
            vec![
                "body.gradients[0]: found a list, expected an object: write {\"data\"",
                "body.samples[0].model_input: found a list, expected an object: write {\"chunks\"",
                "body.samples[0].loss_fn_inputs.target_tokens.dtype: must be \"int64\"",
                "body.gradients[0]: has 2 values for 3 tokens",
            ],
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": [{"model_input": {"tokens": [1, 2, 3]}, "labels": [2, 3]}], "loss": "dpo"}}),
            vec![
                "body.samples[0].labels: belongs inside loss_fn_inputs, as target_tokens",
                "body.samples[0].model_input.tokens: belongs inside chunks",
                "body.samples[0].loss_fn_inputs.target_tokens: found a list, expected an object",
                "body.loss: found text, expected an object: write {\"type\": \"LOSS_TYPE_GRPO\"}, for example",
                "body.loss.type: is not among this service's losses",
                "body.samples[0].loss_fn_inputs.target_tokens: has 2 values for 3 tokens",
            ],
        ),
        // What an old name of a value asks for is asked for at once.
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"loss": {"type": "sft"}, "samples": [{"model_input": input(&[1, 2]), "loss_fn_inputs": {"target_tokens": {"data": [2, 3], "dtype": "int64"}}}]}}),
            vec![
                "body.loss.type: must be \"LOSS_TYPE_CROSS_ENTROPY\"",
                "body.samples[0].loss_fn_inputs.weights: is required for LOSS_TYPE_CROSS_ENTROPY",
            ],
        ),
    ];
    for (tool, arguments, expected) in cases {
        let found = place.problems(tool, arguments).await;
        let told = |expected: &&&str| found.iter().any(|found| found.starts_with(**expected));
        assert_eq!(expected.iter().filter(told).count(), expected.len(), "{found:#?}");
        let further = |found: &&String| !expected.iter().any(|expected| found.starts_with(expected));
        // One value belongs to a place that is taken.
        let further: Vec<&String> = found.iter().filter(further).collect();
        assert!(
            further
                .iter()
                .all(|problem| problem.starts_with("body.sampling_params.num_samples")),
            "{further:#?}"
        );
    }
}

#[tokio::test]
async fn an_id_under_the_name_of_its_kind_is_taken_as_it_is_meant() {
    let mut place = Place::answering(vec![json!({"id": "x"})]).await;
    for (tool, name, path) in [
        ("get-checkpoint", "checkpoint_id", "/v1/rl/checkpoints/x "),
        ("get-training-session", "id", "/v1/rl/training-sessions/x "),
        ("get-model-resource", "resource_id", "/v1/rl/model-resources/x "),
        (
            "prime-intellect-getrunprogress",
            "runId",
            "/api/v1/rft/runs/x/progress ",
        ),
    ] {
        let shown = place.server.call(tool, json!({name: "x"})).await.json();
        let note = shown["note"].as_str().unwrap().to_owned();
        assert!(
            note.starts_with(&format!("{name} was taken for ")),
            "{tool}: {note}"
        );
        let seen = place.upstream.seen();
        assert!(seen.last().unwrap().line().contains(path), "{tool}");
    }
    // One of another kind is told what is wanted, and one beside the right one is not taken for it.
    for (tool, arguments, problem) in [
        (
            "stop-model-resource",
            json!({"session_id": "x"}),
            "session_id: is not known here: give model_resources_id, which names a model resource",
        ),
        (
            "get-checkpoint",
            json!({"session_id": "x"}),
            "session_id: is not known here: give id, which names a checkpoint",
        ),
        (
            "prime-intellect-getrun",
            json!({"id": "x", "run_id": "y"}),
            "id: is not known here",
        ),
        // Two ids are missing.
        (
            "get-sample-operation",
            json!({"id": "x"}),
            "session_id: is required",
        ),
    ] {
        let found = place.problems(tool, arguments).await;
        assert!(
            found.iter().any(|found| found.starts_with(problem)),
            "{tool}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn what_belongs_to_another_tool_names_it() {
    let mut place = Place::new().await;
    for (tool, arguments, problem) in [
        (
            "forward-backward-pass",
            json!({"session_id": "s", "lr": 1e-4}),
            "lr: is not known here: it belongs to optimizer-step: body.adam_params.learning_rate",
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"max_grad_norm": 1}}),
            "body.max_grad_norm: is not known here: it belongs to optimizer-step: body.adam_params.grad_clip_norm",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "b", "optimizer_config": {"adam": {"learning_rate": 1e-4}}}}),
            "body.optimizer_config.adam.learning_rate: is not known here: it belongs to optimizer-step",
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"temperature": 1}}),
            "body.temperature: is not known here: it belongs to sample: body.sampling_params.temperature",
        ),
        // All arguments inside of one more.
        (
            "build-training-batch",
            json!({"session_id": "s", "body": {"operation_ids": ["o"], "rewards": [[1, null]]}}),
            "body: does not belong here: write operation_ids, rewards as arguments of their own, beside the others",
        ),
        (
            "build-training-batch",
            json!({"session_id": "s", "body": {"operation_ids": ["o"], "rewards": [[1, null]]}}),
            "rewards[0][1]: found null",
        ),
    ] {
        let found = place.problems(tool, arguments).await;
        assert!(
            found.iter().any(|found| found.starts_with(problem)),
            "{tool}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn what_only_this_machine_knows_is_told_beside_other_problems() {
    let mut place = Place::new().await;
    let found = place
        .problems(
            "download-checkpoint",
            json!({"checkpoint_id": "x", "variant": "lora", "directory": "/elsewhere"}),
        )
        .await;
    assert!(
        found[0].starts_with("variant: must be \"CHECKPOINT_VARIANT_ADAPTER\"")
            && found[1].starts_with("directory: it must lie under"),
        "{found:#?}"
    );
    let found = place
        .problems(
            "build-training-batch",
            json!({"session_id": "s", "operation_ids": ["o"], "rewards": [[1, null]]}),
        )
        .await;
    assert!(
        found[0].starts_with("rewards[0][1]: found null")
            && found[1].starts_with("operation_ids[0]: no result of it is stored"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_bound_that_looks_like_an_offset_is_noted() {
    let operation = json!({"id": "o", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"loss": 1.0, "metrics": {}}});
    let mut place = Place::answering(vec![operation]).await;
    let tensor = |dtype: &str, data: [f64; 2]| json!({"data": data, "dtype": dtype});
    let inputs = json!({"target_tokens": tensor("int64", [2.0, 3.0]), "logprobs": tensor("float32", [0.0, -1.0]), "advantages": tensor("float32", [0.0, 1.0])});
    let sample = json!({"model_input": input(&[1, 2]), "loss_fn_inputs": inputs});
    for (loss, words) in [
        (
            json!({"type": "grpo", "grpo_params": {"clip_low_threshold": 0.2}}),
            Some(
                "clip_low_threshold 0.2 lets the ratio fall to 0.2: it is the bound itself, no offset. Where an offset of 0.2 is meant, write 0.8.",
            ),
        ),
        (
            json!({"type": "cispo", "cispo_params": {"clip_high_threshold": 0.28}}),
            Some("write 1.28."),
        ),
        (
            json!({"type": "ppo", "ppo_params": {"clip_low_threshold": 0.8}}),
            None,
        ),
    ] {
        let body = json!({"samples": [sample], "loss": loss});
        let arguments = json!({"session_id": "s", "body": body, "idempotency_key": loss["type"]});
        let shown = place.server.call("forward-backward-pass", arguments).await.json();
        let note = shown["note"].as_str().unwrap_or_default();
        match words {
            Some(words) => assert!(note.contains(words), "{shown}"),
            None => assert!(!note.contains("offset"), "{shown}"),
        }
    }
}

#[tokio::test]
async fn an_id_of_another_kind_in_a_filter_is_told() {
    let resource = json!({"id": "res", "status": "MODEL_RESOURCES_STATUS_READY"});
    let mut place = Place::answering(vec![json!({"currency": "USD", "price_per_hour": 1.0}), resource]).await;
    let create = json!({"body": {"base_model": "b"}});
    place.server.call("create-model-resource", create).await.json();
    place
        .upstream
        .script(vec![answer(&json!({"data": [], "meta": {"has_more": false}}))]);
    let shown = place
        .server
        .call("list-checkpoints", json!({"session_id": "res"}))
        .await
        .json();
    let note = shown["note"].as_str().unwrap();
    assert!(
        note.starts_with("session_id is to name a training session, and res is a model resource"),
        "{note}"
    );
    // In place of another id it is told as well, before anything is sent.
    let found = place
        .problems("stop-training-session", json!({"model_resources_id": "res"}))
        .await;
    assert_eq!(
        found,
        [
            "model_resources_id: is not known here: give session_id, which names a training session",
            "session_id: is to name a training session, and res is a model resource: stop-model-resource with model_resources_id res ends it."
        ]
    );
    // What is only empty says nothing of ids.
    let shown = place
        .server
        .call("list-checkpoints", json!({"session_id": "unknown"}))
        .await
        .json();
    assert!(
        !shown["note"].as_str().unwrap_or_default().contains("is to name"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_session_or_run_that_has_ended_is_told_the_way_on() {
    let mut place = Place::new().await;
    for (refusal, tool, arguments, next) in [
        (
            status(
                400,
                "",
                r#"{"error":{"message":"the training session is not RUNNING","type":"invalid_request_error"}}"#,
            ),
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [input(&[1])]}}),
            "create-training-session with resume_from_checkpoint_id",
        ),
        (
            status(
                409,
                "",
                r#"{"detail":"Only a PAUSED run can be resumed; it is STOPPED"}"#,
            ),
            "prime-intellect-resumerun",
            json!({"run_id": "r"}),
            "start a new run with prime-intellect-createrun",
        ),
        (
            status(
                404,
                "",
                r#"{"error":{"message":"there is no model resource m","type":"not_found"}}"#,
            ),
            "create-training-session",
            json!({"body": {"model_resources_id": "m"}}),
            "check model_resources_id: list-model-resources shows those that exist.",
        ),
        (
            status(
                404,
                "",
                r#"{"error":{"message":"there is no checkpoint c","type":"not_found"}}"#,
            ),
            "create-training-session",
            json!({"body": {"model_resources_id": "m", "resume_from_checkpoint_id": "c"}}),
            "and resume_from_checkpoint_id (get-training-session",
        ),
    ] {
        place.upstream.script(vec![refusal]);
        let text = place.server.call(tool, arguments).await.error().to_owned();
        assert!(text.contains(next), "{text}");
    }
}

#[tokio::test]
async fn a_file_for_another_tool_names_it() {
    let mut place = Place::new().await;
    let sequence = json!({"tokens": [1], "logprobs": [-0.5]});
    let result = place.file(
        "results/s/sample-op.json",
        &json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"results": [{"sequences": [sequence]}]}}),
    );
    let scoring = place.file(
        "batches/scoring.json",
        &json!({"model_inputs": [input(&[1])], "num_samples": 1}),
    );
    let batch = place.file(
        "batches/batch.json",
        &json!({"samples": [], "loss": {"type": "grpo"}}),
    );
    let step = place.file("batches/other.json", &json!({"status": 1}));
    for (tool, path, problem) in [
        (
            "forward-backward-pass",
            &result,
            "body_path: the file holds the result of a sampling, no body: build-training-batch makes one of it (operation_ids [\"op\"] and rewards)",
        ),
        (
            "forward-backward-pass",
            &scoring,
            "body_path: the file holds a body for sample, not one for this tool",
        ),
        (
            "sample",
            &batch,
            "body_path: the file holds a body for forward-backward-pass, not one for this tool",
        ),
        (
            "optimizer-step",
            &result,
            "body_path: the file holds the result of a sampling",
        ),
        // What is like nothing is checked as it is.
        ("sample", &step, "body.status: is not known here"),
    ] {
        let found = place
            .problems(tool, json!({"session_id": "s", "body_path": path}))
            .await;
        assert!(found[0].starts_with(problem), "{tool}: {found:#?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_the_nearest() {
    let mut place = Place::new().await;
    let batch = place.file("batches/0b1c-1-of-1.json", &json!({}));
    let stored = place.file("results/s/sample-op-77.json", &json!({}));
    place.file("results/s/sample-op-77.request.json", &json!({}));
    let root = place.data.path().display().to_string();
    for (path, found) in [
        (
            "op-77".to_owned(),
            format!("path: there is no such file; the nearest are {stored}"),
        ),
        (
            format!("{root}/batches/0b1c.json"),
            format!("path: there is no such file; the nearest are {batch}"),
        ),
        (
            "0b1c-2-of-1.json".to_owned(),
            format!("path: there is no such file; the nearest are {batch}"),
        ),
        (
            format!("{root}/zebra.bin"),
            "path: there is no such file, and none of a similar name".to_owned(),
        ),
    ] {
        let told = place.problems("read-result", json!({"path": path})).await;
        assert_eq!(told, [found]);
    }
    // Only outside of the data directory the user's setting is the way.
    let told = place
        .problems("read-result", json!({"path": "/elsewhere/zebra.json"}))
        .await;
    assert!(told[0].contains("RL_MCP_FILE_DIRS"), "{told:#?}");
}

#[tokio::test]
async fn an_operation_in_place_of_its_file_names_the_tool_that_writes_it() {
    let pending = json!({"id": "op-9", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    let mut place = Place::answering(vec![pending]).await;
    let body = json!({"model_inputs": [input(&[1])]});
    let sample = json!({"session_id": "s", "body": body, "wait_seconds": 0});
    place.server.call("sample", sample).await.json();
    let told = place.problems("read-result", json!({"path": "op-9"})).await;
    assert_eq!(
        told,
        [
            "path: is not a file: op-9 was started by sample in session s: call get-sample-operation with session_id s. With output file it writes one."
        ]
    );
}

#[tokio::test]
async fn a_flat_config_of_a_run_is_told_its_places() {
    let mut place = Place::new().await;
    let flat = json!({"learning_rate": 1e-5, "num_generations": 8, "max_tokens": 128, "max_steps": 10});
    let found = place
        .problems("prime-intellect-createrun", json!({"body": {"config": flat}}))
        .await;
    for line in [
        "body.config.learning_rate: belongs at trainer.optim.lr",
        "body.config.num_generations: belongs at orchestrator.group_size",
        "body.config.max_tokens: belongs at orchestrator.train.sampling.max_completion_tokens",
    ] {
        assert!(found.iter().any(|found| found == line), "{found:#?}");
    }
    let toml = json!({"body": {"config": "max_steps = 10\n[trainer]\n"}});
    let found = place.problems("prime-intellect-createrun", toml).await;
    assert!(
        found[0].starts_with("body.config: found text, expected an object: Write the TOML as a JSON object. A whole config, for RL: {")
            && found.len() == 1,
        "{found:#?}"
    );
    // What the platform refuses is told the same, with a whole config of its mode alone.
    let config = json!({"trainer": {"optim": {"learning_rate": 1e-5}}, "orchestrator": {"num_generations": 8, "batch_size": 8}});
    let mut refused = async |words: &str| {
        let body = json!({"detail": words}).to_string();
        place.upstream.script(vec![status(422, "", &body)]);
        let call = json!({"body": {"config": config}});
        let outcome = place.server.call("prime-intellect-createrun", call).await;
        outcome.error().to_owned()
    };
    let text = refused("config.trainer.optim.learning_rate: Extra inputs are not permitted").await;
    assert!(
        text.contains("trainer.optim.learning_rate belongs at trainer.optim.lr. orchestrator.num_generations belongs at orchestrator.group_size. orchestrator.train.source is missing, and says where prompts come from: write [{")
            && text.contains(" A whole config: {")
            && !text.contains("\"fake\"")
            && !text.contains("batch_size belongs"),
        "{text}"
    );
    let text = refused("gpuType: No capacity of this type; there is H200_141GB").await;
    assert!(text.ends_with("Next: correct what the service names."), "{text}");
}

#[tokio::test]
async fn a_run_is_priced_without_being_started() {
    let models = json!({"models": [], "onDemandBetaAccess": true, "onDemand": [
        {"gpuType": "H200_141GB", "pricePerGpuHour": 3.5, "availableNow": true, "isBeta": false},
        {"gpuType": "B200_180GB", "pricePerGpuHour": 5.1, "availableNow": false, "isBeta": true},
    ]});
    let mut place = Place::answering(vec![models]).await;
    let rl = json!({"trainer": {}, "orchestrator": {}});
    let with = |deployment: Value| {
        let mut config = rl.clone();
        config["deployment"] = deployment;
        config
    };
    for (config, gpus, price) in [
        (rl.clone(), json!(2), json!(7.0)),
        (
            with(json!({"num_train_gpus": 3, "num_infer_gpus": 1})),
            json!(4),
            json!(14.0),
        ),
        (
            with(
                json!({"type": "multi_node", "num_train_nodes": 1, "num_infer_nodes": 1, "num_infer_replicas": 2}),
            ),
            json!(24),
            json!(84.0),
        ),
        // What only the platform knows is not made up.
        (json!({"data": {"type": "fake"}}), Value::Null, Value::Null),
    ] {
        let call = json!({"body": {"config": config, "gpuType": "H200_141GB"}, "estimate_only": true});
        let shown = place.server.call("prime-intellect-createrun", call).await.json();
        assert_eq!(shown["gpus"], gpus, "{shown}");
        let [offer] = shown["on_demand"].as_array().unwrap().as_slice() else {
            panic!("{shown}");
        };
        assert_eq!(
            (&offer["price_per_gpu_hour"], &offer["price_per_hour"]),
            (&json!(3.5), &price)
        );
        let note = shown["note"].as_str().unwrap();
        assert!(
            note.starts_with("Only an estimate: nothing was started."),
            "{shown}"
        );
        assert_eq!(
            note.contains("deployment.num_train_gpus sets it"),
            gpus.is_null(),
            "{shown}"
        );
    }
    let seen = place.upstream.seen();
    assert!(seen.iter().all(|seen| seen.line().starts_with("GET ")));
}

#[tokio::test]
async fn a_run_that_was_resumed_before_says_so() {
    let mut place = Place::answering(vec![
        json!({"runId": "one", "tokenValue": "pit_x", "onDemand": true}),
    ])
    .await;
    let call = json!({"run_id": "paused", "wait_seconds": 0});
    let first = place
        .server
        .call("prime-intellect-resumerun", call.clone())
        .await
        .json();
    assert!(
        !first["note"].as_str().unwrap().contains("resumed before"),
        "{first}"
    );
    place.upstream.script(vec![answer(
        &json!({"runId": "two", "tokenValue": "pit_y", "onDemand": true}),
    )]);
    let second = place.server.call("prime-intellect-resumerun", call).await.json();
    assert!(
        second["note"]
            .as_str()
            .unwrap()
            .contains("It was resumed before, as one: each run"),
        "{second}"
    );
}
