//! Large results: a file and a summary in place of what no conversation can hold.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Outcome, Place, Scripted, Server, json as answer, status};

/// The longest answer that comes whole by itself, in characters.
const LIMIT: usize = 32_000;

impl Place {
    async fn call(&mut self, tool: &str, arguments: Value, body: &str) -> Outcome {
        self.upstream
            .script(vec![status(200, "content-type: application/json\r\n", body)]);
        self.server.call(tool, arguments).await
    }

    async fn sampling(&mut self, output: &str, body: &Value) -> Outcome {
        let arguments = json!({"session_id": "s/1", "operation_id": "op-1", "output": output});
        self.call("get-sample-operation", arguments, &body.to_string())
            .await
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.data.path().join("results"))
            .into_iter()
            .flatten()
            .flat_map(|entry| match entry.unwrap().path() {
                path if path.is_dir() => fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect(),
                path => vec![path],
            })
            .collect();
        files.sort();
        files
    }
}

/// A list whose text has just so many characters.
fn list(characters: usize, filler: &str) -> String {
    let around = json!({"data": [""], "meta": {"has_more": false}}).to_string();
    let body = json!({"data": [filler.repeat(characters - around.len())], "meta": {"has_more": false}});
    assert_eq!(body.to_string().chars().count(), characters);
    body.to_string()
}

fn sampled(completions: usize, tokens: usize) -> Value {
    let sequence = json!({
        "tokens": (0..tokens).map(|token| token % 256).collect::<Vec<_>>(),
        "logprobs": vec![-0.25; tokens],
        "stop_reason": "STOP_REASON_LENGTH",
    });
    let result = json!({
        "sequences": vec![sequence; completions],
        "policy_segments": [{"version": 3, "start_token": 0}],
    });
    let output = json!({"results": [result.clone(), result]});
    json!({"id": "op-1", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": output})
}

#[tokio::test]
async fn up_to_the_limit_an_answer_comes_whole_and_above_it_as_a_file() {
    let mut place = Place::new().await;
    for (filler, characters) in [("x", LIMIT), ("é", LIMIT), ("x", LIMIT - 1)] {
        let body = list(characters, filler);
        let outcome = place.call("list-checkpoints", json!({}), &body).await;
        assert_eq!(outcome.text, body);
        assert_eq!(outcome.link, None);
    }
    assert_eq!(place.files(), Vec::<PathBuf>::new());

    let body = list(LIMIT + 1, "é");
    let outcome = place.call("list-checkpoints", json!({}), &body).await;
    let shown = outcome.json();
    assert_eq!(shown["meta"], json!({"has_more": false}));
    assert!(
        shown["data"].as_str().unwrap().starts_with("a list of 1 ("),
        "{shown}"
    );
    let file = Path::new(shown["file"].as_str().unwrap());
    assert_eq!(place.files(), [file]);
    assert_eq!(outcome.link.unwrap(), format!("file://{}", file.display()));
    assert_eq!(fs::read_to_string(file).unwrap(), body);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(outcome.text.len() < 1000, "{}", outcome.text);
}

#[tokio::test]
async fn a_sampling_is_summed_up_and_stored_once() {
    let mut place = Place::new().await;
    let whole = sampled(8, 512);
    let mut files = Vec::new();
    for _ in 0..2 {
        let shown = place.sampling("auto", &whole).await.json();
        assert_eq!(shown["output"]["results"][1]["token_counts"], json!(vec![512; 8]));
        assert_eq!(
            shown["output"]["results"][0]["mean_logprobs"],
            json!(vec![-0.25; 8])
        );
        assert_eq!(shown["output"]["results"][0]["policy_versions"], json!([3]));
        assert_eq!(shown["status"], "TRAINING_OPERATION_STATUS_COMPLETED");
        files.push(shown["file"].as_str().unwrap().to_owned());
    }
    assert_eq!(files[0], files[1]);
    assert_eq!(place.files().len(), 1);
    let stored: Value = serde_json::from_str(&fs::read_to_string(&files[0]).unwrap()).unwrap();
    assert_eq!(stored, whole);
}

#[tokio::test]
async fn what_lies_nowhere_else_is_stored_and_what_is_not_there_is_not() {
    let mut place = Place::new().await;
    let mut empty = sampled(1, 1);
    empty["output"] = json!({});
    place.sampling("auto", &empty).await.json();
    assert_eq!(place.files().len(), 0);
    let mut whole = sampled(1, 1);
    whole["output"]["payload_id"] = Value::Null;
    assert_eq!(place.sampling("auto", &whole).await.json(), whole);
    assert_eq!(place.files().len(), 1);
}

#[tokio::test]
async fn output_decides_where_the_result_goes_whatever_its_size() {
    let mut place = Place::new().await;
    let (small, large) = (sampled(1, 4), sampled(8, 512));
    assert_eq!(place.sampling("full", &large).await.json(), large);
    let shown = place.sampling("file", &small).await;
    assert!(shown.link.is_some());
    assert_eq!(shown.json()["output"]["results"][0]["token_counts"], json!([4]));
    assert_eq!(place.sampling("auto", &small).await.json(), small);
    let pending = json!({"id": "op-2", "status": "TRAINING_OPERATION_STATUS_RUNNING"});
    assert_eq!(place.sampling("file", &pending).await.json(), pending);
    let refusal = place.sampling("somewhere", &small).await;
    assert!(refusal.error().contains("- output: "), "{}", refusal.text);
}

#[tokio::test]
async fn a_pass_keeps_its_loss_and_metrics_and_leaves_out_the_tensors() {
    let mut place = Place::new().await;
    let tensors = json!({"tensors": {"logprobs": {"data": vec![-0.5; 2000], "dtype": "float32"}}});
    let whole = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {
        "loss": 0.125, "metrics": {"loss/ratio/mean": 1.0}, "loss_fn_outputs": vec![tensors; 20],
    }});
    let arguments = json!({"session_id": "s", "operation_id": "op"});
    let shown = place
        .call("get-forward-backward-operation", arguments, &whole.to_string())
        .await
        .json();
    assert_eq!(shown["output"]["loss"], 0.125);
    assert_eq!(shown["output"]["metrics"], json!({"loss/ratio/mean": 1.0}));
    assert_eq!(
        shown["output"]["loss_fn_outputs"],
        "those of 20 samples are in the file"
    );
    let stored = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), whole);
}

#[tokio::test]
async fn the_prompts_of_a_sampling_are_kept_beside_its_result() {
    let mut place = Place::new().await;
    let body = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [101, 17, 42]}}]}], "num_samples": 2});
    let pending = json!({"id": "op-1", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    let arguments = json!({"session_id": "s/1", "body": body});
    let started = place.call("sample", arguments, &pending.to_string()).await;
    assert_eq!(started.json(), pending);
    place.sampling("auto", &sampled(2, 2)).await.json();
    let files = place.files();
    assert_eq!(files.len(), 2, "{files:?}");
    let request = files
        .iter()
        .find(|file| file.ends_with("sample-op-1.request.json"));
    let request = fs::read_to_string(request.unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&request).unwrap(), body);
    assert_eq!(files[0].parent(), files[1].parent());
}

#[tokio::test]
async fn a_result_that_cannot_be_stored_is_summed_up_all_the_same() {
    let upstream = Scripted::start(vec![answer(&sampled(8, 512))]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", "/dev/null/data")).await;
    let mut arguments = json!({"session_id": "s", "operation_id": "op-1"});
    let outcome = server.call("get-sample-operation", arguments.clone()).await;
    assert_eq!(outcome.link, None);
    let shown = outcome.json();
    assert_eq!(shown["output"]["results"][0]["token_counts"], json!(vec![512; 8]));
    let problem = shown["not_stored"].as_str().unwrap();
    assert!(problem.contains("output full"), "{problem}");
    arguments["output"] = json!("full");
    let whole = server.call("get-sample-operation", arguments).await;
    assert_eq!(whole.json(), sampled(8, 512));
}

#[tokio::test]
async fn clients_of_an_earlier_protocol_get_no_link_that_they_would_not_know() {
    let upstream = Scripted::start(vec![answer(&sampled(8, 512))]).await;
    for (version, linked) in [("2024-11-05", false), ("2025-03-26", false), ("2025-06-18", true)] {
        let mut server = Server::spawn(&mut Server::command(&upstream.url));
        let client = json!({"name": "t", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
        server.request("initialize", params).await;
        let arguments = json!({"session_id": "s", "operation_id": "op-1"});
        let outcome = server.call("get-sample-operation", arguments).await;
        assert_eq!(outcome.link.is_some(), linked, "{version}");
        assert!(outcome.json()["file"].is_string(), "{version}");
    }
}

#[tokio::test]
async fn no_secret_gets_into_a_file() {
    let mut place = Place::new().await;
    let mut body = sampled(8, 512);
    body["echo"] = json!(format!("Bearer {}", crate::support::TOGETHER_KEY));
    let outcome = place.sampling("file", &body).await;
    let stored = fs::read_to_string(outcome.json()["file"].as_str().unwrap()).unwrap();
    for text in [stored, outcome.text] {
        assert!(!text.contains(crate::support::TOGETHER_KEY) && text.contains("[redacted]"));
    }
}
