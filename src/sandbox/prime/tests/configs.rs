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
        ("orchestrator/buffer", json!({}), "orchestrator.buffer"),
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
    ];
    for (config, place) in cases {
        let places = places(&api, &json!({"mode": "sft", "config": config})).await;
        assert!(
            places.contains(&format!("body.config.{place}")),
            "{config}: {places:?}"
        );
    }
}

#[tokio::test]
async fn right_configs_of_all_kinds_are_accepted() {
    let api = Api::new();
    let fake = with(
        with(small(1), "deployment", json!({"num_infer_gpus": 0})),
        "trainer/data",
        json!({"fake": {}}),
    );
    let nodes = json!({"type": "multi_node", "num_train_nodes": 2, "num_infer_nodes": 1});
    let sft = json!({"mode": "sft", "name": "x", "config": {"data": {"type": "fake"}}});
    for (body, gpus) in [
        (small(1), 2),
        (fake, 1),
        (with(small(1), "deployment", nodes), 24),
        (sft, 1),
    ] {
        let id = api.create(&body).await;
        assert_eq!(api.run(&id).await["gpuCount"], gpus, "{body}");
    }
}

#[tokio::test]
async fn the_example_of_the_documentation_is_accepted_up_to_its_volume() {
    let api = Api::new();
    let example =
        include_str!("../../../../tests/data/api/examples/prime-training.prime-intellect-createrun.json");
    let mut example: Value = serde_json::from_str(example).unwrap();
    let body = example["request"].as_object_mut().unwrap();
    body.remove("volume");
    api.create(&example["request"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_run_refers_to_must_be_there() {
    let api = Api::new();
    let send = async |body: Value| api.send("POST", "/training/runs", Some(&body)).await.0;
    assert_eq!(send(on_volume(small(1), "nothing")).await, StatusCode::NOT_FOUND);
    let mut body = small(1);
    body["sourceRef"] = json!("main");
    assert_eq!(send(body).await, StatusCode::FORBIDDEN);
    let mut body = small(1);
    body["resumeFrom"] = json!("nothing");
    assert_eq!(send(body).await, StatusCode::NOT_FOUND);
    let fresh = json!({"name": "fresh", "size": "1Gi"});
    api.send("POST", "/training/volumes", Some(&fresh)).await;
    assert_eq!(send(on_volume(small(1), "fresh")).await, StatusCode::CONFLICT);
}
