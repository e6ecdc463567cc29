//! The sandbox's Together AI, asked over HTTP by a plain client: each success is held against the documentation.

use serde_json::{Value, json};

use crate::support::{Sandbox, operations};

fn input(text: &str) -> Value {
    json!({"chunks": [{"encoded_text": {"tokens": text.as_bytes()}}]})
}

/// A sample body for one prompt.
fn prompt(text: &str, number: u32, seed: u64) -> Value {
    json!({
        "model_inputs": [input(text)],
        "num_samples": number,
        "sampling_params": {"max_tokens": 8, "seed": seed},
    })
}

/// A text to learn, as a supervised body.
fn supervised(text: &str) -> Value {
    let (bytes, length) = (text.as_bytes(), text.len() - 1);
    json!({
        "samples": [{
            "model_input": input(&text[..length]),
            "loss_fn_inputs": {
                "target_tokens": {"data": bytes[1..], "dtype": "int64"},
                "weights": {"data": vec![1; length], "dtype": "float32"},
            },
        }],
        "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"},
    })
}

/// A policy-gradient body over one text.
fn rewarded(text: &str, loss: Value) -> Value {
    let mut body = supervised(text);
    let length = text.len() - 1;
    let tensor = |value: f64| json!({"data": vec![value; length], "dtype": "float32"});
    let inputs = &mut body["samples"][0]["loss_fn_inputs"];
    inputs["mask"] = inputs["weights"].clone();
    inputs.as_object_mut().unwrap().remove("weights");
    inputs["logprobs"] = tensor(-4.5);
    inputs["reference_logprobs"] = tensor(-4.5);
    inputs["advantages"] = tensor(1.0);
    body["loss"] = loss;
    body
}

fn adam(learning_rate: f64) -> Value {
    json!({"adam_params": {"learning_rate": learning_rate, "weight_decay": 0}})
}

fn synchronous() -> Value {
    json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"})
}

/// The log-probability that sampling gives a text, its first byte aside.
async fn logprob(sandbox: &Sandbox, session: &str, text: &str) -> f64 {
    let body = json!({
        "model_inputs": [input(text)],
        "sampling_params": {"max_tokens": 1},
        "prompt_logprobs": true,
    });
    let output = sandbox.output(session, "sample", body).await;
    let logprobs = output["results"][0]["prompt_logprobs"].as_array().unwrap();
    assert_eq!((logprobs.len(), &logprobs[0]), (text.len(), &json!(0.0)));
    logprobs.iter().map(|logprob| logprob.as_f64().unwrap()).sum()
}

#[tokio::test]
async fn every_documented_operation_is_there_and_answers_as_documented() {
    let sandbox = Sandbox::start().await;
    sandbox.get("/v1/rl/supported-models").await;
    let estimate = json!({"base_model": "sandbox/byte-lm"});
    let price = sandbox
        .post("/v1/rl/model-resources/estimate-cost", estimate)
        .await;
    assert_eq!(price["price_per_hour"], 56.0);
    let resource = sandbox.resource(json!({"inactive_timeout": 1800})).await;
    sandbox
        .get("/v1/rl/model-resources?status=MODEL_RESOURCES_STATUS_READY&created_by=me")
        .await;
    let before = sandbox.get(&resource).await["expires_at"]
        .as_str()
        .unwrap()
        .to_owned();
    let extended = sandbox
        .post(&format!("{resource}/extend-expiry"), json!({"seconds": 86400}))
        .await;
    assert!(
        extended["expires_at"].as_str().unwrap() > before.as_str(),
        "{extended}"
    );
    let extended = sandbox
        .post(&format!("{resource}/extend-expiry"), json!({"seconds": 60}))
        .await;
    assert!(
        extended["expires_at"].as_str().unwrap() > before.as_str(),
        "never moved earlier: {extended}"
    );

    let session = sandbox
        .session(
            &resource,
            json!({"display_name": "one", "lora_config": {"rank": 8, "seed": "7"}}),
        )
        .await;
    sandbox.get("/v1/rl/training-sessions?limit=1").await;
    let patch = json!({"display_name": "two", "metadata": {"wandb": {"project": "p"}}});
    let (_, patched) = sandbox.ask("PATCH", &session, patch, None).await;
    assert_eq!(
        (&patched["display_name"], &patched["metadata"]["wandb"]["project"]),
        (&json!("two"), &json!("p"))
    );
    let patch = json!({"display_name": "", "metadata": {"wandb": {"group": "g", "url": ""}}});
    let (_, patched) = sandbox.ask("PATCH", &session, patch, None).await;
    assert_eq!(
        patched["metadata"],
        json!({"wandb": {"project": "p", "group": "g"}})
    );
    assert_eq!(patched.get("display_name"), None);

    sandbox.output(&session, "sample", prompt("digit:", 2, 1)).await;
    sandbox
        .output(&session, "forward-backward", supervised("learn me"))
        .await;
    let own = json!({
        "samples": supervised("learn me")["samples"],
        "gradients": [{"data": [-1, -1, -1, -1, -1, -1, -1], "dtype": "D_TYPE_FLOAT32"}],
    });
    sandbox.output(&session, "custom-forward-backward", own).await;
    assert_eq!(
        sandbox.output(&session, "optim-step", adam(1e-3)).await["step"],
        "1"
    );
    assert_eq!(
        sandbox.output(&session, "weights-sync", synchronous()).await["weights_version"],
        "1"
    );
    let saved = sandbox
        .output(&session, "inference-checkpoint", Value::Null)
        .await;
    sandbox.output(&session, "training-checkpoint", Value::Null).await;
    let checkpoint = format!(
        "/v1/rl/checkpoints/{}",
        saved["checkpoint"]["id"].as_str().unwrap()
    );
    sandbox.get(&checkpoint).await;
    sandbox
        .get(&format!(
            "{checkpoint}/download?variant=CHECKPOINT_VARIANT_ADAPTER"
        ))
        .await;
    let listed = sandbox
        .get("/v1/rl/checkpoints?type=CHECKPOINT_TYPE_TRAINING&base_model=sandbox/byte-lm")
        .await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);

    let upload = sandbox
        .post(&format!("{session}/payloads/upload-url"), Value::Null)
        .await;
    let put = sandbox
        .request("PUT", upload["upload_url"].as_str().unwrap())
        .body("{}")
        .send()
        .await
        .unwrap();
    assert!(put.status().is_success());
    let payload = upload["payload_id"].as_str().unwrap();
    sandbox
        .post(&format!("{session}/payloads/{payload}/download-url"), Value::Null)
        .await;

    let shown = sandbox.get(&session).await;
    assert_eq!(
        (&shown["step"], &shown["policy_state"]["applied_weights_version"]),
        (&json!("1"), &json!("1"))
    );
    sandbox.post(&format!("{session}/stop"), Value::Null).await;
    sandbox.until(&session, "_STOPPED").await;
    sandbox.post(&format!("{resource}/stop"), Value::Null).await;
    sandbox.until(&resource, "_STOPPED").await;

    let answered = sandbox.answered.lock().unwrap();
    let missed: Vec<&str> = operations(false)
        .filter(|name| !answered.contains(name))
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[tokio::test]
async fn samples_come_from_the_weights_that_were_published_last() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox
        .session(&resource, json!({"lora_config": {"seed": 3}}))
        .await;
    let version = |output: &Value| output["results"][0]["policy_segments"][0]["version"].clone();
    let first = sandbox.output(&session, "sample", prompt("ab", 1, 5)).await;
    let untrained = logprob(&sandbox, &session, "learn me").await;
    for _ in 0..5 {
        sandbox
            .output(&session, "forward-backward", supervised("learn me"))
            .await;
        sandbox.output(&session, "optim-step", adam(3e-3)).await;
    }
    let again = sandbox.output(&session, "sample", prompt("ab", 1, 5)).await;
    assert_eq!(first, again, "not published yet");
    assert_eq!(version(&again), 0);
    sandbox.output(&session, "weights-sync", synchronous()).await;
    assert_eq!(
        version(&sandbox.output(&session, "sample", prompt("ab", 1, 5)).await),
        5
    );
    let trained = logprob(&sandbox, &session, "learn me").await;
    assert!(trained > untrained + 2.0, "{untrained} {trained}");

    sandbox.output(&session, "optim-step", adam(1e-3)).await;
    let background = json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_BACKGROUND_PUBLISH"});
    assert_eq!(
        sandbox.output(&session, "weights-sync", background).await["weights_version"],
        "6"
    );
    let pipeline = json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_PIPELINE"});
    assert_eq!(
        sandbox.failure(&session, "weights-sync", pipeline).await,
        "INVALID_INPUT"
    );
    for _ in 0..1000 {
        let state = sandbox.get(&session).await["policy_state"].clone();
        if state["pending_publish"] == false {
            assert_eq!(state["applied_weights_version"], "6");
            return;
        }
    }
    panic!("never published");
}

#[tokio::test]
async fn sampled_logprobs_are_those_of_a_forward_pass() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox.session(&resource, json!({})).await;
    let output = sandbox.output(&session, "sample", prompt("upper:", 3, 11)).await;
    for sequence in output["results"][0]["sequences"].as_array().unwrap() {
        let tokens = sequence["tokens"].as_array().unwrap().clone();
        let full: Vec<Value> = b"upper:"
            .iter()
            .map(|byte| json!(byte))
            .chain(tokens.clone())
            .collect();
        let length = full.len() - 1;
        let body = json!({
            "samples": [{
                "model_input": {"chunks": [{"encoded_text": {"tokens": full[..4]}}, {"encoded_text": {"tokens": full[4..length]}}]},
                "loss_fn_inputs": {
                    "target_tokens": {"data": full[1..], "dtype": "int64"},
                    "weights": {"data": vec![1; length], "dtype": "int64", "shape": [length]},
                },
            }],
            "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"},
            "forward_only": true,
            "return_loss_fn_outputs": true,
        });
        let output = sandbox.output(&session, "forward-backward", body).await;
        let scored = output["loss_fn_outputs"][0]["tensors"]["logprobs"]["data"]
            .as_array()
            .unwrap();
        assert_eq!(scored.len(), length);
        let sampled = sequence["logprobs"].as_array().unwrap();
        assert_eq!(sampled.len(), tokens.len());
        for (scored, sampled) in scored[5..].iter().zip(sampled) {
            assert!((scored.as_f64().unwrap() - sampled.as_f64().unwrap()).abs() < 1e-5);
        }
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_operation() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox.session(&resource, json!({})).await;
    let path = format!("{session}/operations/optim-step");
    let (status, first) = sandbox.ask("POST", &path, adam(1e-3), Some("k")).await;
    assert_eq!(status, 200);
    sandbox.finished(&session, "optim-step", &first).await;
    let (_, again) = sandbox.ask("POST", &path, adam(1e-3), Some("k")).await;
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["status"], "TRAINING_OPERATION_STATUS_COMPLETED");
    let (status, refused) = sandbox.ask("POST", &path, adam(2e-3), Some("k")).await;
    assert_eq!(status, 409, "{refused}");
    assert_eq!(sandbox.ask("POST", &path, adam(1e-3), None).await.0, 400);
    // Another kind has keys of its own.
    let (status, _) = sandbox
        .ask(
            "POST",
            &format!("{session}/operations/sample"),
            prompt("a", 1, 1),
            Some("k"),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(sandbox.get(&session).await["step"], "1");
    sandbox.post(&format!("{session}/stop"), Value::Null).await;
    sandbox.until(&session, "_STOPPED").await;
    let (_, again) = sandbox.ask("POST", &path, adam(1e-3), Some("k")).await;
    assert_eq!(again["id"], first["id"], "a repeat is answered after the end too");
    assert!(
        sandbox
            .refusal(400, "POST", &path, adam(1e-3))
            .await
            .contains("not RUNNING")
    );
}

#[tokio::test]
async fn each_loss_trains_and_what_cannot_be_trained_on_fails_with_its_code() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox
        .session(&resource, json!({"lora_config": {"dropout": 0.1}}))
        .await;
    let grpo = json!({"clip_low_threshold": 0.5, "clip_high_threshold": 2.0, "beta": 0.1, "agg_type": "GRPO_LOSS_AGGREGATION_TYPE_TOKEN_MEAN", "ratio_type": "GRPO_LOSS_RATIO_TYPE_SEQUENCE"});
    for loss in [
        json!({"type": "LOSS_TYPE_GRPO"}),
        json!({"type": "LOSS_TYPE_GRPO", "grpo_params": grpo}),
        json!({"type": "LOSS_TYPE_IMPORTANCE_SAMPLING"}),
        json!({"type": "LOSS_TYPE_PPO", "ppo_params": {"clip_high_threshold": 1.3}}),
        json!({"type": "LOSS_TYPE_CISPO"}),
        json!({"type": "LOSS_TYPE_DRO", "dro_params": {"beta": 0.05}}),
        json!({"type": "LOSS_TYPE_DPPO", "dppo_params": {"delta_low": 0.2}}),
    ] {
        let output = sandbox
            .output(&session, "forward-backward", rewarded("a text", loss.clone()))
            .await;
        assert!(
            output["loss"].is_number() && output["metrics"]["loss/ratio/mean"].is_number(),
            "{loss}: {output}"
        );
        sandbox.output(&session, "optim-step", adam(1e-3)).await;
    }
    let ppo = || json!({"type": "LOSS_TYPE_PPO"});
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut body = rewarded("a text", ppo());
        change(&mut body["samples"][0]);
        body
    };
    for (body, code) in [
        (
            changed(&|sample| sample["model_input"]["chunks"][0]["encoded_text"]["tokens"][0] = json!(5000)),
            "INVALID_INPUT",
        ),
        (
            changed(&|sample| sample["loss_fn_inputs"]["target_tokens"]["data"][0] = json!(-1)),
            "INVALID_INPUT",
        ),
        (
            changed(&|sample| sample["loss_fn_inputs"]["mask"]["data"] = json!([1])),
            "INVALID_INPUT",
        ),
        (
            changed(&|sample| sample["loss_fn_inputs"]["mask"]["data"][0] = json!(0.5)),
            "INVALID_INPUT",
        ),
        (
            changed(&|sample| sample["loss_fn_inputs"]["mask"]["shape"] = json!([2])),
            "INVALID_INPUT",
        ),
        (
            changed(&|sample| sample["loss_fn_inputs"]["advantages"]["data"] = json!([])),
            "INVALID_INPUT",
        ),
    ] {
        assert_eq!(
            sandbox.failure(&session, "forward-backward", body.clone()).await,
            code,
            "{body}"
        );
    }
    // Far from the policy that sampled: a clipped ratio still gives a loss, but some metrics are beyond all numbers.
    let far = |loss: &str| {
        let mut body = rewarded("a text", json!({"type": loss}));
        body["samples"][0]["loss_fn_inputs"]["logprobs"]["data"][2] = json!(-5000);
        body
    };
    let output = sandbox
        .output(&session, "forward-backward", far("LOSS_TYPE_PPO"))
        .await;
    assert!(
        output["metrics"]["loss/clip/high_fraction"].is_number()
            && output["metrics"]["loss/ratio/max"].is_null()
    );
    let unclipped = far("LOSS_TYPE_IMPORTANCE_SAMPLING");
    assert_eq!(
        sandbox.failure(&session, "forward-backward", unclipped).await,
        "NON_FINITE_LOSS"
    );
    let mut many = rewarded("ab", ppo());
    many["samples"] = vec![many["samples"][0].clone(); 1025].into();
    assert_eq!(
        sandbox.failure(&session, "forward-backward", many).await,
        "RESOURCE_EXHAUSTED"
    );
    let mut endless = prompt("a", 1024, 1);
    endless["sampling_params"]["max_tokens"] = json!(4096);
    assert_eq!(
        sandbox.failure(&session, "sample", endless).await,
        "RESOURCE_EXHAUSTED"
    );
    let far = json!({"adam_params": {"learning_rate": 1e308}});
    sandbox
        .output(&session, "forward-backward", supervised("far too far"))
        .await;
    assert_eq!(
        sandbox.failure(&session, "optim-step", far).await,
        "NON_FINITE_LOSS"
    );
    sandbox
        .output(&session, "sample", prompt("still there", 1, 1))
        .await;
    let muon = json!({"muon_params": {}});
    assert_eq!(
        sandbox.failure(&session, "optim-step", muon).await,
        "INVALID_INPUT"
    );
    assert_eq!(
        sandbox
            .failure(&session, "sample", json!({"model_inputs": [{"chunks": []}]}))
            .await,
        "INVALID_INPUT"
    );
    // What is wrong with the shape is refused at once.
    let path = format!("{session}/operations/forward-backward");
    for (body, place) in [
        (
            rewarded("ab", json!({"type": "LOSS_TYPE_DRO"})),
            "loss.dro_params",
        ),
        (
            rewarded("ab", json!({"type": "LOSS_TYPE_UNSPECIFIED"})),
            "loss.type",
        ),
        (
            rewarded(
                "ab",
                json!({"type": "LOSS_TYPE_GRPO", "grpo_params": {"clip_low_threshold": 1.1}}),
            ),
            "clip_low_threshold",
        ),
        (
            json!({"samples": [], "loss": {"type": "LOSS_TYPE_PPO"}}),
            "samples",
        ),
        (json!({"loss": {"type": "LOSS_TYPE_PPO"}, "sample": []}), "sample"),
    ] {
        let words = sandbox.refusal(400, "POST", &path, body).await;
        assert!(words.contains(place), "{place}: {words}");
    }
}

#[tokio::test]
async fn a_session_goes_on_from_a_checkpoint() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox
        .session(&resource, json!({"lora_config": {"rank": 4, "seed": 1}}))
        .await;
    for _ in 0..3 {
        sandbox
            .output(&session, "forward-backward", supervised("to be continued"))
            .await;
        sandbox.output(&session, "optim-step", adam(1e-2)).await;
    }
    let id = |output: Value| output["checkpoint"]["id"].as_str().unwrap().to_owned();
    let training = id(sandbox.output(&session, "training-checkpoint", Value::Null).await);
    let inference = id(sandbox
        .output(&session, "inference-checkpoint", Value::Null)
        .await);
    let loss = async |session: &str| {
        let mut body = supervised("to be continued");
        body["forward_only"] = json!(true);
        sandbox.output(session, "forward-backward", body).await["loss"].clone()
    };
    let expected = loss(&session).await;
    for (body, step) in [
        (json!({"resume_from_checkpoint_id": training}), "3"),
        (
            json!({"resume_from_checkpoint_id": training, "load_optimizer": false}),
            "0",
        ),
        (
            json!({"resume_from_checkpoint_id": inference, "lora_config": {"rank": 4}}),
            "0",
        ),
    ] {
        let resumed = sandbox.session(&resource, body).await;
        let shown = sandbox.get(&resumed).await;
        assert_eq!(
            (&shown["step"], &shown["lora_config"]["rank"]),
            (&json!(step), &json!(4))
        );
        assert_eq!(loss(&resumed).await, expected);
        // Samples come from the resumed weights at once.
        assert_eq!(shown["policy_state"]["applied_weights_version"], step);
        sandbox.post(&format!("{resumed}/stop"), Value::Null).await;
        sandbox.until(&resumed, "_STOPPED").await;
    }
    let model_resources_id = resource.rsplit('/').next().unwrap();
    for (mut body, status) in [
        (
            json!({"resume_from_checkpoint_id": inference, "load_optimizer": true}),
            400,
        ),
        (
            json!({"resume_from_checkpoint_id": training, "lora_config": {"rank": 8}}),
            400,
        ),
        (
            json!({"resume_from_checkpoint_id": training, "lora_config": {"alpha": 32}}),
            400,
        ),
        (json!({"resume_from_checkpoint_id": "none"}), 404),
        (json!({"lora_config": {"rank": 65}}), 400),
        (json!({"lora_config": {"dropout": 1}}), 400),
        (json!({"base_model": "sandbox/byte-lm"}), 400),
    ] {
        body["model_resources_id"] = json!(model_resources_id);
        sandbox
            .refusal(status, "POST", "/v1/rl/training-sessions", body)
            .await;
    }
}

#[tokio::test]
async fn full_weights_muon_and_registered_weights() {
    let sandbox = Sandbox::start().await;
    let full = json!({"lora_enabled": false, "optimizer_config": {"muon": {}}, "compute_config": {"num_generator_replicas": 0}});
    let resource = sandbox.resource(full).await;
    let session = sandbox.session(&resource, json!({})).await;
    sandbox
        .output(&session, "forward-backward", supervised("learn me"))
        .await;
    sandbox
        .output(
            &session,
            "optim-step",
            json!({"muon_params": {"learning_rate": 0.02}}),
        )
        .await;
    assert_eq!(
        sandbox.output(&session, "optim-step", json!({})).await["step"],
        "2"
    );
    assert_eq!(
        sandbox.failure(&session, "optim-step", adam(1e-3)).await,
        "INVALID_INPUT"
    );
    let words = sandbox
        .refusal(
            400,
            "POST",
            &format!("{session}/operations/sample"),
            prompt("a", 1, 1),
        )
        .await;
    assert!(words.contains("replicas"), "{words}");
    let saved = sandbox
        .output(&session, "inference-checkpoint", Value::Null)
        .await["checkpoint"]
        .clone();
    let path = format!(
        "/v1/rl/checkpoints/{}/download?variant=CHECKPOINT_VARIANT",
        saved["id"].as_str().unwrap()
    );
    sandbox
        .refusal(400, "GET", &format!("{path}_ADAPTER"), Value::Null)
        .await;
    sandbox.get(&format!("{path}_MERGED")).await;

    // A resource with the trained weights knows what was learned.
    let model = saved["registration"]["model"]["id"].as_str().unwrap();
    let trained = sandbox
        .resource(json!({"base_weights_ref": format!("together://{model}")}))
        .await;
    let stock = sandbox.resource(json!({})).await;
    let by_adapter = sandbox.session(&trained, json!({})).await;
    let saved = sandbox
        .output(&by_adapter, "inference-checkpoint", Value::Null)
        .await;
    let registration = &saved["checkpoint"]["registration"];
    assert!(
        registration["model"].is_object(),
        "an adapter on other weights is registered merged: {registration}"
    );
    let [trained, stock] = [trained, stock].map(|resource| {
        let sandbox = &sandbox;
        async move {
            let session = sandbox.session(&resource, json!({})).await;
            logprob(sandbox, &session, "learn me").await
        }
    });
    assert!(trained.await > stock.await);
    let unknown = json!({"base_model": "sandbox/byte-lm", "base_weights_ref": "together://ml_none"});
    let failed = sandbox.post("/v1/rl/model-resources", unknown).await;
    assert_eq!(
        failed["error"]["code"],
        "MODEL_RESOURCES_ERROR_CODE_PROVISIONING_FAILED"
    );
}

#[tokio::test]
async fn resources_and_sessions_have_limits_and_hold_each_other() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let id = resource.rsplit('/').next().unwrap();
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(sandbox.session(&resource, json!({})).await);
    }
    let fifth = sandbox
        .post("/v1/rl/training-sessions", json!({"model_resources_id": id}))
        .await;
    assert_eq!(
        fifth["error"]["code"],
        "TRAINING_SESSION_ERROR_CODE_RESOURCE_AT_CAPACITY"
    );
    let words = sandbox
        .refusal(400, "POST", &format!("{resource}/stop"), Value::Null)
        .await;
    assert!(words.contains("still active"), "{words}");
    // Pages, newest first.
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = sandbox.get(&format!("/v1/rl/training-sessions?limit=2&after={after}&model_resources_id={id}&status=TRAINING_SESSION_STATUS_RUNNING,TRAINING_SESSION_STATUS_ERROR")).await;
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|session| session["id"].clone()),
        );
        if page["meta"]["has_more"] == false {
            break;
        }
        after = page["meta"]["next_cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!((seen.len(), &seen[0]), (5, &fifth["id"]));
    // Whoever stops what is on a page goes on from there all the same.
    let running = "/v1/rl/training-sessions?limit=1&status=TRAINING_SESSION_STATUS_RUNNING";
    let page = sandbox.get(running).await;
    let stopped = page["data"][0]["id"].as_str().unwrap();
    sandbox
        .post(&format!("/v1/rl/training-sessions/{stopped}/stop"), Value::Null)
        .await;
    let cursor = page["meta"]["next_cursor"].as_str().unwrap();
    let next = sandbox.get(&format!("{running}&after={cursor}")).await;
    assert!(
        next["data"][0]["id"].is_string() && next["data"][0]["id"] != stopped,
        "{next}"
    );
    for wrong in [
        "limit=0",
        "limit=101",
        "after=none",
        "status=RUNNING",
        "unknown=1",
    ] {
        sandbox
            .refusal(
                400,
                "GET",
                &format!("/v1/rl/training-sessions?{wrong}"),
                Value::Null,
            )
            .await;
    }
    sandbox
        .post(&format!("{resource}/stop?force=true"), Value::Null)
        .await;
    for session in &sessions {
        sandbox.until(session, "_STOPPED").await;
    }
    sandbox.until(&resource, "_STOPPED").await;
    sandbox
        .refusal(400, "POST", &format!("{resource}/stop"), Value::Null)
        .await;
    sandbox
        .refusal(
            400,
            "POST",
            "/v1/rl/training-sessions",
            json!({"model_resources_id": id}),
        )
        .await;
    // Stopping a session twice is as good as once.
    sandbox.post(&format!("{}/stop", sessions[0]), Value::Null).await;
}

#[tokio::test]
async fn more_resources_than_gpus_wait_in_a_queue() {
    let sandbox = Sandbox::start().await;
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(sandbox.resource(json!({})).await);
    }
    let body = json!({"base_model": "Qwen/Qwen3-0.6B"});
    let waiting = sandbox.post("/v1/rl/model-resources", body.clone()).await;
    let last = sandbox.post("/v1/rl/model-resources", body).await;
    assert_eq!(waiting["status_details"]["queue_position"], 1);
    assert_eq!(last["status_details"]["queue_position"], 2);
    sandbox.post(&format!("{}/stop", first[0]), Value::Null).await;
    let path = |made: &Value| format!("/v1/rl/model-resources/{}", made["id"].as_str().unwrap());
    sandbox.until(&path(&waiting), "_READY").await;
    assert_eq!(
        sandbox.get(&path(&last)).await["status_details"]["queue_position"],
        1
    );
    // One that waits can be stopped too.
    sandbox.post(&format!("{}/stop", path(&last)), Value::Null).await;
    sandbox.until(&path(&last), "_STOPPED").await;
}

#[tokio::test]
async fn large_bodies_and_results_go_through_the_object_store() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox.session(&resource, json!({})).await;
    let body = supervised("sent by another way");
    let upload = sandbox
        .post(&format!("{session}/payloads/upload-url"), Value::Null)
        .await;
    let url = upload["upload_url"].as_str().unwrap();
    let put = |url: String| sandbox.request("PUT", &url).body(body.to_string()).send();
    assert_eq!(
        put(url.replace("signature=", "signature=0"))
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(put(url.to_owned()).await.unwrap().status(), 200);
    let mut short = supervised("st");
    short["payload_id"] = upload["payload_id"].clone();
    short["forward_only"] = json!(true);
    let by_payload = sandbox.output(&session, "forward-backward", short).await;
    assert_eq!(by_payload["metrics"]["loss/tokens"], 18.0);

    let mut large = prompt(&"all the same ".repeat(100), 1, 1);
    large["topk_prompt_logprobs"] = json!(20);
    large["model_inputs"] = vec![large["model_inputs"][0].clone(); 2].into();
    large["prompt_logprobs"] = json!(true);
    let output = sandbox.output(&session, "sample", large).await;
    let payload = output["payload_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{output}"));
    let link = sandbox
        .post(&format!("{session}/payloads/{payload}/download-url"), Value::Null)
        .await;
    let text = sandbox
        .request("GET", link["download_url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let whole: Value = serde_json::from_str(&text.text().await.unwrap()).unwrap();
    assert_eq!(
        whole["results"][1]["prompt_logprobs"].as_array().unwrap().len(),
        1300
    );
}

#[tokio::test]
async fn files_are_real_and_can_be_fetched_in_parts() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({})).await;
    let session = sandbox
        .session(&resource, json!({"lora_config": {"rank": 4}}))
        .await;
    let saved = sandbox
        .output(&session, "inference-checkpoint", Value::Null)
        .await;
    let path = format!(
        "/v1/rl/checkpoints/{}/download",
        saved["checkpoint"]["id"].as_str().unwrap()
    );
    for variant in ["ADAPTER", "MERGED"] {
        let files = sandbox
            .get(&format!("{path}?variant=CHECKPOINT_VARIANT_{variant}"))
            .await;
        for file in files["data"].as_array().unwrap() {
            let url = file["url"].as_str().unwrap();
            let whole = sandbox.request("GET", url).send().await.unwrap();
            let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
            let whole = whole.bytes().await.unwrap();
            assert_eq!(file["size"], whole.len().to_string());
            if file["filename"].as_str().unwrap().ends_with(".safetensors") {
                let header = usize::try_from(u64::from_le_bytes(whole[..8].try_into().unwrap())).unwrap();
                let header: Value = serde_json::from_slice(&whole[8..8 + header]).unwrap();
                assert!(header.as_object().unwrap().len() >= 4, "{header}");
            }
            let part = |tag: &str| {
                sandbox
                    .request("GET", url)
                    .header("range", "bytes=10-")
                    .header("if-range", tag)
                    .send()
            };
            let rest = part(&tag).await.unwrap();
            assert_eq!(rest.status(), 206);
            assert_eq!(rest.bytes().await.unwrap(), whole[10..]);
            assert_eq!(part("\"another\"").await.unwrap().status(), 200);
        }
    }
    let training = sandbox.output(&session, "training-checkpoint", Value::Null).await;
    let id = training["checkpoint"]["id"].as_str().unwrap();
    let path = format!("/v1/rl/checkpoints/{id}/download?variant=CHECKPOINT_VARIANT_MERGED");
    sandbox.refusal(400, "GET", &path, Value::Null).await;
}

#[tokio::test]
async fn who_has_no_key_gets_nothing_and_what_is_not_there_says_so() {
    let sandbox = Sandbox::start().await;
    for key in ["", "wrong"] {
        let answer = sandbox
            .request("GET", "/v1/rl/supported-models")
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401);
    }
    for path in [
        "/v1/rl/model-resources/x",
        "/v1/rl/training-sessions/x",
        "/v1/rl/checkpoints/x",
        "/v1/rl/nothing",
    ] {
        sandbox.refusal(404, "GET", path, Value::Null).await;
    }
    sandbox
        .refusal(
            404,
            "GET",
            "/v1/rl/training-sessions/x/operations/sample/y",
            Value::Null,
        )
        .await;
    let words = sandbox
        .refusal(400, "POST", "/v1/rl/model-resources", json!({"base_model": "x"}))
        .await;
    assert!(words.starts_with("base_model: "), "{words}");
}

#[tokio::test]
async fn faults_of_every_kind_reach_a_client() {
    let sandbox = Sandbox::with(&["--sandbox-faults", "1", "--sandbox-seed", "4"]).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..120 {
        let request = sandbox
            .request("GET", "/v1/rl/supported-models")
            .bearer_auth("sandbox-together-key");
        let fate = match request.send().await {
            Err(_) => "no answer".to_owned(),
            Ok(answer) => {
                let status = answer.status().as_u16();
                let waits = answer.headers().contains_key("retry-after");
                let html = answer.headers()["content-type"]
                    .to_str()
                    .unwrap()
                    .starts_with("text/html");
                let whole = answer.text().await.is_ok();
                format!("{status} waits={waits} html={html} whole={whole}")
            }
        };
        seen.insert(fate);
    }
    let expected = [
        "200 waits=false html=false whole=false",
        "200 waits=false html=false whole=true",
        "429 waits=false html=false whole=true",
        "429 waits=true html=false whole=true",
        "500 waits=false html=false whole=true",
        "502 waits=false html=true whole=true",
        "503 waits=false html=false whole=true",
        "no answer",
    ];
    assert!(seen.iter().eq(expected.iter()), "{seen:#?}");
}

#[tokio::test]
async fn the_sandbox_has_a_route_for_every_row() {
    let sandbox = Sandbox::start().await;
    for spec in rl_mcp::ALL.iter().map(|entry| entry.spec) {
        if spec.is_local() {
            continue;
        }
        let path = spec.placeholders().fold(spec.path.to_owned(), |path, name| {
            path.replace(&format!("{{{name}}}"), "x")
        });
        let key = if path.starts_with("/api/") {
            "pit_sandbox_prime_key"
        } else {
            &sandbox.key
        };
        let method = spec.method.as_str();
        let request = sandbox.request(method, &path).bearer_auth(key);
        let request = request.header("content-type", "application/json").body("{}");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        // Such a thing may be unknown; the route is not.
        let unknown = format!("there is no {method} {path}");
        let is_known =
            ![401, 405].contains(&status) && !text.contains(&unknown) && !text.contains("\"Not Found\"");
        assert!(
            is_known,
            "{}: add {method} {path} to crates/sandbox ({status}: {text})",
            spec.name
        );
    }
}
