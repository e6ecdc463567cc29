//! The journal: what is written, by several servers and around crashes, and how it is read back.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

#[cfg(feature = "sandbox")]
use crate::support::Sandbox;
use crate::support::{
    Outcome, PRIME_KEY, Reaction, Scripted, Server, TOGETHER_KEY, examples, json as answer, status,
};

const SYNC: &str = "WEIGHT_SYNC_TYPE_SYNCHRONOUS";

fn command(url: &str, place: &TempDir) -> Command {
    let mut command = Server::command(url);
    command.env("RL_MCP_DATA_DIR", place.path());
    command
}

async fn server(url: &str, place: &TempDir) -> Server {
    Server::initialized(&mut command(url, place)).await
}

/// What starts a run.
fn run() -> Value {
    examples("prime-intellect-createrun").remove(0).request
}

#[cfg(feature = "sandbox")]
async fn in_front(sandbox: &Sandbox, place: &TempDir) -> Server {
    let mut command = sandbox.server();
    Server::initialized(command.env("RL_MCP_DATA_DIR", place.path())).await
}

/// The one file of the journal.
fn file(place: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// The lines that can be read, and how many cannot.
fn journal(place: &TempDir) -> (Vec<Value>, usize) {
    let bytes = fs::read(file(place.path())).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read: Vec<_> = lines.map(serde_json::from_slice::<Value>).collect();
    let (good, bad): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    (good.into_iter().map(Result::unwrap).collect(), bad.len())
}

async fn activity(server: &mut Server, arguments: Value) -> Value {
    let outcome = server.call("list-recent-activity", arguments).await;
    assert!(outcome.text.len() < 8000, "{} bytes", outcome.text.len());
    outcome.json()
}

fn sync(session: &str) -> Value {
    json!({"session_id": session, "body": {"weight_sync_type": SYNC}})
}

/// Begins so many calls at once.
async fn begin_many(server: &mut Server, count: usize) -> Vec<tokio::sync::oneshot::Receiver<Value>> {
    let mut answers = Vec::new();
    for _ in 0..count {
        let params = json!({"name": "weights-sync", "arguments": sync("s-1")});
        answers.push(server.begin("tools/call", params).await.1);
    }
    answers
}

#[tokio::test]
async fn two_servers_write_at_once_and_no_line_is_lost() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op-1", "status": "x"}))]).await;
    let place = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (
        server(&upstream.url, &place).await,
        server(&upstream.url, &place).await,
    );
    let (first, second) = tokio::join!(begin_many(&mut one, 200), begin_many(&mut two, 200));
    for answer in first.into_iter().chain(second) {
        answer.await.unwrap();
    }
    let (lines, unreadable) = journal(&place);
    assert_eq!((lines.len(), unreadable), (400, 0));
    let keys: BTreeSet<&str> = lines
        .iter()
        .map(|line| line["idempotency_key"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 400);
    let shown = activity(&mut two, json!({})).await;
    assert_eq!(shown["sessions"][0]["last_operation"]["operation_id"], "op-1");
    assert_eq!(shown["entries"].as_array().unwrap().len(), 5, "{shown}");
    assert!(shown.to_string().len() < 1500, "{shown}");
    assert!(
        shown["left_out"][0].as_str().unwrap().contains("older entries"),
        "{shown}"
    );
}

#[tokio::test]
async fn half_a_line_and_garbage_spoil_only_themselves() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op-1"}))]).await;
    let place = tempfile::tempdir().unwrap();
    let mut first = server(&upstream.url, &place).await;
    for session in ["s-1", "s-2"] {
        first.call("weights-sync", sync(session)).await.json();
    }
    let path = file(place.path());
    let whole = fs::metadata(&path).unwrap().len();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(whole - 30)
        .unwrap();
    let mut second = server(&upstream.url, &place).await;
    second.call("weights-sync", sync("s-3")).await.json();
    let shown = activity(&mut second, json!({})).await;
    assert_eq!(shown["left_out"], json!(["1 line that cannot be read"]));
    let sessions: Vec<&str> = shown["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["session_id"].as_str().unwrap())
        .collect();
    assert_eq!(sessions, ["s-3", "s-1"]);
    fs::File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"\xff\xfe\0{")
        .unwrap();
    // The one that had the file open all the time goes on as well.
    first.call("weights-sync", sync("s-4")).await.json();
    let shown = activity(&mut first, json!({"session_id": "s-4"})).await;
    assert_eq!(shown["left_out"], json!(["2 lines that cannot be read"]));
    assert_eq!(shown["entries"].as_array().unwrap().len(), 1, "{shown}");
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_a_journal_that_can_be_read() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op-1"}))]).await;
    let place = tempfile::tempdir().unwrap();
    let mut killed = server(&upstream.url, &place).await;
    killed.call("weights-sync", sync("s-1")).await.json();
    begin_many(&mut killed, 100).await;
    killed.kill().await;
    let before = journal(&place);
    assert!(before.1 <= 1);
    let mut next = server(&upstream.url, &place).await;
    next.call("weights-sync", sync("s-2")).await.json();
    let after = journal(&place);
    assert_eq!((after.0.len(), after.1), (before.0.len() + 1, before.1));
    let shown = activity(&mut next, json!({})).await;
    assert_eq!(shown["sessions"].as_array().unwrap().len(), 2, "{shown}");
}

#[tokio::test]
async fn nothing_is_written_that_is_nobodys_business() {
    let made = json!({"runId": "run-1", "tokenValue": "pit_run_secret_0123456789", "onDemand": true, "estimatedCostPerHour": 9.0});
    let upstream = Scripted::start(vec![
        answer(&json!({"id": "made-1", "model_resources_id": "mr-1"})),
        answer(&made),
    ])
    .await;
    let place = tempfile::tempdir().unwrap();
    let mut server = server(&upstream.url, &place).await;
    let body = json!({"model_resources_id": "mr-1", "display_name": "a-telling-name", "metadata": {"wandb": {"project": "acquisition"}}});
    server
        .call("create-training-session", json!({"body": body}))
        .await
        .json();
    let mut body = run();
    body["name"] = json!("a-telling-name");
    body["wandbApiKey"] = json!("wandb-secret-0123456789");
    server
        .call("prime-intellect-createrun", json!({"body": body}))
        .await
        .json();
    let id = format!("\u{1b}[1m{TOGETHER_KEY}\n{{");
    server
        .call("stop-training-session", json!({"session_id": id}))
        .await;
    let text = fs::read_to_string(file(place.path())).unwrap();
    for secret in [
        TOGETHER_KEY,
        PRIME_KEY,
        "pit_run_secret",
        "wandb-secret",
        "a-telling-name",
        "acquisition",
        "trainer",
        "max_steps",
        "\u{1b}",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let (lines, unreadable) = journal(&place);
    assert_eq!((lines.len(), unreadable), (3, 0), "{text}");
    assert_eq!(
        lines[0]["ids"],
        json!({"session_id": "made-1", "model_resources_id": "mr-1"})
    );
    assert_eq!(
        (&lines[1]["ids"], &lines[1]["usd_per_hour"]),
        (&json!({"run_id": "run-1"}), &json!(9.0))
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = fs::metadata(file(place.path())).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_line_says_how_the_call_ended() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let place = tempfile::tempdir().unwrap();
    let mut command = command(&upstream.url, &place);
    command.env("RL_MCP_CALL_TIMEOUT", "5");
    let mut server = Server::initialized(&mut command).await;
    let stop = json!({"session_id": "s-1"});
    let create = json!({"body": {"model_resources_id": "mr-1"}});
    let message = json!({"error": {"message": "no", "type": "t"}}).to_string();
    for (tool, arguments, reaction, outcome, code, cause) in [
        (
            "stop-training-session",
            &stop,
            answer(&json!({})),
            "done",
            json!(200),
            Value::Null,
        ),
        (
            "stop-training-session",
            &stop,
            status(409, "", &message),
            "refused",
            json!(409),
            Value::Null,
        ),
        (
            "create-training-session",
            &create,
            status(503, "", &message),
            "unknown",
            json!(503),
            Value::Null,
        ),
        (
            "create-training-session",
            &create,
            Reaction::Cut(Vec::new()),
            "unknown",
            Value::Null,
            json!("Broken"),
        ),
        (
            "create-training-session",
            &create,
            status(200, "", "<html>"),
            "unknown",
            Value::Null,
            json!("NotJson"),
        ),
        (
            "stop-model-resource",
            &json!({"model_resources_id": "mr-1"}),
            status(404, "", &message),
            "refused",
            json!(404),
            Value::Null,
        ),
    ] {
        upstream.script(vec![reaction]);
        server.call(tool, arguments.clone()).await;
        let (mut lines, _) = journal(&place);
        let line = lines.pop().unwrap();
        assert_eq!(
            (&line["tool"], &line["outcome"], &line["status"], &line["cause"]),
            (&json!(tool), &json!(outcome), &code, &cause),
            "{line}"
        );
        assert_eq!(line["host"], upstream.url.trim_start_matches("http://"));
    }
    let before = journal(&place).0.len();
    // What changes nothing, or was never sent, leaves no trace.
    upstream.script(vec![answer(&json!({"data": []}))]);
    server.call("list-training-sessions", json!({})).await.json();
    server.call("stop-training-session", json!({})).await.error();
    assert_eq!(journal(&place).0.len(), before);
    // A call that is cancelled, and one that the end of the server cuts off.
    upstream.script(vec![Reaction::Hang]);
    let (id, _) = server
        .begin(
            "tools/call",
            json!({"name": "create-training-session", "arguments": create}),
        )
        .await;
    while !upstream
        .seen()
        .last()
        .unwrap()
        .line()
        .starts_with("POST /v1/rl/training-sessions ")
    {
        upstream.arrival().await;
    }
    server
        .write(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
                .to_string(),
        )
        .await;
    upstream.abandonment().await;
    let count = upstream.seen().len();
    server
        .begin(
            "tools/call",
            json!({"name": "weights-sync", "arguments": sync("s-9")}),
        )
        .await;
    while upstream.seen().len() == count {
        upstream.arrival().await;
    }
    server.close().await;
    let (lines, _) = journal(&place);
    assert_eq!(lines.len(), before + 2);
    for line in &lines[before..] {
        assert_eq!(
            (&line["outcome"], &line["cause"]),
            (&json!("unknown"), &json!("Cancelled")),
            "{line}"
        );
    }
}

/// Bills, and has a session; the second call's answer is lost.
async fn fill(server: &mut Server, upstream: &Scripted) -> [Outcome; 2] {
    let made = json!({"runId": "run-1", "onDemand": true, "estimatedCostPerHour": 9.0});
    upstream.script(vec![answer(&made), Reaction::Cut(Vec::new())]);
    [
        server
            .call("prime-intellect-createrun", json!({"body": run()}))
            .await,
        server
            .call(
                "create-training-session",
                json!({"body": {"model_resources_id": "mr-1"}}),
            )
            .await,
    ]
}

const UNWRITTEN: &str = "The journal of calls cannot be written";

/// What this process knows is shown, and that nobody else does.
async fn is_remembered(server: &mut Server) -> Value {
    let shown = activity(server, json!({"limit": 20})).await;
    assert_eq!(shown["may_be_billing"][0]["run_id"], "run-1", "{shown}");
    assert_eq!(shown["may_be_billing"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["unknown"][0]["tool"], "create-training-session", "{shown}");
    shown
}

#[tokio::test]
async fn what_cannot_be_written_is_said_by_the_answer_and_remembered() {
    let upstream = Scripted::start(vec![]).await;
    let place = tempfile::NamedTempFile::new().unwrap();
    let mut command = Server::command(&upstream.url);
    command.env("RL_MCP_DATA_DIR", place.path().join("data"));
    let mut server = Server::initialized(&mut command).await;
    let outcome = server.call("list-recent-activity", json!({})).await;
    assert!(outcome.error().contains("cannot be read"), "{}", outcome.text);
    let [made, lost] = fill(&mut server, &upstream).await;
    let note = made.json()["note"].as_str().unwrap().to_owned();
    assert!(
        note.contains(UNWRITTEN) && note.contains("Not a directory"),
        "{note}"
    );
    assert!(lost.error().contains(UNWRITTEN), "{}", lost.text);
    let shown = is_remembered(&mut server).await;
    let note = shown["note"].as_str().unwrap();
    assert!(note.contains("2 of these could not be written"), "{note}");
    let gap = shown["left_out"][0].as_str().unwrap();
    assert!(gap.contains("which cannot be read: Not a directory"), "{gap}");
    // What leaves no line has nothing to say of it.
    upstream.script(vec![answer(&json!({"data": []}))]);
    for (tool, arguments) in [
        ("list-training-sessions", json!({})),
        ("stop-training-session", json!({})),
    ] {
        let outcome = server.call(tool, arguments).await;
        assert!(!outcome.text.contains(UNWRITTEN), "{}", outcome.text);
    }
    server.close().await;
    let log = server.stderr();
    assert_eq!(log.matches("the journal cannot be written").count(), 1, "{log}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_said_and_what_it_did_not_take_is_remembered() {
    let upstream = Scripted::start(vec![]).await;
    let place = tempfile::tempdir().unwrap();
    let program = command(&upstream.url, &place);
    // Files end after one block.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\""])
        .arg(program.as_std().get_program())
        .env_clear()
        .envs(
            program
                .as_std()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let mut server = Server::initialized(&mut limited).await;
    upstream.script(vec![answer(&json!({"id": "op-1"}))]);
    let mut told = 0;
    for _ in 0..8 {
        let outcome = server.call("weights-sync", sync("s-1")).await;
        told += usize::from(
            outcome.json()["note"]
                .as_str()
                .is_some_and(|note| note.contains(UNWRITTEN)),
        );
    }
    assert!((1..8).contains(&told), "{told}");
    let [made, lost] = fill(&mut server, &upstream).await;
    assert!(made.text.contains(UNWRITTEN) && lost.error().contains(UNWRITTEN));
    let shown = is_remembered(&mut server).await;
    // Each call is there once.
    let counts = shown["entries"].as_array().unwrap().len();
    assert_eq!(counts, 10, "{shown}");
    let note = shown["note"].as_str().unwrap();
    assert!(
        note.contains(&format!("{} of these could not be written", told + 2)),
        "{note}"
    );
}

/// The name of this month's file.
#[cfg(unix)]
fn this_month(place: &TempDir) -> PathBuf {
    let now = rl_mcp::Record::new("", "", rl_mcp::Outcome::Done).time;
    place.path().join(format!("journal-{}.jsonl", &now[..7]))
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    assert!(
        std::process::Command::new("mkfifo")
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_in_its_place_stops_nothing_and_is_not_written_to() {
    type Make = fn(&Path, &Path);
    let pipe: Make = |path, _| make_pipe(path);
    let directory: Make = |path, _| fs::create_dir(path).unwrap();
    let link: Make = |path, target| std::os::unix::fs::symlink(target, path).unwrap();
    for (make, what) in [
        (pipe, "not a regular file"),
        (directory, "directory"),
        (link, "not a regular file"),
    ] {
        let upstream = Scripted::start(vec![]).await;
        let (place, elsewhere) = (
            tempfile::tempdir().unwrap(),
            tempfile::NamedTempFile::new().unwrap(),
        );
        let path = this_month(&place);
        make(&path, elsewhere.path());
        let mut server = server(&upstream.url, &place).await;
        let [made, _] = fill(&mut server, &upstream).await;
        let note = made.json()["note"].as_str().unwrap().to_owned();
        assert!(note.contains(what) && note.contains("journal-"), "{note}");
        let shown = is_remembered(&mut server).await;
        let gap = shown["left_out"][0].as_str().unwrap();
        assert!(
            gap.contains("journal-") && gap.contains("cannot be read"),
            "{gap}"
        );
        assert_eq!(fs::read(elsewhere.path()).unwrap(), b"");
        let (code, report, _) = Server::run(command(&upstream.url, &place).arg("check")).await;
        assert!(report.contains("  journal   NO: journal-"), "{code} {report}");
        // Out of the way, it is made up for.
        fs::rename(&path, place.path().join("moved")).unwrap();
        upstream.script(vec![answer(&json!({"id": "op-1"}))]);
        let next = server.call("weights-sync", sync("s-1")).await;
        assert_eq!(next.json().get("note"), None, "{}", next.text);
        let tools: Vec<Value> = journal(&place)
            .0
            .iter()
            .map(|line| line["tool"].clone())
            .collect();
        let wanted = [
            "prime-intellect-createrun",
            "create-training-session",
            "weights-sync",
        ];
        assert_eq!(tools, wanted);
        let (status, took) = server.terminate().await;
        assert!(
            status.success() && took < Duration::from_secs(5),
            "{status} {took:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_only_called_like_a_journal_is_left_out() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "op-1"}))]).await;
    let (place, elsewhere) = (
        tempfile::tempdir().unwrap(),
        tempfile::NamedTempFile::new().unwrap(),
    );
    let name = |month: &str| place.path().join(format!("journal-{month}.jsonl"));
    for later in 0..9 {
        fs::create_dir(name(&format!("999{later}-01"))).unwrap();
    }
    make_pipe(&name("9998-02"));
    std::os::unix::fs::symlink(elsewhere.path(), name("2000-01")).unwrap();
    fs::create_dir(name("latest")).unwrap();
    let mut server = server(&upstream.url, &place).await;
    server.call("weights-sync", sync("s-1")).await.json();
    let shown = activity(&mut server, json!({})).await;
    assert_eq!(shown["entries"].as_array().unwrap().len(), 1, "{shown}");
    let left_out: Vec<&str> = shown["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert_eq!(left_out.len(), 4, "{left_out:?}");
    assert!(
        left_out[0].contains("journal-9998-02.jsonl, which cannot be read: it is not a regular file"),
        "{left_out:?}"
    );
    assert_eq!(left_out[3], "8 more files that cannot be read");
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_directory_that_others_may_write_to_is_named_by_check() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    for (mode, named) in [(0o777, true), (0o755, false)] {
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        let (_, report, _) = Server::run(command("http://127.0.0.1:9", &place).arg("check")).await;
        let line = format!(
            "  private   NO: everybody may write to {}",
            place.path().canonicalize().unwrap().display()
        );
        assert_eq!(report.contains(&line), named, "{report}");
    }
}

/// Calls that come at once share what they read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_readers_of_a_long_journal_take_little_memory() {
    let place = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let time = rl_mcp::Record::new("", "", rl_mcp::Outcome::Done).time;
    for number in 0.. {
        // Long ids: few lines, so that the reading takes little time.
        let id = |kind: u32| format!("{kind:0100}{:0100}", number % 100);
        let line = json!({
            "time": time, "tool": "forward-backward-pass", "host": "127.0.0.1:9", "outcome": "done", "status": 200,
            "ids": {"session_id": id(1), "operation_id": id(2), "checkpoint_id": id(3)}, "idempotency_key": id(4),
        });
        text = text + "\n" + &line.to_string() + "\n";
        if text.len() > 5 << 20 {
            break;
        }
    }
    fs::write(place.path().join(format!("journal-{}.jsonl", &time[..7])), text).unwrap();
    let mut command = command("http://127.0.0.1:9", &place);
    let mut server = Server::initialized(command.env("RL_MCP_CALL_TIMEOUT", "300")).await;
    let before = server.peak_memory();
    let mut answers = Vec::new();
    for _ in 0..40 {
        let params = json!({"name": "list-recent-activity", "arguments": {}});
        answers.push(server.begin("tools/call", params).await.1);
    }
    for answer in answers {
        let shown = crate::support::outcome(&answer.await.unwrap()).json();
        assert!(!shown["entries"].as_array().unwrap().is_empty());
    }
    let more = server.peak_memory() - before;
    assert!(more < 100 << 20, "{} MB more", more >> 20);
}

#[cfg(feature = "sandbox")]
async fn until(server: &mut Server, tool: &str, arguments: &Value, wanted: &str) {
    for _ in 0..2000 {
        let shown = server.call(tool, arguments.clone()).await.json();
        if shown["status"].as_str().unwrap().ends_with(wanted) {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("{tool} is never {wanted}");
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn another_conversation_finds_what_was_left() {
    let sandbox = Sandbox::start().await;
    let place = tempfile::tempdir().unwrap();
    let mut first = in_front(&sandbox, &place).await;
    let body = json!({"base_model": "sandbox/byte-lm"});
    let made = first
        .call("create-model-resource", json!({"body": body}))
        .await
        .json();
    let resource = json!({"model_resources_id": made["id"]});
    until(&mut first, "get-model-resource", &resource, "_READY").await;
    let made = first
        .call("create-training-session", json!({"body": resource}))
        .await
        .json();
    let session = json!({"session_id": made["id"]});
    until(&mut first, "get-training-session", &session, "_RUNNING").await;
    let saving = first
        .call("save-training-checkpoint", session.clone())
        .await
        .json();
    let mut operation = session.clone();
    operation["operation_id"] = saving["id"].clone();
    until(
        &mut first,
        "get-save-training-checkpoint-operation",
        &operation,
        "_COMPLETED",
    )
    .await;
    first
        .call("get-save-training-checkpoint-operation", operation.clone())
        .await
        .json();
    first.kill().await;

    let mut second = in_front(&sandbox, &place).await;
    let shown = activity(&mut second, json!({})).await;
    let bills = &shown["may_be_billing"];
    assert_eq!(bills.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(bills[0]["model_resources_id"], resource["model_resources_id"]);
    assert_eq!(bills[0]["usd_per_hour"], 56.0);
    assert_eq!(
        bills[0]["look"],
        json!({"tool": "get-model-resource", "arguments": resource})
    );
    assert_eq!(
        bills[0]["stop"],
        json!({"tool": "stop-model-resource", "arguments": resource})
    );
    let sessions = &shown["sessions"];
    assert_eq!(sessions[0]["session_id"], session["session_id"]);
    assert_eq!(sessions[0]["model_resources_id"], resource["model_resources_id"]);
    assert_eq!(sessions[0]["last_operation"]["operation_id"], saving["id"]);
    let checkpoints = shown["checkpoints"].as_array().unwrap();
    assert_eq!(checkpoints.len(), 1, "{shown}");
    let shown_operation = second
        .call("get-save-training-checkpoint-operation", operation)
        .await
        .json();
    assert_eq!(
        checkpoints[0]["checkpoint_id"],
        shown_operation["output"]["checkpoint"]["id"]
    );
    assert_eq!(shown["unknown"], json!([]));
    assert!(shown.get("left_out").is_none(), "{shown}");

    // What ended is gone from it, however that became known.
    second.call("stop-training-session", session.clone()).await.json();
    until(&mut second, "get-training-session", &session, "_STOPPED").await;
    let id = resource["model_resources_id"].as_str().unwrap();
    sandbox
        .post(&format!("/v1/rl/model-resources/{id}/stop"), Value::Null)
        .await;
    second.call("get-model-resource", resource).await.json();
    let shown = activity(&mut second, json!({})).await;
    assert_eq!(
        (&shown["may_be_billing"], &shown["sessions"]),
        (&json!([]), &json!([])),
        "{shown}"
    );
    assert_eq!(shown["entries"][0]["outcome"], "ended");
}

#[tokio::test]
async fn an_id_of_another_kind_ends_nothing() {
    let place = tempfile::tempdir().unwrap();
    let upstream = Scripted::start(Vec::new()).await;
    let made = |body| vec![answer(&body)];
    upstream.script(made(
        json!({"id": "m-1", "status": "MODEL_RESOURCES_STATUS_READY"}),
    ));
    let mut server = server(&upstream.url, &place).await;
    let resource = json!({"body": {"base_model": "m"}, "wait_seconds": 0});
    server.call("create-model-resource", resource).await.json();
    upstream.script(made(json!({"id": "s-1", "model_resources_id": "m-1"})));
    let session = json!({"body": {"model_resources_id": "m-1"}});
    server.call("create-training-session", session).await.json();

    upstream.script(vec![status(404, "", &json!({"detail": "not found"}).to_string())]);
    for (tool, argument, id) in [
        ("get-training-session", "session_id", "m-1"),
        ("stop-training-session", "session_id", "m-1"),
        ("get-model-resource", "model_resources_id", "s-1"),
        ("stop-model-resource", "model_resources_id", "s-1"),
        ("get-training-session", "session_id", "mistyped"),
    ] {
        server.call(tool, json!({argument: id})).await;
    }
    let shown = activity(&mut server, json!({})).await;
    assert_eq!(shown["may_be_billing"][0]["model_resources_id"], "m-1", "{shown}");
    assert_eq!(shown["sessions"][0]["session_id"], "s-1", "{shown}");
    let ended = |shown: &Value| {
        let entries = shown["entries"].as_array().unwrap();
        entries.iter().filter(|entry| entry["outcome"] == "ended").count()
    };
    assert_eq!(ended(&shown), 0, "{shown}");
    // What ends in earnest afterwards is still written down.
    for (tool, argument, id) in [
        ("get-training-session", "session_id", "s-1"),
        ("get-model-resource", "model_resources_id", "m-1"),
    ] {
        server.call(tool, json!({argument: id})).await.error();
    }
    let shown = activity(&mut server, json!({})).await;
    assert_eq!(
        (&shown["may_be_billing"], &shown["sessions"]),
        (&json!([]), &json!([])),
        "{shown}"
    );
    assert_eq!(ended(&shown), 2, "{shown}");
}

#[tokio::test]
async fn what_a_mistaken_id_is_is_said_as_far_as_the_journal_knows() {
    let place = tempfile::tempdir().unwrap();
    let upstream = Scripted::start(Vec::new()).await;
    let mut first = server(&upstream.url, &place).await;
    let session = json!({"body": {"model_resources_id": "m-1"}});
    let step = json!({"session_id": "s-1", "idempotency_key": "own", "body": {"adam_params": {"learning_rate": 1e-4}}});
    let saved = json!({"id": "op-2", "status": "TRAINING_OPERATION_STATUS_COMPLETED",
        "output": {"checkpoint": {"id": "ck-1"}}});
    for (tool, arguments, made) in [
        (
            "create-model-resource",
            json!({"body": {"base_model": "m"}}),
            json!({"id": "m-1"}),
        ),
        (
            "create-training-session",
            session.clone(),
            json!({"id": "s-1", "model_resources_id": "m-1"}),
        ),
        ("optimizer-step", step, json!({"id": "op-1"})),
        ("save-training-checkpoint", json!({"session_id": "s-1"}), saved),
        (
            "prime-intellect-createrun",
            json!({"body": run()}),
            json!({"runId": "run-1"}),
        ),
    ] {
        upstream.script(vec![answer(&made)]);
        first.call(tool, arguments).await.json();
    }
    first.close().await;

    let refused = |code| vec![status(code, "", &json!({"detail": "no"}).to_string())];
    let mut second = server(&upstream.url, &place).await;
    let operation = |session: &str| json!({"session_id": session, "operation_id": "op-1"});
    for (tool, arguments, code, next) in [
        (
            "stop-model-resource",
            json!({"model_resources_id": "s-1"}),
            404,
            "model_resources_id is to name a model resource, and s-1 is a training session: its model resource is m-1.",
        ),
        (
            "stop-model-resource",
            json!({"model_resources_id": " s-1 "}),
            409,
            "model_resources_id is to name a model resource, and s-1 is a training session: its model resource is m-1.",
        ),
        (
            "stop-training-session",
            json!({"session_id": "m-1"}),
            404,
            "session_id is to name a training session, and m-1 is a model resource: its training session is s-1.",
        ),
        (
            "get-training-session",
            json!({"session_id": "run-1"}),
            404,
            "session_id is to name a training session, and run-1 is a run: list-recent-activity",
        ),
        (
            "get-sample-operation",
            operation("s-1"),
            404,
            "op-1 was started by optimizer-step in session s-1: call get-optim-step-operation with session_id s-1.",
        ),
        (
            "get-optim-step-operation",
            operation("s-2"),
            404,
            "op-1 was started by optimizer-step in session s-1: call get-optim-step-operation with session_id s-1.",
        ),
        (
            "create-training-session",
            json!({"body": {"model_resources_id": "s-1"}}),
            422,
            "body.model_resources_id is to name a model resource, and s-1 is a training session: its model resource is m-1.",
        ),
        (
            "download-checkpoint",
            json!({"id": "ck-1", "variant": "CHECKPOINT_VARIANT_MERGED"}),
            400,
            "ck-1 is a training checkpoint, which is for resuming and has no download: create-inference-checkpoint",
        ),
    ] {
        upstream.script(refused(code));
        let text = second.call(tool, arguments).await;
        assert!(text.error().contains(&format!("\nNext: {next}")), "{}", text.text);
    }
    // What is known to be what it should be keeps the ordinary advice, and what is unknown too.
    for (tool, arguments, next) in [
        (
            "get-optim-step-operation",
            operation("s-1"),
            "check session_id and operation_id",
        ),
        (
            "get-training-session",
            json!({"session_id": "s-1"}),
            "list-training-sessions",
        ),
        ("create-training-session", session, "check model_resources_id"),
        (
            "get-training-session",
            json!({"session_id": "s-9"}),
            "list-training-sessions",
        ),
    ] {
        upstream.script(refused(404));
        let text = second.call(tool, arguments).await;
        assert!(text.error().contains(next), "{}", text.text);
    }
    let stopped = second
        .call("stop-model-resource", json!({"model_resources_id": "m-1"}))
        .await;
    assert!(
        stopped.json()["note"].as_str().unwrap().contains("it is gone"),
        "{}",
        stopped.text
    );
}

#[tokio::test]
async fn what_is_not_known_says_what_to_do_until_it_is() {
    let place = tempfile::tempdir().unwrap();
    let refused = |code| status(code, "", &json!({"detail": "no"}).to_string());
    let upstream = Scripted::start(vec![Reaction::Cut(Vec::new())]).await;
    let mut server = server(&upstream.url, &place).await;
    server.call("weights-sync", sync("s-1")).await.error();
    server
        .call("prime-intellect-createrun", json!({"body": run()}))
        .await
        .error();
    let shown = activity(&mut server, json!({})).await;
    let unknown = shown["unknown"].as_array().unwrap();
    assert_eq!(unknown.len(), 2, "{shown}");
    assert!(
        unknown[0]["next"]
            .as_str()
            .unwrap()
            .contains("prime-intellect-listruns"),
        "{shown}"
    );
    let key = unknown[1]["idempotency_key"].as_str().unwrap();
    assert!(unknown[1]["next"].as_str().unwrap().contains(key), "{shown}");
    assert_eq!(
        shown["may_be_billing"][0]["look"],
        json!({"tool": "prime-intellect-listruns", "arguments": {}})
    );
    assert!(shown["may_be_billing"][0].get("stop").is_none(), "{shown}");
    // Repeated under its key it is known.
    upstream.script(vec![answer(&json!({"id": "op-1"}))]);
    let mut repeated = sync("s-1");
    repeated["idempotency_key"] = json!(key);
    server.call("weights-sync", repeated).await.json();
    let unknown = activity(&mut server, json!({})).await["unknown"].clone();
    assert_eq!(unknown.as_array().unwrap().len(), 1, "{unknown}");
    assert_eq!(
        activity(&mut server, json!({"session_id": "s-2"})).await["unknown"],
        json!([])
    );
    // A run that was resumed is another one; deleting it by the owner's way counts.
    upstream.script(vec![answer(
        &json!({"runId": "run-2", "onDemand": true, "estimatedCostPerHour": 4.5}),
    )]);
    server
        .call("prime-intellect-resumerun", json!({"run_id": "run-1"}))
        .await
        .json();
    let shown = activity(&mut server, json!({})).await;
    assert_eq!(
        (
            &shown["may_be_billing"][0]["run_id"],
            &shown["may_be_billing"][0]["usd_per_hour"]
        ),
        (&json!("run-2"), &json!(4.5))
    );
    upstream.script(vec![refused(403), answer(&json!({}))]);
    server
        .call("prime-intellect-deleterun", json!({"run_id": "run-2"}))
        .await
        .json();
    let shown = activity(&mut server, json!({"limit": 2})).await;
    assert_eq!(shown["may_be_billing"].as_array().unwrap().len(), 1, "{shown}");
    let entries = shown["entries"].as_array().unwrap();
    let outcomes: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["tool"], &entry["outcome"]))
        .collect();
    let delete = json!("prime-intellect-deleterun");
    assert_eq!(
        outcomes,
        [(&delete, &json!("done")), (&delete, &json!("refused"))]
    );

    // Another service's things are none of these.
    let elsewhere = Scripted::start(vec![answer(&json!({}))]).await;
    let mut other = crate::activity::server(&elsewhere.url, &place).await;
    let shown = activity(&mut other, json!({})).await;
    assert_eq!(
        (&shown["entries"], &shown["may_be_billing"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(shown["left_out"], json!(["6 entries of other base URLs"]));
}

/// However much there is, the answer is short by default.
#[tokio::test]
async fn an_answer_is_short_however_much_was_done() {
    let place = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let id = |number: u32| format!("7d0c0d0e-4b1f-4a52-9a3e-0f6c{number:08}");
    for number in 0..500 {
        let session = json!({"session_id": id(number), "model_resources_id": id(number + 1000)});
        let common =
            json!({"time": rl_mcp::Record::new("", "", rl_mcp::Outcome::Done).time, "host": "127.0.0.1:9"});
        for mut line in [
            json!({"tool": "create-model-resource", "outcome": "done", "status": 200, "usd_per_hour": 56.0, "ids": {"model_resources_id": id(number + 1000)}}),
            json!({"tool": "create-training-session", "outcome": "done", "ids": session}),
            json!({"tool": "forward-backward-pass", "outcome": "unknown", "cause": "Timeout", "idempotency_key": id(number), "ids": session}),
            json!({"tool": "forward-backward-pass", "outcome": "done", "idempotency_key": id(number), "ids": {"session_id": id(number), "operation_id": id(1)}}),
            json!({"tool": "optimizer-step", "outcome": "unknown", "cause": "Timeout", "idempotency_key": id(number + 9), "ids": session}),
            json!({"tool": "get-save-training-checkpoint-operation", "outcome": "saved", "ids": {"session_id": id(number), "operation_id": id(2), "checkpoint_id": id(number)}}),
        ] {
            line.as_object_mut()
                .unwrap()
                .extend(common.as_object().unwrap().clone());
            text = text + "\n" + &line.to_string() + "\n";
        }
    }
    fs::write(place.path().join("journal-2026-11.jsonl"), text).unwrap();
    let mut server = server("http://127.0.0.1:9", &place).await;
    let shown = activity(&mut server, json!({})).await;
    for list in ["may_be_billing", "sessions", "checkpoints", "unknown", "entries"] {
        assert!(shown[list].as_array().unwrap().len() >= 2, "{list}: {shown}");
    }
    assert_eq!(shown["may_be_billing"][0]["model_resources_id"], id(1499));
    assert_eq!(shown["more_that_may_bill"][0], id(1494));
    for wrong in [json!({"limit": 0}), json!({"limit": 101}), json!({"hours": 0})] {
        server.call("list-recent-activity", wrong).await.error();
    }
    // The whole is there for who asks for it, in a file.
    let answer = server.call("list-recent-activity", json!({"limit": 100})).await;
    let whole = fs::read_to_string(answer.json()["file"].as_str().unwrap()).unwrap();
    let whole: Value = serde_json::from_str(&whole).unwrap();
    for list in ["may_be_billing", "sessions", "checkpoints", "unknown", "entries"] {
        assert_eq!(whole[list].as_array().unwrap().len(), 100, "{list}");
    }
}

#[tokio::test]
async fn a_session_says_what_its_training_waits_for_and_where_its_prompts_are() {
    let place = tempfile::tempdir().unwrap();
    let line = |tool: &str, operation: &str| {
        let time = rl_mcp::Record::new("", "", rl_mcp::Outcome::Done).time;
        let ids = json!({"session_id": "s-1", "operation_id": operation});
        format!(
            "\n{}\n",
            json!({"tool": tool, "outcome": "done", "time": time, "host": "127.0.0.1:9", "ids": ids})
        )
    };
    let journal = place.path().join("journal-2026-11.jsonl");
    let folder = place.path().join("results/s-1");
    fs::create_dir_all(&folder).unwrap();
    let mut text = line("sample", "op-1");
    let mut server = server("http://127.0.0.1:9", &place).await;
    for (tool, next) in [
        ("forward-backward-pass", "optimizer-step: "),
        ("optimizer-step", "weights-sync: "),
        ("weights-sync", ""),
        ("custom-forward-backward-pass", "optimizer-step: "),
    ] {
        text += &line(tool, "op-2");
        fs::write(&journal, &text).unwrap();
        let session = activity(&mut server, json!({})).await["sessions"][0].clone();
        let said = session["next"].as_str().unwrap_or_default();
        assert!(
            said.starts_with(next) && said.is_empty() == next.is_empty(),
            "{session}"
        );
        assert_eq!(session["last_sampling"], json!({"operation_id": "op-1"}));
    }
    let prompts = folder.join("sample-op-1.request.json");
    fs::write(&prompts, "{}").unwrap();
    let shown = activity(&mut server, json!({})).await;
    let expected = prompts.canonicalize().unwrap();
    let named = shown["sessions"][0]["last_sampling"]["prompts"].as_str().unwrap();
    assert_eq!(Path::new(named).canonicalize().unwrap(), expected);
}

#[tokio::test]
async fn what_was_told_to_stop_may_bill_until_its_end_is_seen() {
    let place = tempfile::tempdir().unwrap();
    let upstream = Scripted::start(Vec::new()).await;
    let mut server = server(&upstream.url, &place).await;
    let run = |status: &str| json!({"run": {"id": "run-1", "name": "mine", "status": status}});
    let resource = |status: &str| json!({"id": "m-1", "status": format!("MODEL_RESOURCES_STATUS_{status}")});
    let config = json!({"name": "mine", "data": {"type": "fake"}});
    for (tool, arguments, answered) in [
        (
            "create-model-resource",
            json!({"body": {"base_model": "m"}, "wait_seconds": 0}),
            vec![json!({}), resource("READY")],
        ),
        (
            "prime-intellect-createrun",
            json!({"body": {"config": config}, "wait_seconds": 0}),
            vec![json!({"runId": "run-1"})],
        ),
        (
            "prime-intellect-stoprun",
            json!({"run_id": "run-1", "wait_seconds": 0}),
            vec![run("STOPPING")],
        ),
        (
            "stop-model-resource",
            json!({"model_resources_id": "m-1", "wait_seconds": 0}),
            vec![resource("READY")],
        ),
    ] {
        upstream.script(answered.iter().map(answer).collect());
        server.call(tool, arguments).await.json();
    }
    let shown = activity(&mut server, json!({})).await;
    let bills = shown["may_be_billing"].as_array().unwrap();
    assert_eq!(bills.len(), 2, "{shown}");
    for bill in bills {
        let stopping = bill["stopping"].as_str().unwrap();
        assert!(
            stopping.contains(" was accepted at ") && bill["stop"].is_null(),
            "{shown}"
        );
    }
    assert_eq!(
        (&bills[1]["kind"], &bills[0]["kind"]),
        (&Value::Null, &json!("SFT"))
    );
    assert_eq!(bills[0]["name"], "mine");
    upstream.script(vec![answer(&run("STOPPED")), answer(&resource("STOPPED"))]);
    let call = json!({"run_id": "run-1", "wait_seconds": 0});
    server.call("prime-intellect-getrun", call).await.json();
    // The answer that stops it may show its end.
    let call = json!({"model_resources_id": "m-1", "wait_seconds": 0});
    server.call("stop-model-resource", call).await.json();
    let shown = activity(&mut server, json!({})).await;
    assert_eq!(shown["may_be_billing"], json!([]), "{shown}");
}
