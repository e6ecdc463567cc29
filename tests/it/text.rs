//! Prompts as text: `render-prompt`, and where tokenizers come from.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{COMMIT, Hub, Scripted, Server, json as answer};

const TOOL: &str = "render-prompt";
const NOBODY: &str = "http://127.0.0.1:9";
const BYTES: &str = "sandbox/byte-lm";

/// A tokenizer of four words.
fn tokenizer() -> String {
    let special = |id: u32, content: &str| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    json!({
        "version": "1.0",
        "added_tokens": [special(4, "<s>"), special(5, "</s>")],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "one": 1, "two": 2, "three": 3}, "unk_token": "[UNK]"},
    })
    .to_string()
}

const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %} three{% endif %}";

pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("tokenizer.json", tokenizer().into_bytes()),
        (
            "tokenizer_config.json",
            br#"{"bos_token": "<s>", "model_max_length": 10}"#.to_vec(),
        ),
        ("chat_template.jinja", TEMPLATE.into()),
        ("generation_config.json", br#"{"eos_token_id": [5]}"#.to_vec()),
    ]
}

pub fn directory() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, content) in files() {
        fs::write(place.path().join(name), content).unwrap();
    }
    place
}

fn messages(content: &str) -> Value {
    json!([{"role": "user", "content": content}])
}

/// A server with a data directory of its own and this hub.
fn with_hub(hub: &Hub, data: &Path) -> Command {
    let mut command = Server::command(NOBODY);
    command.env("HF_ENDPOINT", &hub.url).env("RL_MCP_DATA_DIR", data);
    command
}

async fn render(server: &mut Server, arguments: Value) -> Value {
    server.call(TOOL, arguments).await.json()
}

async fn refusal(server: &mut Server, arguments: Value) -> String {
    server.call(TOOL, arguments).await.error().to_owned()
}

#[tokio::test]
async fn the_sandboxes_prompts_are_bytes() {
    let mut server = Server::start(NOBODY).await;
    let shown = render(
        &mut server,
        json!({"base_model": BYTES, "messages": [
            {"role": "user", "content": "2+2="},
            {"role": "assistant", "content": "4"},
            {"role": "user", "content": ""},
        ], "ids": true}),
    )
    .await;
    let text = "user: 2+2=\nassistant: 4<|end|>\nuser: \nassistant: ";
    let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<u32>>();
    let ids = [
        bytes("user: 2+2=\nassistant: 4"),
        vec![256],
        bytes("\nuser: \nassistant: "),
    ]
    .concat();
    assert_eq!(
        shown,
        json!({
            "text": text,
            "tokens": ids.len(),
            "ids": ids,
            "stop_tokens": ["<|end|>"],
            "tokenizer": {"name": "bytes", "from": "the sandbox"},
        })
    );
    let shown = render(&mut server, json!({"base_model": BYTES, "text": "aé<|end|>"})).await;
    assert_eq!(
        (&shown["tokens"], &shown["text"]),
        (&json!(4), &json!("aé<|end|>"))
    );
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn in_a_sandbox_every_model_is_bytes() {
    let mut command = Server::command(NOBODY);
    let mut server = Server::initialized(command.arg("--sandbox")).await;
    for arguments in [
        json!({"messages": messages("é")}),
        json!({"messages": messages("é"), "base_model": "Qwen/Qwen3-0.6B"}),
    ] {
        let shown = render(&mut server, arguments).await;
        assert_eq!(shown["text"], "user: é\nassistant: ");
        assert_eq!(shown["tokenizer"]["name"], "bytes");
    }
}

#[tokio::test]
async fn the_tokenizer_of_a_session_is_that_of_its_base_model_and_is_asked_for_once() {
    let session = answer(&json!({"id": "s1", "model_resources_id": "mr_1"}));
    let resource = answer(&json!({"id": "mr_1", "base_model": BYTES}));
    let upstream = Scripted::start(vec![session, resource]).await;
    let mut server = Server::start(&upstream.url).await;
    for _ in 0..2 {
        let shown = render(&mut server, json!({"session_id": "s1", "text": "é"})).await;
        assert_eq!(shown["tokens"], 2);
    }
    let seen: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.line().to_owned())
        .collect();
    assert_eq!(
        seen,
        [
            "GET /v1/rl/training-sessions/s1 HTTP/1.1",
            "GET /v1/rl/model-resources/mr_1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn arguments_that_contradict_each_other_are_refused() {
    let mut server = Server::start(NOBODY).await;
    for (arguments, words) in [
        (
            json!({"base_model": BYTES}),
            "messages: is required, unless there is text",
        ),
        (
            json!({"base_model": BYTES, "text": "a", "messages": messages("a")}),
            "give either text or messages",
        ),
        (
            json!({"base_model": BYTES, "text": "a", "tools": [{}]}),
            "tools: is for the template",
        ),
        (
            json!({"text": "a"}),
            "base_model: is required, unless there is session_id or tokenizer",
        ),
        (
            json!({"text": "a", "base_model": "../x"}),
            "`../x` is no id of a model",
        ),
    ] {
        let problem = refusal(&mut server, arguments).await;
        assert!(problem.contains(words), "{problem}");
    }
}

#[tokio::test]
async fn a_directory_is_read_anew_each_time() {
    let place = directory();
    let mut command = Server::command(NOBODY);
    let mut server = Server::initialized(command.env("RL_MCP_FILE_DIRS", place.path())).await;
    let whole = place.path().to_str().unwrap();
    let call = json!({"tokenizer": whole, "messages": messages(" one two "), "ids": true});
    let shown = render(&mut server, call.clone()).await;
    assert_eq!(shown["text"], "<s> one two </s> three");
    assert_eq!(shown["ids"], json!([4, 1, 2, 5, 3]));
    assert_eq!(shown["stop_tokens"], json!(["</s>"]));
    assert_eq!(shown["tokenizer"], json!({"name": whole, "from": "a directory"}));
    assert_eq!(shown.get("warnings"), None);
    let template = place.path().join("chat_template.jinja");
    fs::write(&template, "{{ messages[0].content }}{{ strftime_now('%Y') }}").unwrap();
    let shown = render(
        &mut server,
        json!({"tokenizer": whole, "messages": messages("</s> one </s>one one one one one one one")}),
    )
    .await;
    let warnings: Vec<&str> = shown["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    for words in [
        "messages[0].content holds </s>, which the model takes for the control token itself",
        "The template has no generation prompt",
        "The template prints the date (20",
        "The prompt takes 10 of the 10 tokens",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.contains(words)),
            "{words}: {warnings:?}"
        );
    }
    let shown = render(&mut server, json!({"tokenizer": whole, "messages": messages("one"), "template_args": {"add_generation_prompt": false}})).await;
    assert!(
        !shown["warnings"].to_string().contains("generation prompt"),
        "{shown}"
    );
    for (name, content, words) in [
        (
            "chat_template.jinja",
            "\n{{ raise_exception('no system') }}",
            "cannot render this: line 2: no system",
        ),
        (
            "chat_template.jinja",
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "more work than any prompt needs",
        ),
        (
            "chat_template.jinja",
            "a\nb{% if %}",
            "chat_template.jinja: line 2: ",
        ),
        ("tokenizer.json", &tokenizer()[..200], "tokenizer.json: "),
    ] {
        fs::write(place.path().join(name), content).unwrap();
        let problem = refusal(&mut server, call.clone()).await;
        assert!(problem.contains(words), "{words}: {problem}");
    }
    fs::remove_file(place.path().join("tokenizer.json")).unwrap();
    let problem = refusal(&mut server, call).await;
    assert!(problem.contains("There is no tokenizer.json in /"), "{problem}");
}

#[tokio::test]
async fn the_key_goes_to_the_hub_alone_and_the_commit_is_pinned() {
    let (hub, data) = (Hub::start(files()).await, tempfile::tempdir().unwrap());
    let mut command = with_hub(&hub, data.path());
    let mut server = Server::initialized(
        command
            .env("HF_TOKEN", "hf_secret_of_the_test")
            .env("RL_MCP_LOG", "info"),
    )
    .await;
    let call = json!({"base_model": "org/small", "messages": messages("one")});
    let shown = render(&mut server, call.clone()).await;
    assert_eq!(shown["tokens"], 4);
    assert_eq!(
        shown["tokenizer"],
        json!({"name": "org/small", "commit": COMMIT, "from": "the data directory"})
    );
    let seen = hub.seen();
    let lines: Vec<String> = seen.iter().map(|seen| seen.line().to_owned()).collect();
    let of = |revision: &str, name: &str| format!("GET /org/small/resolve/{revision}/{name} HTTP/1.1");
    assert_eq!(
        lines,
        [
            of("main", "tokenizer.json"),
            of(COMMIT, "tokenizer_config.json"),
            of(COMMIT, "chat_template.jinja"),
            of(COMMIT, "generation_config.json"),
        ]
    );
    assert!(
        seen.iter()
            .all(|seen| seen.header("authorization") == Some("Bearer hf_secret_of_the_test"))
    );
    let store = hub.seen_by_store();
    assert_eq!(store.len(), 1);
    assert_eq!(store[0].header("authorization"), None);
    let log = server.logged("tokenizer loaded").await;
    assert!(!log.contains("topsecret") && !log.contains("hf_secret"), "{log}");
    // Neither this server nor one that may not ask anybody needs the hub again.
    render(&mut server, call.clone()).await;
    let mut command = with_hub(&hub, data.path());
    let mut offline = Server::initialized(command.env("HF_HUB_OFFLINE", "1")).await;
    assert_eq!(render(&mut offline, call).await["tokens"], 4);
    let problem = refusal(&mut offline, json!({"base_model": "org/other", "text": "one"})).await;
    assert!(
        problem.contains("org/other is in no cache") && problem.contains("HF_HUB_OFFLINE"),
        "{problem}"
    );
    assert!(hub.seen().is_empty());
    let (code, out, _) = Server::run(
        with_hub(&hub, data.path())
            .env_remove("TOGETHER_API_KEY")
            .env_remove("PRIME_API_KEY")
            .arg("check"),
    )
    .await;
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("cached    org/small at 0123456789ab, in the data directory"),
        "{out}"
    );
    assert!(
        out.contains(&format!("hub       {} (HF_ENDPOINT): answered in ", hub.url)),
        "{out}"
    );
}

/// The files under a directory, without their contents.
fn tree(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_download_that_breaks_off_leaves_nothing_half() {
    let (hub, data) = (Hub::start(files()).await, tempfile::tempdir().unwrap());
    let mut server = Server::initialized(&mut with_hub(&hub, data.path())).await;
    let call = json!({"base_model": "org/small", "text": "one two"});
    hub.change(|manner| manner.cuts = usize::MAX);
    let problem = refusal(&mut server, call.clone()).await;
    assert!(
        problem.contains("tokenizer.json of org/small cannot be downloaded")
            && problem.contains("was cut off"),
        "{problem}"
    );
    assert!(!problem.contains("topsecret"), "{problem}");
    assert!(tree(&data.path().join("tokenizers")).is_empty());
    hub.change(|manner| manner.cuts = 2);
    assert_eq!(render(&mut server, call).await["tokens"], 2);
    assert_eq!(
        tree(&data.path().join("tokenizers")),
        [
            "chat_template.jinja",
            "generation_config.json",
            "main",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
}

#[tokio::test]
async fn two_servers_may_download_at_once() {
    let (hub, data) = (Hub::start(files()).await, tempfile::tempdir().unwrap());
    let mut one = Server::initialized(&mut with_hub(&hub, data.path())).await;
    let mut other = Server::initialized(&mut with_hub(&hub, data.path())).await;
    let call = || json!({"base_model": "org/small", "text": "one two"});
    let (first, second) = tokio::join!(render(&mut one, call()), render(&mut other, call()));
    assert_eq!(first, second);
    assert_eq!(tree(&data.path().join("tokenizers")).len(), 5);
}

#[tokio::test]
async fn what_the_hub_refuses_is_said_with_the_next_step() {
    let (hub, data) = (Hub::start(files()).await, tempfile::tempdir().unwrap());
    let mut server = Server::initialized(&mut with_hub(&hub, data.path())).await;
    let call = || json!({"base_model": "org/small", "text": "one"});
    let address = format!("{}/org/small/resolve/main/tokenizer.json", hub.url);
    for (refusal_of_hub, words) in [
        (
            (401, "GatedRepo"),
            format!(
                "{address} answered HTTP 401: org/small is gated, private or misspelt, and HF_TOKEN is not set."
            ),
        ),
        ((403, "GatedRepo"), format!("{address} answered HTTP 403")),
        (
            (404, "EntryNotFound"),
            format!("org/small has no tokenizer.json ({address})"),
        ),
        ((404, "RepoNotFound"), "org/small is not on the hub".to_owned()),
        ((418, "Teapot"), format!("{address} answered HTTP 418")),
        ((503, "Down"), format!("{address} answered HTTP 503")),
    ] {
        hub.change(|manner| manner.refusal = Some(refusal_of_hub));
        let problem = refusal(&mut server, call()).await;
        assert!(
            problem.contains(&words) && problem.contains("Next: "),
            "{words}: {problem}"
        );
    }
    hub.change(|manner| (manner.refusal, manner.names_no_commit) = (None, true));
    let problem = refusal(&mut server, call()).await;
    assert!(problem.contains("the hub names no commit"), "{problem}");
    hub.change(|manner| {
        manner.names_no_commit = false;
        manner.files[1].1 = vec![b' '; (4 << 20) + 1];
    });
    let problem = refusal(&mut server, call()).await;
    assert!(
        problem.contains("tokenizer_config.json of org/small") && problem.contains("larger than 4 MiB"),
        "{problem}"
    );
    let mut nowhere = Server::command(NOBODY);
    nowhere
        .env("HF_ENDPOINT", NOBODY)
        .env("RL_MCP_DATA_DIR", data.path());
    let mut nowhere = Server::initialized(&mut nowhere).await;
    let problem = refusal(&mut nowhere, call()).await;
    assert!(
        problem.contains("cannot be reached") && problem.contains("HF_ENDPOINT"),
        "{problem}"
    );
}

#[tokio::test]
async fn hugging_faces_cache_is_read_and_never_written() {
    let (cache, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = cache.path().join("hub/models--org--small");
    let snapshot = model.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(model.join("refs")).unwrap();
    fs::write(model.join("refs/main"), COMMIT).unwrap();
    for (name, content) in files() {
        fs::write(snapshot.join(name), content).unwrap();
    }
    let before = tree(cache.path());
    let hub = Hub::start(files()).await;
    let mut command = with_hub(&hub, data.path());
    let mut server = Server::initialized(command.env("HF_HOME", cache.path())).await;
    let shown = render(&mut server, json!({"base_model": "org/small", "text": "one"})).await;
    assert_eq!(shown["tokenizer"]["from"], "Hugging Face's cache");
    assert!(hub.seen().is_empty());
    assert_eq!(tree(cache.path()), before);
    assert!(tree(&data.path().join("tokenizers")).is_empty());
}
