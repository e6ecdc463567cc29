//! Pipes that nobody reads, or that break: the server goes on as long as it is of use, and ends when it is not.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use crate::support::{PATIENCE, Reaction, Scripted, Server, json as answer, peak_memory};

fn session() -> Value {
    json!({"session_id": "ts_1"})
}

/// A server that logs more than a pipe holds, none of which is read.
async fn unread(upstream: &Scripted) -> Server {
    let mut command = Server::command(&upstream.url);
    let mut server = Server::spawn_unread(command.env("RL_MCP_LOG", "debug"));
    server.initialize().await;
    for _ in 0..400 {
        server.call("get-training-session", session()).await.json();
    }
    server
}

#[tokio::test]
async fn a_standard_error_that_nobody_reads_stops_nothing() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "ts_1"}))]).await;
    let mut server = unread(&upstream).await;
    assert_eq!(server.request("ping", json!({})).await["result"], json!({}));
    let (status, took) = server.terminate().await;
    assert!(status.success() && took < PATIENCE / 2, "{status} {took:?}");

    let mut server = unread(&upstream).await;
    let (status, took) = server.close().await;
    assert!(status.success() && took < PATIENCE / 2, "{status} {took:?}");
}

#[tokio::test]
async fn what_was_not_read_in_time_is_dropped_and_counted() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "ts_1"}))]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::spawn_unread(command.env("RL_MCP_LOG", "trace"));
    server.initialize().await;
    // More than the pipe and the queue hold.
    for _ in 0..800 {
        server.call("get-training-session", session()).await.json();
    }
    server.read_stderr();
    server
        .logged("log lines were dropped: standard error was not read")
        .await;
}

#[tokio::test]
async fn a_broken_standard_output_ends_the_server_before_it_does_anything_more() {
    let upstream = Scripted::start(vec![answer(&json!({"id": "ts_1"}))]).await;
    let mut server = Server::start(&upstream.url).await;
    server.call("get-training-session", session()).await.json();
    // Standard input stays open, as when another process has inherited it.
    server.close_stdout().await;
    let (status, _) = server.ended().await;
    assert!(status.success(), "{status}");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_hang_up_ends_it_like_a_termination() {
    let mut server = Server::start("http://127.0.0.1:1").await;
    let (status, _) = server.signal("-HUP").await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn requests_whose_answers_are_not_read_are_bounded_and_none_is_lost() {
    const REQUESTS: u64 = 40_000;
    let mut command = Server::command("http://127.0.0.1:1");
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = BufReader::new(output).lines();
    let first = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }});
    input.write_all(format!("{first}\n").as_bytes()).await.unwrap();
    lines.next_line().await.unwrap().unwrap();
    let before = peak_memory(child.id().unwrap());
    let (progress, mut written) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        for id in 1..=REQUESTS {
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
                "name": "read-result", "arguments": {"path": "/none", "at": "x".repeat(400)},
            }});
            input.write_all(format!("{call}\n").as_bytes()).await.unwrap();
            progress.send_replace(id);
        }
        // Open until all is answered.
        progress.closed().await;
    });
    // Until nothing more is taken.
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), written.changed()).await {}
    let grown = peak_memory(child.id().unwrap()) - before;
    assert!(
        grown < 60 << 20,
        "{grown} bytes more for {} requests",
        *written.borrow()
    );
    let mut answered = std::collections::BTreeSet::new();
    while answered.len() < usize::try_from(REQUESTS).unwrap() {
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let message: Value = serde_json::from_str(&line).unwrap();
        assert!(answered.insert(message["id"].as_u64().unwrap()), "{line}");
    }
}

#[tokio::test]
async fn two_calls_under_one_id_are_both_answered() {
    let upstream = Scripted::start(vec![
        answer(&json!({"id": "ts_1"})),
        answer(&json!({"id": "ts_2"})),
    ])
    .await;
    let mut server = Server::start(&upstream.url).await;
    let call = json!({"jsonrpc": "2.0", "id": "same", "method": "tools/call", "params": {
        "name": "get-training-session", "arguments": session(),
    }});
    server.write(&format!("{call}\n{call}")).await;
    let answers = [server.other().await, server.other().await];
    for answer in &answers {
        assert_eq!(answer["id"], "same", "{answer}");
    }
    let both = json!(answers).to_string();
    assert!(both.contains("ts_1") && both.contains("ts_2"), "{both}");
}

#[tokio::test]
async fn an_id_that_was_cancelled_can_be_used_again() {
    let upstream = Scripted::start(vec![Reaction::Hang, answer(&json!({"id": "ts_2"}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "get-training-session", "arguments": session(),
    }});
    server.write(&call.to_string()).await;
    upstream.arrival().await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    let answer = server.expect(json!(7));
    server.write(&format!("{cancel}\n{call}")).await;
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert!(answer.to_string().contains("ts_2"), "{answer}");
}
