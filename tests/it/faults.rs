//! When the service or the way to it fails: what is tried again, what is not, and what the model reads.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::{Reaction, Scripted, Server, json as answer, status};

const READ: (&str, fn() -> Value) = ("get-training-session", || json!({"session_id": "s"}));
const SUBMIT: (&str, fn() -> Value) = (
    "optimizer-step",
    || json!({"session_id": "s", "body": {"adam_params": {"learning_rate": 1e-5}}}),
);
const ADD: (&str, fn() -> Value) = (
    "create-training-session",
    || json!({"body": {"model_resources_id": "r", "display_name": "mine"}}),
);
const CREATE_RUN: (&str, fn() -> Value) = (
    "prime-intellect-createrun",
    || json!({"body": {"config": {"trainer": {}, "orchestrator": {}}, "name": "mine"}}),
);
const DESTROY: (&str, fn() -> Value) = ("prime-intellect-deleterun", || json!({"run_id": "r"}));

fn refusal(code: u16) -> Reaction {
    status(
        code,
        "",
        &json!({"error": {"message": "the service's words", "type": "t"}}).to_string(),
    )
}

fn fine() -> Reaction {
    answer(&json!({"ok": true}))
}

fn cut() -> Reaction {
    Reaction::Cut(Vec::new())
}

fn truncated() -> Reaction {
    Reaction::Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"runId\":\"r\",\"tokenV".to_vec())
}

/// Runs one call against a script; returns its text, whether it failed, and how many requests arrived.
async fn run((tool, arguments): (&str, fn() -> Value), script: Vec<Reaction>) -> (String, bool, usize) {
    let upstream = Scripted::start(script).await;
    let mut server = Server::start(&upstream.url).await;
    let outcome = server.call(tool, arguments()).await;
    (outcome.text, outcome.is_error, upstream.seen().len())
}

#[tokio::test]
async fn passing_faults_are_tried_again_where_that_cannot_do_harm() {
    for call in [READ, SUBMIT, DESTROY] {
        for fault in [
            refusal(408),
            refusal(429),
            refusal(500),
            refusal(503),
            cut(),
            truncated(),
        ] {
            let (text, failed, requests) = run(call, vec![fault, fine()]).await;
            assert!(!failed, "{}: {text}", call.0);
            assert_eq!(requests, 2, "{}", call.0);
        }
    }
}

#[tokio::test]
async fn what_could_be_done_twice_is_sent_once() {
    for (call, advice) in [
        (ADD, "list-training-sessions"),
        (CREATE_RUN, "First look in prime-intellect-listruns"),
    ] {
        for fault in [refusal(408), refusal(500), refusal(503), cut(), truncated()] {
            let (text, failed, requests) = run(call, vec![fault, fine()]).await;
            assert!(failed, "{text}");
            assert_eq!(requests, 1, "{}: {text}", call.0);
            assert!(
                text.contains("It is not known whether") && text.contains(advice),
                "{text}"
            );
            assert!(text.contains("a blind repeat"), "{text}");
        }
        // The service says that it did nothing.
        let (text, failed, requests) = run(call, vec![refusal(429), fine()]).await;
        assert!(!failed && requests == 2, "{}: {text}", call.0);
    }
}

#[tokio::test]
async fn every_try_of_a_call_carries_the_same_key_and_body_and_every_call_its_own_key() {
    let upstream = Scripted::start(vec![refusal(500), cut(), fine()]).await;
    let mut server = Server::start(&upstream.url).await;
    server.call(SUBMIT.0, SUBMIT.1()).await.json();
    server.call(SUBMIT.0, SUBMIT.1()).await.json();
    let seen = upstream.seen();
    let keys: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("idempotency-key").unwrap())
        .collect();
    assert_eq!(keys.len(), 4);
    assert!(keys[0] == keys[1] && keys[1] == keys[2], "{keys:?}");
    assert_ne!(keys[2], keys[3]);
    assert!(seen.iter().all(|request| request.body == seen[0].body));
}

#[tokio::test]
async fn an_unknown_outcome_names_the_key_with_which_the_call_can_be_repeated() {
    let upstream = Scripted::start(vec![refusal(500)]).await;
    let mut server = Server::start(&upstream.url).await;
    let text = server.call(SUBMIT.0, SUBMIT.1()).await.error().to_owned();
    let key = upstream.seen()[0].header("idempotency-key").unwrap().to_owned();
    assert!(
        text.contains(&format!("\"idempotency_key\": \"{key}\"")),
        "{text}"
    );
    assert!(text.contains("(8 tries)"), "{text}");

    upstream.script(vec![fine()]);
    let mut arguments = SUBMIT.1();
    arguments["idempotency_key"] = json!(key);
    server.call(SUBMIT.0, arguments).await.json();
    assert_eq!(
        upstream.seen().last().unwrap().header("idempotency-key"),
        Some(key.as_str())
    );
}

#[tokio::test]
async fn a_lost_answer_is_remembered_whatever_the_later_tries_come_to() {
    // The first try may have been carried out; that the last one surely was not does not change this.
    for last in [refusal(429), refusal(400)] {
        let (text, failed, _) = run(SUBMIT, vec![cut(), last]).await;
        assert!(
            failed && text.contains("repeating this very call is safe under its key"),
            "{text}"
        );
    }
    let (text, ..) = run(SUBMIT, vec![refusal(429)]).await;
    assert!(!text.contains("It is not known"), "{text}");
}

#[tokio::test]
async fn the_service_decides_about_retries_but_can_ask_for_no_second_create() {
    let say = |value: &str| status(500, &format!("x-should-retry: {value}\r\n"), "{}");
    assert_eq!(run(READ, vec![say("false"), fine()]).await.2, 1);
    assert_eq!(run(READ, vec![say("true"), fine()]).await.2, 2);
    for add in [ADD, CREATE_RUN] {
        let (text, failed, requests) = run(add, vec![say("true"), fine()]).await;
        assert!(failed && requests == 1, "{}: {text}", add.0);
    }
    // The price is asked for first.
    let upstream = Scripted::start(vec![fine(), say("true"), fine()]).await;
    let mut server = Server::start(&upstream.url).await;
    let body = json!({"base_model": "Qwen/Qwen3-0.6B"});
    let created = server.call("create-model-resource", json!({"body": body})).await;
    assert!(created.is_error, "{}", created.text);
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn waits_that_the_service_asks_for_are_kept() {
    let far = httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_secs(45));
    for (header, within, tries) in [
        ("retry-after-ms: 120", true, 2),
        ("Retry-After: 0.12", true, 2),
        // Longer than the call may take: said instead of waited for.
        ("Retry-After: 30", false, 1),
        (&format!("Retry-After: {far}"), false, 1),
    ] {
        let busy = status(429, &format!("{header}\r\n"), "{}");
        let upstream = Scripted::start(vec![busy, fine()]).await;
        let mut command = Server::command(&upstream.url);
        let mut server = Server::initialized(command.env("RL_MCP_CALL_TIMEOUT", "20")).await;
        let started = Instant::now();
        let outcome = server.call(READ.0, READ.1()).await;
        let waited = started.elapsed().as_millis();
        assert_eq!(upstream.seen().len(), tries, "{header}");
        if within {
            assert!(!outcome.is_error && waited >= 120, "{header}: {waited} ms");
        } else {
            assert!(waited < 20_000, "{header}: {waited} ms");
            assert!(
                outcome.error().contains("wait 30 s") || outcome.text.contains("wait 4"),
                "{}",
                outcome.text
            );
        }
    }
}

#[tokio::test]
async fn every_status_says_what_happened_and_what_to_do() {
    for (call, code, next) in [
        (SUBMIT, 400, "correct what the service names"),
        (READ, 401, "TOGETHER_AI_API_KEY or TOGETHER_API_KEY"),
        (SUBMIT, 413, "split the batch"),
        (DESTROY, 401, "PRIME_API_KEY"),
        (SUBMIT, 402, "credit is too low"),
        (CREATE_RUN, 402, "top it up"),
        (READ, 403, "may not do that"),
        (DESTROY, 403, "admin"),
        (READ, 404, "list-training-sessions"),
        (DESTROY, 404, "no run has this id: prime-intellect-listruns"),
        (ADD, 404, "model_resources_id"),
        (READ, 405, "TOGETHER_BASE_URL"),
        (READ, 408, "call again"),
        (SUBMIT, 408, "idempotency_key"),
        (SUBMIT, 409, "idempotency_key was used with another body"),
        (ADD, 409, "the state does not allow it"),
        (CREATE_RUN, 422, "correct what the service names"),
        (READ, 429, "too many requests"),
        (READ, 500, "has a fault"),
        (READ, 503, "has a fault"),
    ] {
        let (text, failed, _) = run(call, vec![refusal(code)]).await;
        let (what, next_step) = text.split_once("\nNext: ").unwrap_or_else(|| panic!("{text}"));
        assert!(failed && what.starts_with(call.0), "{text}");
        assert!(
            what.contains(&format!("HTTP {code}")) && what.contains("the service's words"),
            "{text}"
        );
        assert!(next_step.contains(next), "{code}: {text}");
        assert!(text.len() < 10_000);
    }
}

#[tokio::test]
async fn a_delete_that_was_carried_out_before_its_answer_was_lost_reads_as_success() {
    let (text, _, requests) = run(DESTROY, vec![cut(), refusal(404)]).await;
    assert_eq!(requests, 2);
    assert!(text.contains("then this is success"), "{text}");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_told_from_truncated_ones() {
    let page = "<html><title>Sign in</title></html>";
    let html = || status(200, "content-type: text/html\r\n", page);
    let (text, _, requests) = run(READ, vec![html()]).await;
    assert_eq!(requests, 1);
    assert!(
        text.contains("not with JSON (text/html)") && text.contains("login page"),
        "{text}"
    );
    let (text, ..) = run(
        READ,
        vec![status(502, "", "<html><title>Bad Gateway</title></html>")],
    )
    .await;
    assert!(
        text.contains("HTTP 502 Bad Gateway, saying: an HTML page titled \"Bad Gateway\""),
        "{text}"
    );
    let (text, ..) = run(READ, vec![truncated()]).await;
    assert!(text.contains("was cut off (8 tries)"), "{text}");
    // The connection's end is the body's end, and the JSON is not whole.
    let half = Reaction::Cut(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\": [1, 2".to_vec());
    assert_eq!(run(READ, vec![half, fine()]).await.2, 2);
    // JSON under another name is JSON.
    let (text, ..) = run(READ, vec![status(200, "content-type: text/html\r\n", "{}")]).await;
    assert_eq!(text, "{}");
    let (text, ..) = run(DESTROY, vec![status(204, "", "")]).await;
    assert_eq!(text, "{}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() {
    let huge = Reaction::Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 268435457\r\n\r\n{".to_vec());
    let (text, failed, requests) = run(READ, vec![huge]).await;
    assert!(failed && requests == 1, "{text}");
    assert!(
        text.contains("larger than 256 MiB") && text.contains("ask for less"),
        "{text}"
    );
}

#[tokio::test]
async fn redirects_stay_on_the_host_and_keep_the_method() {
    let to = |code: u16, place: &str| status(code, &format!("location: {place}\r\n"), "");
    for code in [301, 302, 303, 307, 308] {
        let upstream = Scripted::start(vec![to(code, "/elsewhere"), fine()]).await;
        let mut server = Server::start(&upstream.url).await;
        server.call(READ.0, READ.1()).await.json();
        assert_eq!(upstream.seen()[1].line(), "GET /elsewhere HTTP/1.1");
        assert!(upstream.seen()[1].header("authorization").is_some());
    }
    for code in [307, 308] {
        let upstream = Scripted::start(vec![to(code, "/elsewhere"), fine()]).await;
        let mut server = Server::start(&upstream.url).await;
        server.call(SUBMIT.0, SUBMIT.1()).await.json();
        let seen = upstream.seen();
        assert_eq!(seen[1].line(), "POST /elsewhere HTTP/1.1");
        assert_eq!(seen[1].body, seen[0].body);
    }
    // A POST that would become a GET would only look as if it had been done.
    let (text, failed, requests) = run(ADD, vec![to(302, "/elsewhere"), fine()]).await;
    assert!(
        failed && requests == 1 && text.contains("would turn the POST into a GET"),
        "{text}"
    );
    let (text, failed, _) = run(READ, vec![to(302, "/again")]).await;
    assert!(failed && text.contains("again and again"), "{text}");

    let other = Scripted::start(vec![fine()]).await;
    let (text, failed, _) = run(READ, vec![to(307, &format!("{}/v1", other.url))]).await;
    assert!(failed && text.contains("the key stays with its host"), "{text}");
    assert!(other.seen().is_empty(), "nothing may reach another host");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_told_by_its_cause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut server = Server::start(&refused).await;
    let text = server.call(ADD.0, ADD.1()).await.text;
    assert!(
        text.contains("cannot be reached: ") && text.contains("refused"),
        "{text}"
    );
    assert!(
        text.contains("(4 tries)") && text.contains("rl-mcp check"),
        "{text}"
    );
    assert!(
        !text.contains("It is not known"),
        "nothing can have happened: {text}"
    );

    let mut server = Server::start("https://no-such-host.invalid").await;
    let text = server.call(READ.0, READ.1()).await.text;
    assert!(
        text.contains("cannot be resolved") && text.contains("typing mistake"),
        "{text}"
    );

    // Something listens there that does not speak TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let mut server = Server::start(&plain).await;
    let text = server.call(READ.0, READ.1()).await.text;
    assert!(
        text.contains("no secure connection") && text.contains("SSL_CERT_FILE"),
        "{text}"
    );
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_whatever_the_service_does() {
    for (call, requests, outcome) in [
        (READ, 2..20, None),
        (SUBMIT, 2..20, Some("repeating this very call is safe")),
        (ADD, 1..2, Some("first look in list-training-sessions")),
    ] {
        let upstream = Scripted::start(vec![Reaction::Hang]).await;
        let mut command = Server::command(&upstream.url);
        let mut server = Server::initialized(command.env("RL_MCP_CALL_TIMEOUT", "3")).await;
        let started = Instant::now();
        let text = server.call(call.0, call.1()).await.error().to_owned();
        let elapsed = started.elapsed().as_millis();
        assert!((2500..30_000).contains(&elapsed), "{elapsed} ms");
        assert!(text.contains("no answer from 127.0.0.1"), "{text}");
        assert!(
            requests.contains(&upstream.seen().len()),
            "{}",
            upstream.seen().len()
        );
        assert!(outcome.is_none_or(|outcome| text.contains(outcome)), "{text}");
    }
}

/// Calls that hang at the service, each at its place.
async fn hung(server: &mut Server, upstream: &Scripted, calls: usize, places: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..calls {
        let params = json!({"name": READ.0, "arguments": READ.1()});
        answers.push(server.begin("tools/call", params).await);
    }
    upstream.arrivals(places).await;
    answers
}

type Answer = (u64, tokio::sync::oneshot::Receiver<serde_json::Value>);

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let upstream = Scripted::start(vec![Reaction::Hang, Reaction::Hang, fine()]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_MAX_CONCURRENCY", "2")).await;
    let mut answers = hung(&mut server, &upstream, 6, 2).await;
    server.request("ping", json!({})).await;
    assert_eq!(upstream.seen().len(), 2);
    // As soon as one has ended the others follow.
    let (id, _) = answers.remove(0);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    server.write(&cancel.to_string()).await;
    for (_, answer) in answers.split_off(1) {
        let answer = answer.await.unwrap();
        assert!(answer["result"]["isError"] != json!(true), "{answer}");
    }
    assert_eq!(upstream.seen().len(), 6);
}

#[tokio::test]
async fn what_hangs_holds_up_neither_the_other_service_nor_what_ends_something() {
    // As many as there are places; some wait for one.
    let mut script = vec![Reaction::Hang; 16];
    script.push(fine());
    let upstream = Scripted::start(script).await;
    let mut server = Server::start(&upstream.url).await;
    let mut answers = hung(&mut server, &upstream, 20, 16).await;
    for (tool, arguments) in [
        ("prime-intellect-listruns", json!({})),
        ("prime-intellect-stoprun", json!({"run_id": "r1"})),
        ("prime-intellect-deleterun", json!({"run_id": "r1"})),
        ("stop-model-resource", json!({"model_resources_id": "mr_1"})),
        ("stop-training-session", json!({"session_id": "ts_1"})),
    ] {
        server.call(tool, arguments).await.json();
    }
    for (_, answer) in &mut answers {
        assert!(answer.try_recv().is_err(), "what hangs has not been given up yet");
    }
    assert_eq!(upstream.seen().len(), 16 + 5);
}

#[tokio::test]
async fn a_key_that_the_service_knows_is_not_used_again() {
    // The first try is lost, the others come while it is still being worked on, or after its id was lost.
    let (text, failed, requests) = run(SUBMIT, vec![cut(), refusal(409), refusal(409), fine()]).await;
    assert!(!failed && requests == 4, "{text}");
    let (text, failed, _) = run(SUBMIT, vec![cut(), refusal(409)]).await;
    assert!(failed && text.contains("HTTP 409"), "{text}");
    assert!(
        text.contains("don't repeat it under this key. Look for what it did"),
        "{text}"
    );
    assert!(!text.contains("repeating this very call is safe"), "{text}");
    // The caller's own repetition, after that or in a later conversation.
    let upstream = Scripted::start(vec![refusal(409)]).await;
    let mut server = Server::start(&upstream.url).await;
    let mut arguments = SUBMIT.1();
    arguments["idempotency_key"] = json!("0a1b2c3d");
    let text = server.call(SUBMIT.0, arguments).await.error().to_owned();
    assert!(text.contains("Look for what it did"), "{text}");
    let known = server.call("list-recent-activity", json!({})).await.json();
    assert!(
        !known.to_string().contains("repeating this very call is safe"),
        "{known}"
    );
    // A fresh key is in conflict with nothing: the state does not allow it.
    let (text, _, requests) = run(SUBMIT, vec![refusal(409)]).await;
    assert!(
        requests == 1 && text.contains("the state does not allow it now"),
        "{text}"
    );
}

#[tokio::test]
async fn loopback_is_never_asked_for_through_a_proxy() {
    let proxy = Scripted::start(vec![refusal(500)]).await;
    let upstream = Scripted::start(vec![fine()]).await;
    let mut command: Command = Server::command(&upstream.url);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &proxy.url);
    }
    let mut server = Server::initialized(&mut command).await;
    server.call(READ.0, READ.1()).await.json();
    assert!(proxy.seen().is_empty(), "the key must not travel unencrypted");
}

#[tokio::test]
async fn a_remote_service_is_reached_through_the_proxy() {
    // The proxy sees only which host is wanted, and refuses.
    let proxy = Scripted::start(vec![status(403, "", "")]).await;
    let mut command = Server::command("https://api.example");
    let mut server = Server::initialized(command.env("HTTPS_PROXY", &proxy.url)).await;
    let text = server.call(ADD.0, ADD.1()).await.error().to_owned();
    assert!(text.contains("cannot be reached"), "{text}");
    assert_eq!(proxy.seen()[0].line(), "CONNECT api.example:443 HTTP/1.1");
    assert!(
        proxy
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[tokio::test]
async fn a_refusal_whose_words_are_lost_is_a_refusal() {
    let cut = Reaction::Cut(b"HTTP/1.1 422 X\r\ncontent-length: 500\r\n\r\n{\"error".to_vec());
    let (text, failed, requests) = run(ADD, vec![cut]).await;
    assert!(failed && requests == 1, "{text}");
    assert!(
        text.contains("HTTP 422") && !text.contains("It is not known"),
        "{text}"
    );
}

#[tokio::test]
async fn an_empty_answer_to_a_create_is_no_success() {
    let (text, failed, _) = run(ADD, vec![status(200, "", "")]).await;
    assert!(
        failed && text.contains("It is not known whether the session was created"),
        "{text}"
    );
}

#[tokio::test]
async fn a_run_is_never_created_twice_whatever_the_headers_say() {
    let busy = status(503, "x-should-retry: true\r\n", "{}");
    let (text, failed, requests) = run(CREATE_RUN, vec![busy, fine()]).await;
    assert!(failed && requests == 1, "{text}");
}
