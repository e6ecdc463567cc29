//! What goes wrong together is said together, and what would go wrong in silence is said before it does.

use serde_json::{Value, json};

use super::{Place, answer, input, status};

fn tensor(data: &[f64], dtype: &str) -> Value {
    json!({"data": data, "dtype": dtype})
}

/// A batch for a loss with log-probabilities.
fn batch(loss: &Value) -> Value {
    let inputs = json!({
        "target_tokens": tensor(&[2.0, 3.0], "int64"),
        "logprobs": tensor(&[0.0, -1.0], "float32"),
        "advantages": tensor(&[0.0, 1.0], "float32"),
    });
    json!({"samples": [{"model_input": input(&[1, 2]), "loss_fn_inputs": inputs}], "loss": loss})
}

/// An operation that is under way.
fn pending(id: &str) -> Value {
    json!({"id": id, "status": "TRAINING_OPERATION_STATUS_PENDING"})
}

fn note(reply: &Value) -> &str {
    reply["note"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn both_bounds_that_are_offsets_are_told_at_once() {
    let mut place = Place::new().await;
    for (kind, member) in [("grpo", "grpo_params"), ("ppo", "ppo_params")] {
        let mut loss = json!({"type": kind});
        loss[member] = json!({"clip_low_threshold": 0.2, "clip_high_threshold": 0.28});
        let call = json!({"session_id": "s", "body": batch(&loss)});
        let found = place.problems("forward-backward-pass", call).await;
        assert_eq!(
            found,
            [
                format!(
                    "body.loss.{member}.clip_low_threshold: is 0.2, which is the bound itself and no offset from 1: for an offset of 0.2 write 0.8"
                ),
                format!(
                    "body.loss.{member}.clip_high_threshold: is 0.28, but must be at least 1: it is the bound itself and no offset from 1, so for an offset of 0.28 write 1.28"
                ),
            ]
        );
    }
    let loss = json!({"type": "grpo", "grpo_params": {"clip_low_threshold": 1.2, "clip_high_threshold": 0}});
    let call = json!({"session_id": "s", "operation_ids": ["a"], "rewards": [[1]], "loss": loss});
    let found = place.problems("build-training-batch", call).await;
    assert!(
        found[0] == "loss.grpo_params.clip_low_threshold: is 1.2, but must be at most 1"
            && found[1] == "loss.grpo_params.clip_high_threshold: is 0, but must be at least 1",
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_doubt_is_said_beside_a_refusal() {
    let mut place = Place::new().await;
    let call =
        json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 5, "weight_decay": "much"}}});
    let text = place.server.call("optimizer-step", call).await.error().to_owned();
    assert!(
        text.contains("body.adam_params.weight_decay: found text")
            && text.contains("\nNote: This learning_rate is far above what is usual"),
        "{text}"
    );
}

#[tokio::test]
async fn a_sample_without_mask_is_noted() {
    let mut place = Place::answering(vec![pending("op-1")]).await;
    let call = json!({"session_id": "s", "body": batch(&json!({"type": "grpo"})), "wait_seconds": 0});
    let reply = place.server.call("forward-backward-pass", call).await.json();
    assert!(
        note(&reply).starts_with("1 sample without mask and weights: all positions count"),
        "{reply}"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_used_hides_nothing_else() {
    let mut place = Place::new().await;
    let inline = |argument: &str| format!(". Or write it into the call, as {argument}");
    let cases = [
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body_path": "none.json", "body": {"loss": {"type": "dpo"}}}),
            vec![
                ("body_path: ", inline("body")),
                ("body.loss.type: ", String::new()),
            ],
        ),
        // What is missing may be in the file.
        (
            "update-training-session",
            json!({"session_id": "s", "body_path": "none.json"}),
            vec![("body_path: ", inline("body"))],
        ),
        (
            "prime-intellect-createrun",
            json!({"body_path": "none.json"}),
            vec![("body_path: ", inline("body"))],
        ),
        (
            "prime-intellect-createrun",
            json!({"config_path": "none.toml", "body": {"sourceRef": "-x"}}),
            vec![
                ("body.sourceRef: ", String::new()),
                ("config_path: ", inline("body.config")),
            ],
        ),
        (
            "build-training-batch",
            json!({"session_id": "s", "examples_path": "none.json", "loss": "grpo"}),
            vec![
                ("loss: ", String::new()),
                ("loss.type: ", String::new()),
                ("examples_path: ", inline("examples")),
            ],
        ),
    ];
    for (tool, call, expected) in cases {
        let found = place.problems(tool, call).await;
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, (start, end)) in found.iter().zip(&expected) {
            assert!(found.starts_with(start) && found.ends_with(end), "{found}");
        }
    }
}

#[tokio::test]
async fn a_step_without_gradients_is_refused_where_that_is_certain() {
    let mut place = Place::answering(vec![json!({"id": "s"})]).await;
    let step =
        json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 1e-5}}, "wait_seconds": 0});
    // A session that this server has not seen.
    place
        .upstream
        .script(vec![answer(&pending("op-0")), answer(&pending("op-9"))]);
    let mut unseen = step.clone();
    unseen["session_id"] = json!("unseen");
    place.server.call("optimizer-step", unseen.clone()).await.json();
    // Nor is it known who else works on it.
    let reply = place.server.call("optimizer-step", unseen).await.json();
    assert!(
        note(&reply).contains("momentum and weight decay alone"),
        "{reply}"
    );

    place.upstream.script(vec![answer(&json!({"id": "s"}))]);
    let session = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
    place.server.call("create-training-session", session).await.json();
    let found = place.problems("optimizer-step", step.clone()).await;
    assert!(
        found.len() == 1 && found[0].starts_with("session_id: has no gradients to apply"),
        "{found:#?}"
    );
    let wrong = json!({"session_id": "s", "body": {"adam_params": {"learning_rate": -1}}});
    assert_eq!(place.problems("optimizer-step", wrong).await.len(), 2);
    // Where the session has ended no pass can add any.
    let ended = json!({"session_id": "s-2", "body": {"adam_params": {"learning_rate": 1e-5}}});
    place.upstream.script(vec![
        answer(&json!({"id": "s-2"})),
        answer(&json!({"id": "s-2", "status": "TRAINING_SESSION_STATUS_STOPPED"})),
    ]);
    let session = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
    place.server.call("create-training-session", session).await.json();
    let ending = json!({"session_id": "s-2"});
    place.server.call("stop-training-session", ending).await.json();
    let found = place.problems("optimizer-step", ended).await;
    assert!(
        found.len() == 1 && found[0].starts_with("session_id: has ended, and trains no more"),
        "{found:#?}"
    );
    // Under a key of the caller's own the service may know it.
    let mut keyed = step.clone();
    keyed["idempotency_key"] = json!("mine");
    place.upstream.script(vec![answer(&pending("op-1"))]);
    let reply = place.server.call("optimizer-step", keyed).await.json();
    assert!(
        note(&reply).contains("momentum and weight decay alone"),
        "{reply}"
    );
    // A pass of which nobody knows what became may have added some.
    let call = json!({"session_id": "s", "body": batch(&json!({"type": "grpo"})), "wait_seconds": 0});
    place.upstream.script(vec![status(500, "", "{}")]);
    place.server.call("forward-backward-pass", call).await.error();
    place.upstream.script(vec![answer(&pending("op-2"))]);
    place.server.call("optimizer-step", step).await.json();
}

#[tokio::test]
async fn an_operation_that_is_not_there_names_those_that_are() {
    let mut place = Place::answering(vec![pending("op-77")]).await;
    let sample = json!({"session_id": "s", "body": {"model_inputs": [input(&[1])]}, "wait_seconds": 0});
    place.server.call("sample", sample).await.json();
    place
        .upstream
        .script(vec![status(404, "", r#"{"error": {"message": "not found"}}"#)]);
    let call = json!({"session_id": "s", "operation_id": "first"});
    for (tool, next) in [
        (
            "get-sample-operation",
            "Next: sample has started these in session s, the newest first: op-77.",
        ),
        (
            "get-weights-sync-operation",
            "Next: no weights-sync was started in session s from here: call weights-sync, whose answer has the operation_id.",
        ),
    ] {
        let outcome = place.server.call(tool, call.clone()).await;
        assert!(outcome.error().ends_with(next), "{}", outcome.text);
    }
}

#[tokio::test]
async fn a_model_that_is_not_offered_is_told_those_that_are() {
    let mut place = Place::new().await;
    let config = json!({"gpu_type": "B200-SXM", "generator_config": {"context_length": 100}});
    let models = json!({"data": [{"base_model": "Qwen/Qwen3-8B", "compute_configs": [config]}]});
    for (body, next) in [
        (
            json!({"base_model": "Qwen3-8B"}),
            "body.base_model `Qwen3-8B` is not offered; offered are Qwen/Qwen3-8B.",
        ),
        (
            json!({"base_model": "Qwen/Qwen3-8B", "compute_config": {"gpu_type": "H100"}}),
            "body.compute_config.gpu_type `H100` is not offered; offered are B200-SXM.",
        ),
        (
            json!({"base_model": "Qwen/Qwen3-8B"}),
            "correct what the service names",
        ),
    ] {
        place
            .upstream
            .script(vec![status(422, "", r#"{"detail": "no"}"#), answer(&models)]);
        let call = json!({"body": body, "estimate_only": true});
        let outcome = place.server.call("create-model-resource", call).await;
        let (_, said) = outcome.error().split_once("Next: ").unwrap();
        assert!(said.starts_with(next), "{}", outcome.text);
    }
}

#[tokio::test]
async fn what_a_model_cannot_write_is_noted_where_its_context_is_known() {
    let config = json!({"gpu_type": "B200-SXM", "generator_config": {"context_length": 100}});
    let models = json!({"data": [{"base_model": "m/n", "compute_configs": [config]}]});
    let mut place = Place::answering(vec![models]).await;
    place.server.call("list-supported-models", json!({})).await.json();
    place
        .upstream
        .script(vec![answer(&json!({"id": "s", "base_model": "m/n"}))]);
    let get = json!({"session_id": "s", "wait_seconds": 0});
    place.server.call("get-training-session", get).await.json();
    for (session, most, noted) in [("s", 99, false), ("s", 100, true), ("other", 100, false)] {
        place.upstream.script(vec![answer(&pending("op-1"))]);
        let body = json!({"model_inputs": [input(&[1])], "sampling_params": {"max_tokens": most}});
        let call = json!({"session_id": session, "body": body, "wait_seconds": 0});
        let reply = place.server.call("sample", call).await.json();
        assert_eq!(
            note(&reply).contains("is more than m/n can write"),
            noted,
            "{reply}"
        );
    }
}

#[tokio::test]
async fn a_token_id_stops_nothing() {
    let mut place = Place::answering(vec![pending("op-1")]).await;
    let body = |stop: Value| {
        let params = json!({"stop": stop});
        json!({"session_id": "s", "body": {"model_inputs": [input(&[1])], "sampling_params": params}, "wait_seconds": 0})
    };
    for stop in [json!([256]), json!(256), json!("[256]")] {
        let found = place.problems("sample", body(stop)).await;
        assert!(
            found.len() == 1 && found[0].contains("The service takes no token ids here"),
            "{found:#?}"
        );
    }
    let reply = place.server.call("sample", body(json!(["256"]))).await.json();
    assert!(note(&reply).contains("it is a text, and no token id"), "{reply}");
}

#[cfg(feature = "text")]
#[tokio::test]
async fn a_message_that_would_be_silent_is_refused() {
    let mut place = Place::new().await;
    for (call, expected) in [
        (
            json!({"messages": [{"role": "user", "text": "hi"}]}),
            vec!["messages[0].text: is called content here"],
        ),
        (
            json!({"messages": [{"from": "human", "value": "hi"}]}),
            vec![
                "messages[0].from: is called role here",
                "messages[0].value: is called content here",
                "messages[0].role: is human, which no template knows: write \"user\"",
            ],
        ),
        (
            json!({"messages": [{"role": "user"}, {"role": "assistant", "tool_calls": []}, {"role": "user", "content": 5}]}),
            vec![
                "messages[0].content: is required: the text of the message",
                "messages[2].content: must be text, or a list of parts",
            ],
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": false}),
            vec![
                "add_generation_prompt: is a variable of the template: write template_args.add_generation_prompt",
            ],
        ),
        (json!({"prompt": "hi"}), vec!["prompt: is called text here"]),
        (
            json!({"messages": "hi"}),
            vec!["messages: found text, expected a list: [{\"role\": \"user\", \"content\": \"…\"}]"],
        ),
    ] {
        let found = place.problems("render-prompt", call).await;
        assert_eq!(found, expected);
    }
}

/// A config with what the platform refuses and no schema here knows.
fn doubtful() -> Value {
    json!({
        "trainer": {"optim": {"learning_rate": 1e-6}},
        "orchestrator": {
            "batch_size": 10,
            "group_size": 4,
            "sampling": {"temperature": 1, "max_tokens": 5},
            "train": {"source": ["reverse-text"]},
        },
    })
}

const DOUBTS: [&str; 5] = [
    "trainer.optim.learning_rate belongs at trainer.optim.lr.",
    "orchestrator.sampling belongs at orchestrator.train.sampling.",
    "orchestrator.sampling.max_tokens belongs at orchestrator.train.sampling.max_completion_tokens.",
    "orchestrator.batch_size is 10, no multiple of group_size 4: write 8 or 12.",
    "orchestrator.train.source[0] is text, and a source is a table: write {\"name\": \"reverse\", \"env\": {\"taskset\": {\"id\": \"reverse-text\"}}}.",
];

#[tokio::test]
async fn an_estimate_says_what_the_platform_will_refuse() {
    let models = json!({"models": [], "onDemand": [{"gpuType": "H200_141GB", "pricePerGpuHour": 3.5}]});
    let mut place = Place::answering(vec![models.clone()]).await;
    let call = json!({"body": {"config": doubtful()}, "estimate_only": true});
    let shown = place
        .server
        .call("prime-intellect-createrun", call.clone())
        .await
        .json();
    for doubt in DOUBTS {
        assert!(
            note(&shown).contains(&format!("body.config.{doubt}")),
            "{doubt}: {shown}"
        );
    }
    assert!(!note(&shown).contains("sampling.temperature"), "{shown}");
    // A type of GPU that is not offered has no price.
    let types = json!({"gpuTypes": ["H100_80GB"]});
    place.upstream.script(vec![answer(&models), answer(&types)]);
    let mut other = call.clone();
    other["body"]["gpuType"] = json!("H100");
    let text = place
        .server
        .call("prime-intellect-createrun", other)
        .await
        .error()
        .to_owned();
    assert!(
        text.contains(
            "body.gpuType: `H100` is not offered; offered are H100_80GB, H200_141GB. Did you mean H100_80GB?"
        ) && text.contains("body.config.orchestrator.batch_size: is 10"),
        "{text}"
    );
    // The start itself, refused.
    let refused = status(422, "", r#"{"detail": "gpuType and config are wrong"}"#);
    place
        .upstream
        .script(vec![refused, answer(&models), answer(&types)]);
    let start = json!({"body": {"config": doubtful(), "gpuType": "H100"}});
    let text = place
        .server
        .call("prime-intellect-createrun", start)
        .await
        .error()
        .to_owned();
    assert!(text.contains("offered are H100_80GB, H200_141GB."), "{text}");
    assert!(DOUBTS.iter().all(|doubt| text.contains(doubt)), "{text}");
    // And taken all the same.
    let started = json!({"runId": "r", "tokenValue": "t"});
    place.upstream.script(vec![answer(&started)]);
    let start = json!({"body": {"config": doubtful()}, "wait_seconds": 0});
    let shown = place.server.call("prime-intellect-createrun", start).await.json();
    assert!(
        note(&shown).contains("may not heed it: trainer.optim.learning_rate belongs at trainer.optim.lr"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_config_of_another_trainer_is_told_so() {
    let models = json!({"models": [], "onDemand": [{"gpuType": "H200_141GB", "pricePerGpuHour": 3.5}]});
    let mut place = Place::answering(vec![models]).await;
    let config = json!({"per_device_train_batch_size": 8, "data": {"type": "fake"}});
    let call = json!({"body": {"config": config}, "estimate_only": true});
    let shown = place.server.call("prime-intellect-createrun", call).await.json();
    let doubt = "body.config.per_device_train_batch_size belongs at data.batch_size";
    assert!(note(&shown).contains(doubt), "{shown}");
    let config = json!({"actor_rollout_ref": {}, "algorithm": {"adv_estimator": "grpo"}, "data": {"train_files": "x"}});
    let call = json!({"body": {"config": config}, "estimate_only": true});
    let found = place.problems("prime-intellect-createrun", call).await;
    for line in [
        "body.config.trainer: is required for an RL run",
        "body.config.algorithm: is not among the trainer's own keys",
    ] {
        assert!(found.iter().any(|found| found.starts_with(line)), "{found:#?}");
    }
}

#[tokio::test]
async fn a_resumed_session_keeps_its_adapter() {
    let mut place = Place::answering(vec![json!({"id": "s"})]).await;
    let body =
        json!({"model_resources_id": "m", "resume_from_checkpoint_id": "c", "lora_config": {"rank": 8}});
    let call = json!({"body": body, "wait_seconds": 0});
    let shown = place
        .server
        .call("create-training-session", call.clone())
        .await
        .json();
    assert!(note(&shown).contains("leave lora_config out"), "{shown}");
    let refused = status(422, "", r#"{"error":{"message":"rank differs"}}"#);
    place.upstream.script(vec![refused]);
    let text = place.server.call("create-training-session", call).await;
    assert!(text.error().contains("leave lora_config out"), "{}", text.text);
    // It may be about something else.
    assert!(
        text.error()
            .contains("only while it is READY, and list-model-resources shows which are"),
        "{}",
        text.text
    );
}

#[tokio::test]
async fn a_number_of_another_form_is_told_its_range_at_once() {
    let mut place = Place::new().await;
    let call = json!({"body": {"base_model": "m", "inactive_timeout": "30m"}});
    let found = place.problems("create-model-resource", call).await;
    let expected = "body.inactive_timeout: found text that is not a finite number, expected a whole number from 300 to 86400";
    assert!(found.iter().any(|found| found == expected), "{found:#?}");
}

#[tokio::test]
async fn what_no_hosted_run_may_have_is_refused() {
    let mut place = Place::new().await;
    let source = json!([{"name": "r", "env": {"taskset": {"id": "t"}}}]);
    let with = |member: &str, value: Value| {
        let mut config = json!({"trainer": {}, "orchestrator": {"train": {"source": source}}});
        config[member] = value;
        json!({"body": {"config": config}})
    };
    for (call, problem) in [
        (
            with("deployment", json!({"num_infer_gpus": 0})),
            "body.config.deployment.num_infer_gpus: must be at least 1",
        ),
        (
            with("inference", json!({"deployment": {"type": "disaggregated"}})),
            "body.config.inference: has deployment.type \"disaggregated\"",
        ),
    ] {
        let found = place.problems("prime-intellect-createrun", call).await;
        assert!(found.len() == 1 && found[0].starts_with(problem), "{found:#?}");
    }
    let dataset = json!({"data": {"name": "datasets/a"}});
    let call = json!({"body": {"config": dataset}, "estimate_only": true});
    let shown = place.server.call("prime-intellect-createrun", call).await.json();
    assert!(note(&shown).contains("name that in body.volume"), "{shown}");
}

#[tokio::test]
async fn a_paused_run_names_the_run_that_goes_on_from_it() {
    let started = json!({"runId": "two", "tokenValue": "t"});
    let mut place = Place::answering(vec![started]).await;
    let resume = json!({"run_id": "one", "wait_seconds": 0});
    place
        .server
        .call("prime-intellect-resumerun", resume)
        .await
        .json();
    let paused = json!({"run": {"id": "one", "status": "PAUSED"}});
    for first in [answer(&paused), status(409, "", r#"{"detail": "not running"}"#)] {
        place.upstream.script(vec![first, answer(&paused)]);
        let stop = json!({"run_id": "one"});
        let shown = place.server.call("prime-intellect-stoprun", stop).await.json();
        assert!(
            note(&shown).contains("call prime-intellect-stoprun with run_id two."),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_search_that_finds_nothing_says_how_it_was_read() {
    let mut place = Place::answering(vec![json!({"logs": ""})]).await;
    for (search, said) in [("Reward", true), ("0.5", false)] {
        let call = json!({"run_id": "r", "search": search});
        let shown = place.server.call("prime-intellect-getrunlogs", call).await.json();
        assert_eq!(
            note(&shown).contains("other capitals may find more"),
            said,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn what_others_call_it_is_told_the_name_here() {
    let mut place = Place::new().await;
    let stored = place.file("results/s/sample-op.json", &json!({"output": {"results": [[1]]}}));
    let cases = [
        (
            "download-checkpoint",
            json!({"id": "c", "variant": "lora", "path": "x"}),
            vec![
                "path: is called directory here",
                "variant: must be \"CHECKPOINT_VARIANT_ADAPTER\"",
            ],
        ),
        (
            "read-result",
            json!({"file": stored, "at": "results", "count": 0}),
            vec![
                "file: is called path here",
                "count: is 0, but must be at least 1",
                "at: the file has no member `results`; it has output. Did you mean `output.results`?",
            ],
        ),
        (
            "read-result",
            json!({"path": stored, "at": "/output/results/0"}),
            vec![
                "at: the file has no member `/output/results/0`; it has output. Did you mean `output.results[0]`?",
            ],
        ),
        (
            "weights-sync",
            json!({"session_id": "s", "body": {"type": "sync"}}),
            vec![
                "body.type: is called weight_sync_type here",
                "body.weight_sync_type: `sync` is not one of",
            ],
        ),
        (
            "prime-intellect-getrunlogs",
            json!({"run_id": "r", "lines": 0}),
            vec![
                "lines: is called tail_lines here",
                "tail_lines: is 0, but must be at least 1",
            ],
        ),
        (
            "prime-intellect-getrunmetrics",
            json!({"run_id": "r", "min_step": 5, "max_step": 2}),
            vec!["min_step: is 5, which is above max_step 2"],
        ),
        (
            "get-sample-operation",
            json!({"session_id": "s"}),
            vec![
                "operation_id: is required: text: the id in the answer that started it, which list-recent-activity shows as well",
            ],
        ),
    ];
    for (tool, call, expected) in cases {
        let found = place.problems(tool, call).await;
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, start) in found.iter().zip(&expected) {
            assert!(found.starts_with(start), "{found}");
        }
    }
}

#[tokio::test]
async fn an_id_of_another_kind_is_told_beside_what_else_is_wrong() {
    let mut place = Place::answering(vec![json!({"id": "m-1"})]).await;
    let create = json!({"body": {"base_model": "b"}, "wait_seconds": 0});
    place.server.call("create-model-resource", create).await.json();
    let call = json!({"session_id": "m-1", "force": true});
    let found = place.problems("stop-training-session", call).await;
    assert!(
        found.len() == 2
            && found[1].starts_with("session_id: is to name a training session, and m-1 is a model resource"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn what_is_not_there_to_be_ended_is_told_where_to_look() {
    let mut place = Place::new().await;
    place
        .upstream
        .script(vec![status(404, "", r#"{"detail": "no"}"#)]);
    let outcome = place
        .server
        .call("prime-intellect-stoprun", json!({"run_id": "r"}))
        .await;
    assert!(
        outcome.error().ends_with("prime-intellect-listruns shows those that exist. If it is gone already, there is nothing left to do."),
        "{}",
        outcome.text
    );
}
