//! `body_path`: a file in the place of the body.

use std::fs;
use std::path::{Path, PathBuf};

use rl_mcp::ALL;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Scripted, Server, Upstream, examples, json as answer, operation_of};

/// A service that starts whatever it is sent, a data directory and a directory that the user allows.
struct Place {
    upstream: Scripted,
    root: TempDir,
}

impl Place {
    async fn new() -> Self {
        let pending = json!({"id": "op", "status": "TRAINING_OPERATION_STATUS_PENDING"});
        let place = Self {
            upstream: Scripted::start(vec![answer(&pending)]).await,
            root: tempfile::tempdir().unwrap(),
        };
        for directory in ["data/batches", "named", "elsewhere"] {
            fs::create_dir_all(place.at(directory)).unwrap();
        }
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, content: &str) -> String {
        fs::write(self.at(path), content).unwrap();
        shown(&self.at(path))
    }

    async fn server(&self) -> Server {
        let mut command = Server::command(&self.upstream.url);
        command
            .env("RL_MCP_DATA_DIR", self.at("data"))
            .env("RL_MCP_FILE_DIRS", self.at("named"));
        Server::initialized(&mut command).await
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn sampling() -> Value {
    json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1, 2]}}]}], "num_samples": 2})
}

fn from(path: &str) -> Value {
    json!({"session_id": "s", "body_path": path})
}

#[tokio::test]
async fn an_allowed_file_is_sent_as_the_body() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let text = serde_json::to_string_pretty(&sampling()).unwrap();
    let (data, named) = (
        place.write("data/batches/b.json", &text),
        place.write("named/n.json", &text),
    );
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.at("named/n.json"), place.at("data/linked.json")).unwrap();
    for path in [
        data.clone(),
        named,
        format!("file://{data}"),
        "batches/b.json".to_owned(),
        "n.json".to_owned(),
        shown(&place.at("elsewhere/../named/n.json")),
        #[cfg(unix)]
        shown(&place.at("data/linked.json")),
    ] {
        let before = place.upstream.seen().len();
        server.call("sample", from(&path)).await.json();
        let seen = place.upstream.seen();
        assert_eq!(seen.len(), before + 1, "{path}");
        assert_eq!(seen[before].json(), sampling(), "{path}");
    }
}

#[tokio::test]
async fn a_body_from_a_file_is_checked_like_one_that_was_written() {
    let place = Place::new().await;
    let mut server = place.server().await;
    for (tool, body) in [
        ("sample", json!({"prompts": [], "num_samples": "none"})),
        ("sample", json!([1])),
        (
            "forward-backward-pass",
            json!({
                "samples": [{
                    "model_input": {"chunks": [{"encoded_text": {"tokens": [1, 2, 3]}}]},
                    "loss_fn_inputs": {
                        "target_tokens": {"data": [2, 9], "dtype": "int64"},
                        "loss_mask": {"data": [0, 1], "dtype": "int64"},
                    },
                }],
                "loss": {"type": "grpo", "ppo_params": {}},
            }),
        ),
        (
            "optimizer-step",
            json!({"adam_params": {"learning_rate": -1, "beta1": 2}}),
        ),
    ] {
        let path = place.write("data/wrong.json", &body.to_string());
        let written = server.call(tool, json!({"session_id": "s", "body": body})).await;
        let read = server.call(tool, from(&path)).await;
        assert_eq!(read.error(), written.error(), "{tool}");
    }
    // What hosts write in a sloppy way is put right in a file too.
    let path = place.write("data/sloppy.json", r#"{"model_inputs": "[{\"chunks\": [{\"encoded_text\": {\"tokens\": [1, 2]}}]}]", "num_samples": "2"}"#);
    server.call("sample", from(&path)).await.json();
    assert_eq!(place.upstream.seen().last().unwrap().json(), sampling());
    assert_eq!(place.upstream.seen().len(), 1);
}

#[tokio::test]
async fn other_files_are_not_read() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let text = sampling().to_string();
    let elsewhere = place.write("elsewhere/e.json", &text);
    place.write("data-beside.json", &text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&elsewhere, place.at("data/out.json")).unwrap();
        symlink(place.at("elsewhere"), place.at("data/out")).unwrap();
        symlink(place.at("data/round.json"), place.at("data/round.json")).unwrap();
    }
    for path in [
        elsewhere.clone(),
        format!("file://{elsewhere}"),
        "../elsewhere/e.json".to_owned(),
        shown(&place.at("data/../elsewhere/e.json")),
        shown(&place.at("data/out.json")),
        "out/e.json".to_owned(),
        "round.json".to_owned(),
        shown(&place.at("data-beside.json")),
        "none.json".to_owned(),
        "/etc/passwd".to_owned(),
        "file:///etc/passwd".to_owned(),
        "https://example.com/e.json".to_owned(),
    ] {
        let outcome = server.call("sample", from(&path)).await;
        let problem = outcome.error();
        let expected = format!(
            "body_path: there is no such file under the data directory {}",
            place.at("data").display()
        );
        assert!(problem.contains(&expected), "{path}: {problem}");
        assert!(problem.contains("nothing was sent"), "{path}: {problem}");
    }
    assert!(place.upstream.seen().is_empty());
}

/// CI is root; who is not cannot give a file away.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_another_user_put_there_is_not_read() {
    let place = Place::new().await;
    let foreign = place.write("data/foreign.json", &sampling().to_string());
    if std::os::unix::fs::chown(&foreign, Some(4321), Some(4321)).is_err() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not checked here: this user cannot give a file away\n",
        );
        return;
    }
    let mut server = place.server().await;
    let outcome = server.call("sample", from(&foreign)).await;
    assert!(
        outcome.error().contains("body_path: there is no such file"),
        "{}",
        outcome.text
    );
    assert!(place.upstream.seen().is_empty());
}

#[tokio::test]
async fn what_is_no_json_file_is_refused_in_words() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let fifo = place.at("data/fifo.json");
    let made = Command::new("mkfifo").arg(&fifo).status().await.unwrap();
    assert!(made.success());
    fs::write(place.at("data/binary.json"), b"{\"a\": \"\xff\"}").unwrap();
    for (path, expected) in [
        (
            place.write("data/text.json", "TOKEN=secret-of-the-file"),
            "the file is not JSON: expected value at line 1 column",
        ),
        (place.write("data/empty.json", ""), "the file is not JSON: EOF"),
        (
            place.write("data/two.json", "{} {}"),
            "the file is not JSON: trailing characters",
        ),
        (shown(&place.at("data/binary.json")), "it is no UTF-8 text"),
        (
            shown(&place.at("data/batches")),
            "is a directory, and there is no file in it",
        ),
        (shown(&fifo), "it is not a regular file"),
    ] {
        let outcome = server.call("sample", from(&path)).await;
        let problem = outcome.error();
        assert!(
            problem.contains("body_path: ") && problem.contains(expected),
            "{path}: {problem}"
        );
        assert!(!problem.contains("secret-of-the-file"), "{problem}");
    }
    assert!(place.upstream.seen().is_empty());
}

#[tokio::test]
async fn any_member_of_any_body_may_stand_beside_its_file() {
    let upstream = Upstream::start().await;
    let place = tempfile::tempdir().unwrap();
    let mut command = Server::command(&upstream.server.uri());
    let mut server = Server::initialized(command.env("RL_MCP_FILE_DIRS", place.path())).await;
    let file = place.path().join("body.json");
    let mut tried = 0;
    for entry in ALL.iter().filter(|entry| !entry.spec.is_local()) {
        let (name, schema) = (entry.spec.name, entry.schema());
        if schema["properties"].get("body").is_none() {
            continue;
        }
        for example in examples(&operation_of(entry.spec).name) {
            let Some(members) = example.request.as_object() else {
                continue;
            };
            if example.response.pointer("/output/payload_id").is_some() {
                continue;
            }
            for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let mut rest = members.clone();
                rest.remove(member);
                let mut common = Value::from(example.path_params.clone());
                // Without a key it would be refused where nothing was gathered.
                if name == "optimizer-step" {
                    common["idempotency_key"] = json!("own");
                }
                let mut inline = common.clone();
                inline["body"] = example.request.clone();
                common["body_path"] = json!(file);
                fs::write(&file, json!(rest).to_string()).unwrap();
                let within = json!({member: value});
                let mut ways = vec![inline];
                for (argument, value) in [
                    ("body", within.clone()),
                    ("body", json!(within.to_string())),
                    (member, value.clone()),
                ] {
                    let mut way = common.clone();
                    way[argument] = value;
                    ways.push(way);
                }
                let mut sent = Vec::new();
                for way in ways {
                    upstream.answer(&example);
                    server.call(name, way).await.json();
                    let requests = upstream.requests().await;
                    let body: Value = serde_json::from_slice(&requests.last().unwrap().body).unwrap();
                    sent.push(body);
                }
                for other in &sent[1..] {
                    assert_eq!(*other, sent[0], "{name}, {member}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried}");
}

#[tokio::test]
async fn what_file_and_call_say_differently_is_refused_and_named() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let path = place.write(
        "data/b.json",
        &json!({"num_samples": 2, "sampling_params": {"stop": ["secret-of-the-file"]}, "model_inputs": sampling()["model_inputs"]}).to_string(),
    );
    for (arguments, expected) in [
        (
            json!({"num_samples": 3}),
            "body.num_samples: is 3 here, but 2 in the file of body_path: leave it out here",
        ),
        (
            json!({"body": {"num_samples": 3}}),
            "body.num_samples: is 3 here, but 2 in the file",
        ),
        (
            json!({"body": {"num_samples": 3}, "num_samples": 2}),
            "body.num_samples: is given twice",
        ),
        (
            json!({"body": {"sampling_params": {}}}),
            "body.sampling_params: is another one in the file of body_path",
        ),
        (json!({"body": [1]}), "body: beside body_path must be an object"),
        (json!({"body": {"zebra": 3}}), "body.zebra: is not known here"),
        (
            json!({"zebra_session": 3, "session_id": null}),
            "session_id: is required",
        ),
    ] {
        let mut whole = from(&path);
        whole
            .as_object_mut()
            .unwrap()
            .extend(arguments.as_object().unwrap().clone());
        let outcome = server.call("sample", whole).await;
        assert!(outcome.error().contains(expected), "{}", outcome.text);
        assert!(!outcome.text.contains("secret-of-the-file"), "{}", outcome.text);
    }
    assert!(place.upstream.seen().is_empty());
    // The same twice is no contradiction, and nothing is none either.
    let mut whole = from(&path);
    whole["body"] = json!({"num_samples": 2, "prompt_logprobs": null, "topk_prompt_logprobs": ""});
    server.call("sample", whole).await.json();
    assert_eq!(place.upstream.seen()[0].json()["num_samples"], 2);
}

#[tokio::test]
async fn a_body_of_which_nothing_is_needed_need_not_be_there() {
    let place = Place::new().await;
    let mut server = place.server().await;
    for body in [
        json!({}),
        json!({"body": {}}),
        json!({"body": null}),
        json!({"body": ""}),
        json!({"body": {"weight_sync_type": null}}),
    ] {
        let mut arguments = body;
        arguments["session_id"] = json!("s");
        server.call("weights-sync", arguments.clone()).await.json();
        let sent = place.upstream.seen().last().unwrap().json();
        assert_eq!(
            sent,
            json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"}),
            "{arguments}"
        );
    }
    let named = json!({"session_id": "s", "body": {"weight_sync_type": "pipeline"}});
    server.call("weights-sync", named).await.json();
    let sent = place.upstream.seen().last().unwrap().json();
    assert_eq!(sent, json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_PIPELINE"}));

    let path = place.write("named/run.toml", "name = \"r\"\n[trainer]\n[orchestrator]\n");
    server
        .call("prime-intellect-createrun", json!({"config_path": path}))
        .await
        .json();
    let sent = place.upstream.seen().last().unwrap().json();
    assert_eq!(
        sent,
        json!({"name": "r", "config": {"name": "r", "trainer": {}, "orchestrator": {}}})
    );
    server
        .call("optimizer-step", json!({"session_id": "s"}))
        .await
        .json();
    assert_eq!(place.upstream.seen().last().unwrap().json(), json!({}));

    // What is wrong with an empty one is said of an absent one too.
    let before = place.upstream.seen().len();
    for (tool, expected) in [
        ("update-training-session", "body: changes nothing"),
        ("sample", "is required"),
    ] {
        let outcome = server.call(tool, json!({"session_id": "s"})).await;
        assert!(outcome.error().contains(expected), "{}", outcome.text);
    }
    assert_eq!(place.upstream.seen().len(), before);
}

#[tokio::test]
async fn body_or_body_path_is_needed_where_there_is_a_body() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let path = place.write("data/b.json", &sampling().to_string());
    let outcome = server
        .call("sample", json!({"session_id": "s", "body_path": 5}))
        .await;
    assert!(
        outcome.error().contains("body_path: is not text"),
        "{}",
        outcome.text
    );
    let outcome = server.call("sample", json!({"session_id": "s"})).await;
    assert!(outcome.error().contains("is required"), "{}", outcome.text);
    // Under another name it is the body all the same, so that nothing in the file is said to be missing.
    let outcome = server
        .call("sample", json!({"session_id": "s", "batch_path": path}))
        .await;
    let problems = outcome.error();
    assert!(
        problems.contains("batch_path: is called body_path here"),
        "{problems}"
    );
    assert_eq!(problems.matches("\n- ").count(), 1, "{problems}");
    assert!(place.upstream.seen().is_empty());
    // Hosts fill what is not meant with null.
    for (absent, given) in [("body", json!(path)), ("body_path", sampling())] {
        let mut arguments = json!({"session_id": "s", "body": given, "body_path": given});
        arguments[absent] = Value::Null;
        server.call("sample", arguments).await.json();
    }
    assert_eq!(place.upstream.seen().len(), 2);
    // Where there is no body, there is no body_path either.
    let outcome = server
        .call(
            "get-training-session",
            json!({"session_id": "s", "body_path": path}),
        )
        .await;
    assert!(outcome.error().contains("body_path"), "{}", outcome.text);
}
