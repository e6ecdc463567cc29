//! `build-training-batch` and `read-result`, between the tools whose files they read and those that read theirs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{Scripted, Server, json as answer, status};

fn input(tokens: &[i64]) -> Value {
    json!({"chunks": [{"encoded_text": {"tokens": tokens}}]})
}

fn read(path: &Value) -> Value {
    serde_json::from_str(&fs::read_to_string(path.as_str().unwrap()).unwrap()).unwrap()
}

/// A server, and the service that a test scripts, with a data directory of their own.
struct Place {
    upstream: Scripted,
    server: Server,
    data: TempDir,
}

impl Place {
    async fn new() -> Self {
        let upstream = Scripted::start(vec![answer(&json!({}))]).await;
        let data = tempfile::tempdir().unwrap();
        let mut command = Server::command(&upstream.url);
        let server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
        Self {
            upstream,
            server,
            data,
        }
    }

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
            vec!["rewards: has 1 lists for 2 prompts"],
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
            vec!["rewards[0][1]: found text that is no finite number"],
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
                "advantages[0][0]: is no number",
                "advantages[0][1][1]: is no number",
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
                "loss.grpo_params.beta: found text that is no finite number",
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

/// A server in front of its own sandbox, with a running session.
struct Session {
    server: Server,
    id: Value,
    resource: Value,
    data: TempDir,
}

impl Session {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Server::command("http://127.0.0.1:9");
        command
            .env("RL_MCP_DATA_DIR", data.path())
            .args(["--sandbox", "--sandbox-speed", "5000"]);
        let mut server = Server::initialized(&mut command).await;
        let body = json!({"base_model": "sandbox/byte-lm"});
        let made = server
            .call("create-model-resource", json!({"body": body}))
            .await
            .json();
        let resource = made["id"].clone();
        until(
            &mut server,
            "get-model-resource",
            &json!({"model_resources_id": resource}),
            &["_READY"],
        )
        .await;
        let mut session = Self {
            server,
            id: Value::Null,
            resource,
            data,
        };
        session.id = session.another().await;
        session
    }

    async fn another(&mut self) -> Value {
        let body = json!({"model_resources_id": self.resource});
        let made = self
            .server
            .call("create-training-session", json!({"body": body}))
            .await
            .json();
        let session = json!({"session_id": made["id"]});
        until(&mut self.server, "get-training-session", &session, &["_RUNNING"]).await;
        made["id"].clone()
    }

    /// The id of a finished operation.
    async fn finished(&mut self, tool: &str, get: &str, arguments: Value) -> Value {
        let made = self.server.call(tool, arguments.clone()).await.json();
        let operation = json!({"session_id": arguments["session_id"], "operation_id": made["id"]});
        let found = until(&mut self.server, get, &operation, &["_COMPLETED", "_FAILED"]).await;
        assert_eq!(found["status"], "TRAINING_OPERATION_STATUS_COMPLETED", "{found}");
        made["id"].clone()
    }

    async fn sampled(&mut self, prompts: &[&str], number: u32) -> Value {
        let inputs: Vec<Value> = prompts
            .iter()
            .map(|prompt| json!({"chunks": [{"encoded_text": {"tokens": prompt.as_bytes()}}]}))
            .collect();
        let body =
            json!({"model_inputs": inputs, "num_samples": number, "sampling_params": {"max_tokens": 8}});
        let arguments = json!({"session_id": self.id, "body": body});
        self.finished("sample", "get-sample-operation", arguments).await
    }

    async fn built(&mut self, mut arguments: Value) -> Value {
        arguments["session_id"] = self.id.clone();
        self.server.call("build-training-batch", arguments).await.json()
    }

    /// Makes a call that an answer names as the next.
    async fn follow(&mut self, next: &Value) -> Value {
        let tool = next["tool"].as_str().unwrap();
        let get = format!("get-{}-operation", tool.trim_end_matches("-pass"));
        self.finished(tool, &get, next["arguments"].clone()).await
    }
}

async fn until(server: &mut Server, tool: &str, arguments: &Value, wanted: &[&str]) -> Value {
    for _ in 0..4000 {
        let found = server.call(tool, arguments.clone()).await.json();
        let status = found["status"].as_str().unwrap();
        if wanted.iter().any(|wanted| status.ends_with(wanted)) {
            return found;
        }
        sleep(Duration::from_millis(3)).await;
    }
    panic!("never {wanted:?}");
}

#[tokio::test]
async fn a_batch_of_several_operations_is_trained_on_whatever_the_loss() {
    let mut session = Session::start().await;
    let operations = [
        session.sampled(&["a:", "b:"], 3).await,
        session.sampled(&["c:"], 2).await,
    ];
    let rewards = json!([[1, 0, 0.5], [0, 0, 1], [1, 0]]);
    for (name, params) in [
        ("CROSS_ENTROPY", json!({})),
        ("GRPO", json!({"grpo_params": {"beta": 0}})),
        ("IMPORTANCE_SAMPLING", json!({})),
        ("PPO", json!({"ppo_params": {"clip_low_threshold": 0.9}})),
        ("CISPO", json!({"cispo_params": {"clip_high_threshold": 3}})),
        ("DRO", json!({"dro_params": {"beta": 0.05}})),
        ("DPPO", json!({"dppo_params": {"delta_low": 0.1}})),
    ] {
        let mut loss = params;
        loss["type"] = json!(format!("LOSS_TYPE_{name}"));
        let arguments = json!({"operation_ids": operations, "rewards": rewards, "loss": loss});
        let built = session.built(arguments).await;
        assert_eq!(read(&built["batches"][0]["path"])["loss"], loss, "{name}");
        assert_eq!(built["groups"], 3, "{name}: {built}");
        assert_eq!(built["next"]["tool"], "forward-backward-pass", "{name}");
        session.follow(&built["next"]).await;
    }
}

#[tokio::test]
async fn a_batch_over_the_limit_is_split_into_bodies_that_add_up() {
    let mut session = Session::start().await;
    let operation = session.sampled(&["a:", "b:", "c:"], 4).await;
    let rewards = json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]);
    let arguments = json!({"operation_ids": [operation], "rewards": rewards});
    let whole = session.built(arguments.clone()).await;
    let mut split = arguments;
    split["max_tokens"] = json!(20);
    let built = session.built(split).await;
    let batches = built["batches"].as_array().unwrap();
    assert!(batches.len() > 1, "{built}");
    assert!(
        batches
            .iter()
            .all(|batch| batch["tokens"].as_u64().unwrap() <= 20),
        "{built}"
    );
    assert!(
        built["note"]
            .as_str()
            .unwrap()
            .contains("before one optimizer-step"),
        "{built}"
    );
    let parts: Vec<Value> = batches
        .iter()
        .map(|batch| read(&batch["path"])["samples"].clone())
        .collect();
    let joined: Vec<Value> = parts
        .iter()
        .flat_map(|part| part.as_array().unwrap().clone())
        .collect();
    assert_eq!(json!(joined), read(&whole["batches"][0]["path"])["samples"]);
    assert_eq!(built["tokens"], whole["tokens"]);
    for (index, (next, batch)) in built["next"].as_array().unwrap().iter().zip(batches).enumerate() {
        let path = batch["path"].as_str().unwrap();
        assert!(
            path.ends_with(&format!("-{}-of-{}.json", index + 1, batches.len())),
            "{path}"
        );
        assert_eq!(next["arguments"]["body_path"], batch["path"]);
        session.follow(next).await;
    }
}

#[tokio::test]
async fn supervised_examples_come_from_the_call_or_from_a_file() {
    let mut session = Session::start().await;
    let examples = json!([
        {"prompt": b"2+2=", "completion": b"4."},
        {"prompt": b"x", "completion": []},
    ]);
    let file = session.data.path().join("examples.json");
    fs::write(&file, examples.to_string()).unwrap();
    for mut arguments in [json!({"examples": examples}), json!({"examples_path": file})] {
        arguments["loss"] = json!({"type": "cross_entropy"});
        let built = session.built(arguments.clone()).await;
        let batch = read(&built["batches"][0]["path"]);
        assert_eq!(batch["loss"], json!({"type": "LOSS_TYPE_CROSS_ENTROPY"}));
        assert_eq!(tensor(&batch["samples"][0], "weights"), json!([0, 0, 0, 1, 1]));
        assert_eq!(
            (&built["samples"], &built["empty_completions"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(built.get("groups"), None);
        // It is the default of examples.
        arguments.as_object_mut().unwrap().remove("loss");
        let built = session.built(arguments).await;
        session.follow(&built["next"]).await;
    }
}

#[tokio::test]
async fn a_kl_term_takes_the_scores_of_another_session() {
    let mut session = Session::start().await;
    let operation = session.sampled(&["ab", "b:"], 3).await;
    let loss = json!({"type": "LOSS_TYPE_GRPO", "grpo_params": {"beta": 0.1}});
    let mut arguments =
        json!({"operation_ids": [operation], "rewards": [[1, 0, 0], [1, 1, 1]], "loss": loss});
    arguments["reference_session_id"] = session.another().await;
    let built = session.built(arguments.clone()).await;
    assert_eq!(built["batches"], json!([]));
    let body = read(&built["scoring"]["path"]);
    assert_eq!(body["prompt_logprobs"], true);
    let scored = body["model_inputs"].as_array().unwrap().len();
    assert!(scored <= 3, "the second group is dropped: {body}");
    assert_eq!(built["next"]["tool"], "sample");
    assert_eq!(
        built["next"]["arguments"]["session_id"],
        arguments["reference_session_id"]
    );
    let scoring = session.follow(&built["next"]).await;

    arguments["reference_operation_ids"] = json!([scoring]);
    let built = session.built(arguments.clone()).await;
    let batch = read(&built["batches"][0]["path"]);
    // Both sessions have the same weights still: the reference agrees with the policy, slot by slot.
    for sample in batch["samples"].as_array().unwrap() {
        let (policy, reference) = (tensor(sample, "logprobs"), tensor(sample, "reference_logprobs"));
        let (policy, reference) = (policy.as_array().unwrap(), reference.as_array().unwrap());
        assert_eq!(policy.len(), reference.len());
        assert_eq!((&policy[0], &reference[0]), (&json!(0), &json!(0)));
        for (policy, reference) in policy.iter().zip(reference) {
            let apart = policy.as_f64().unwrap() - reference.as_f64().unwrap();
            assert!(apart.abs() < 1e-3, "{batch}");
        }
    }
    session.follow(&built["next"]).await;

    // What was not scored is named.
    arguments["rewards"] = json!([[1, 0, 0], [1, 0, 1]]);
    arguments["session_id"] = session.id.clone();
    let outcome = session
        .server
        .call("build-training-batch", arguments.clone())
        .await;
    assert!(
        outcome
            .error()
            .contains("output.results[1].sequences[0]: score all sequences"),
        "{}",
        outcome.text
    );
    // The sampling itself scored nothing.
    arguments["reference_operation_ids"] = arguments["operation_ids"].clone();
    arguments.as_object_mut().unwrap().remove("reference_session_id");
    let outcome = session.server.call("build-training-batch", arguments).await;
    assert!(
        outcome
            .error()
            .contains("has no prompt_logprobs: sample with prompt_logprobs true"),
        "{}",
        outcome.text
    );
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
