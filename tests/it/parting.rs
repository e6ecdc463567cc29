//! The end of the server, with something left behind that bills.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

#[cfg(feature = "sandbox")]
use crate::support::Sandbox;
use crate::support::{Reaction, Scripted, Server, json as answer};

/// Far below the time that a call may take, which is what an end without a limit of its own would wait for.
const PROMPT: Duration = Duration::from_secs(20);

/// A server that logs nothing.
async fn quiet(mut command: Command) -> Server {
    Server::initialized(command.env("RL_MCP_LOG", "off")).await
}

/// A model resource of a server; its id.
async fn created(server: &mut Server) -> String {
    let body = json!({"base_model": "sandbox/byte-lm"});
    let made = server.call("create-model-resource", json!({"body": body})).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

#[cfg(feature = "sandbox")]
async fn until_ready(server: &mut Server, id: &str) {
    for _ in 0..2000 {
        let shown = server
            .call("get-model-resource", json!({"model_resources_id": id}))
            .await;
        if shown.json()["status"] == "MODEL_RESOURCES_STATUS_READY" {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("never READY");
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn what_still_bills_is_named_whichever_way_the_server_ends() {
    let sandbox = Sandbox::start().await;
    for terminated in [false, true] {
        let mut server = quiet(sandbox.server()).await;
        let id = created(&mut server).await;
        until_ready(&mut server, &id).await;
        let (status, took) = if terminated {
            server.terminate().await
        } else {
            server.close().await
        };
        assert!(status.success() && took < PROMPT, "{status} {took:?}");
        let log = server.stderr();
        for words in [
            format!("model resource {id}, created here, is READY and bills 56 USD per hour"),
            format!("stop-model-resource with model_resources_id {id}"),
        ] {
            assert!(log.contains(&words), "{words}: {log}");
        }
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}

/// What it plays goes with it.
#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_server_in_front_of_its_own_sandbox_leaves_nothing_that_bills() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command.env_clear().args(["--sandbox", "--sandbox-speed", "2000"]);
    let mut server = quiet(command).await;
    let id = created(&mut server).await;
    until_ready(&mut server, &id).await;
    server.close().await;
    assert_eq!(server.stderr(), "");
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn what_was_stopped_or_made_by_somebody_else_is_not_mentioned() {
    let sandbox = Sandbox::start().await;
    let mut server = quiet(sandbox.server()).await;
    let id = created(&mut server).await;
    let mut other = quiet(sandbox.server()).await;
    until_ready(&mut other, &id).await;
    let (_, took) = other.close().await;
    assert_eq!(other.stderr(), "");
    assert!(took < PROMPT, "{took:?}");
    server
        .call("stop-model-resource", json!({"model_resources_id": id}))
        .await
        .json();
    server.close().await;
    assert_eq!(server.stderr(), "");
    // Stopped by somebody else: the service knows.
    let mut server = quiet(sandbox.server()).await;
    let id = created(&mut server).await;
    sandbox
        .post(&format!("/v1/rl/model-resources/{id}/stop"), Value::Null)
        .await;
    server.close().await;
    assert_eq!(server.stderr(), "");
}

/// A service that creates a model resource and then does this.
async fn left_behind(then: Reaction) -> (String, Duration) {
    let price = answer(&json!({"price_per_hour": 9.5, "currency": "USD"}));
    let made = answer(&json!({"id": "mr-1", "status": "MODEL_RESOURCES_STATUS_PENDING"}));
    let upstream = Scripted::start(vec![price, made, then]).await;
    let mut server = quiet(Server::command(&upstream.url)).await;
    created(&mut server).await;
    let (status, took) = server.close().await;
    assert!(status.success());
    (server.stderr(), took)
}

#[tokio::test]
async fn what_is_not_known_to_have_ended_is_named_too_and_nobody_waits_long() {
    let status =
        |status: &str| answer(&json!({"id": "mr-1", "status": format!("MODEL_RESOURCES_STATUS_{status}")}));
    for (then, words) in [
        (
            status("PENDING"),
            "is PENDING and bills 9.5 USD per hour once it is READY",
        ),
        (
            Reaction::Hang,
            "may be READY (its state is not known) and then bills 9.5 USD per hour",
        ),
        (Reaction::Cut(Vec::new()), "may be READY"),
        (answer(&json!([])), "may be READY"),
        (status("ERROR"), ""),
    ] {
        let (log, took) = left_behind(then).await;
        assert!(
            log.contains(words) && log.is_empty() == words.is_empty(),
            "{words}: {log}"
        );
        assert!(took < PROMPT, "{took:?}");
    }
}

#[tokio::test]
async fn nobody_has_to_read_the_warning() {
    let price = answer(&json!({"price_per_hour": 9.5, "currency": "USD"}));
    let shown = answer(&json!({"id": "mr-1", "status": "MODEL_RESOURCES_STATUS_READY"}));
    let upstream = Scripted::start(vec![price, shown]).await;
    let mut child = Server::command(&upstream.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let params = json!({
        "name": "create-model-resource",
        "arguments": {"body": {"base_model": "m"}},
        "_meta": crate::support::latest(),
    });
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    stdin.write_all(format!("{call}\n").as_bytes()).await.unwrap();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains("mr-1"), "{line}");
    drop(stdin);
    let status = timeout(PROMPT, child.wait()).await.expect("it ends").unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_named_until_somebody_has_looked() {
    let body = json!({"config": {"trainer": {}, "orchestrator": {}}, "name": "mine"});
    let run = ("prime-intellect-createrun", json!({"body": body}));
    let resource = ("create-model-resource", json!({"body": {"base_model": "m"}}));
    for ((tool, arguments), look) in [
        (run, "prime-intellect-listruns"),
        (resource, "list-model-resources"),
    ] {
        let warning = format!("the {tool} call of 2");
        // Lost, and known to be.
        let upstream = Scripted::start(vec![Reaction::Cut(Vec::new())]).await;
        let mut server = quiet(Server::command(&upstream.url)).await;
        server.call(tool, arguments.clone()).await.error();
        server.close().await;
        let log = server.stderr();
        assert!(log.contains(&warning) && log.contains(look), "{log}");
        // Still under way when the server ends.
        let price = answer(&json!({"price_per_hour": 9.5, "currency": "USD"}));
        let first = if tool == "create-model-resource" {
            vec![price]
        } else {
            vec![]
        };
        let requests = first.len() + 1;
        let upstream = Scripted::start([first, vec![Reaction::Hang]].concat()).await;
        let mut server = quiet(Server::command(&upstream.url)).await;
        let call = json!({"name": tool, "arguments": arguments});
        server.begin("tools/call", call).await;
        upstream.arrivals(requests).await;
        server.terminate().await;
        assert!(server.stderr().contains(&warning), "{}", server.stderr());
        // Refused, or looked for since: nothing is left to say.
        for (script, looks) in [
            (vec![crate::support::status(400, "", "{}")], false),
            (
                vec![
                    Reaction::Cut(Vec::new()),
                    Reaction::Cut(Vec::new()),
                    Reaction::Cut(Vec::new()),
                ],
                true,
            ),
        ] {
            let upstream = Scripted::start(script).await;
            let mut server = quiet(Server::command(&upstream.url)).await;
            server.call(tool, arguments.clone()).await.error();
            if looks {
                upstream.script(vec![answer(&json!({"data": [], "runs": [], "meta": {}}))]);
                server.call(look, json!({})).await.json();
            }
            server.close().await;
            assert_eq!(server.stderr(), "");
        }
    }
}
