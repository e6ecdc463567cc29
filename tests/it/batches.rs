//! `build-training-batch` and `read-result`, between the tools whose files they read and those that read theirs.

#[cfg(feature = "text")]
mod examples;
#[cfg(feature = "sandbox")]
mod trained;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Place, Server, json as answer, status};

fn input(tokens: &[i64]) -> Value {
    json!({"chunks": [{"encoded_text": {"tokens": tokens}}]})
}

fn read(path: &Value) -> Value {
    serde_json::from_str(&fs::read_to_string(path.as_str().unwrap()).unwrap()).unwrap()
}

impl Place {
    /// A sampling as the tools leave it.
    async fn sampled(&mut self, id: &str, prompts: &[&[i64]], results: Value) {
        let pending = json!({"id": id, "status": "TRAINING_OPERATION_STATUS_PENDING"});
        self.upstream
            .script(vec![answer(&pending), completed(id, results)]);
        let inputs: Vec<Value> = prompts.iter().map(|prompt| input(prompt)).collect();
        let submitted = json!({"session_id": "s", "body": {"model_inputs": inputs}});
        self.server.call("sample", submitted).await.json();
        self.shown(id).await;
    }

    async fn shown(&mut self, id: &str) {
        let operation = json!({"session_id": "s", "operation_id": id});
        self.server.call("get-sample-operation", operation).await.json();
    }

    /// The answer to a request for a batch of session `s`.
    async fn built(&mut self, arguments: Value) -> Value {
        self.ask(arguments).await.json()
    }

    async fn problem(&mut self, arguments: Value) -> String {
        let before = self.upstream.seen().len();
        let outcome = self.ask(arguments).await;
        assert_eq!(self.upstream.seen().len(), before, "nothing is sent");
        assert!(!self.data.path().join("batches").exists(), "nothing is written");
        outcome.error().to_owned()
    }

    async fn ask(&mut self, mut arguments: Value) -> crate::support::Outcome {
        arguments["session_id"] = json!("s");
        self.server.call("build-training-batch", arguments).await
    }

    fn write(&self, name: &str, content: &Value) -> String {
        let path = self.data.path().join(name);
        fs::write(&path, content.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn completed(id: &str, results: Value) -> crate::support::Reaction {
    answer(
        &json!({"id": id, "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"results": results}}),
    )
}

/// A result with these completions, each token of which has log-probability -0.5.
fn result(completions: &[&[i64]]) -> Value {
    let sequence = |tokens: &&[i64]| json!({"tokens": tokens, "logprobs": vec![-0.5; tokens.len()], "stop_reason": "STOP_REASON_STOP"});
    let sequences: Vec<Value> = completions.iter().map(sequence).collect();
    json!({"sequences": sequences, "policy_segments": [{"version": "3", "start_token": 0}]})
}

fn tensor(sample: &Value, name: &str) -> Value {
    sample["loss_fn_inputs"][name]["data"].clone()
}

#[tokio::test]
async fn a_batch_that_is_hardly_meant_is_noted() {
    let mut place = Place::new().await;
    place
        .sampled("op", &[&[101]], json!([result(&[&[7], &[8]])]))
        .await;
    let scored = |tokens: &[i64]| {
        let logprobs: Vec<Value> = tokens
            .iter()
            .enumerate()
            .map(|(at, _)| if at == 0 { Value::Null } else { json!(-0.5) })
            .collect();
        json!({"sequences": [], "prompt_logprobs": logprobs, "policy_segments": []})
    };
    let sequences: [&[i64]; 2] = [&[101, 7], &[101, 8]];
    place
        .sampled("ref", &sequences, json!(sequences.map(scored)))
        .await;
    let request = json!({"operation_ids": ["op"], "rewards": [[1, 0]]});
    let built = place.built(request.clone()).await;
    assert_eq!(built.get("note"), None, "{built}");
    let mut scored = request.clone();
    scored["reference_operation_ids"] = json!(["ref"]);
    let built = place.built(scored.clone()).await;
    let note = built["note"].as_str().unwrap();
    assert!(note.contains("reference_operation_ids change nothing"), "{note}");
    scored["loss"] = json!({"type": "LOSS_TYPE_GRPO", "grpo_params": {"beta": 0.1}});
    assert_eq!(place.built(scored).await.get("note"), None);

    // Weights that were published since make it off-policy.
    for (version, words) in [
        (3, None),
        (
            4,
            Some("completions of the weights' version 3, and version 4 is published"),
        ),
    ] {
        let published = json!({"id": format!("sync-{version}"), "status": "TRAINING_OPERATION_STATUS_COMPLETED",
            "output": {"weights_version": version.to_string()}});
        place.upstream.script(vec![answer(&published)]);
        let sync = json!({"session_id": "s", "body": {"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"}});
        place.server.call("weights-sync", sync).await.json();
        let built = place.built(request.clone()).await;
        let note = built["note"].as_str();
        assert_eq!(note.is_some(), words.is_some(), "{built}");
        assert!(words.is_none_or(|words| note.unwrap().contains(words)), "{built}");
    }
}

#[tokio::test]
async fn an_operation_that_is_no_sampling_is_named() {
    let mut place = Place::new().await;
    let accepted = json!({"id": "op-1", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    place.upstream.script(vec![answer(&accepted)]);
    let step = json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 1e-5}}});
    place.server.call("optimizer-step", step).await.json();
    let wrong = json!({"operation_ids": ["op-1"], "rewards": [[1, 0]]});
    let problem = place.problem(wrong).await;
    assert!(
        problem.contains(
            "operation_ids: are those of sample operations of the session; op-1 was started by optimizer-step"
        ),
        "{problem}"
    );
}

#[tokio::test]
async fn the_worked_step_comes_out_as_it_is_documented() {
    let mut place = Place::new().await;
    let results = json!([{
        "sequences": [
            {"tokens": [7, 9], "logprobs": [-0.105, -0.916], "stop_reason": "STOP_REASON_STOP"},
            {"tokens": ["7", "8"], "logprobs": [-0.105, -1.204], "stop_reason": "STOP_REASON_LENGTH"},
        ],
        "policy_segments": [{"version": 0, "start_token": 0}],
    }]);
    place.sampled("op", &[&[101, 17, 42]], results).await;
    let mut built = place
        .built(json!({"operation_ids": ["op"], "rewards": [[1, 0]]}))
        .await;
    let path = built["batches"][0]["path"].clone();
    let file = Path::new(path.as_str().unwrap());
    assert_eq!(file.parent().unwrap(), place.data.path().join("batches"));
    assert!(path.as_str().unwrap().ends_with("-1-of-1.json"), "{path}");
    let sample = |last: i64, logprob: f64, advantage: f64| {
        json!({
            "model_input": input(&[101, 17, 42, 7]),
            "loss_fn_inputs": {
                "target_tokens": {"data": [17, 42, 7, last], "dtype": "int64"},
                "logprobs": {"data": [0, 0, -0.105, logprob], "dtype": "float32"},
                "advantages": {"data": [0, 0, advantage, advantage], "dtype": "float32"},
                "mask": {"data": [0, 0, 1, 1], "dtype": "int64"},
            },
        })
    };
    let expected = json!({
        "samples": [sample(9, -0.916, 0.5), sample(8, -1.204, -0.5)],
        "loss": {"type": "LOSS_TYPE_GRPO"},
    });
    assert_eq!(read(&path), expected);
    built["batches"][0].as_object_mut().unwrap().remove("path");
    assert_eq!(built["next"]["arguments"]["body_path"], path);
    built.as_object_mut().unwrap().remove("next");
    assert_eq!(
        built,
        json!({
            "batches": [{"samples": 2, "tokens": 8}],
            "groups": 1, "dropped_groups": 0, "samples": 2, "dropped": 0,
            "mean_reward": 0.5, "reward_deviation": 0.5,
            "tokens": 8, "trained_tokens": 4, "policy_versions": [0],
        })
    );
}

#[tokio::test]
async fn groups_are_made_of_prompts_and_dropped_or_kept_when_equal() {
    let mut place = Place::new().await;
    place
        .sampled(
            "one",
            &[&[1, 2], &[3]],
            json!([result(&[&[5]]), result(&[&[6], &[7]])]),
        )
        .await;
    // The first prompt again, in two chunks that are simply joined.
    let pending = json!({"id": "two", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    place
        .upstream
        .script(vec![answer(&pending), completed("two", json!([result(&[&[8]])]))]);
    let chunk = |token: i64| json!({"encoded_text": {"tokens": [token]}});
    let body = json!({"model_inputs": [{"chunks": [chunk(1), chunk(2)]}]});
    place
        .server
        .call("sample", json!({"session_id": "s", "body": body}))
        .await
        .json();
    place.shown("two").await;

    let rewards = json!([[4], [2, 2], [1]]);
    let arguments = json!({"operation_ids": ["one", "two"], "rewards": rewards});
    let built = place.built(arguments.clone()).await;
    let batch = read(&built["batches"][0]["path"]);
    let samples = batch["samples"].as_array().unwrap();
    let advantages: Vec<Value> = samples
        .iter()
        .map(|sample| tensor(sample, "advantages"))
        .collect();
    assert_eq!(advantages, [json!([0, 1.5]), json!([0, -1.5])]);
    assert_eq!(samples[1]["model_input"], input(&[1, 2]));
    for (name, expected) in [
        ("groups", json!(1)),
        ("dropped_groups", json!(1)),
        ("samples", json!(2)),
        ("dropped", json!(2)),
        // Of all four rewards.
        ("mean_reward", json!(2.25)),
        ("policy_versions", json!([3])),
    ] {
        assert_eq!(built[name], expected, "{name}");
    }

    let mut kept = arguments.clone();
    kept["keep_equal_groups"] = json!(true);
    kept["scale_by_deviation"] = json!(true);
    let built = place.built(kept).await;
    let batch = read(&built["batches"][0]["path"]);
    let samples = batch["samples"].as_array().unwrap();
    let advantages: Vec<Value> = samples
        .iter()
        .map(|sample| tensor(sample, "advantages"))
        .collect();
    assert_eq!(
        advantages,
        [json!([0, 1]), json!([0]), json!([0]), json!([0, -1])]
    );
    assert_eq!(
        (&built["groups"], &built["dropped_groups"]),
        (&json!(2), &json!(0))
    );

    // The same from a file.
    let mut from_file = arguments.clone();
    from_file.as_object_mut().unwrap().remove("rewards");
    from_file["rewards_path"] = json!(place.write("rewards.json", &rewards));
    let built = place.built(from_file).await;
    assert_eq!(built["samples"], 2);

    let mut equal = arguments;
    equal["rewards"] = json!([[1], [0, 0], [1]]);
    let built = place.built(equal).await;
    assert_eq!(built["batches"], json!([]));
    assert_eq!(
        (&built["dropped_groups"], &built["dropped"]),
        (&json!(2), &json!(4))
    );
    assert!(
        built["note"].as_str().unwrap().contains("Sample again"),
        "{built}"
    );
    assert_eq!(built.get("next"), None);
}

#[tokio::test]
async fn advantages_are_used_as_they_are_also_token_by_token() {
    let mut place = Place::new().await;
    place
        .sampled("op", &[&[1, 2]], json!([result(&[&[5, 6], &[7]])]))
        .await;
    let advantages = json!([[[0.25, -3], 0]]);
    for given in [
        json!({"advantages": advantages}),
        json!({"advantages_path": place.write("advantages.json", &advantages)}),
    ] {
        let mut arguments = given;
        arguments["operation_ids"] = json!(["op"]);
        arguments["loss"] = json!({"type": "ppo"});
        let built = place.built(arguments).await;
        let batch = read(&built["batches"][0]["path"]);
        assert_eq!(batch["loss"], json!({"type": "LOSS_TYPE_PPO"}));
        assert_eq!(tensor(&batch["samples"][0], "advantages"), json!([0, 0.25, -3]));
        assert_eq!(tensor(&batch["samples"][1], "advantages"), json!([0, 0]));
        assert_eq!(built.get("mean_reward"), None);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_left_out_and_counted() {
    let mut place = Place::new().await;
    let results = json!([{"sequences": [
        {"tokens": [5, 6], "logprobs": [null, 1e-5], "routed_experts_key": "opaque/1"},
        {"tokens": [], "logprobs": []},
        {"tokens": [7], "logprobs": [null]},
        // vLLM's word for minus infinity.
        {"tokens": [8], "logprobs": [-9999.0]},
    ]}]);
    place.sampled("op", &[&[1]], results).await;
    let built = place
        .built(json!({"operation_ids": ["op"], "rewards": [[3, 0, 0, 1]]}))
        .await;
    for (name, expected) in [
        ("samples", 1),
        ("dropped", 3),
        ("empty_completions", 1),
        ("unusable_tokens", 3),
        ("trained_tokens", 1),
    ] {
        assert_eq!(built[name], expected, "{name}: {built}");
    }
    let sample = &read(&built["batches"][0]["path"])["samples"][0];
    assert_eq!(sample["routed_experts_key"], "opaque/1");
    for (name, expected) in [
        ("mask", json!([0, 1])),
        ("logprobs", json!([0, 0])),
        ("advantages", json!([0, 2])),
        ("target_tokens", json!([5, 6])),
    ] {
        assert_eq!(tensor(sample, name), expected, "{name}");
    }
}

#[tokio::test]
async fn the_noise_of_float32_is_no_difference() {
    let mut place = Place::new().await;
    let completions: Vec<&[i64]> = vec![&[5]; 8];
    place.sampled("op", &[&[1]], json!([result(&completions)])).await;
    let mut rewards = vec![3.199_999_809_265_136_7; 8];
    rewards[0] = 3.200_000_047_683_716;
    rewards[7] = 3.199_999_570_846_557_6;
    let mut arguments = json!({"operation_ids": ["op"], "rewards": [rewards], "scale_by_deviation": true});
    let built = place.built(arguments.clone()).await;
    assert_eq!(
        (&built["dropped_groups"], &built["batches"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(built["reward_deviation"], 0.0);
    arguments["keep_equal_groups"] = json!(true);
    let built = place.built(arguments).await;
    let batch = read(&built["batches"][0]["path"]);
    for sample in batch["samples"].as_array().unwrap() {
        assert_eq!(tensor(sample, "advantages"), json!([0]));
    }
}

#[tokio::test]
async fn rewards_are_the_weights_of_cross_entropy() {
    let mut place = Place::new().await;
    let results = json!([{"sequences": [{"tokens": [5, 6]}, {"tokens": [7]}, {"tokens": [8]}]}]);
    place.sampled("op", &[&[1]], results).await;
    let loss = json!({"type": "LOSS_TYPE_CROSS_ENTROPY"});
    let arguments = json!({"operation_ids": ["op"], "loss": loss, "rewards": [[1, 0, 0.5]]});
    let built = place.built(arguments).await;
    let batch = read(&built["batches"][0]["path"]);
    let tensors = |index: usize| batch["samples"][index]["loss_fn_inputs"].clone();
    assert_eq!(
        tensors(0),
        json!({
            "target_tokens": {"data": [5, 6], "dtype": "int64"},
            "weights": {"data": [1, 1], "dtype": "float32"},
        })
    );
    assert_eq!(tensors(1)["weights"]["data"], json!([0.5]));
    assert_eq!((&built["samples"], &built["dropped"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn every_problem_is_named_with_its_place() {
    let mut place = Place::new().await;
    place
        .sampled(
            "op",
            &[&[1], &[2]],
            json!([result(&[&[5], &[6, 7]]), result(&[&[8]])]),
        )
        .await;
    let odd =
        json!([{"sequences": [{"tokens": [5, 6], "logprobs": [-1]}, {"tokens": [5], "logprobs": [0.5]}]}]);
    place.sampled("odd", &[&[1]], odd).await;
    let missing = place.data.path().join("none.json");
    let wrong = place.write("wrong.json", &json!([[1, "x"]]));
    let text = place.write("text.json", &json!("no list"));
    let op = |rest: Value| {
        let mut arguments = json!({"operation_ids": ["op"]});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        arguments
    };
    for (arguments, expected) in [
        (json!({}), vec!["operation_ids: is required"]),
        (
            json!({"operation_ids": []}),
            vec!["operation_ids: must not be empty"],
        ),
        (op(json!({})), vec!["rewards: is required"]),
        (
            op(
                json!({"operation_ids": ["op", "op"], "rewards": [[1]], "rewards_path": "x", "advantages": [[1]]}),
            ),
            vec![
                "operation_ids[1]: is given twice",
                "rewards_path: stands in place of rewards",
                "advantages: stand in place of rewards",
            ],
        ),
        (
            op(json!({"operation_ids": ["op", "a", "b"], "rewards": [[1]]})),
            vec![
                "operation_ids[1]: no result of it is stored for this session: call get-sample-operation",
                "operation_ids[2]: no result",
            ],
        ),
        (
            op(json!({"rewards": [[1, 0]]})),
            vec!["rewards: has 1 list for 2 prompts"],
        ),
        (
            op(json!({"rewards": [[1], [1, 0]]})),
            vec![
                "rewards[0]: has 1 entries for 2 completions (operation op, output.results[0])",
                "rewards[1]: has 2 entries for 1 completions",
            ],
        ),
        (
            op(json!({"rewards": [[1, "x"], [0]]})),
            vec!["rewards[0][1]: found text that is not a finite number"],
        ),
        (
            op(json!({"rewards": [[1, 1e300], [0]]})),
            vec!["rewards[0][1]: is beyond what float32 holds"],
        ),
        (
            op(json!({"rewards_path": wrong})),
            vec!["rewards_path[0][1]: found text"],
        ),
        (
            op(json!({"rewards_path": text})),
            vec!["rewards_path: found text, expected a list"],
        ),
        (
            op(json!({"rewards_path": missing})),
            vec!["rewards_path: there is no such file"],
        ),
        (
            op(json!({"advantages": [["x", [1, null]], [[1, 2]]]})),
            vec![
                "advantages[0][0]: is neither a number",
                "advantages[0][1][1]: is not a number",
            ],
        ),
        (
            op(json!({"advantages": [[1, [1]], [[1, 1e39]]], "scale_by_deviation": true})),
            vec!["scale_by_deviation: does not go with advantages"],
        ),
        (
            op(json!({"advantages": [[1e39, [1]], [[1e39]]]})),
            vec![
                "advantages[0][0]: is beyond",
                "advantages[0][1]: has 1 numbers for 2 tokens",
                "advantages[1][0][0]: is beyond",
            ],
        ),
        (
            op(json!({"rewards": [[1, -1], [0]], "loss": {"type": "cross_entropy"}})),
            vec!["rewards[0][1]: is -1, but with LOSS_TYPE_CROSS_ENTROPY"],
        ),
        (
            op(
                json!({"advantages": [[1, 1], [0]], "loss": {"type": "cross_entropy"}, "reference_operation_ids": ["op"]}),
            ),
            vec![
                "advantages: are not used by LOSS_TYPE_CROSS_ENTROPY",
                "reference_operation_ids: are for LOSS_TYPE_GRPO alone",
            ],
        ),
        (
            op(json!({"rewards": [[1, 0], [0]], "loss": {"type": "dro", "grpo_params": {"beta": "x"}}})),
            vec![
                "loss.grpo_params.beta: found text that is not a finite number",
                "loss.dro_params: is required",
            ],
        ),
        (
            op(json!({"rewards": [[1, 0], [0]], "max_tokens": 1})),
            vec![
                "max_tokens: is less than the longest sample has (rewards[0][1]: 2 input tokens): give at least 2",
            ],
        ),
        (
            json!({"operation_ids": ["odd"], "rewards": [[1, 0]]}),
            vec![
                "operation_ids: operation odd, output.results[0].sequences[0] has 1 logprobs for 2 tokens",
                "operation_ids: operation odd, output.results[0].sequences[1].logprobs: a log-probability is not above 0",
            ],
        ),
        (
            json!({"examples": [{"prompt": [], "completion": [1]}], "operation_ids": ["op"], "loss": {"type": "grpo"}}),
            vec!["examples[0].prompt: must not be empty", "operation_ids"],
        ),
        (
            json!({"examples": [{"prompt": [1], "completion": [-1]}], "loss": {"type": "grpo"}, "rewards": [[1]]}),
            vec!["examples[0].completion[0]: is -1, but must be at least 0"],
        ),
        (
            json!({"examples": [{"prompt": [1], "completion": [1]}], "loss": {"type": "grpo"}, "rewards": [[1]], "keep_equal_groups": true}),
            vec![
                "loss.type: must be LOSS_TYPE_CROSS_ENTROPY for examples",
                "rewards: does not go with examples",
                "keep_equal_groups: does not go with examples",
            ],
        ),
    ] {
        let problem = place.problem(arguments.clone()).await;
        for expected in expected {
            assert!(problem.contains(expected), "{arguments}: {problem}");
        }
    }
}

#[tokio::test]
async fn an_operation_of_another_program_needs_its_prompts() {
    let mut place = Place::new().await;
    place.upstream.script(vec![completed(
        "op",
        json!([result(&[&[5], &[6]]), result(&[&[7]])]),
    )]);
    place.shown("op").await;
    let mut arguments = json!({"operation_ids": ["op"], "rewards": [[1, 0], [0]]});
    let problem = place.problem(arguments.clone()).await;
    assert!(
        problem.contains("operation_ids[0]: its prompts are not known here"),
        "{problem}"
    );
    for (inputs, expected) in [
        (
            vec![input(&[1, 2])],
            "operation_ids[0]: it has results of 2 prompts, but 1 prompts are known",
        ),
        (
            vec![input(&[1]), input(&[2]), input(&[3])],
            "prompts_path: holds 1 prompts more",
        ),
        (
            vec![json!({"tokens": [1]})],
            "prompts_path.model_inputs[0].tokens: belongs inside chunks",
        ),
    ] {
        arguments["prompts_path"] = json!(place.write("prompts.json", &json!({"model_inputs": inputs})));
        let problem = place.problem(arguments.clone()).await;
        assert!(problem.contains(expected), "{problem}");
    }
    let body = json!({"model_inputs": [input(&[1, 2]), input(&[3])], "num_samples": 2});
    arguments["prompts_path"] = json!(place.write("prompts.json", &body));
    let built = place.built(arguments).await;
    let sample = &read(&built["batches"][0]["path"])["samples"][0];
    assert_eq!(sample["model_input"], input(&[1, 2]));
}

#[tokio::test]
async fn a_result_that_could_not_be_fetched_is_not_taken_for_one() {
    let mut place = Place::new().await;
    let away =
        json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"payload_id": "pl"}});
    place.upstream.script(vec![answer(&away), status(404, "", "{}")]);
    let submitted = json!({"session_id": "s", "body": {"model_inputs": [input(&[1])]}});
    place.server.call("sample", submitted).await.json();
    let arguments = json!({"operation_ids": ["op"], "rewards": [[1, 0]]});
    let problem = place.problem(arguments.clone()).await;
    assert!(problem.contains("call get-sample-operation"), "{problem}");
    place
        .upstream
        .script(vec![completed("op", json!([result(&[&[5], &[6]])]))]);
    place.shown("op").await;
    assert_eq!(place.built(arguments).await["samples"], 2);
}

#[tokio::test]
async fn where_nothing_can_be_written_the_user_is_asked() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("RL_MCP_DATA_DIR", file.path().join("data"));
    let mut server = Server::initialized(&mut command).await;
    let examples = json!([{"prompt": [1], "completion": [2]}]);
    let arguments = json!({"session_id": "s", "examples": examples});
    let outcome = server.call("build-training-batch", arguments).await;
    let problem = outcome.error();
    assert!(problem.starts_with("The batch cannot be stored: "), "{problem}");
    assert!(problem.contains("ask the user"), "{problem}");
}

#[tokio::test]
async fn a_stored_result_is_looked_at_in_parts() {
    let mut place = Place::new().await;
    let long: Vec<i64> = (0..20_000).collect();
    place.sampled("op", &[&[1]], json!([result(&[&long])])).await;
    let operation = json!({"session_id": "s", "operation_id": "op"});
    let large = place.server.call("get-sample-operation", operation).await;
    let file = large.link.clone().unwrap();
    assert_eq!(file, format!("file://{}", large.json()["file"].as_str().unwrap()));
    let look = |rest: Value| {
        let mut arguments = json!({"path": file});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        arguments
    };
    let whole = place.server.call("read-result", look(json!({}))).await.json();
    assert_eq!(
        whole,
        json!({"at": "", "type": "object", "length": 3, "outline": {
            "id": "text of 2 characters",
            "status": "text of 35 characters",
            "output": "an object of 1 members",
        }})
    );
    let at = "output.results[0].sequences[0].tokens";
    let part = look(json!({"at": at, "start": 19_998, "count": 5}));
    let part = place.server.call("read-result", part).await.json();
    assert_eq!(
        part,
        json!({"at": at, "type": "list", "length": 20_000, "start": 19_998, "value": [19_998, 19_999]})
    );
    let outcome = place
        .server
        .call("read-result", look(json!({"at": "output.result"})))
        .await;
    assert!(
        outcome.error().contains("Did you mean results?"),
        "{}",
        outcome.text
    );
    for path in ["/etc/passwd", "results/s/../../../x", "results"] {
        let outcome = place.server.call("read-result", json!({"path": path})).await;
        assert!(outcome.error().contains("path: "), "{}", outcome.text);
    }
}

#[tokio::test]
async fn what_is_written_in_another_form_is_shown_the_right_one() {
    let mut place = Place::new().await;
    let sequence = json!({"tokens": [3], "logprobs": [-0.5], "stop_reason": "STOP_REASON_STOP"});
    let results = json!([{"sequences": [sequence, sequence], "policy_segments": []}]);
    place.sampled("op", &[&[1, 2]], results).await;
    let nested =
        "expected a list: the entries of one prompt's completions, so [[1, 0], [0, 1]] for two prompts";
    let whole = "expected a list of lists: the entries of one prompt's completions";
    fs::write(place.data.path().join("flat.json"), "[1, 0]").unwrap();
    for (labels, expected) in [
        (json!({"rewards": [1, 0]}), nested),
        (json!({"rewards": "[1, 0]"}), nested),
        (json!({"rewards": 1}), whole),
        (json!({"rewards_path": "flat.json"}), nested),
        (json!({"advantages": [1, 0]}), nested),
        (json!({"advantages_path": "flat.json"}), nested),
        (
            json!({"rewards": [[1], [0]]}),
            "has 2 lists for 1 prompt: one list for each prompt of all operations, in their order, with an entry for each of its completions (here lists of 2)",
        ),
    ] {
        let mut arguments = json!({"session_id": "s", "operation_ids": ["op"]});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(labels.as_object().unwrap().clone());
        let outcome = place.ask(arguments).await;
        assert!(outcome.error().contains(expected), "{}", outcome.text);
        assert!(!outcome.text.contains("is required"), "{}", outcome.text);
        assert!(
            outcome.text.matches("one prompt's").count() <= 1,
            "{}",
            outcome.text
        );
    }

    let tokens =
        "found text, expected a list: token ids, such as [108, 111], from the base model's own tokenizer";
    fs::write(
        place.data.path().join("texts.json"),
        json!([{"prompt": ["a"], "completion": ["b"]}]).to_string(),
    )
    .unwrap();
    for examples in [
        json!({"examples": [{"prompt": ["a"], "completion": ["b"]}]}),
        json!({"examples_path": "texts.json"}),
    ] {
        let mut arguments = examples;
        arguments["session_id"] = json!("s");
        let outcome = place.ask(arguments).await;
        let tokens = "[0]: found text that is not a finite number, expected a whole number";
        assert_eq!(outcome.error().matches(tokens).count(), 2, "{}", outcome.text);
    }
    let written = json!({"session_id": "s", "examples": ["a b"]});
    let outcome = place.ask(written).await;
    assert!(
        outcome
            .error()
            .contains("or {\"prompt\": …, \"completion\": …} as text or token ids"),
        "{}",
        outcome.text
    );
    let prompt = json!({"session_id": "s", "body": {"model_inputs": [{"chunks": [{"encoded_text": {"tokens": "a b"}}]}]}});
    let outcome = place.server.call("sample", prompt).await;
    assert!(outcome.error().contains(tokens), "{}", outcome.text);
}

#[cfg(not(feature = "text"))]
#[tokio::test]
async fn a_build_without_tokenizers_says_so() {
    let mut place = Place::new().await;
    let problem = place
        .problem(
            json!({"examples": [{"prompt": [1], "completion": [2]}, {"prompt": "a", "completion": "b"}]}),
        )
        .await;
    assert!(
        problem.contains("this build of rl-mcp has no tokenizers") && problem.contains("as token ids"),
        "{problem}"
    );
}

#[tokio::test]
async fn why_nothing_is_left_to_train_on_is_said_for_what_it_is() {
    let mut place = Place::new().await;
    let empty = json!({"session_id": "s", "examples": [{"prompt": [1], "completion": []}]});
    let note = place.built(empty).await["note"].as_str().unwrap().to_owned();
    assert!(
        note.contains("there was only 1 completion without tokens. Give each example")
            && !note.contains("reward"),
        "{note}"
    );
    let sequence = |tokens: Value| json!({"tokens": tokens, "logprobs": vec![-0.5; tokens.as_array().unwrap().len()], "stop_reason": "STOP_REASON_STOP"});
    let results = json!([{"sequences": [sequence(json!([3])), sequence(json!([]))], "policy_segments": []}]);
    place.sampled("op", &[&[1, 2]], results).await;
    let common = json!({"session_id": "s", "operation_ids": ["op"], "rewards": [[1, 1]]});
    let twice = json!([{"sequences": [sequence(json!([3])), sequence(json!([4]))]}, {"sequences": [sequence(json!([3])), sequence(json!([4]))]}]);
    place.sampled("two", &[&[1, 2], &[3]], twice).await;
    let equal = json!({"session_id": "s", "operation_ids": ["two"], "rewards": [[1, 1], [0, 0]]});
    let note = place.built(equal).await["note"].as_str().unwrap().to_owned();
    assert!(
        note.contains("there were only 2 groups of equal rewards"),
        "{note}"
    );
    let note = place.built(common.clone()).await["note"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        note.contains("there was only 1 group of equal rewards. Sample again") && !note.contains("weight 0"),
        "{note}"
    );
    let mut weighted = common;
    weighted["rewards"] = json!([[0, 1]]);
    weighted["loss"] = json!({"type": "cross_entropy"});
    let note = place.built(weighted).await["note"].as_str().unwrap().to_owned();
    assert!(
        note.contains("there was only 1 completion without tokens, 1 completion of weight 0")
            && !note.contains("equal"),
        "{note}"
    );
}

#[tokio::test]
async fn losses_of_other_services_are_told_what_to_do() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    for (loss, expected) in [
        ("LOSS_TYPE_DPO", "custom-forward-backward-pass"),
        ("dpo", "give the preferred completion of each pair reward 1"),
        ("Gspo", "GRPO_LOSS_RATIO_TYPE_SEQUENCE"),
        ("sft", "must be \"LOSS_TYPE_CROSS_ENTROPY\""),
        ("unspecified", "name a loss"),
    ] {
        for (tool, arguments) in [
            (
                "build-training-batch",
                json!({"session_id": "s", "operation_ids": ["o"], "rewards": [[1]], "loss": {"type": loss}}),
            ),
            (
                "forward-backward-pass",
                json!({"session_id": "s", "body": {"loss": {"type": loss}}}),
            ),
        ] {
            let outcome = server.call(tool, arguments).await;
            assert!(
                outcome.error().contains(expected) && !outcome.text.contains("Did you mean"),
                "{}",
                outcome.text
            );
        }
    }
}

#[tokio::test]
async fn a_directory_says_what_it_holds_and_the_activity_names_the_batches() {
    let mut place = Place::new().await;
    let example = json!({"session_id": "s", "examples": [{"prompt": [1], "completion": [2]}]});
    let mut paths = Vec::new();
    for _ in 0..5 {
        let built = place.built(example.clone()).await;
        paths.push(built["batches"][0]["path"].as_str().unwrap().to_owned());
    }
    let root = place.data.path().to_str().unwrap().to_owned();
    for directory in ["batches".to_owned(), format!("{root}/batches")] {
        let outcome = place.server.call("read-result", json!({"path": directory})).await;
        assert!(
            outcome
                .error()
                .contains("path: is a directory: name one of its files"),
            "{}",
            outcome.text
        );
        for path in &paths {
            assert!(outcome.text.contains(path.as_str()), "{}", outcome.text);
        }
    }
    let outcome = place.server.call("read-result", json!({"path": root})).await;
    assert!(outcome.error().contains("/batches/"), "{}", outcome.text);
    let body = json!({"session_id": "s", "body_path": "batches"});
    let outcome = place.server.call("forward-backward-pass", body).await;
    assert!(outcome.error().contains(&paths[0]), "{}", outcome.text);

    let shown = place.server.call("list-recent-activity", json!({})).await.json();
    let batches = shown["batches"].as_array().unwrap();
    assert_eq!(batches.len(), 3, "{shown}");
    for batch in batches {
        assert!(paths.iter().any(|path| batch["path"] == **path), "{shown}");
    }
    let left_out = shown["left_out"].to_string();
    assert!(left_out.contains("2 batches (limit shows more"), "{shown}");
    let shown = place
        .server
        .call("list-recent-activity", json!({"limit": 5}))
        .await
        .json();
    assert_eq!(shown["batches"].as_array().unwrap().len(), 5, "{shown}");
}
