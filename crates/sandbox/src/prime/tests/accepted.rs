//! What is accepted when a run is created, what of it is not followed, and what it refers to.

use super::*;

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
        include_str!("../../../../../tests/data/api/examples/prime-training.prime-intellect-createrun.json");
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
