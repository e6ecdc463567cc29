//! What one call is asked for and another one does, things in the wrong place, and files of another kind.

use serde_json::{Value, json};

#[cfg(feature = "text")]
use super::all_begin;
use super::begins;
#[cfg(feature = "text")]
use crate::support::Server;
use crate::support::{Place, json as answer, status};

#[tokio::test]
async fn what_another_tool_does_names_that_tool() {
    let mut place = Place::new().await;
    let body = json!({"adam_params": {"learning_rate": 1e-5}});
    for (tool, arguments, line) in [
        (
            "stop-training-session",
            json!({"session_id": "s", "save": true}),
            "save: is not done here: save-training-checkpoint does it, in a call before this one",
        ),
        (
            "optimizer-step",
            json!({"session_id": "s", "body": body, "sync_weights": true}),
            "sync_weights: is not done here: weights-sync does it, in a call after this one",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "b", "create_session": true}, "estimate_only": true}),
            "body.create_session: is not done here: create-training-session does it, in a call after this one",
        ),
        (
            "create-inference-checkpoint",
            json!({"session_id": "s", "output_dir": "x"}),
            "output_dir: is not done here: download-checkpoint does it, in a call after this one",
        ),
        (
            "stop-training-session",
            json!({"session_id": "s", "wait": true}),
            "wait: is called wait_seconds here, a number of seconds: 0 does not wait",
        ),
        (
            "extend-model-resource-expiry",
            json!({"model_resources_id": "m", "hours": 2}),
            "hours: belongs inside body, where it is counted in seconds: write body.seconds",
        ),
        (
            "create-model-resource",
            json!({"body": {"base_model": "b"}, "timeout_minutes": 30, "estimate_only": true}),
            "timeout_minutes: belongs inside body, where it is counted in seconds: write body.inactive_timeout",
        ),
        (
            "read-result",
            json!({"operation_id": "o"}),
            "operation_id: names no file: the get tool of an operation",
        ),
        (
            "forward-backward-pass",
            json!({"session_id": "s", "path": "none.json"}),
            "path: is called body_path here",
        ),
    ] {
        let found = place.problems(tool, arguments).await;
        assert!(begins(&found, line), "{tool}: {found:#?}");
    }
    // What is asked for and is not wanted is nobody's wish, where nothing bills.
    place.upstream.script(vec![answer(
        &json!({"id": "o", "status": "TRAINING_OPERATION_STATUS_PENDING"}),
    )]);
    let call = json!({"session_id": "s", "wait_seconds": 0, "zebra": true});
    place.server.call("save-training-checkpoint", call).await.json();
}

#[cfg(feature = "text")]
#[tokio::test]
async fn what_belongs_to_a_prompt_and_to_all_prompts_is_told_its_place() {
    let mut place = Place::new().await;
    let prompts =
        json!([{"messages": [{"role": "user", "content": "1+1="}], "n": 4, "max_tokens": 5, "answer": 2}]);
    let call = json!({"session_id": "s", "prompts": prompts, "answers": [2], "ground_truth": 2});
    let found = place.problems("sample", call).await;
    all_begin(
        &found,
        &[
            "answers: belongs to its prompt, in the row: write prompts[0].answer",
            "ground_truth: belongs to its prompt",
            "prompts[0].n: is not part of a prompt: write body.num_samples",
            "prompts[0].max_tokens: is not part of a prompt: write body.sampling_params.max_tokens",
        ],
    );
    assert_eq!(found.len(), 4, "{found:#?}");
    // A prompt that cannot be used hides none of it.
    let call =
        json!({"session_id": "s", "prompts": [{"messages": [{"role": "human", "content": "a"}], "n": 4}]});
    let found = place.problems("sample", call).await;
    all_begin(
        &found,
        &[
            "prompts[0].messages[0].role: is human",
            "prompts[0].n: is not part of a prompt",
        ],
    );
    // Where the body says it, a row may have such a member for graders.
    let call = json!({"session_id": "s", "prompts": prompts, "body": {"num_samples": 2, "sampling_params": {"max_tokens": 8}}, "tokenizer": 5, "output": "zebra"});
    let found = place.problems("sample", call).await;
    assert!(!begins(&found, "prompts[0]"), "{found:#?}");
}

/// A line of a sampling's completions.
#[cfg(feature = "text")]
fn completion(result: usize, sequence: usize) -> Value {
    json!({"result": result, "sequence": sequence, "prompt": "user: 1+1=", "text": format!("{result}{sequence}"), "tokens": 1, "stop_reason": "STOP", "row": {"answer": 2}})
}

#[cfg(feature = "text")]
#[tokio::test]
async fn completions_in_place_of_prompts_are_told_so() {
    let mut place = Place::new().await;
    let lines = json!([
        completion(0, 0),
        completion(0, 1),
        completion(1, 0),
        completion(1, 1)
    ]);
    let path = place.file("results/s/sample-o.completions.json", &lines);
    let told = "is a completion that was sampled (result, sequence, text), and no prompt";
    let found = place
        .problems(
            "sample",
            json!({"session_id": "s", "prompts_path": path, "output": "zebra"}),
        )
        .await;
    assert!(begins(&found, &format!("prompts_path: {told}")), "{found:#?}");
    let recipe = json!({"method": "grpo", "base_model": "b", "grader": {"type": "number"}, "dataset": path, "zebra": 1});
    let found = place.problems("start-training", recipe).await;
    assert!(begins(&found, &format!("dataset: {told}")), "{found:#?}");
    let shown = place
        .server
        .call("check-dataset", json!({"path": path}))
        .await
        .json();
    assert_eq!(shown["problems"][0]["rows"], 4, "{shown}");
    // A supervised recipe may make the answer of them.
    let recipe = json!({"method": "sft", "base_model": "b", "dataset": path, "completion": "{{row.text}}", "zebra": 1});
    let found = place.problems("start-training", recipe).await;
    assert!(!begins(&found, "dataset"), "{found:#?}");
    // Nor are they rewards.
    let path = place.data.path().join("results/s/sample-o.completions.jsonl");
    let text: Vec<String> = lines.as_array().unwrap().iter().map(Value::to_string).collect();
    std::fs::write(&path, text.join("\n")).unwrap();
    let path = path.display().to_string();
    for (at, meant) in [
        ("output.results[1].sequences[0].text", "[2].text"),
        ("output.results[0]", "[0]"),
        ("output.results[*].sequences[*].tokens", "[*].tokens"),
        ("output.results[0].texts", "[*].text"),
    ] {
        let found = place
            .problems("read-result", json!({"path": path, "at": at}))
            .await;
        assert!(
            found[0].ends_with(&format!("Did you mean `{meant}`?")),
            "{found:#?}"
        );
        place
            .server
            .call("read-result", json!({"path": path, "at": meant}))
            .await
            .json();
    }
}

#[tokio::test]
async fn a_base_model_in_place_of_a_model_resource_is_told_so() {
    let mut place = Place::new().await;
    for (tool, arguments, argument) in [
        (
            "get-model-resource",
            json!({"model_resources_id": "Qwen/Qwen3-0.6B"}),
            "model_resources_id",
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "Qwen/Qwen3-0.6B"}}),
            "body.model_resources_id",
        ),
    ] {
        let missing = r#"{"error":{"message":"there is no such thing","type":"not_found"}}"#;
        place.upstream.script(vec![status(404, "", missing)]);
        let text = place.server.call(tool, arguments).await.error().to_owned();
        assert!(
            text.contains(&format!("Next: {argument} is to be the id of a model resource, and Qwen/Qwen3-0.6B is the name of a base model: create-model-resource")),
            "{text}"
        );
    }
    // Nobody needs to be asked for that, so it is told beside other problems.
    let call = json!({"body": {"model_resources_id": "Qwen/Qwen3-0.6B", "lora_rank": 8}});
    let found = place.problems("create-training-session", call).await;
    assert!(
        found.len() == 2
            && begins(&found, "body.lora_rank: belongs inside lora_config")
            && begins(
                &found,
                "body.model_resources_id: is to be the id of a model resource"
            ),
        "{found:#?}"
    );
}

#[tokio::test]
async fn ids_in_place_of_sample_operations_are_told_what_they_are() {
    let mut place = Place::new().await;
    let pending = |id: &str| answer(&json!({"id": id, "status": "TRAINING_OPERATION_STATUS_PENDING"}));
    place.upstream.script(vec![
        answer(&json!({"id": "ts-1"})),
        pending("op-sampled"),
        pending("op-saved"),
    ]);
    let create = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
    place.server.call("create-training-session", create).await.json();
    let input = super::input(&[1]);
    let sample = json!({"session_id": "ts-1", "body": {"model_inputs": [input]}, "wait_seconds": 0});
    place.server.call("sample", sample).await.json();
    let save = json!({"session_id": "ts-1", "wait_seconds": 0});
    place.server.call("save-training-checkpoint", save).await.json();
    let batch = json!({"session_id": "ts-1", "rewards": [[1]]});
    let mut tools = vec![("build-training-batch", batch)];
    if cfg!(feature = "text") {
        tools.push((
            "grade-completions",
            json!({"session_id": "ts-1", "grader": {"type": "number"}}),
        ));
    }
    for (tool, call) in &tools {
        let mut call = call.clone();
        call["operation_ids"] = json!(["ts-1"]);
        let found = place.problems(tool, call.clone()).await;
        assert_eq!(
            found,
            [
                "operation_ids: are those of sample operations of the session; operation_id is to name an operation, and ts-1 is a training session: its operation is op-sampled."
            ]
        );
        call["operation_ids"] = json!(["op-saved"]);
        let found = place.problems(tool, call).await;
        assert_eq!(
            found,
            [
                "operation_ids: are those of sample operations of the session; op-saved was started by save-training-checkpoint, and this takes operations of sample. sample has started these in session ts-1, the newest first: op-sampled."
            ]
        );
    }
    // What is known is told beside what is missing.
    if cfg!(feature = "text") {
        let call = json!({"operation_ids": ["op-sampled"], "grader": {"type": "number"}});
        let found = place.problems("grade-completions", call).await;
        assert_eq!(
            found,
            [
                "session_id: is required: op-sampled was started by sample in session ts-1: call grade-completions with session_id ts-1."
            ]
        );
        let text = place
            .server
            .call("stop-training", json!({"run_id": "ts-1"}))
            .await
            .error()
            .to_owned();
        assert!(
            text.contains("ts-1 is a training session: list-recent-activity shows the tools for it"),
            "{text}"
        );
    }
    let call = json!({"session_id": "ts-1", "variant": "adapter"});
    let found = place.problems("download-checkpoint", call).await;
    assert!(
        begins(
            &found,
            "id: is to name a checkpoint, and ts-1 is a training session: no checkpoint of it that has a download is known here: create-inference-checkpoint makes one"
        ),
        "{found:#?}"
    );
}

/// A name that stands for a member is no wish, and what lies in it is told with it.
#[tokio::test]
async fn names_that_stand_for_members_are_followed_into_them() {
    let mut place = Place::new().await;
    let found = place
        .problems("download-checkpoint", json!({"checkpoint": "c", "path": "out"}))
        .await;
    assert!(begins(&found, "path: is called directory here"), "{found:#?}");
    assert!(begins(&found, "variant: is required"), "{found:#?}");
    assert!(
        !found.iter().any(|line| line.contains("not done here")),
        "{found:#?}"
    );
    let body = json!({"model_resources_id": "m", "lora": {"r": 16, "lora_alpha": 32}});
    let found = place
        .problems("create-training-session", json!({"body": body}))
        .await;
    for line in [
        "body.lora: is called lora_config here",
        "body.lora_config.r: is called rank here",
        "body.lora_config.lora_alpha: is called alpha here",
    ] {
        assert!(begins(&found, line), "{line}: {found:#?}");
    }
    let call = json!({"session_id": "s", "sample_ids": ["o"], "rewards": [[1, 0]]});
    let found = place.problems("build-training-batch", call).await;
    assert!(
        begins(&found, "sample_ids: is called operation_ids here"),
        "{found:#?}"
    );
}

#[cfg(feature = "text")]
#[tokio::test]
async fn graders_by_name_and_files_that_are_nearly_there_are_told() {
    let mut place = Place::new().await;
    for (grader, line) in [
        (
            json!("exact_match"),
            "grader: is no grader: write an object such as {\"type\": \"string\"}",
        ),
        (
            json!("verifier"),
            "grader: is no grader: write an object such as {\"type\": \"number\"}. There are string (",
        ),
        (
            json!({"type": "contains"}),
            "grader.type: is no grader: did you mean string?",
        ),
    ] {
        let call = json!({"grader": grader, "completions": ["x"]});
        let found = place.problems("grade-completions", call).await;
        assert!(begins(&found, line), "{line}: {found:#?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let row = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
    std::fs::write(directory.path().join("q.jsonl"), format!("{row}\n")).unwrap();
    let mut command = Server::command(&place.upstream.url);
    command
        .env("RL_MCP_DATA_DIR", place.data.path())
        .env("RL_MCP_FILE_DIRS", directory.path());
    place.server = Server::initialized(&mut command).await;
    let found = place.problems("check-dataset", json!({"path": "q.json"})).await;
    assert!(
        begins(&found, "path: there is no such file; the nearest are ") && found[0].ends_with("q.jsonl"),
        "{found:#?}"
    );
    let recipe =
        json!({"method": "sft", "base_model": "b", "dataset": "q.jsonl", "grader": {"type": "number"}});
    let found = place.problems("start-training", recipe).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(begins(&found, "grader: is for method grpo"), "{found:#?}");
}
