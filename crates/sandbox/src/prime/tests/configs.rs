//! What is refused when a run is created, and where it says the problem is.

use super::*;

/// The places that a refused body is refused for.
async fn places(api: &Api, body: &Value) -> Vec<String> {
    let (status, answer) = api.send("POST", "/training/runs", Some(body)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer}");
    let problems = answer["detail"].as_array().unwrap().iter();
    let place = |problem: &Value| {
        let parts = problem["loc"].as_array().unwrap().iter();
        let parts = parts.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
        parts.collect::<Vec<String>>().join(".")
    };
    problems.map(place).collect()
}

#[tokio::test]
async fn wrong_bodies_are_refused_by_member() {
    let api = Api::new();
    let changed = |name: &str, value: Value| {
        let mut body = small(1);
        body[name] = value;
        body
    };
    let cases = [
        (json!({}), "body.config"),
        (json!({"config": "x"}), "body.config"),
        (changed("mode", json!("dpo")), "body.mode"),
        (changed("nmae", json!("x")), "body.nmae"),
        (changed("name", json!(3)), "body.name"),
        (changed("sourceRef", json!("pull/3")), "body.sourceRef"),
        (changed("gpuType", json!("A100")), "body.gpuType"),
        (
            changed("normalizedConfig", json!({"contract_version": 3})),
            "body.normalizedConfig.contract_version",
        ),
    ];
    for (body, place) in cases {
        assert_eq!(places(&api, &body).await, [place], "{body}");
    }
    let (status, _) = api.send("POST", "/training/runs", None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn wrong_rl_configs_are_refused_by_member() {
    let api = Api::new();
    let cases = [
        ("max_steps", json!(0), "max_steps"),
        ("max_steps", json!("many"), "max_steps"),
        ("max_steps", json!(1_000_000), "max_steps"),
        ("max_setps", json!(10), "max_setps"),
        ("seq_len", json!(1.5), "seq_len"),
        ("trainer", Value::Null, "trainer"),
        ("trainer", json!([]), "trainer"),
        ("trainer/optim/lr", json!("fast"), "trainer.optim.lr"),
        ("trainer/optim/lr", json!(-1.0), "trainer.optim.lr"),
        ("orchestrator/batch_size", json!(7), "orchestrator.batch_size"),
        (
            "orchestrator/token_batch_size",
            json!(700),
            "orchestrator.token_batch_size",
        ),
        (
            "orchestrator/train/source",
            json!([]),
            "orchestrator.train.source",
        ),
        (
            "orchestrator/train/source/0/env",
            json!({}),
            "orchestrator.train.source.0.env.taskset",
        ),
        ("model", json!("Qwen/Qwen3-0.6B"), "model"),
        ("env", json!([]), "model"),
        ("k8s", json!({}), "k8s"),
        ("clean", json!(true), "clean"),
        (
            "inference",
            json!({"deployment": {"type": "disaggregated"}}),
            "inference.deployment.type",
        ),
        (
            "deployment",
            json!({"num_infer_gpus": 0}),
            "deployment.num_infer_gpus",
        ),
        (
            "deployment",
            json!({"num_infer_gpus": 8}),
            "deployment.num_train_gpus",
        ),
        ("deployment", json!({"type": "cloud"}), "deployment.type"),
        (
            "deployment",
            json!({"type": "multi_node", "num_train_nodes": 8}),
            "deployment.num_train_nodes",
        ),
    ];
    for (pointer, value, place) in cases {
        let body = with(small(1), pointer, value);
        let places = places(&api, &body).await;
        let wanted = format!("body.config.{place}");
        assert!(places.contains(&wanted), "{body}: {places:?}");
    }
}

#[tokio::test]
async fn keys_that_the_trainer_does_not_know_are_refused_in_every_table_of_recipes() {
    let api = Api::new();
    let cases = [
        (
            "trainer/optim/learning_rate",
            json!(1e-5),
            "trainer.optim.learning_rate",
        ),
        ("trainer/optm", json!({}), "trainer.optm"),
        ("orchestrator/batchsize", json!(64), "orchestrator.batchsize"),
        (
            "orchestrator/rollouts_per_example",
            json!(8),
            "orchestrator.rollouts_per_example",
        ),
        ("orchestrator/sampling", json!({}), "orchestrator.sampling"),
        (
            "orchestrator/train/sampling",
            json!({"max_tokens": 8}),
            "orchestrator.train.sampling.max_tokens",
        ),
        (
            "orchestrator/train/source/0/id",
            json!("letter-class"),
            "orchestrator.train.source.0.id",
        ),
        (
            "orchestrator/train/source/0/sampling",
            json!({"temprature": 1.0}),
            "orchestrator.train.source.0.sampling.temprature",
        ),
        (
            "orchestrator/eval",
            json!({"source": [{"rollouts_per_example": 2}]}),
            "orchestrator.eval.source.0.rollouts_per_example",
        ),
        ("model", json!({"nmae": "x"}), "model.nmae"),
        ("ckpt", json!({"every": 3}), "ckpt.every"),
        ("deployment", json!({"gpus": 3}), "deployment.gpus"),
        ("max_async_level", json!(2), "max_async_level"),
        (
            "orchestrator/trajectory_strategy",
            json!("x"),
            "orchestrator.trajectory_strategy",
        ),
        (
            "orchestrator/eval",
            json!({"eval_base_model": true}),
            "orchestrator.eval.eval_base_model",
        ),
        ("orchestrator/buffer", json!({}), "orchestrator.buffer"),
    ];
    for (pointer, value, place) in cases {
        let body = with(small(1), pointer, value);
        assert_eq!(
            places(&api, &body).await,
            [format!("body.config.{place}")],
            "{body}"
        );
    }
}

#[tokio::test]
async fn wrong_sft_configs_are_refused_by_member() {
    let api = Api::new();
    let cases = [
        (json!({"model": {}}), "data"),
        (json!({"data": {"type": "fake"}, "trainer": {}}), "trainer"),
        (json!({"data": {"type": "real"}}), "data.type"),
        (json!({"data": {"name": "datasets/x"}}), "data.name"),
        (
            json!({"data": {"type": "fake", "batch_size": 0}}),
            "data.batch_size",
        ),
        (
            json!({"data": {"type": "fake"}, "rollout_transport": {}}),
            "rollout_transport",
        ),
        (
            json!({"data": {"type": "fake", "batchsize": 8}}),
            "data.batchsize",
        ),
        (
            json!({"data": {"type": "fake"}, "optim": {"learning_rate": 1e-5}}),
            "optim.learning_rate",
        ),
        (
            json!({"data": {"type": "fake"}, "val": {"data": {"path": "x"}}}),
            "val.data.path",
        ),
    ];
    for (config, place) in cases {
        let places = places(&api, &json!({"mode": "sft", "config": config})).await;
        assert!(
            places.contains(&format!("body.config.{place}")),
            "{config}: {places:?}"
        );
    }
}
