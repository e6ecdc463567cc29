//! Both adapters over HTTP: who is let in, and how they begin and end.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{
    Json as _, PATIENCE, Reaction, Scripted, Served, Server, Upstream, answered, json as answer, outcome,
};

const TOKEN: &str = "a-token-of-the-tests-0123";
const SESSIONS: &str = "/v1/rl/training-sessions";
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// The statuses of both adapters to a request that would be answered otherwise.
async fn statuses(served: &Served, headers: &[(&str, &str)]) -> [u16; 3] {
    let with = |request: reqwest::RequestBuilder| {
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let ping = served.message(&serde_json::from_str(PING).unwrap());
    let mut statuses = [0; 3];
    let requests = [
        ping,
        served.request("GET", SESSIONS),
        served.request("GET", "/openapi.json"),
    ];
    for (status, request) in statuses.iter_mut().zip(requests) {
        *status = answered(with(request)).await.status().as_u16();
    }
    statuses
}

#[tokio::test]
async fn pages_of_other_websites_are_kept_out() {
    let upstream = Upstream::start().await;
    let arguments = ["--allow-host", "rl.example.com"];
    let served = Served::with(&mut Server::command(&upstream.server.uri()), &arguments).await;
    for headers in [
        &[][..],
        &[("host", "localhost:9090")],
        &[("host", "RL.example.com")],
        &[("origin", "http://localhost:3000")],
        &[("host", "rl.example.com"), ("origin", "https://rl.example.com")],
        // Where there is no token, whatever somebody sends as one is no reason to refuse.
        &[("authorization", "Bearer anything")],
    ] {
        assert_eq!(statuses(&served, headers).await, [200; 3], "{headers:?}");
    }
    for headers in [
        &[("host", "evil.example")][..],
        &[("host", "rl.example.com.evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ] {
        assert_eq!(statuses(&served, headers).await, [403; 3], "{headers:?}");
    }
    assert_eq!(upstream.requests().await.len(), 6);
}

#[tokio::test]
async fn with_a_token_nobody_gets_in_without_it() {
    let upstream = Upstream::start().await;
    let mut command = Server::command(&upstream.server.uri());
    command.env("RL_MCP_HTTP_TOKEN", TOKEN).env("RL_MCP_LOG", "info");
    let served = Served::with(&mut command, &["--bind", "0.0.0.0"]).await;
    let served = Served {
        mcp: served.mcp.replace("0.0.0.0", "127.0.0.1"),
        rest: served.rest.replace("0.0.0.0", "127.0.0.1"),
        ..served
    };
    let right = format!("Bearer {TOKEN}");
    assert_eq!(statuses(&served, &[("authorization", &right)]).await, [200; 3]);
    let wrong = format!("Bearer {TOKEN}4");
    let half = format!("Bearer {}", &TOKEN[1..]);
    for headers in [
        &[][..],
        &[("authorization", &*wrong)],
        &[("authorization", &half)],
        &[("authorization", TOKEN)],
    ] {
        assert_eq!(statuses(&served, headers).await, [401; 3], "{headers:?}");
    }
    assert_eq!(
        statuses(&served, &[("authorization", &right), ("host", "evil.example")]).await,
        [403; 3]
    );
    let refusal = answered(served.request("GET", SESSIONS)).await;
    assert_eq!(refusal.headers()["www-authenticate"], r#"Bearer realm="rl-mcp""#);
    let document = served
        .request("GET", "/openapi.json")
        .header("authorization", &right);
    assert_eq!(
        answered(document).await.json_value().await["security"],
        json!([{"token": []}])
    );
    assert_eq!(upstream.requests().await.len(), 1);
    let log = served.server.logged("status=\"401\"").await;
    assert!(!log.contains(TOKEN), "{log}");
}

#[tokio::test]
async fn what_cannot_be_served_is_said_at_once() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, token, words) in [
        (&["--mcp", "0", "--bind", "0.0.0.0"][..], "", "RL_MCP_HTTP_TOKEN"),
        (&["--rest", "0", "--bind", "::"], "", "RL_MCP_HTTP_TOKEN"),
        (&[], "", "--mcp"),
        (
            &["--mcp", "0", "--rest", &port],
            "",
            "cannot serve REST at 127.0.0.1:",
        ),
        (&["--mcp", "0", "--allow-host", "a:1"], "", "without a port"),
        (&["--mcp", "0"], "two words", "RL_MCP_HTTP_TOKEN"),
        (&["--mcp", "65536"], "", "65536"),
    ] {
        let mut command = Server::command("http://127.0.0.1:9");
        command
            .env("RL_MCP_HTTP_TOKEN", token)
            .arg("serve")
            .args(arguments);
        let (code, stdout, stderr) = timeout(PATIENCE, Server::run(&mut command)).await.unwrap();
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

/// What is answered over standard input and output is answered here, in both eras of the protocol.
#[tokio::test]
async fn mcp_answers_as_it_does_over_standard_input() {
    let text = r#"{"z":1.50,"step":"9007199254740993","big":18446744073709551617,"a":"ünï"}"#;
    let upstream = Scripted::start(vec![crate::support::status(200, "", text)]).await;
    let served = Served::start(&upstream.url).await;
    let mut stdio = Server::start(&upstream.url).await;
    let listed = stdio.request("tools/list", json!({})).await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let over_http = answered(served.message(&message)).await.json_value().await;
    assert_eq!(over_http["result"], listed["result"]);
    assert_eq!(
        served.latest("tools/list", json!({})).await["result"]["tools"],
        listed["result"]["tools"]
    );
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }});
    let opened = answered(served.message(&initialize)).await.json_value().await;
    assert_eq!(opened["result"]["serverInfo"]["name"], "rl-mcp");
    let discovered = served.latest("server/discover", json!({})).await;
    assert!(
        discovered["result"]["supportedVersions"]
            .to_string()
            .contains("2026-07-28"),
        "{discovered}"
    );

    let arguments = json!({"session_id": "s"});
    let wanted = stdio.call("get-training-session", arguments.clone()).await.text;
    assert_eq!(wanted, text);
    assert_eq!(
        served.call("get-training-session", arguments.clone()).await.text,
        text
    );
    let call = json!({"name": "get-training-session", "arguments": arguments});
    assert_eq!(outcome(&served.latest("tools/call", call).await).text, text);

    // Arguments go through the same checks, as they were written.
    for arguments in [
        r#"{"session_id":"s","body":{"adam_params":{"learning_rate":0.1,"learning_rate":"fast"}}}"#,
        r#"{"session_id":"","body":{"adam_params":{"learning_rate":1e999}}}"#,
        r#"{"session_id":"s","body":{"adam_params":{"learning_rate":-1},"more":[1,2,3]}}"#,
    ] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{{"name":"optimizer-step","arguments":{arguments}}}}}"#
        );
        let waiting = stdio.expect(json!(77));
        stdio.write(&line).await;
        let wanted = timeout(PATIENCE, waiting).await.unwrap().unwrap();
        let request = served.message(&Value::Null).body(line);
        let got = answered(request).await.json_value().await;
        assert_eq!(outcome(&got).error(), outcome(&wanted).error());
    }
    let sent =
        json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 0.300_000_000_000_000_04}}});
    served.call("optimizer-step", sent).await.json();
    assert_eq!(
        upstream.seen().pop().unwrap().json()["adam_params"]["learning_rate"],
        0.300_000_000_000_000_04
    );

    let unknown =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get-training-sesion"}});
    let refused = answered(served.message(&unknown)).await.json_value().await;
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean get-training-session?")
    );
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let served = Served::start("http://127.0.0.1:9").await;
    let at = |path: &str| format!("{}{path}", served.mcp.trim_end_matches("/mcp"));
    let post = |path: &str, body: &'static str| {
        let request = served
            .client
            .post(at(path))
            .header("content-type", "application/json");
        request
            .header("accept", "application/json, text/event-stream")
            .body(body)
    };
    for path in ["/", "/mcp"] {
        assert_eq!(
            answered(post(path, PING)).await.json_value().await["result"],
            json!({})
        );
    }
    assert_eq!(answered(post("/sse", PING)).await.status().as_u16(), 404);
    for body in ["{", "", "[]", "null"] {
        let got = answered(post("/mcp", body)).await.status();
        assert!(got.is_client_error(), "{body}: {got}");
    }
    let got = answered(
        served
            .client
            .get(&served.mcp)
            .header("accept", "text/event-stream"),
    )
    .await;
    assert_eq!(
        (got.status().as_u16(), &got.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(answered(served.message(&note)).await.status().as_u16(), 202);
}

#[tokio::test]
async fn progress_comes_as_a_stream_of_events() {
    let running = json!({"id": "s", "status": "TRAINING_SESSION_STATUS_CREATING"});
    let up = json!({"id": "s", "status": "TRAINING_SESSION_STATUS_RUNNING"});
    let upstream = Scripted::start(vec![answer(&running), answer(&running), answer(&up)]).await;
    let mut command = Server::command(&upstream.url);
    let served = Served::with(command.env("RL_MCP_MAX_WAIT_SECONDS", "50"), &[]).await;
    let params = json!({
        "name": "create-training-session",
        "arguments": {"body": {"model_resources_id": "m"}, "wait_seconds": 50},
        "_meta": {"progressToken": "p"},
    });
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let got = answered(served.message(&message)).await;
    let events = got.headers()["content-type"] == "text/event-stream";
    let text = timeout(PATIENCE, got.text()).await.unwrap().unwrap();
    assert!(text.contains("TRAINING_SESSION_STATUS_RUNNING"), "{text}");
    assert_eq!(text.contains("notifications/progress"), events, "{text}");
    assert!(events, "{text}");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_call_along() {
    let upstream = Scripted::start(vec![Reaction::Hang]).await;
    let served = Served::start(&upstream.url).await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "get-training-session", "arguments": {"session_id": "s"}}});
    let request = served.message(&call).send();
    let asking = tokio::spawn(request);
    upstream.arrival().await;
    asking.abort();
    upstream.abandonment().await;
    // Nobody is bothered with that.
    assert_eq!(
        served.server.stderr().lines().count(),
        2,
        "{}",
        served.server.stderr()
    );
    assert_eq!(statuses(&served, &[("origin", "null")]).await, [403; 3]);
}

/// Sends these bytes, and reads what comes back.
async fn raw(address: &str, bytes: &[u8]) -> String {
    let address = address.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be answered, and closed, before all of it is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![0; 4096];
    let length = timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_harms_nobody() {
    let served = Served::start("http://127.0.0.1:9").await;
    let many = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(300_000));
    let enormous = "content-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: 1000000000000\r\n";
    for address in [&served.mcp, &served.rest] {
        for (headers, status) in [
            (&*many, "431"),
            (&long, "431"),
            (enormous, "413"),
            ("host: b\r\n", "400"),
        ] {
            let request = format!(
                "POST {} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n",
                if address == &served.mcp { "/mcp" } else { SESSIONS }
            );
            let got = raw(address, request.as_bytes()).await;
            assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {got}");
        }
        for nonsense in [
            &b"\x16\x03\x01\x02\x00\x01\x00"[..],
            b"GET\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\xff\xfe\r\n\r\n",
        ] {
            let got = raw(address, nonsense).await;
            assert!(!got.contains(" 200 "), "{got}");
        }
    }
    assert_eq!(statuses(&served, &[]).await[0], 200);
}

/// As many as a small office has, all at once and all alive.
#[cfg(unix)]
#[tokio::test]
async fn a_thousand_connections_are_served() {
    const MANY: usize = 1000;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let wanted = limits.maximum.map_or(4096, |most| most.min(4096));
    let raised = Rlimit {
        current: Some(wanted),
        ..limits
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    assert!(wanted > 2 * MANY as u64, "this system allows too few open files");
    let upstream = Scripted::start(vec![answer(&json!({"data": []}))]).await;
    let served = Served::start(&upstream.url).await;
    for (address, request) in [
        (
            &served.rest,
            format!("GET {SESSIONS} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ),
        (
            &served.mcp,
            format!(
                "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{PING}",
                PING.len()
            ),
        ),
    ] {
        let address = address.trim_start_matches("http://").split('/').next().unwrap();
        let mut streams = Vec::new();
        for _ in 0..MANY {
            streams.push(
                timeout(PATIENCE, TcpStream::connect(address))
                    .await
                    .unwrap()
                    .unwrap(),
            );
        }
        for stream in &mut streams {
            stream.write_all(request.as_bytes()).await.unwrap();
        }
        for stream in &mut streams {
            let mut answer = vec![0; 1024];
            let length = timeout(PATIENCE, stream.read(&mut answer))
                .await
                .unwrap()
                .unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_end_is_in_order_and_names_what_bills() {
    const PROMPT: std::time::Duration = std::time::Duration::from_secs(20);
    let place = tempfile::tempdir().unwrap();
    let ready = json!({"id": "m", "status": "MODEL_RESOURCES_STATUS_READY", "base_model": "b", "price_per_hour": 56.0});
    let upstream = Scripted::start(vec![answer(&ready)]).await;
    for signal in ["-TERM", "-INT"] {
        let mut command = Server::command(&upstream.url);
        let mut served = Served::with(command.env("RL_MCP_DATA_DIR", place.path()), &[]).await;
        served
            .call("create-model-resource", json!({"body": {"base_model": "b"}}))
            .await
            .json();
        // Connections that idle, or wait for an answer that does not come, hold up nothing.
        let idle = reqwest::Client::builder().no_proxy().build().unwrap();
        answered(idle.get(format!("{}/openapi.json", served.rest))).await;
        upstream.script(vec![Reaction::Hang]);
        let before = upstream.seen().len();
        let waiting = tokio::spawn(served.request("POST", &format!("{SESSIONS}/s/stop")).send());
        upstream.arrivals(before + 1).await;
        upstream.script(vec![answer(&ready)]);
        let (status, took) = served.server.signal(signal).await;
        assert!(status.success() && took < PROMPT, "{status} {took:?}");
        let log = served.server.stderr();
        assert!(
            log.contains("model resource m, created here, is READY and bills"),
            "{log}"
        );
        assert!(timeout(PATIENCE, waiting).await.unwrap().unwrap().is_err());
        assert!(
            TcpStream::connect(served.rest.trim_start_matches("http://"))
                .await
                .is_err()
        );
        assert_eq!(served.server.stdout(), "");
    }
}
