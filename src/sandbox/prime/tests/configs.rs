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

/// What the trainer of August 2026 takes, and the sandbox does nothing with.
#[tokio::test]
async fn what_is_not_followed_is_listed_and_what_is_followed_is_not() {
    let api = Api::new();
    let rl = [
        ("rollout_transport", json!({"type": "zmq"}), "rollout_transport"),
        ("dry_run", json!(false), "dry_run"),
        ("seq_len", json!(2048), "seq_len"),
        ("monitors", json!({"wandb": {"project": "p"}}), "monitors"),
        (
            "inference",
            json!({"vllm": {"max_model_len": 4}}),
            "inference.vllm",
        ),
        ("trainer/model", json!({"ac": {"freq": 1}}), "trainer.model"),
        ("trainer/loss", json!({"type": "ipo"}), "trainer.loss"),
        ("trainer/optim/mu", json!(0.9), "trainer.optim.mu"),
        (
            "orchestrator/max_off_policy_steps",
            json!(4),
            "orchestrator.max_off_policy_steps",
        ),
        (
            "orchestrator/concurrency",
            json!({"max_inflight": 64}),
            "orchestrator.concurrency",
        ),
        (
            "orchestrator/train/source/0/group_size",
            json!(4),
            "orchestrator.train.source.0.group_size",
        ),
        (
            "orchestrator/train/source/0/env/agent",
            json!({"harness": {"id": "x"}}),
            "orchestrator.train.source.0.env.agent",
        ),
    ];
    let cases = rl.map(|(pointer, value, listed)| (with(small(1), pointer, value), listed));
    let sft = [
        ("renderer", json!({"name": "auto"})),
        ("dist_timeout_seconds", json!(600)),
        ("gc", json!({"interval": 50})),
        ("heartbeat", json!({"url": "https://example.com"})),
        ("matmul_precision", json!("high")),
    ];
    let sft = sft.map(|(key, value)| {
        let body = json!({"mode": "sft", "config": {"data": {"type": "fake"}}});
        (with(body, key, value), key)
    });
    for (body, listed) in cases.into_iter().chain(sft) {
        let (status, answer) = api.send("POST", "/training/runs", Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}: {answer}");
        let notice = answer["notice"].as_str().unwrap();
        let wanted = format!("Not followed by the sandbox: {listed}");
        assert!(notice.ends_with(&wanted), "{body}: {notice}");
        let id = answer["runId"].as_str().unwrap();
        assert_eq!(api.run(id).await["notice"], answer["notice"]);
    }
    let followed = [
        small(1),
        with(small(1), "inference", json!({})),
        with(small(1), "trainer/scheduler", json!({"type": "constant"})),
        with(
            small(1),
            "orchestrator/train/sampling",
            json!({"temperature": 0.5, "max_completion_tokens": 4}),
        ),
    ];
    for body in followed {
        let (_, answer) = api.send("POST", "/training/runs", Some(&body)).await;
        assert_eq!(answer.get("notice"), None, "{body}");
    }
    let long = with(
        small(1),
        "orchestrator/train/sampling",
        json!({"max_completion_tokens": 128}),
    );
    let (_, answer) = api.send("POST", "/training/runs", Some(&long)).await;
    assert_eq!(
        answer["notice"],
        "Completions of letters are cut: 8 tokens at most"
    );
    let many: serde_json::Map<String, Value> = (0..25).map(|i| (format!("k{i:02}"), json!(1))).collect();
    let many = with(small(1), "inference", Value::Object(many));
    let (_, answer) = api.send("POST", "/training/runs", Some(&many)).await;
    let notice = answer["notice"].as_str().unwrap();
    assert!(notice.ends_with("inference.k19 and 5 more"), "{notice}");
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
