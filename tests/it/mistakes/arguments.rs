//! Arguments that were meant otherwise.

use serde_json::{Value, json};

use super::input;
use crate::support::Place;
use crate::support::json as answer;

/// A tool, its arguments, the beginnings of the lines that refuse them, and words that are in none of the lines.
type Case<'a> = (&'a str, Value, Vec<&'a str>, &'a [&'a str]);

async fn told(place: &mut Place, cases: Vec<Case<'_>>) {
    for (tool, arguments, lines, absent) in cases {
        let found = place.problems(tool, arguments).await;
        for line in lines {
            let is_told = found.iter().any(|found| found.starts_with(line));
            assert!(is_told, "{tool}: {line}: {found:#?}");
        }
        for word in absent {
            assert!(
                !found.iter().any(|found| found.contains(word)),
                "{tool}: {found:#?}"
            );
        }
    }
}

#[tokio::test]
async fn the_clip_of_a_loss_is_no_eps_of_the_optimizer() {
    let mut place = Place::new().await;
    let both = "is an offset from 1, and here the bounds themselves are given: for 0.2 write clip_low_threshold 0.8 and clip_high_threshold 1.2";
    for name in ["epsilon", "eps_clip", "clip_epsilon", "cliprange"] {
        for kind in ["grpo", "ppo", "cispo"] {
            let params = format!("{kind}_params");
            let loss = json!({"type": kind, params.as_str(): {name: 0.2}});
            let call = json!({"session_id": "s", "body": {"samples": [], "loss": loss}});
            let found = place.problems("forward-backward-pass", call).await;
            let line = format!("body.loss.{params}.{name}: {both}");
            assert!(found.contains(&line), "{found:#?}");
        }
        let call = json!({"session_id": "s", name: 0.2});
        let found = place.problems("forward-backward-pass", call).await;
        let line = format!(
            "{name}: belongs inside body.loss.grpo_params or body.loss.ppo_params or body.loss.cispo_params, where it {both}"
        );
        assert!(found.contains(&line), "{found:#?}");
    }
    let params = json!({"epsilon_low": 0.2, "epsilon_high": 0.28});
    let loss = json!({"type": "grpo", "grpo_params": params});
    let lines = vec![
        "body.loss.grpo_params.epsilon_low: is an offset from 1; clip_low_threshold is the bound itself: 0.2 becomes 0.8",
        "body.loss.grpo_params.epsilon_high: is an offset from 1; clip_high_threshold is the bound itself: 0.28 becomes 1.28",
    ];
    let call = json!({"session_id": "s", "body": {"samples": [], "loss": loss}});
    told(
        &mut place,
        vec![("forward-backward-pass", call, lines, &["optimizer-step"])],
    )
    .await;
    // Where it has come to rest in the optimizer all the same, a note says so.
    let pending = json!({"id": "o", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    place.upstream.script(vec![answer(&pending)]);
    for (eps, is_noted) in [(0.2, true), (1e-8, false)] {
        let adam = json!({"learning_rate": 1e-5, "weight_decay": 0, "eps": eps});
        let call = json!({"session_id": "s", "body": {"adam_params": adam}});
        let shown = place.server.call("optimizer-step", call).await.json();
        let note = shown["note"].as_str().unwrap_or_default();
        assert_eq!(note.contains("This eps of Adam"), is_noted, "{shown}");
    }
}

#[tokio::test]
async fn a_wish_not_to_pay_is_never_ignored() {
    let mut place = Place::new().await;
    let resource = json!({"base_model": "b"});
    let run = json!({"config": {"trainer": {}, "orchestrator": {}}});
    for name in [
        "body_estimate_only",
        "estimate",
        "dry_run",
        "dryRun",
        "preview",
        "validate_only",
    ] {
        for (tool, body) in [
            ("create-model-resource", &resource),
            ("prime-intellect-createrun", &run),
        ] {
            // Beside other problems as well.
            for extra in ["wait_seconds", "wait"] {
                let call = json!({"body": body, name: true, extra: 0});
                let found = place.problems(tool, call).await;
                let line =
                    format!("{name}: is not known here; did you mean estimate_only? Nothing was started.");
                assert!(found.contains(&line), "{tool}: {name}: {found:#?}");
            }
            let mut body = body.clone();
            body[name] = json!(true);
            let found = place.problems(tool, json!({"body": body})).await;
            let line = format!("body.{name}: is called estimate_only here, and belongs beside body");
            assert!(
                found.iter().any(|found| found.starts_with(&line)),
                "{tool}: {name}: {found:#?}"
            );
        }
    }
    // What ends something ignores nothing either, but for what hosts add.
    let cases: Vec<Case<'_>> = vec![
        (
            "stop-model-resource",
            json!({"model_resources_id": "m", "only_if_idle": true}),
            vec!["only_if_idle: is not known here"],
            &[],
        ),
        (
            "prime-intellect-deleterun",
            json!({"run_id": "r", "confirm": false}),
            vec!["confirm: is not known here"],
            &[],
        ),
    ];
    told(&mut place, cases).await;
    let hosted = json!({"run_id": "r", "toolCallId": "c", "chatInput": "hi"});
    let deleted = place.server.call("prime-intellect-deleterun", hosted).await;
    assert!(!deleted.is_error, "{}", deleted.text);
}

#[tokio::test]
async fn what_belongs_elsewhere_is_told_where() {
    let mut place = Place::new().await;
    let resource = json!({"base_model": "b"});
    let mut cases: Vec<Case<'_>> = Vec::new();
    for tool in ["create-model-resource", "estimate-model-resource-cost"] {
        cases.push((
            tool,
            json!({"body": resource, "gpu": "H100", "num_gpus": 8}),
            vec![
                "gpu: belongs inside body.compute_config, where it is called gpu_type here",
                "num_gpus: belongs inside body, where it is not for callers: the model decides, and body.compute_config.num_generator_replicas",
            ],
            &[],
        ));
        cases.push((
            tool,
            json!({"body": resource, "gpu_type": "H100"}),
            vec!["gpu_type: belongs inside body.compute_config: write body.compute_config.gpu_type"],
            &[],
        ));
    }
    // A flat config of a run, beside the body or in it, without a word of the other service.
    let flat = json!({"model": "Qwen/Qwen3-0.6B", "learning_rate": 1e-5, "batch_size": 8, "max_steps": 10, "environment": "reverse-text", "rank": 8});
    cases.push((
        "prime-intellect-createrun",
        flat.clone(),
        vec![
            "model: belongs at body.config.model.name",
            // What is of RL alone says which place it has.
            "learning_rate: belongs at body.config.trainer.optim.lr",
            "batch_size: belongs at body.config.orchestrator.batch_size",
            "max_steps: belongs inside config: write body.config.max_steps",
            "environment: belongs at body.config.orchestrator.train.source",
            "rank: is not known here",
        ],
        &["optimizer-step", "create-training-session", "of a supervised run"],
    ));
    cases.push((
        "prime-intellect-createrun",
        json!({"body": flat}),
        vec![
            "body.model: belongs at body.config.model.name",
            "body.learning_rate: belongs at body.config.trainer.optim.lr",
            "body.max_steps: belongs inside config: write body.config.max_steps",
        ],
        &["optimizer-step"],
    ));
    // One argument alone.
    cases.push((
        "build-training-batch",
        json!({"body": {"session_id": "s"}, "operation_ids": ["o"], "rewards": [[1, 0]]}),
        vec!["body: does not belong here: write session_id as an argument of its own, beside the others"],
        &[],
    ));
    cases.push((
        "build-training-batch",
        json!({"session_id": "s", "operation_ids": ["o"], "rewards": [[1, 0]], "normalize": true}),
        vec!["normalize: is called scale_by_deviation here"],
        &[],
    ));
    cases.push((
        "sample",
        json!({"session_id": "s", "messages": []}),
        vec![if cfg!(feature = "text") {
            "messages: belongs into prompts, beside body"
        } else {
            "messages: belongs inside body, where it is not read here: write the token ids"
        }],
        &[],
    ));
    told(&mut place, cases).await;
}

#[tokio::test]
async fn what_a_batch_is_built_of_names_the_tool_that_builds_it() {
    let mut place = Place::new().await;
    let way = "build-training-batch makes the body of these: call it with them, then this with the path it answers, as body_path";
    let messages = json!([{"role": "user", "content": "Hi"}]);
    for (mut call, at) in [
        (
            json!({"operation_ids": ["o"], "rewards": [[1, 0]]}),
            "operation_ids, rewards",
        ),
        (
            json!({"body": {"operation_ids": ["o"], "advantages": [[1, 0]]}}),
            "body.operation_ids, body.advantages",
        ),
        (
            json!({"examples": [{"messages": messages}], "body": {"loss": {"type": "sft"}}}),
            "examples",
        ),
        (json!({"messages": messages}), "messages"),
        (json!({"body": {"samples": ["Hi"]}}), "body.samples"),
        (
            json!({"body": {"samples": [{"messages": messages}]}}),
            "body.samples",
        ),
    ] {
        call["session_id"] = json!("s");
        let found = place.problems("forward-backward-pass", call).await;
        let mut found = found;
        // The old name of a value is told as well.
        found.retain(|line| !line.starts_with("body.loss.type: must be"));
        assert_eq!(found, [format!("{at}: {way}")]);
    }
    // What else is wrong is told beside it.
    let found = place
        .problems("forward-backward-pass", json!({"operation_ids": ["o"]}))
        .await;
    assert_eq!(found.len(), 2, "{found:#?}");
    // A batch that is written out is looked at.
    let sample = json!({"model_input": input(&[1]), "loss_fn_inputs": {}});
    let call = json!({"session_id": "s", "advantages": [1], "body": {"samples": [sample], "loss": "grpo"}});
    let found = place.problems("forward-backward-pass", call).await;
    assert!(
        !found.iter().any(|line| line.contains("build-training-batch")),
        "{found:#?}"
    );
}

#[tokio::test]
async fn the_type_of_a_loss_is_told_its_place() {
    let mut place = Place::new().await;
    let cases: Vec<Case<'_>> = vec![
        (
            "build-training-batch",
            json!({"session_id": "s", "operation_ids": ["o"], "rewards": [[1, 0]], "loss_type": "grpo"}),
            vec!["loss_type: is a member of loss: write loss: {\"type\": \"LOSS_TYPE_GRPO\"}"],
            &[],
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": [], "loss_type": "grpo"}}),
            vec!["body.loss_type: is a member of loss"],
            &["body.loss: is required"],
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": [7], "loss": {"type": "grpo", "grpo_params": {"kl_coef": 0.1}}}}),
            vec![
                "body.loss.grpo_params.kl_coef: is called beta here",
                "body.samples[0]: found a number, expected an object: write {\"model_input\"",
            ],
            &[],
        ),
    ];
    told(&mut place, cases).await;
}

#[tokio::test]
async fn a_name_is_suggested_only_where_its_value_fits() {
    let mut place = Place::new().await;
    let params = json!({"stop_token_ids": [256], "stop_tokens": [256], "stop_at": ["a"]});
    let body = json!({"model_inputs": [input(&[1])], "sampling_params": params});
    let cases: Vec<Case<'_>> = vec![
        (
            "sample",
            json!({"session_id": "s", "body": body}),
            vec![
                "body.sampling_params.stop_token_ids: is not taken here: leave it out",
                "body.sampling_params.stop_at: is not known here; did you mean stop?",
                "body.sampling_params.stop_tokens: is not known here",
            ],
            &["stop_tokens: is not known here; did you mean"],
        ),
        // The values of the one that is meant are told at once.
        (
            "prime-intellect-listruncheckpoints",
            json!({"run_id": "r", "status": "DONE"}),
            vec![
                "status: is not known here; did you mean status_filter?",
                "status_filter: `DONE` is not one of:",
            ],
            &[],
        ),
    ];
    told(&mut place, cases).await;
}

#[tokio::test]
async fn names_may_come_as_one_text_with_commas() {
    let rows = json!({"metrics": [{"step": 1, "a": 1, "b": 2, "c": 3}]});
    let mut place = Place::answering(vec![rows]).await;
    let call = json!({"run_id": "r", "columns": "a, c"});
    let shown = place
        .server
        .call("prime-intellect-getrunmetrics", call)
        .await
        .json();
    assert_eq!(shown["metrics"], json!([{"step": 1, "a": 1, "c": 3}]), "{shown}");
    let call = json!({"session_id": "s", "operation_ids": "one,two", "rewards": [[1, 0]], "loss": "grpo"});
    let found = place.problems("build-training-batch", call).await;
    let told = |at: &str| found.iter().any(|found| found.starts_with(at));
    assert!(
        told("operation_ids[0]: ") && told("operation_ids[1]: "),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_path_inside_of_the_body_is_followed() {
    let mut place = Place::new().await;
    let body = json!({"model_inputs": [input(&[1])], "num_samples": 1});
    let path = place.file("batches/good.json", &body);
    let misplaced = "body.body_path: belongs beside body: write body_path";
    let call = json!({"session_id": "s", "body": {"body_path": path}});
    assert_eq!(place.problems("sample", call).await, [misplaced]);
    // In an object that came as text, and beside another problem.
    let body = json!({"body_path": path, "num_samples": 2}).to_string();
    let found = place
        .problems("sample", json!({"session_id": "s", "body": body}))
        .await;
    assert!(
        found[0] == misplaced && found[1].starts_with("body.num_samples: is 2 here, but 1 in the file"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn an_estimate_refuses_what_the_run_would_be_refused_for() {
    let mut place = Place::new().await;
    let optim = json!({"optim": {"lr": "1e-5"}});
    let source = json!([{"name": "r", "env": {"taskset": {"id": "reverse-text"}}}]);
    let orchestrator = json!({"batch_size": [8], "train": {"source": source}});
    let config = json!({"max_steps": "five", "trainer": optim, "orchestrator": orchestrator});
    for estimate_only in [true, false] {
        let call = json!({"body": {"config": config}, "estimate_only": estimate_only});
        assert_eq!(
            place.problems("prime-intellect-createrun", call).await,
            [
                "body.config.max_steps: is text, but must be a number",
                "body.config.trainer.optim.lr: is text, but must be a number: write 1e-5 without quotes",
                "body.config.orchestrator.batch_size: must be a number",
            ]
        );
    }
}

#[tokio::test]
async fn another_config_for_a_run_is_told_both_ways() {
    let mut place = Place::new().await;
    let call = json!({"run_id": "r", "body": {"config": {}}});
    assert_eq!(
        place.problems("prime-intellect-resumerun", call).await,
        [
            "body.config: stays that of the run: for another one call prime-intellect-createrun with that config, and with resumeFrom only while this run is PAUSED"
        ]
    );
}
