//! Arguments are checked before anything is sent: all problems at once, each with its JSON path.

use rl_mcp::ALL;
use serde_json::{Value, json};

use crate::support::{Scripted, Server, examples, json as answer, operation_of};

/// A custom batch of one sample with four tokens, and these gradients.
fn custom(gradients: Value) -> Value {
    let mut sample = grpo()["samples"][0].clone();
    let inputs = sample["loss_fn_inputs"].as_object_mut().unwrap();
    inputs.retain(|name, _| ["target_tokens", "mask"].contains(&name.as_str()));
    json!({"session_id": "s", "body": {"samples": [sample], "gradients": gradients}})
}

/// A correct GRPO batch of one sample with four tokens.
fn grpo() -> Value {
    let tensor = |data: Value, dtype: &str| json!({"data": data, "dtype": dtype});
    json!({
        "samples": [{
            "model_input": {"chunks": [{"encoded_text": {"tokens": [101, 17]}}, {"encoded_text": {"tokens": [42, 7]}}]},
            "loss_fn_inputs": {
                "target_tokens": tensor(json!([17, 42, 7, 9]), "int64"),
                "logprobs": tensor(json!([0, 0, -0.105, -0.916]), "float32"),
                "advantages": tensor(json!([0, 0, 0.5, 0.5]), "float32"),
                "mask": tensor(json!([0, 0, 1, 1]), "int64"),
            },
        }],
        "loss": {"type": "LOSS_TYPE_GRPO", "grpo_params": {"beta": 0.0}},
    })
}

/// The batch with one place set; `null` takes the place away.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut body = grpo();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
            Value::Object(members) if value.is_null() => drop(members.remove(name)),
            Value::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
            other => other[name.parse::<usize>().unwrap()] = value.clone(),
        }
    }
    body
}

const INPUTS: &str = "/samples/0/loss_fn_inputs";

/// Calls a tool that must be refused without a request, and returns the lines that name problems.
async fn problems(tool: &str, arguments: Value) -> Vec<String> {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let text = server.call(tool, arguments).await.error().to_owned();
    assert!(upstream.seen().is_empty(), "nothing may be sent: {text}");
    assert!(
        text.starts_with("The arguments need correction; nothing was sent."),
        "{text}"
    );
    text.lines()
        .filter_map(|line| line.strip_prefix("- ").map(str::to_owned))
        .collect()
}

async fn batch_problems(body: Value) -> Vec<String> {
    problems("forward-backward-pass", json!({"session_id": "s", "body": body})).await
}

/// Calls a tool that must be accepted and returns the body that was sent.
async fn sent(tool: &str, arguments: Value) -> Value {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    server.call(tool, arguments).await.json();
    upstream.seen()[0].json()
}

async fn batch_sent(body: Value) -> Value {
    sent("forward-backward-pass", json!({"session_id": "s", "body": body})).await
}

#[tokio::test]
async fn each_rule_of_a_batch() {
    let path = |rest: &str| format!("body.samples[0].loss_fn_inputs.{rest}");
    let short = json!({"data": [0, 1], "dtype": "int64"});
    let reference = json!({"data": [0, 0, -0.1, -0.9], "dtype": "float32"});
    let cases = [
        (
            vec![("/samples", json!([]))],
            vec!["body.samples: must not be empty".to_owned()],
        ),
        (
            vec![("/loss", json!(null))],
            vec!["body.loss: is required: an object: write".to_owned()],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/mask", short.clone())],
            vec![path("mask: has 2 values for 4 tokens in model_input")],
        ),
        (
            vec![(
                "/samples/0/loss_fn_inputs/weights",
                json!({"data": [0, 0, 1, 1], "dtype": "float32"}),
            )],
            vec!["body.samples[0].loss_fn_inputs: has both weights and mask".to_owned()],
        ),
        (
            vec![(
                "/samples/0/loss_fn_inputs/mask",
                json!({"data": [0, 0, 1, 0.5], "dtype": "float32"}),
            )],
            vec![path(
                "mask.data[3]: is 0.5, but must be 0 (leave out) or 1 (train on)",
            )],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/target_tokens/dtype", json!("float32"))],
            vec![path("target_tokens.dtype: `float32` is not one of: int64")],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/dtype", json!("int64"))],
            vec![path("logprobs.dtype: `int64` is not one of: float32")],
        ),
        (
            vec![(
                "/samples/0/loss_fn_inputs/target_tokens/data",
                json!([17, 42, 7.5, 9]),
            )],
            vec![path("target_tokens.data[2]: is 7.5, but must be a whole number")],
        ),
        (
            vec![(
                "/samples/0/loss_fn_inputs/target_tokens/data",
                json!([17, 42, -1, 9]),
            )],
            vec![path("target_tokens.data[2]: is -1, but is not a token id")],
        ),
        (
            // Not shifted, and the position is trained on.
            vec![(
                "/samples/0/loss_fn_inputs/target_tokens/data",
                json!([101, 17, 42, 7]),
            )],
            vec![path(
                "target_tokens.data[2]: is 42, but the next token in model_input is 7",
            )],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/data", json!([0, 0, 0.9, 0.4]))],
            vec![path(
                "logprobs.data[2]: is 0.9, but a log-probability is not above 0",
            )],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/advantages/data/3", json!(-1e39))],
            vec![path(
                "advantages.data[3]: is -1000000000000000000000000000000000000000, but is beyond what float32 holds",
            )],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/advantages", json!([0, 0, 1, 1]))],
            vec![path(
                "advantages: found a list, expected an object: write {\"data\"",
            )],
        ),
        (
            vec![("/samples/0/model_input", json!([101, 17, 42, 7]))],
            vec![
                "body.samples[0].model_input: found a list, expected an object: write {\"chunks\"".to_owned(),
            ],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/response_mask", json!([0, 0, 1, 1]))],
            vec![path("response_mask: is called mask here (0/1)")],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/mask/shape", json!([2, 2]))],
            vec![path("mask.shape: is [2, 2], but tensors have one dimension")],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/data", json!([[0, 0], [1, 1]]))],
            vec![
                path("logprobs.data[0]: found a list, expected a number"),
                path("logprobs.data[1]"),
            ],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/data/2", json!("NaN"))],
            vec![path(
                "logprobs.data[2]: found text that is not a finite number, expected a number",
            )],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/data/2", json!("-Infinity"))],
            vec![path("logprobs.data[2]: found text that is not a finite number")],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/logprobs/data/2", Value::Null)],
            vec![path("logprobs.data[2]: found null, expected a number")],
        ),
        (
            vec![("/samples/0/loss_fn_inputs/advantages", json!(null))],
            vec![path("advantages: is required for LOSS_TYPE_GRPO")],
        ),
        (
            vec![("/loss/grpo_params/beta", json!(0.02))],
            vec![path(
                "reference_logprobs: is required while grpo_params.beta is above 0",
            )],
        ),
        (
            vec![("/loss/grpo_params/clip_high_threshold", json!(0.28))],
            vec!["body.loss.grpo_params.clip_high_threshold: is 0.28, but must be at least 1".to_owned()],
        ),
        (
            vec![("/loss/ppo_params", json!({}))],
            vec![
                "body.loss.ppo_params: does not belong to LOSS_TYPE_GRPO: its parameters are grpo_params"
                    .to_owned(),
            ],
        ),
        (
            vec![(
                "/loss",
                json!({"type": "LOSS_TYPE_IMPORTANCE_SAMPLING", "grpo_params": {}}),
            )],
            vec![
                "body.loss.grpo_params: does not belong to LOSS_TYPE_IMPORTANCE_SAMPLING: this loss has no"
                    .to_owned(),
            ],
        ),
        (
            vec![("/loss", json!({"type": "LOSS_TYPE_DRO"}))],
            vec!["body.loss.dro_params: is required for LOSS_TYPE_DRO".to_owned()],
        ),
        (
            vec![("/loss", json!({"type": "LOSS_TYPE_DRO", "dro_params": {}}))],
            vec!["body.loss.dro_params.beta: is required: a number".to_owned()],
        ),
        (
            vec![(
                "/loss",
                json!({"type": "LOSS_TYPE_DPPO", "dppo_params": {"delta_low": 1.5}}),
            )],
            vec!["body.loss.dppo_params.delta_low: is 1.5, but must be at least 0 and at most 1".to_owned()],
        ),
        (
            vec![
                ("/loss", json!({"type": "LOSS_TYPE_PPO"})),
                ("/samples/0/loss_fn_inputs/reference_logprobs", reference),
            ],
            vec![path(
                "reference_logprobs: is not used by LOSS_TYPE_PPO: leave it out",
            )],
        ),
        (
            vec![("/loss", json!({"type": "LOSS_TYPE_CROSS_ENTROPY"}))],
            vec![
                path("weights: is required for LOSS_TYPE_CROSS_ENTROPY (mask does not stand in for it)"),
                path("logprobs: is not used by LOSS_TYPE_CROSS_ENTROPY"),
                path("advantages: is not used by LOSS_TYPE_CROSS_ENTROPY"),
            ],
        ),
        (
            vec![("/loss/type", json!("LOSS_TYPE_UNSPECIFIED"))],
            vec!["body.loss.type: must not be sent: name a loss".to_owned()],
        ),
        (
            vec![("/loss/type", json!("grppo"))],
            vec!["body.loss.type: `grppo` is not one of: LOSS_TYPE_CROSS_ENTROPY".to_owned()],
        ),
        (
            vec![("/samples/0/model_input/chunks/1/encoded_text/tokens", json!([]))],
            vec!["body.samples[0].model_input.chunks[1].encoded_text.tokens: must not be empty".to_owned()],
        ),
        (
            vec![("/sample", json!([]))],
            vec!["body.sample: is not known here; did you mean samples, which is there as well? Then leave this out".to_owned()],
        ),
        (
            vec![("/zebra", json!(1))],
            vec!["body.zebra: is not known here; known are: samples, loss".to_owned()],
        ),
    ];
    for (changes, expected) in cases {
        let found = batch_problems(with(&changes)).await;
        assert_eq!(found.len(), expected.len(), "{changes:?}: {found:#?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                found.starts_with(expected.as_str()),
                "{found}\nexpected {expected}"
            );
        }
    }
}

#[tokio::test]
async fn all_problems_of_a_call_come_at_once() {
    let mut body = with(&[
        (
            "/samples/0/loss_fn_inputs/mask",
            json!({"data": [1], "dtype": "D_TYPE_INT64"}),
        ),
        ("/samples/0/loss_fn_inputs/advantages", Value::Null),
        ("/loss/ppo_params", json!({"clip_low_threshold": 2})),
        ("/forward_only", json!("perhaps")),
    ]);
    body["samples"]
        .as_array_mut()
        .unwrap()
        .push(json!({"model_input": {"chunks": []}}));
    let found = problems("forward-backward-pass", json!({"body": body, "sesion_id": "s"})).await;
    let paths: Vec<&str> = found
        .iter()
        .map(|problem| problem.split(": ").next().unwrap())
        .collect();
    for path in [
        "sesion_id",
        "body.forward_only",
        "body.loss.ppo_params",
        "body.loss.ppo_params.clip_low_threshold",
        "body.samples[0].loss_fn_inputs.mask",
        "body.samples[0].loss_fn_inputs.mask.dtype",
        "body.samples[0].loss_fn_inputs.advantages",
        "body.samples[1].model_input.chunks",
        "body.samples[1].loss_fn_inputs",
    ] {
        assert!(paths.contains(&path), "{path} in {found:#?}");
    }
}

#[tokio::test]
async fn names_of_the_old_api_are_told_their_successors() {
    let sample = "body.samples[0]";
    for (tool, body, path, successor) in [
        ("sample", json!({"prompts": []}), "body.prompts", "model_inputs"),
        (
            "sample",
            json!({"max_tokens": 5, "model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}]}),
            "body.max_tokens",
            "sampling_params.max_tokens",
        ),
        (
            "optimizer-step",
            json!({"adamw_params": {}}),
            "body.adamw_params",
            "adam_params",
        ),
        (
            "optimizer-step",
            json!({"learning_rate": 1e-4}),
            "body.learning_rate",
            "adam_params.learning_rate",
        ),
        (
            "create-training-session",
            json!({"model_resources_id": "r", "base_model": "m"}),
            "body.base_model",
            "model_resources_id",
        ),
        (
            "create-training-session",
            json!({"model_resources_id": "r", "type": "SESSION_TYPE_LORA"}),
            "body.type",
            "model resource",
        ),
        (
            "forward-backward-pass",
            with(&[("/samples/0/loss_inputs", json!({}))]),
            &format!("{sample}.loss_inputs"),
            "loss_fn_inputs",
        ),
        (
            "forward-backward-pass",
            with(&[(&format!("{INPUTS}/loss_mask"), json!({}))]),
            &format!("{sample}.loss_fn_inputs.loss_mask"),
            "mask",
        ),
        (
            "forward-backward-pass",
            with(&[(&format!("{INPUTS}/generator_logprobs"), json!({}))]),
            &format!("{sample}.loss_fn_inputs.generator_logprobs"),
            "logprobs",
        ),
        (
            "forward-backward-pass",
            with(&[(&format!("{INPUTS}/mask/dtype"), json!("D_TYPE_FLOAT32"))]),
            &format!("{sample}.loss_fn_inputs.mask.dtype"),
            "write float32",
        ),
        (
            "forward-backward-pass",
            with(&[("/loss/grpo_params/clip_low", json!(0.2))]),
            "body.loss.grpo_params.clip_low",
            "clip_low_threshold",
        ),
        (
            "forward-backward-pass",
            with(&[("/payload_id", json!("p"))]),
            "body.payload_id",
            "uploaded by itself",
        ),
    ] {
        let mut arguments = json!({"body": body});
        if tool != "create-training-session" {
            arguments["session_id"] = json!("s");
        }
        let found = problems(tool, arguments).await;
        let problem = found
            .iter()
            .find(|problem| problem.starts_with(&format!("{path}: ")));
        assert!(
            problem.is_some_and(|problem| problem.contains(successor)),
            "{path}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn what_hosts_get_wrong_is_put_right() {
    // Numbers and booleans as text, an object as a JSON string, short enum values, whole floats, null for absent.
    let body = json!({
        "model_inputs": "[{\"chunks\": [{\"encoded_text\": {\"tokens\": [\"101\", 17]}}]}]",
        "num_samples": "8",
        "sampling_params": {"max_tokens": 64.0, "temperature": "1.0", "top_k": "-1", "seed": "7", "top_p": null},
        "prompt_logprobs": "True",
    });
    let expected = json!({
        "model_inputs": [{"chunks": [{"encoded_text": {"tokens": [101, 17]}}]}],
        "num_samples": 8,
        "sampling_params": {"max_tokens": 64, "temperature": 1.0, "top_k": -1, "seed": 7},
        "prompt_logprobs": true,
    });
    assert_eq!(
        sent("sample", json!({"session_id": "s", "body": body})).await,
        expected
    );
    let text = body.to_string();
    assert_eq!(
        sent("sample", json!({"session_id": 17, "body": text})).await,
        expected
    );

    let body = with(&[
        ("/loss/type", json!("grpo")),
        ("/loss/grpo_params/agg_type", json!("token-mean")),
        (
            "/loss/grpo_params/ratio_type",
            json!("GRPO_LOSS_RATIO_TYPE_SEQUENCE"),
        ),
    ]);
    let sent = batch_sent(body).await;
    assert_eq!(sent["loss"]["type"], "LOSS_TYPE_GRPO");
    assert_eq!(
        sent["loss"]["grpo_params"]["agg_type"],
        "GRPO_LOSS_AGGREGATION_TYPE_TOKEN_MEAN"
    );
    assert_eq!(
        sent["loss"]["grpo_params"]["ratio_type"],
        "GRPO_LOSS_RATIO_TYPE_SEQUENCE"
    );
}

#[tokio::test]
async fn empty_text_for_what_is_not_needed_is_not_sent() {
    let body = json!({"model_resources_id": "r", "display_name": "", "resume_from_checkpoint_id": ""});
    assert_eq!(
        sent("create-training-session", json!({"body": body})).await,
        json!({"model_resources_id": "r"})
    );
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let arguments = json!({"session_id": " s\n", "body": {}, "idempotency_key": ""});
    server.call("optimizer-step", arguments).await.json();
    let seen = upstream.seen();
    assert_eq!(
        seen[0].header("idempotency-key").unwrap().len(),
        36,
        "a fresh key"
    );
    assert!(
        seen[0].line().contains("/training-sessions/s/operations/"),
        "{}",
        seen[0].line()
    );
}

#[tokio::test]
async fn stop_takes_texts_and_no_token_ids() {
    let body = |stop: Value| json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}], "sampling_params": {"stop": stop}});
    for text in ["[/INST]", "{"] {
        let sent = sent("sample", json!({"session_id": "s", "body": body(json!(text))})).await;
        assert_eq!(sent["sampling_params"]["stop"], json!([text]));
    }
    let one = sent("sample", json!({"session_id": "s", "body": body(json!("\n\n"))})).await;
    assert_eq!(one["sampling_params"]["stop"], json!(["\n\n"]));
    let found = problems("sample", json!({"session_id": "s", "body": body(json!([2]))})).await;
    assert_eq!(
        found,
        [
            "body.sampling_params.stop[0]: found a number, expected text: such as \"\\n\\n\". The service takes no token ids here, and a completion ends at the model's own end token without stop as well"
        ]
    );
}

#[tokio::test]
async fn enums_of_the_query_take_both_forms_and_send_the_long_one() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    for variant in ["adapter", "ADAPTER", "CHECKPOINT_VARIANT_ADAPTER"] {
        server
            .call("download-checkpoint", json!({"id": "c", "variant": variant}))
            .await
            .json();
    }
    for status in [
        "running, STOPPED",
        "TRAINING_SESSION_STATUS_RUNNING,training_session_status_stopped",
    ] {
        server
            .call("list-training-sessions", json!({"status": status, "limit": "5"}))
            .await
            .json();
    }
    let seen = upstream.seen();
    for request in &seen[..3] {
        assert_eq!(
            request.line(),
            "GET /v1/rl/checkpoints/c/download?variant=CHECKPOINT_VARIANT_ADAPTER HTTP/1.1"
        );
    }
    for request in &seen[3..] {
        assert_eq!(
            request.line(),
            "GET /v1/rl/training-sessions?status=TRAINING_SESSION_STATUS_RUNNING%2CTRAINING_SESSION_STATUS_STOPPED&limit=5 HTTP/1.1"
        );
    }
}

#[tokio::test]
async fn numbers_reach_the_service_as_they_were_written() {
    // 17 digits, which a careless reader turns into their neighbours; the body is sent with and without spaces.
    let data = json!([0, 0, -0.103_775_708_116_206_07, -1.5e-8]);
    let text = with(&[("/samples/0/loss_fn_inputs/logprobs/data", data.clone())]).to_string();
    for text in [text.clone(), text.replace(',', ", ")] {
        let sent = sent("forward-backward-pass", json!({"session_id": "s", "body": text})).await;
        let logprobs = sent["samples"][0]["loss_fn_inputs"]["logprobs"]["data"].to_string();
        assert_eq!(logprobs, "[0,0,-0.10377570811620607,-1.5e-8]");
    }
    let body = with(&[("/samples/0/loss_fn_inputs/logprobs/data", data.clone())]);
    assert_eq!(
        batch_sent(body).await["samples"][0]["loss_fn_inputs"]["logprobs"]["data"],
        data
    );
    let seed = json!(i64::MAX);
    let body = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}], "sampling_params": {"seed": seed}});
    assert_eq!(
        sent("sample", json!({"session_id": "s", "body": body})).await["sampling_params"]["seed"],
        seed
    );
}

#[tokio::test]
async fn tensors_of_other_names_are_forwarded_and_checked_for_length() {
    let custom = json!({"data": [1, 2, 3, 4], "dtype": "float32"});
    let body = with(&[("/samples/0/loss_fn_inputs/my_bonus", custom.clone())]);
    assert_eq!(
        batch_sent(body).await["samples"][0]["loss_fn_inputs"]["my_bonus"],
        custom
    );
    let body = with(&[(
        "/samples/0/loss_fn_inputs/my_bonus",
        json!({"data": [1], "dtype": "float32"}),
    )]);
    let found = batch_problems(body).await;
    assert!(
        found[0].contains("my_bonus: has 1 values for 4 tokens"),
        "{found:?}"
    );
    let bad = json!({"data": ["x", 2, 3, 4], "dtype": "D_TYPE_INT64", "zz": 1});
    let found = batch_problems(with(&[("/samples/0/loss_fn_inputs/my_bonus", bad)])).await;
    for part in [
        "my_bonus.data[0]: found text",
        "my_bonus.dtype: is the old name: write int64",
        "my_bonus.zz: is not known",
    ] {
        assert!(
            found.iter().any(|problem| problem.contains(part)),
            "{part}: {found:#?}"
        );
    }
    for open in ["advantages_2", "logprobs_teacher", "token_weights"] {
        let body = with(&[(&format!("{INPUTS}/{open}"), custom.clone())]);
        assert!(
            batch_sent(body).await["samples"][0]["loss_fn_inputs"]
                .get(open)
                .is_some(),
            "{open}"
        );
    }
    let body = with(&[("/samples/0/loss_fn_inputs/advantage", custom)]);
    let found = batch_problems(body).await;
    assert!(
        found[0].contains("did you mean advantages, which is there as well?"),
        "{found:?}"
    );
}

#[tokio::test]
async fn ranges_and_places_in_the_other_tools() {
    let cases = [
        (
            "sample",
            json!({"session_id": "s", "model_inputs": []}),
            "model_inputs: belongs inside body: write body.model_inputs",
        ),
        (
            "list-training-sessions",
            json!({"limit": 101}),
            "limit: is 101, but must be at least 1 and at most 100",
        ),
        (
            "list-training-sessions",
            json!({"status": "RUNING"}),
            "status: `RUNING` is not one of: CREATING, RUNNING",
        ),
        (
            "list-training-sessions",
            json!({"status": " , "}),
            "status: must not be empty",
        ),
        (
            "download-checkpoint",
            json!({"id": "..", "variant": "merged"}),
            "id: `..` is not an id",
        ),
        (
            "download-checkpoint",
            json!({"id": "c", "variant": "full"}),
            "variant: must be \"CHECKPOINT_VARIANT_MERGED\"",
        ),
        (
            "get-training-session",
            json!({"session_id": ""}),
            "session_id: must not be empty",
        ),
        (
            "get-sample-operation",
            json!({"session_id": "s"}),
            "operation_id: is required",
        ),
        (
            "optimizer-step",
            json!({"session_id": "s", "body": {"adam_params": {}, "muon_params": {}}}),
            "body: has both adam_params and muon_params",
        ),
        (
            "optimizer-step",
            json!({"session_id": "s", "body": {"adam_params": {"learning_rate": -1}}}),
            "body.adam_params.learning_rate: is -1",
        ),
        (
            "optimizer-step",
            json!({"session_id": "s", "body": {}, "idempotency_key": "two words"}),
            "idempotency_key: is 1 to 255 visible ASCII",
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "r", "lora_config": {"alpha": 129}}}),
            "body.lora_config.alpha: is 129",
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "r", "lora_config": {"dropout": 1}}}),
            "body.lora_config.dropout: is 1, but must be at least 0 and below 1",
        ),
        (
            "create-training-session",
            json!({"body": []}),
            "body: found a list, expected an object",
        ),
        (
            "create-training-session",
            json!({"body": "no JSON"}),
            "body: found text, expected an object",
        ),
        (
            "create-training-session",
            json!({"body": "{\"model_resources_id\": "}),
            "body: found text that cannot be read",
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": {"trainer": {}}}}),
            "body.config.orchestrator: is required for an RL run",
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": {}}}),
            "body.config: must not be empty",
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": {"data": {}, "trainer": {}}, "mode": "sft"}}),
            "body.config.trainer: does not belong to a supervised run",
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": {"data": {}}, "sourceRef": "refs/heads/x"}}),
            "body.sourceRef: `refs/heads/x` is not a branch",
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": {"data": {}}, "teamid": "t"}}),
            "body.teamid: is not known here; did you mean teamId?",
        ),
        (
            "custom-forward-backward-pass",
            custom(json!([{"data": [0, 0, -0.5]}])),
            "body.gradients[0]: has 3 values for 4 tokens",
        ),
        (
            "custom-forward-backward-pass",
            custom(json!([{"data": [0, 0, 1, 1]}, {"data": [0, 0, 1, 1]}])),
            "body.gradients: has 2 entries for 1 samples",
        ),
        (
            "custom-forward-backward-pass",
            custom(json!([{"data": [0, 0, 1e39, 1]}])),
            "body.gradients[0].data[2]: is beyond what float32 holds",
        ),
        (
            "custom-forward-backward-pass",
            json!({"session_id": "s", "body": {"samples": grpo()["samples"], "gradients": [{"data": [0, 0, 1, 1]}], "loss": {}}}),
            "body.loss: does not belong here",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "m", "inactive_timeout": 60}}),
            "body.inactive_timeout: is 60, but must be at least 300",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "m", "inactive_timeout": "30m"}}),
            "body.inactive_timeout: found text that is not a finite number",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "m", "optimizer_config": {"adam": {}, "muon": {}}}}),
            "body.optimizer_config: has both adam and muon",
        ),
        (
            "estimate-model-resource-cost",
            json!({"body": {"base_model": "m", "gpu_type": "B200-SXM"}}),
            "body.gpu_type: belongs inside compute_config: write body.compute_config.gpu_type",
        ),
        (
            "weights-sync",
            json!({"session_id": "s", "body": {"weight_sync_type": "later"}}),
            "body.weight_sync_type: `later` is not one of: WEIGHT_SYNC_TYPE_SYNCHRONOUS",
        ),
        (
            "list-model-resources",
            json!({"status": "ready, runing"}),
            "status: `runing` is not one of: PENDING, CREATING, READY",
        ),
        (
            "sample",
            json!({"session_id": "s", "body": {"model_inputs": [{"tokens": [1]}]}}),
            "body.model_inputs[0].tokens: belongs inside chunks",
        ),
    ];
    for (tool, arguments, expected) in cases {
        let found = problems(tool, arguments).await;
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{tool}: {expected}\n{found:#?}"
        );
    }
}

#[tokio::test]
async fn a_config_gets_its_mode_and_name_and_everything_inside_it_passes() {
    let config =
        json!({"data": {"type": "sft", "name": "datasets/x", "future": [1.50, null]}, "max_steps": 3});
    let body = sent("prime-intellect-createrun", json!({"body": {"config": config}})).await;
    assert_eq!(body, json!({"config": config, "mode": "sft"}));
    let rl = json!({"trainer": {}, "orchestrator": {}, "data": {}});
    assert_eq!(
        sent("prime-intellect-createrun", json!({"body": {"config": rl}})).await,
        json!({"config": rl})
    );
}

/// Every range that a schema states is enforced, wherever it stands.
#[tokio::test]
async fn what_a_schema_states_is_what_is_enforced() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let listing = server.request("tools/list", json!({})).await;
    let mut checked = 0;
    for tool in listing["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let spec = ALL.iter().find(|entry| entry.spec.name == name).unwrap().spec;
        // No documentation has examples of what works on this machine alone.
        if spec.is_local() {
            continue;
        }
        for example in examples(&operation_of(spec).name).iter().take(1) {
            let mut arguments = example.path_params.clone();
            arguments.extend(example.query.clone());
            if !example.request.is_null() {
                arguments.insert("body".to_owned(), example.request.clone());
            }
            let arguments = Value::Object(arguments);
            let mut places = Vec::new();
            bounds(&tool["inputSchema"], &arguments, String::new(), &mut places);
            for (pointer, outside) in places {
                let mut wrong = arguments.clone();
                *wrong.pointer_mut(&pointer).unwrap() = json!(outside);
                let outcome = server.call(name, wrong).await;
                let last = pointer
                    .rsplit('/')
                    .find(|part| part.parse::<usize>().is_err())
                    .unwrap();
                assert!(
                    outcome.is_error && outcome.text.contains(last),
                    "{name} {pointer}: {}",
                    outcome.text
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
    assert!(upstream.seen().is_empty());
}

/// The places in `value` that have a bound in `schema`, each with a number outside of it.
fn bounds(schema: &Value, value: &Value, pointer: String, places: &mut Vec<(String, f64)>) {
    for (name, step) in [("minimum", -1.0), ("maximum", 1.0)] {
        if let Some(bound) = schema[name].as_f64() {
            places.push((pointer.clone(), bound + step));
        }
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                bounds(
                    &schema["properties"][name],
                    value,
                    format!("{pointer}/{name}"),
                    places,
                );
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate().take(1) {
                bounds(&schema["items"], value, format!("{pointer}/{index}"), places);
            }
        }
        _ => {}
    }
}
