//! `body_path`: a file in the place of the body.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Scripted, Server, json as answer};

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
    symlink(place.at("named/n.json"), place.at("data/linked.json")).unwrap();
    for path in [
        data.clone(),
        named,
        format!("file://{data}"),
        "batches/b.json".to_owned(),
        "n.json".to_owned(),
        shown(&place.at("elsewhere/../named/n.json")),
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
    symlink(&elsewhere, place.at("data/out.json")).unwrap();
    symlink(place.at("elsewhere"), place.at("data/out")).unwrap();
    symlink(place.at("data/round.json"), place.at("data/round.json")).unwrap();
    let foreign = place.write("data/foreign.json", &text);
    chown(&foreign, Some(4321), Some(4321)).unwrap();
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
        foreign,
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
            "the file holds no JSON: expected value at line 1 column",
        ),
        (place.write("data/empty.json", ""), "the file holds no JSON: EOF"),
        (
            place.write("data/two.json", "{} {}"),
            "the file holds no JSON: trailing characters",
        ),
        (shown(&place.at("data/binary.json")), "it is no UTF-8 text"),
        (shown(&place.at("data/batches")), "it is no regular file"),
        (shown(&fifo), "it is no regular file"),
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
async fn body_and_body_path_stand_for_each_other() {
    let place = Place::new().await;
    let mut server = place.server().await;
    let path = place.write("data/b.json", &sampling().to_string());
    let mut both = from(&path);
    both["body"] = sampling();
    let outcome = server.call("sample", both).await;
    assert!(
        outcome
            .error()
            .contains("body_path: stands in place of body: give one of them"),
        "{}",
        outcome.text
    );
    let outcome = server
        .call("sample", json!({"session_id": "s", "body_path": 5}))
        .await;
    assert!(
        outcome.error().contains("body_path: is no text"),
        "{}",
        outcome.text
    );
    let outcome = server.call("sample", json!({"session_id": "s"})).await;
    assert!(outcome.error().contains("body: is required"), "{}", outcome.text);
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
