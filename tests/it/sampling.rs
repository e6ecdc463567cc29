//! Prompts as text and messages, and completions as text.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
#[cfg(feature = "sandbox")]
use tempfile::TempDir;

use crate::support::{Place, json as answer};
#[cfg(feature = "sandbox")]
use crate::support::{Sandbox, Server};
use crate::text;

const SESSION: &str = "ts_1";

fn completed(sequences: Value) -> Value {
    json!({
        "id": "op_1",
        "status": "TRAINING_OPERATION_STATUS_COMPLETED",
        "output": {"results": [{"sequences": sequences, "policy_segments": [{"version": "3", "start_token": 0}]}]},
    })
}

/// A place whose service has a session of a model with this much context, and answers a sampling so.
async fn place(context_length: u64, sampling: &Value) -> Place {
    let place = Place::new().await;
    let session =
        json!({"id": SESSION, "status": "TRAINING_SESSION_STATUS_RUNNING", "base_model": "org/model"});
    let models = json!({"data": [
        {"base_model": "other/model", "compute_configs": []},
        {"base_model": "org/model", "compute_configs": [{"generator_config": {"context_length": context_length}}]},
    ]});
    place
        .upstream
        .script([&session, &models, sampling].map(answer).to_vec());
    place
}

/// A tokenizer of four words, in the data directory.
fn tokenizer(data: &Path) -> String {
    let directory = data.join("words");
    fs::create_dir_all(&directory).unwrap();
    for (name, content) in text::files() {
        fs::write(directory.join(name), content).unwrap();
    }
    directory.display().to_string()
}

fn lines(path: &Value) -> Vec<Value> {
    let text = fs::read_to_string(path.as_str().unwrap()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn prompts_go_out_as_the_models_tokens_and_completions_come_back_as_text() {
    let sequences = json!([
        {"tokens": [2, "1", 5], "logprobs": [-0.5, -1.0, null], "stop_reason": "STOP_REASON_STOP"},
        {"tokens": [], "logprobs": [], "stop_reason": "STOP_REASON_LENGTH"},
    ]);
    let mut place = place(2000, &completed(sequences)).await;
    let tokenizer = tokenizer(place.data.path());
    let arguments = json!({
        "session_id": SESSION,
        "prompts": [{"messages": [{"role": "user", "content": "one two"}], "answer": 2}],
        "tokenizer": tokenizer,
        "body": {"num_samples": 2, "sampling_params": {"max_tokens": 7}},
    });
    let sampled = place.server.call("sample", arguments).await.json();
    let sent = place.upstream.seen().last().unwrap().json();
    // <s> one two </s> three: as the template has it.
    assert_eq!(
        sent,
        json!({
            "num_samples": 2,
            "sampling_params": {"max_tokens": 7, "stop": ["</s>"]},
            "model_inputs": [{"chunks": [{"encoded_text": {"tokens": [4, 1, 2, 5, 3]}}]}],
        })
    );
    assert_eq!(sampled.get("prompt_tokens"), None, "its result says so");
    assert_eq!(
        sampled["tokenizer"],
        json!({"name": tokenizer, "from": "a directory"})
    );
    assert_eq!(sampled["stop"], json!(["</s>"]));
    assert_eq!(
        sampled["output"]["results"],
        json!([{
            "prompt": "one two",
            "prompt_tokens": 5,
            "texts": ["two one", ""],
            "token_counts": [3, 0],
            "stop_reasons": ["STOP", "LENGTH"],
            "mean_logprobs": [-0.75, null],
            "policy_versions": [3],
        }])
    );
    let of = |sequence: u32, text: &str, tokens: u32, mean: Value, stop: &str| {
        json!({
            "result": 0, "sequence": sequence, "prompt": "<s>one two</s> three", "text": text, "tokens": tokens,
            "mean_logprob": mean, "stop_reason": stop, "row": {"answer": 2},
        })
    };
    assert_eq!(
        lines(&sampled["completions_file"]),
        [
            of(0, "two one", 3, json!(-0.75), "STOP"),
            of(1, "", 0, Value::Null, "LENGTH")
        ]
    );
    let shown = place
        .server
        .call(
            "read-result",
            json!({"path": sampled["completions_file"], "at": "[0].text"}),
        )
        .await
        .json();
    assert_eq!(shown["value"], "two one");
    let beside = json!({"path": sampled["file"], "at": "output.results[0].sequences[0].text"});
    let refused = place.server.call("read-result", beside).await.error().to_owned();
    let told = format!(
        "completions_file, {}, at [0].text",
        sampled["completions_file"].as_str().unwrap()
    );
    assert!(refused.contains(&told), "{refused}");
    // The tokens are where they always were.
    let file: Value =
        serde_json::from_str(&fs::read_to_string(sampled["file"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(
        file["output"]["results"][0]["sequences"][0]["tokens"],
        json!([2, "1", 5])
    );
    // Shown again they have the same tokenizer, and with output full text and tokens.
    let again = json!({"session_id": SESSION, "operation_id": "op_1", "output": "full"});
    let again = place.server.call("get-sample-operation", again).await.json();
    let sequence = &again["output"]["results"][0]["sequences"][0];
    assert_eq!(sequence["text"], "two one");
    assert_eq!(sequence["tokens"], json!([2, "1", 5]));
    assert_eq!(again["completions_file"], sampled["completions_file"]);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_before_anything_is_sent() {
    let mut place = place(12, &json!({})).await;
    let tokenizer = tokenizer(place.data.path());
    let file = place.data.path().join("prompts.jsonl");
    fs::write(
        &file,
        "{\"prompt\": \"one\"}\n\n{\"question\": \"two\"}\n{\"prompt\": \n{\"prompt\": \"one one one one one one one one one one\"}\n",
    )
    .unwrap();
    let user = |content: &str| json!({"messages": [{"role": "user", "content": content}]});
    let short = json!({"sampling_params": {"max_tokens": 4}});
    for (arguments, expected) in [
        (json!({"body": short}), vec!["prompts: is required"]),
        (
            json!({"body": {"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}]}, "prompts": ["one"]}),
            vec!["prompts: stands in place of body.model_inputs"],
        ),
        (
            json!({"prompts": [{"messages": [{"role": "user", "text": "one"}]}, ""], "prompts_path": "a.jsonl"}),
            vec![
                "prompts_path: stands in place of prompts",
                "prompts[0].messages[0].text: is read by no template: it is called content",
                "prompts[1]: is empty",
            ],
        ),
        (
            json!({"prompts": ["one", user("two </s> one")], "tokenizer": tokenizer, "body": short}),
            vec![
                "prompts[1].messages[0].content: holds </s>",
                "allow_control_tokens",
            ],
        ),
        (
            json!({"prompts": ["one"], "tokenizer": tokenizer}),
            vec![
                "prompts[0]: has 1 tokens, and the model reads and writes 12 in all",
                "max_tokens (512) to at most 11",
            ],
        ),
        (
            json!({"prompts_path": file, "tokenizer": tokenizer, "body": short}),
            vec![
                "prompts_path, line 3: needs messages",
                "prompts_path, line 4: is no JSON",
                "prompts_path, line 5: has 10 tokens",
            ],
        ),
    ] {
        let mut arguments = arguments;
        arguments["session_id"] = json!(SESSION);
        let refused = place.server.call("sample", arguments).await;
        for expected in expected {
            assert!(
                refused.error().contains(expected),
                "{expected}\n{}",
                refused.error()
            );
        }
    }
    let posted = place
        .upstream
        .seen()
        .into_iter()
        .filter(|seen| seen.line().starts_with("POST"));
    assert_eq!(posted.count(), 0);
}

#[tokio::test]
async fn plain_texts_for_a_model_with_a_template_are_noted_once() {
    let mut place = place(2000, &completed(json!([]))).await;
    let tokenizer = tokenizer(place.data.path());
    let user = json!({"messages": [{"role": "user", "content": "one"}]});
    let template = Path::new(&tokenizer).join("chat_template.jinja");
    for (prompts, has_template, noted) in [
        (json!(["one", {"prompt": "two"}]), true, true),
        (json!([user]), true, false),
        (json!(["one"]), false, false),
    ] {
        if !has_template {
            fs::remove_file(&template).unwrap();
        }
        let call = json!({"session_id": SESSION, "prompts": prompts, "tokenizer": tokenizer, "body": {}});
        let sampled = place.server.call("sample", call).await.json();
        let note = sampled["note"].as_str().unwrap_or_default();
        let told = "2 prompts went in without the model's chat template, as a text to continue: for an answer write {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}";
        assert_eq!(note.contains(told), noted, "{sampled}");
        assert_eq!(note.contains("chat template"), noted, "{sampled}");
        place.upstream.script(vec![answer(&completed(json!([])))]);
    }
}

#[tokio::test]
async fn text_in_another_place_is_told_where_it_belongs() {
    let mut place = Place::new().await;
    let messages = json!([{"role": "user", "content": "Hi"}]);
    for (mut call, at) in [
        (json!({"messages": messages}), "messages"),
        (json!({"prompt": "Hi"}), "prompt"),
        (json!({"texts": ["Hi"], "body": {"num_samples": 2}}), "texts"),
        (json!({"body": {"messages": messages}}), "body.messages"),
        (json!({"body": {"prompts": ["Hi"]}}), "body.prompts"),
        (json!({"body": {"model_inputs": ["Hi"]}}), "body.model_inputs"),
        (
            json!({"body": {"model_inputs": [{"messages": messages}]}}),
            "body.model_inputs",
        ),
    ] {
        call["session_id"] = json!(SESSION);
        let refused = place.server.call("sample", call).await.error().to_owned();
        let lines: Vec<&str> = refused.lines().filter(|line| line.starts_with("- ")).collect();
        let [line] = lines.as_slice() else {
            panic!("{refused}");
        };
        let told = format!("- {at}: belongs into prompts, beside body: prompts: [{{\"messages\": [");
        assert!(line.starts_with(&told), "{refused}");
    }
    assert_eq!(place.upstream.seen().len(), 0);
}

#[tokio::test]
async fn what_the_caller_means_is_left_alone() {
    let mut place = place(2000, &completed(json!([{"tokens": [1], "logprobs": [-1.0]}]))).await;
    let arguments = json!({
        "session_id": SESSION,
        "prompts": [
            {"messages": [{"role": "user", "content": "</s>"}, {"role": "assistant", "content": "one"}]},
            {"prompt": "two </s>"},
        ],
        "tokenizer": tokenizer(place.data.path()),
        "allow_control_tokens": true,
        "body": {"sampling_params": {"stop": ["."], "max_tokens": 3}},
        "output": "full",
    });
    let sampled = place.server.call("sample", arguments).await.json();
    let sent = place.upstream.seen().last().unwrap().json();
    assert_eq!(sent["sampling_params"], json!({"stop": ["."], "max_tokens": 3}));
    let tokens = |index: usize| sent["model_inputs"][index]["chunks"][0]["encoded_text"]["tokens"].clone();
    assert_eq!(tokens(0), json!([4, 5, 5, 1, 5, 3]));
    assert_eq!(tokens(1), json!([2, 5]));
    assert_eq!(sampled.get("stop"), None);
    let note = sampled["note"].as_str().unwrap();
    assert!(
        note.contains("prompts[0]: the last turn is the assistant's"),
        "{note}"
    );
}

/// A server in front of its own sandbox, with a running session.
#[cfg(feature = "sandbox")]
async fn sandbox() -> (Server, Value, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .env("RL_MCP_DATA_DIR", data.path())
        .env("RL_MCP_MAX_WAIT_SECONDS", "50")
        .args(["--sandbox", "--sandbox-speed", "5000"]);
    let mut server = Server::initialized(&mut command).await;
    let body = json!({"base_model": "Qwen/Qwen3-0.6B"});
    let made = server
        .call("create-model-resource", json!({"body": body}))
        .await
        .json();
    let body = json!({"model_resources_id": made["id"]});
    let made = server
        .call("create-training-session", json!({"body": body}))
        .await
        .json();
    let session = made["id"].clone();
    (server, session, data)
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn the_sandboxes_completions_are_text_whatever_its_model_is_called() {
    let (mut server, session, _data) = sandbox().await;
    let body = json!({"num_samples": 3, "sampling_params": {"max_tokens": 20, "seed": 1}});
    let prompts = json!([{"messages": [{"role": "user", "content": "2+2="}]}, "3+3="]);
    let arguments = json!({"session_id": session, "prompts": prompts, "body": body});
    let sampled = server.call("sample", arguments).await.json();
    assert_eq!(sampled["tokenizer"]["name"], "bytes", "{sampled}");
    assert!(sampled["file"].is_string(), "{sampled}");
    let results = &sampled["output"]["results"];
    let operation: Value =
        serde_json::from_str(&fs::read_to_string(sampled["file"].as_str().unwrap()).unwrap()).unwrap();
    for result in 0..2 {
        for sequence in 0..3 {
            let tokens = &operation["output"]["results"][result]["sequences"][sequence]["tokens"];
            let ids = tokens.as_array().unwrap().iter().filter_map(Value::as_u64);
            let bytes: Vec<u8> = ids.filter_map(|id| u8::try_from(id).ok()).collect();
            let line = &lines(&sampled["completions_file"])[result * 3 + sequence];
            assert_eq!(line["text"], json!(String::from_utf8_lossy(&bytes)), "{results}");
        }
        assert_eq!(results[result]["texts"].as_array().unwrap().len(), 3);
    }
    // Token ids have their text beside them.
    let body = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [104, 105]}}]}], "sampling_params": {"max_tokens": 2, "seed": 1}});
    let sampled = server
        .call("sample", json!({"session_id": session, "body": body}))
        .await
        .json();
    let sequence = &sampled["output"]["results"][0]["sequences"][0];
    assert!(
        sequence["text"].is_string() && sequence["tokens"].is_array(),
        "{sampled}"
    );
    assert_eq!(lines(&sampled["completions_file"])[0]["prompt"], "hi");
    let greedy = json!({"num_samples": 2, "sampling_params": {"max_tokens": 2, "temperature": 0}});
    let arguments = json!({"session_id": session, "prompts": ["hi"], "body": greedy});
    let sampled = server.call("sample", arguments).await.json();
    let note = sampled["note"].as_str().unwrap();
    assert!(
        note.contains("With temperature 0 the 2 completions of a prompt are the same"),
        "{note}"
    );
}

/// Nothing but the sandbox itself can say that its models are not those whose names they have.
#[cfg(feature = "sandbox")]
#[tokio::test]
async fn in_front_of_a_sandbox_that_runs_by_itself_real_names_are_bytes_too() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({"base_model": "Qwen/Qwen3-0.6B"})).await;
    let session = sandbox.session(&resource, json!({})).await;
    let id = session.rsplit('/').next().unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut command = sandbox.server();
    command
        .env("RL_MCP_DATA_DIR", data.path())
        .env("RL_MCP_MAX_WAIT_SECONDS", "50")
        .env("HF_ENDPOINT", "http://127.0.0.1:9");
    let mut server = Server::initialized(&mut command).await;
    let body = json!({"sampling_params": {"max_tokens": 3}});
    let arguments = json!({"session_id": id, "prompts": ["2+2="], "body": body});
    let sampled = server.call("sample", arguments).await.json();
    assert_eq!(sampled["tokenizer"]["name"], "bytes", "{sampled}");
    assert_eq!(sampled["output"]["results"][0]["prompt_tokens"], 4, "{sampled}");
    let shown = server
        .call("render-prompt", json!({"session_id": id, "text": "é"}))
        .await
        .json();
    assert_eq!(shown["tokens"], 2);
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_beside_other_problems() {
    let (mut server, session, _data) = sandbox().await;
    server.call("list-supported-models", json!({})).await.json();
    let prompts = json!([{"messages": [{"role": "user", "content": "x".repeat(5000)}]}, "x"]);
    let call = json!({"session_id": session, "prompts": prompts, "body": {"num_samples": 0}});
    let text = server.call("sample", call).await.error().to_owned();
    assert!(
        text.contains("- body.num_samples: is 0") && text.contains("- prompts[0]: has 5"),
        "{text}"
    );
}
