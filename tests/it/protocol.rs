//! The protocol around the calls: cancellation, the end of input, and lines that are no messages.

use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reaction, Scripted, Server, json as answer, latest, tools};

const PING: &str = r#"{"jsonrpc":"2.0","id":"ping","method":"ping"}"#;

fn call(tool: &str, arguments: Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// Answers a ping, which shows that the server still works and has read everything before it.
async fn alive(server: &mut Server) {
    let answer = server.expect(json!("ping"));
    server.write(PING).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), answer)
        .await
        .expect("a pong")
        .unwrap();
    assert_eq!(answer["result"], json!({}), "{answer}");
}

async fn cancel(server: &mut Server, id: u64) {
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    server.write(&cancelled.to_string()).await;
}

#[tokio::test]
async fn cancelling_a_call_drops_its_request() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    let mut server = Server::start(&upstream.url).await;
    let (id, answer) = server
        .begin(
            "tools/call",
            call("get-training-session", json!({"session_id": "s"})),
        )
        .await;
    upstream.arrival().await;
    cancel(&mut server, id).await;
    upstream.abandonment().await;
    alive(&mut server).await;
    assert_eq!(upstream.seen().len(), 1, "a cancelled call is not tried again");
    drop(answer);
    assert!(
        server.others.try_recv().is_err(),
        "a cancelled request gets no answer"
    );
}

#[tokio::test]
async fn a_cancelled_call_that_may_have_changed_something_is_named_in_the_log() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_LOG", "info")).await;
    let (id, _answer) = server
        .begin(
            "tools/call",
            call("optimizer-step", json!({"session_id": "s", "body": {}})),
        )
        .await;
    upstream.arrival().await;
    cancel(&mut server, id).await;
    upstream.abandonment().await;
    alive(&mut server).await;
    server
        .logged("may have been carried out tool=\"optimizer-step\"")
        .await;
    server.logged("status=\"cancelled\"").await;
}

/// What hosts leave a server to end in.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Whether a process ends at once. These machines are shared: one of three ends has to be undisturbed.
async fn ends_at_once(mut end: impl AsyncFnMut() -> (ExitStatus, Duration)) {
    let mut taken = Vec::new();
    for _ in 0..3 {
        let (status, took) = end().await;
        assert!(status.success(), "{status}");
        taken.push(took);
        if took < AT_ONCE {
            return;
        }
    }
    panic!("{taken:?}");
}

#[tokio::test]
async fn the_end_of_input_ends_the_process_at_once_even_with_calls_under_way() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    ends_at_once(async || {
        let mut server = Server::start(&upstream.url).await;
        for _ in 0..5 {
            let arguments = json!({"body": {"model_resources_id": "r"}});
            server
                .begin("tools/call", call("create-training-session", arguments))
                .await;
        }
        upstream.arrival().await;
        let ended = server.close().await;
        assert!(
            server.stderr().contains("may have been carried out"),
            "{}",
            server.stderr()
        );
        ended
    })
    .await;
}

#[tokio::test]
async fn a_call_that_ends_within_the_grace_period_is_still_answered() {
    let upstream = Scripted::start(vec![answer(&json!({"ok": 1}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let (_, answer) = server
        .begin(
            "tools/call",
            call("get-training-session", json!({"session_id": "s"})),
        )
        .await;
    let (status, _) = server.close().await;
    assert!(status.success());
    let answer = tokio::time::timeout(Duration::from_secs(2), answer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "{\"ok\":1}");
}

#[tokio::test]
async fn sigterm_ends_the_process_at_once() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    ends_at_once(async || {
        let mut server = Server::start(&upstream.url).await;
        server
            .begin(
                "tools/call",
                call("get-training-session", json!({"session_id": "s"})),
            )
            .await;
        upstream.arrival().await;
        server.terminate().await
    })
    .await;
}

#[tokio::test]
async fn the_end_of_input_before_any_request_is_a_normal_end() {
    ends_at_once(async || {
        Server::spawn(&mut Server::command("http://127.0.0.1:9"))
            .close()
            .await
    })
    .await;
}

#[tokio::test]
async fn a_notification_before_the_first_request_does_not_end_the_session() {
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    server
        .write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        .await;
    server
        .write(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
        .await;
    alive(&mut server).await;
}

#[tokio::test]
async fn no_notification_before_the_session_ends_it() {
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    let unopened = [
        ("ping", json!({})),
        ("tools/list", json!({})),
        ("server/discover", json!({"_meta": latest()})),
        (
            "tools/list",
            json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "1999-01-01",
                "io.modelcontextprotocol/clientCapabilities": {}}}),
        ),
    ];
    for (method, params) in unopened {
        server.request(method, params).await;
        for line in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        ] {
            server.write(line).await;
        }
        alive(&mut server).await;
    }
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = server.request("initialize", params).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn what_initialize_says_in_an_odd_form_is_left_out() {
    let whole = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let with = |name: &str, value: Option<Value>| {
        let mut params = whole.clone();
        match value {
            Some(value) => params[name] = value,
            None => drop(params.as_object_mut().unwrap().remove(name)),
        }
        params
    };
    let odd = [
        json!([]),
        Value::Null,
        json!({"sampling": true}),
        json!({"experimental": {"x": true}}),
        json!({"roots": []}),
        json!("all"),
    ];
    let mut cases: Vec<Value> = odd
        .into_iter()
        .map(|value| with("capabilities", Some(value)))
        .collect();
    cases.extend([
        with("capabilities", None),
        with("clientInfo", Some(json!({"name": "t"}))),
        with("clientInfo", Some(json!({"version": 2}))),
        with(
            "clientInfo",
            Some(json!({"name": "t", "version": "1", "icons": "none"})),
        ),
        with("clientInfo", Some(Value::Null)),
        with("clientInfo", Some(json!("t"))),
        with("clientInfo", None),
        with("protocolVersion", None),
        with("protocolVersion", Some(json!(20_250_618))),
        with("_meta", Some(Value::Null)),
        with("_meta", Some(json!([]))),
        with("_meta", Some(json!("x"))),
        json!([]),
        json!({}),
        Value::Null,
    ]);
    for params in cases {
        let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
        let answer = server.request("initialize", params.clone()).await;
        let version = answer["result"]["protocolVersion"].as_str();
        let named = params["protocolVersion"].as_str().unwrap_or("2025-03-26");
        assert_eq!(version, Some(named), "{params}: {answer}");
        server
            .write(r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":[]}"#)
            .await;
        alive(&mut server).await;
    }
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    let answer = server.expect(json!(1));
    server
        .write(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#)
        .await;
    let answer = answer.await.unwrap();
    assert_eq!(answer["result"]["protocolVersion"], "2025-03-26", "{answer}");
}

#[tokio::test]
async fn an_empty_list_or_nothing_stands_for_an_empty_object() {
    let upstream = Scripted::start(vec![answer(&json!({"wallet": 1}))]).await;
    let mut server = Server::start(&upstream.url).await;
    for params in [json!([]), Value::Null, json!({"_meta": []}), json!({"_meta": 7})] {
        for method in ["ping", "tools/list"] {
            let answer = server.request(method, params.clone()).await;
            assert!(answer["result"].is_object(), "{method} {params}: {answer}");
        }
    }
    for arguments in [json!([]), Value::Null, json!(""), json!("[]"), json!("{}")] {
        let outcome = server.call("prime-intellect-getwallet", arguments).await;
        assert_eq!(outcome.json(), json!({"wallet": 1}));
    }
    for meta in [json!([]), json!("x"), Value::Null] {
        let mut params = call("get-training-session", json!({"session_id": "s"}));
        params["_meta"] = meta;
        let answer = server.request("tools/call", params).await;
        assert_eq!(
            answer["result"]["content"][0]["text"], "{\"wallet\":1}",
            "{answer}"
        );
    }
    for token in [json!(1.5), Value::Null, json!(true), json!({}), json!([])] {
        let mut params = call("get-training-session", json!({"session_id": "s"}));
        params["_meta"] = json!({"progressToken": token});
        let answer = server.request("tools/call", params).await;
        assert!(answer["result"]["content"].is_array(), "{token}: {answer}");
    }
    let answer = server.request(&"m".repeat(100_000), json!({})).await;
    assert_eq!(answer["error"]["code"], -32601);
    assert!(
        answer.to_string().len() < 1000,
        "a method's name is not echoed at length"
    );
    for params in [json!([1]), json!("x"), json!(7)] {
        let answer = server.request("tools/list", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

#[tokio::test]
async fn odd_capabilities_of_the_latest_version_are_left_out_as_well() {
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    for odd in [json!([]), Value::Null, json!({"sampling": true}), json!("all")] {
        let mut meta = latest();
        meta["io.modelcontextprotocol/clientCapabilities"] = odd.clone();
        meta["io.modelcontextprotocol/clientInfo"] = json!("t");
        for method in ["server/discover", "tools/list"] {
            let answer = server.request(method, json!({"_meta": meta})).await;
            assert!(answer["result"].is_object(), "{method} {odd}: {answer}");
        }
        let mut params = call("get-training-session", json!({"session_id": ".."}));
        params["_meta"] = meta;
        let answer = server.request("tools/call", params).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
    }
    // What the version demands stays demanded.
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    let answer = server.request("tools/list", json!({"_meta": meta})).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_and_notifications_never_are() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    for id in ["1.5", "18446744073709551616", "true", "[]", "{}", "null"] {
        for method in ["tools/list", "tools/call", "ping", "no/such"] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{}}}}"#);
            server.write(&line).await;
            let answer = server.other().await;
            assert_eq!(answer["error"]["code"], -32600, "{line}: {answer}");
            assert_eq!(answer.get("id"), None);
        }
    }
    for silent in [
        r#"{"jsonrpc":"2.0","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"sample"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.5}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":7}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"1.0","method":"x"}"#,
    ] {
        server.write(silent).await;
    }
    alive(&mut server).await;
    assert!(server.others.try_recv().is_err());
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_never_carried_out_without_its_arguments() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let mut server = Server::start(&upstream.url).await;
    for (line, reason) in [
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"prime-intellect-listruns","name":"prime-intellect-listruns","arguments":{"limit":3}}}"#,
            "duplicate field `name`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"arguments":{}}}"#,
            "missing field `name`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":[]}"#,
            "params of tools/call",
        ),
    ] {
        let answer = server.expect(json!("x"));
        server.write(line).await;
        let answer = answer.await.unwrap();
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{answer}");
        assert_eq!(answer["error"]["code"], -32602);
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn lines_that_are_no_messages_are_answered_when_their_id_can_be_told() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    for (line, code) in [
        // NaN is what Python's json writes by default.
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"sample","arguments":{"a":NaN}}}"#,
            -32700,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"#,
            -32700,
        ),
        (r#"{"jsonrpc":"1.0","id":"x","method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":"x","method":17}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"arguments":{}}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":7}"#,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/call"}"#, -32602),
        // What is not declared is not there.
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"resources/subscribe","params":{"uri":"skill://rl-post-training/SKILL.md"}}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"resources/directory/read","params":{"uri":"skill://rl-post-training"}}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"logging/setLevel","params":{"level":"info"}}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"tasks/get","params":{"taskId":"t"}}"#,
            -32601,
        ),
        // What is declared wants its params.
        (r#"{"jsonrpc":"2.0","id":"x","method":"prompts/get"}"#, -32602),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"prompts/get","params":{"name":"no-such"}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"b"}}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"skills/get","params":{"uri":"skill://other/SKILL.md"}}"#,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":"x","method":"no/such"}"#, -32601),
    ] {
        let answer = server.expect(json!("x"));
        server.write(line).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), answer)
            .await
            .expect(line)
            .unwrap();
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    for (line, message) in [
        ("[]", "batches"),
        ("17", "object"),
        (r#"{"jsonrpc":"2.0"}"#, "JSON-RPC 2.0"),
    ] {
        server.write(line).await;
        let answer = server.other().await;
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(message),
            "{line}: {answer}"
        );
        assert_eq!(answer.get("id"), None);
    }
    for silent in [
        "",
        "   ",
        "hello",
        "{",
        r#"{"jsonrpc":"2.0","method":"$/lsp"}"#,
        "\u{feff}",
    ] {
        server.write(silent).await;
    }
    alive(&mut server).await;
    assert!(server.others.try_recv().is_err());
}

#[tokio::test]
async fn a_line_over_the_limit_is_answered_and_the_session_goes_on() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    let answer = server.expect(json!("big"));
    let start =
        r#"{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"sample","arguments":{"x":""#;
    server
        .write(&format!("{start}{}\"}}}}}}", "y".repeat(257 << 20)))
        .await;
    let answer = answer.await.unwrap();
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("longer than 256 MiB"),
        "{answer}"
    );
    alive(&mut server).await;
}

#[tokio::test]
async fn an_unknown_tool_names_the_nearest() {
    let mut server = Server::start("http://127.0.0.1:9").await;
    let answer = server
        .request("tools/call", call("prime-intellect-delete-run", json!({})))
        .await;
    assert_eq!(answer["error"]["code"], -32602);
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean prime-intellect-deleterun?"),
        "{answer}"
    );
    let answer = server.request("tools/call", call("zzz", json!({}))).await;
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("download-checkpoint"),
        "{answer}"
    );
}

#[tokio::test]
async fn calls_run_side_by_side() {
    let upstream = Scripted::start(vec![Reaction::Hang, answer(&json!({"second": true}))]).await;
    let mut server = Server::start(&upstream.url).await;
    let (_, slow) = server
        .begin(
            "tools/call",
            call("get-training-session", json!({"session_id": "1"})),
        )
        .await;
    upstream.arrival().await;
    let outcome = server
        .call("get-training-session", json!({"session_id": "2"}))
        .await;
    assert_eq!(outcome.json(), json!({"second": true}));
    drop(slow);
}

#[tokio::test]
async fn both_eras_of_the_protocol_are_served_by_one_process() {
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    let meta = latest();
    let answer = server.request("server/discover", json!({"_meta": meta})).await;
    let this = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(this["name"], "rl-mcp", "{answer}");
    let answer = server.request("tools/list", json!({"_meta": meta})).await;
    assert_eq!(
        answer["result"]["tools"].as_array().unwrap().len(),
        tools(|_| true),
        "{answer}"
    );
    let mut params = call("get-training-session", json!({"session_id": ".."}));
    params["_meta"] = meta;
    let answer = server.request("tools/call", params).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");

    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = server.request("initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], version);
        assert_eq!(answer["result"]["serverInfo"]["name"], "rl-mcp");
        let declared = answer["result"]["capabilities"].as_object().unwrap();
        let declared: Vec<&str> = declared.keys().map(String::as_str).collect();
        assert_eq!(
            declared,
            ["extensions", "completions", "prompts", "resources", "tools"]
        );
        let instructions = answer["result"]["instructions"].as_str().unwrap();
        assert!(instructions.contains("weights-sync") && instructions.contains("prime-intellect-createrun"));
        assert!(instructions.chars().count() < 2000, "{}", instructions.len());
    }
}
