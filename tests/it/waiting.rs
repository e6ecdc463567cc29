//! Calls that wait for what they start or show: until when, how often they look, and what they say.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Outcome, Reaction, Scripted, Server, json as answer, status};

/// A server whose calls may wait so many seconds.
async fn server(url: &str, most: &str) -> Server {
    Server::initialized(Server::command(url).env("RL_MCP_MAX_WAIT_SECONDS", most)).await
}

fn operation(state: &str) -> Reaction {
    let mut operation = json!({"id": "op_1", "status": format!("TRAINING_OPERATION_STATUS_{state}")});
    if state == "COMPLETED" {
        operation["output"] = json!({"step": "7"});
    }
    answer(&operation)
}

fn session(state: &str) -> Reaction {
    answer(&json!({
        "id": "ts_1",
        "status": format!("TRAINING_SESSION_STATUS_{state}"),
        "model_resources_id": "mr_1",
    }))
}

fn step() -> Value {
    json!({"session_id": "ts_1", "body": {"adam_params": {"learning_rate": 1e-5}}})
}

fn shown() -> Value {
    json!({"session_id": "ts_1", "operation_id": "op_1"})
}

fn with(mut arguments: Value, wait_seconds: f64) -> Value {
    arguments["wait_seconds"] = json!(wait_seconds);
    arguments
}

/// Calls what an answer says comes next, as it stands.
async fn next(server: &mut Server, answer: &Value) -> Outcome {
    let next = &answer["next"];
    server
        .call(next["tool"].as_str().unwrap(), next["arguments"].clone())
        .await
}

/// Whether an answer says that it was waited for about so long; a busy machine takes longer.
fn waited(answer: &Value, seconds: f64) -> bool {
    let waited = answer["waited_seconds"].as_f64().unwrap();
    (seconds..seconds + 20.0).contains(&waited)
}

fn looks(upstream: &Scripted) -> usize {
    let seen = upstream.seen();
    seen.iter().filter(|seen| seen.line().starts_with("GET ")).count()
}

#[tokio::test]
async fn a_call_ends_as_soon_as_its_operation_does() {
    let script = ["PENDING", "RUNNING", "COMPLETED"].map(operation).to_vec();
    let upstream = Scripted::start(script).await;
    let mut server = server(&upstream.url, "50").await;
    let done = server.call("optimizer-step", step()).await.json();
    assert_eq!(done["status"], "TRAINING_OPERATION_STATUS_COMPLETED");
    assert_eq!(done["output"]["step"], "7");
    assert!(done["waited_seconds"].as_f64().unwrap() < 10.0, "{done}");
    assert_eq!(done.get("next"), None);
    let lines: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.line().to_owned())
        .collect();
    let path = "/v1/rl/training-sessions/ts_1/operations/optim-step";
    let look = format!("GET {path}/op_1 HTTP/1.1");
    assert_eq!(lines, [format!("POST {path} HTTP/1.1"), look.clone(), look]);
}

#[tokio::test]
async fn an_answer_that_is_final_already_is_not_asked_for_again() {
    let upstream = Scripted::start(vec![operation("COMPLETED")]).await;
    let mut server = server(&upstream.url, "50").await;
    let done = server.call("optimizer-step", step()).await.json();
    assert!(waited(&done, 0.0), "{done}");
    assert_eq!(upstream.seen().len(), 1);
    server.call("get-optim-step-operation", shown()).await.json();
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn when_time_is_up_next_goes_on_as_it_stands() {
    let upstream = Scripted::start(vec![operation("PENDING")]).await;
    let mut server = server(&upstream.url, "50").await;
    // A machine that is busy may have no time for a look.
    let mut seconds = 0.3;
    let going = loop {
        upstream.script(vec![operation("PENDING"), operation("RUNNING")]);
        let going = server.call("optimizer-step", with(step(), seconds)).await.json();
        assert!(waited(&going, seconds), "{going}");
        if going["status"] == "TRAINING_OPERATION_STATUS_RUNNING" || seconds > 30.0 {
            break going;
        }
        seconds *= 3.0;
    };
    assert_eq!(going["status"], "TRAINING_OPERATION_STATUS_RUNNING");
    assert_eq!(
        going["next"],
        json!({"tool": "get-optim-step-operation", "arguments": shown()})
    );
    let still = server
        .call("get-optim-step-operation", with(shown(), 0.1))
        .await
        .json();
    assert_eq!(still["next"], going["next"]);
    upstream.script(vec![operation("RUNNING"), operation("COMPLETED")]);
    let done = next(&mut server, &still).await.json();
    assert_eq!(done["output"]["step"], "7");
    assert_eq!(done.get("next"), None);
}

#[tokio::test]
async fn without_waiting_a_call_is_one_request_and_its_answer_untouched() {
    let text = r#"{"id":"op_1","status":"TRAINING_OPERATION_STATUS_RUNNING","x":1.50}"#;
    let upstream = Scripted::start(vec![status(200, "", text)]).await;
    for (most, wait) in [("50", Some(0)), ("0", None), ("0", Some(0))] {
        let mut server = server(&upstream.url, most).await;
        for (tool, mut arguments) in [
            ("optimizer-step", step()),
            ("save-training-checkpoint", json!({"session_id": "ts_1"})),
            ("get-optim-step-operation", shown()),
            ("get-training-session", json!({"session_id": "ts_1"})),
        ] {
            let before = upstream.seen().len();
            if let Some(wait) = wait {
                arguments["wait_seconds"] = json!(wait);
            }
            assert_eq!(server.call(tool, arguments).await.text, text, "{tool}");
            assert_eq!(upstream.seen().len(), before + 1, "{tool}");
        }
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_limit_which_the_variable_moves() {
    let upstream = Scripted::start(vec![operation("RUNNING")]).await;
    let mut server = server(&upstream.url, "0.3").await;
    for wait in [0.5, 50.0, 1e300] {
        let going = server
            .call("get-optim-step-operation", with(shown(), wait))
            .await
            .json();
        assert!(waited(&going, 0.3), "{going}");
        assert_eq!(going["next"]["tool"], "get-optim-step-operation");
    }
    // The limit lowers the default too.
    let going = server.call("get-optim-step-operation", shown()).await.json();
    assert!(waited(&going, 0.3), "{going}");

    upstream.script(vec![operation("RUNNING"), operation("COMPLETED")]);
    let mut server = self::server(&upstream.url, "200").await;
    let done = server
        .call("get-optim-step-operation", with(shown(), 150.0))
        .await
        .json();
    assert_eq!(done.get("next"), None, "{done}");
}

#[tokio::test]
async fn a_status_that_nobody_knows_ends_the_wait_and_is_named() {
    for state in ["CANCELLED", "ERROR"] {
        let upstream = Scripted::start(vec![operation("PENDING"), operation(state)]).await;
        let mut server = server(&upstream.url, "50").await;
        for (tool, arguments) in [("optimizer-step", step()), ("get-optim-step-operation", shown())] {
            let ended = server.call(tool, arguments).await.json();
            let note = ended["note"].as_str().unwrap_or_default();
            assert!(
                note.contains("does not know the status TRAINING_OPERATION_STATUS_") && note.contains(state),
                "{ended}"
            );
            assert_eq!(ended["next"]["tool"], "get-optim-step-operation", "{ended}");
        }
        assert!(looks(&upstream) <= 3, "{}", looks(&upstream));
    }
}

#[tokio::test]
async fn what_was_made_just_now_may_not_be_known_yet() {
    let unknown = || status(404, "", r#"{"error":{"message":"no such","type":"t"}}"#);
    let script = vec![operation("PENDING"), unknown(), unknown(), operation("COMPLETED")];
    let upstream = Scripted::start(script).await;
    let mut server = server(&upstream.url, "50").await;
    let done = server.call("optimizer-step", step()).await.json();
    assert_eq!(done["output"]["step"], "7", "{done}");
    assert_eq!(done.get("note"), None, "{done}");

    // A model resource is not taken for one that has ended: it bills.
    let resource =
        |state: &str| answer(&json!({"id": "mr_1", "status": format!("MODEL_RESOURCES_STATUS_{state}")}));
    let fine = answer(&json!({"price_per_hour": 56.0, "currency": "USD"}));
    upstream.script(vec![fine, resource("CREATING"), unknown(), resource("READY")]);
    let body = json!({"base_model": "Qwen/Qwen3-0.6B"});
    let made = server
        .call("create-model-resource", json!({"body": body}))
        .await
        .json();
    assert_eq!(made["status"], "MODEL_RESOURCES_STATUS_READY", "{made}");
    let known = server.call("list-recent-activity", json!({})).await.json();
    assert!(known["may_be_billing"].to_string().contains("mr_1"), "{known}");
}

#[tokio::test]
async fn looks_become_rarer() {
    let upstream = Scripted::start(vec![operation("RUNNING")]).await;
    let mut server = server(&upstream.url, "50").await;
    server
        .call("get-optim-step-operation", with(shown(), 1.5))
        .await
        .json();
    // At 0, 0.05, 0.13, 0.24, 0.41, 0.66, 1.04, then each half second; on a busy machine later.
    let looks = looks(&upstream);
    assert!((4..=9).contains(&looks), "{looks}");
}

#[tokio::test]
async fn many_who_wait_for_one_thing_look_once() {
    let upstream = Scripted::start(vec![operation("RUNNING")]).await;
    let mut server = server(&upstream.url, "50").await;
    let mut waiting = Vec::new();
    for _ in 0..30 {
        let call = json!({"name": "get-optim-step-operation", "arguments": with(shown(), 20.0)});
        waiting.push(server.begin("tools/call", call).await.1);
    }
    sleep(Duration::from_millis(800)).await;
    let before = looks(&upstream);
    assert!((3..=12).contains(&before), "{before}");
    upstream.script(vec![operation("COMPLETED")]);
    for answer in waiting {
        let text = answer.await.unwrap()["result"]["content"][0]["text"].to_string();
        assert!(text.contains("_COMPLETED"), "{text}");
    }
    assert!(looks(&upstream) <= before + 2, "{}", looks(&upstream));
    // Nobody looks when nobody waits.
    let after = looks(&upstream);
    sleep(Duration::from_millis(700)).await;
    assert_eq!(looks(&upstream), after);
}

#[tokio::test]
async fn a_state_from_before_the_call_does_not_end_it() {
    let resource =
        |state: &str| answer(&json!({"id": "mr_1", "status": format!("MODEL_RESOURCES_STATUS_{state}")}));
    // The call that stops it has seen it READY still, and looks again only in a while.
    let upstream = Scripted::start(vec![resource("READY")]).await;
    let mut server = server(&upstream.url, "50").await;
    let id = json!({"model_resources_id": "mr_1"});
    let call = json!({"name": "stop-model-resource", "arguments": with(id.clone(), 20.0)});
    let (_, stopping) = server.begin("tools/call", call).await;
    sleep(Duration::from_millis(1600)).await;
    upstream.script(vec![resource("STOPPED")]);
    // Neither is that READY what a call of now shows, nor does it have to wait for that while.
    let stopped = server.call("get-model-resource", with(id, 0.4)).await.json();
    assert_eq!(stopped["status"], "MODEL_RESOURCES_STATUS_STOPPED", "{stopped}");
    let text = stopping.await.unwrap()["result"]["content"][0]["text"].to_string();
    assert!(text.contains("_STOPPED"), "{text}");
}

#[tokio::test]
async fn cancelling_stops_the_wait_and_the_log_says_what_goes_on() {
    let upstream = Scripted::start(vec![operation("PENDING"), operation("RUNNING")]).await;
    let mut command = Server::command(&upstream.url);
    command
        .env("RL_MCP_MAX_WAIT_SECONDS", "50")
        .env("RL_MCP_LOG", "info");
    let mut server = Server::initialized(&mut command).await;
    let call = json!({"name": "optimizer-step", "arguments": step()});
    let (id, _) = server.begin("tools/call", call).await;
    while looks(&upstream) < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    let cancel = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id},
    });
    server.write(&cancel.to_string()).await;
    let log = server.logged("no longer waited for").await;
    let line = log.lines().find(|line| line.contains("no longer waited for"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for part in ["WARN", "optimizer-step", "ts_1", "op_1"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(
        log.lines()
            .any(|line| line.contains("started") && line.contains("op_1")),
        "{log}"
    );
    let before = looks(&upstream);
    sleep(Duration::from_millis(700)).await;
    assert_eq!(looks(&upstream), before);
    upstream.script(vec![operation("COMPLETED")]);
    let done = server.call("get-optim-step-operation", shown()).await.json();
    assert_eq!(done["output"]["step"], "7");
}

#[tokio::test]
async fn progress_names_each_state_and_ends_with_the_answer() {
    let script = ["PENDING", "PENDING", "RUNNING", "RUNNING", "COMPLETED"];
    let upstream = Scripted::start(script.map(operation).to_vec()).await;
    let mut server = server(&upstream.url, "50").await;
    let params = json!({
        "name": "optimizer-step", "arguments": step(), "_meta": {"progressToken": "p"},
    });
    let answer = server.request("tools/call", params).await;
    assert!(answer.to_string().contains("_COMPLETED"), "{answer}");
    sleep(Duration::from_millis(300)).await;
    let stdout = server.stdout();
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.last(), Some(&answer), "nothing comes after the answer");
    let told: Vec<&Value> = lines
        .iter()
        .filter(|line| line["method"] == "notifications/progress")
        .map(|line| &line["params"])
        .collect();
    let messages: Vec<&str> = told
        .iter()
        .map(|told| told["message"].as_str().unwrap())
        .collect();
    let states: Vec<&str> = messages
        .iter()
        .map(|message| message.rsplit_once(", ").unwrap().0)
        .filter(|state| !state.ends_with("completed"))
        .collect();
    assert_eq!(states, ["optimizer-step pending", "optimizer-step running"]);
    assert!(messages[0].ends_with(" s"), "{messages:?}");
    let done: Vec<f64> = told
        .iter()
        .map(|told| told["progress"].as_f64().unwrap())
        .collect();
    assert!(done.is_sorted_by(|a, b| a < b), "{done:?}");
    assert!(told.iter().all(|told| told["progressToken"] == "p"), "{told:?}");
}

#[tokio::test]
async fn a_fault_that_passes_is_not_noticed_and_one_that_stays_loses_nothing() {
    let fault = || status(500, "", "");
    let script = vec![
        operation("PENDING"),
        fault(),
        Reaction::Cut(Vec::new()),
        operation("COMPLETED"),
    ];
    let upstream = Scripted::start(script).await;
    let mut server = server(&upstream.url, "50").await;
    let done = server.call("optimizer-step", step()).await.json();
    assert_eq!(done["output"]["step"], "7");
    assert_eq!(done.get("note"), None);

    for (fault, word) in [
        (fault(), "HTTP 500"),
        (
            status(404, "", r#"{"error":{"message":"no such","type":"t"}}"#),
            "no such",
        ),
        (status(401, "", ""), "HTTP 401"),
    ] {
        upstream.script(vec![operation("PENDING"), operation("RUNNING"), fault.clone()]);
        let left = server.call("optimizer-step", step()).await.json();
        assert_eq!(left["status"], "TRAINING_OPERATION_STATUS_RUNNING");
        assert_eq!(left["next"]["arguments"], shown());
        assert!(left["note"].as_str().unwrap().contains(word), "{left}");
        // A first look that fails is the failure of the tool.
        upstream.script(vec![fault]);
        let failed = next(&mut server, &left).await;
        assert!(
            failed.error().starts_with("get-optim-step-operation failed: "),
            "{}",
            failed.text
        );
        assert!(failed.text.contains(word), "{}", failed.text);
    }
}

#[tokio::test]
async fn a_result_that_lies_elsewhere_is_fetched_at_the_end_or_next_fetches_it() {
    let done = || {
        answer(&json!({
            "id": "op_1",
            "status": "TRAINING_OPERATION_STATUS_COMPLETED",
            "output": {"payload_id": "pl_1"},
        }))
    };
    let upstream = Scripted::start(vec![]).await;
    let mut server = server(&upstream.url, "50").await;
    let link = answer(&json!({"download_url": format!("{}/store", upstream.url)}));
    let result = answer(&json!({"results": []}));
    let mut sample = json!({"session_id": "ts_1"});
    sample["body"] = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": [1]}}]}]});

    upstream.script(vec![operation("PENDING"), done(), link.clone(), result.clone()]);
    let whole = server.call("sample", sample.clone()).await.json();
    assert_eq!(whole["output"], json!({"results": []}));
    assert_eq!(whole.get("next"), None);

    upstream.script(vec![operation("PENDING"), done(), status(403, "", "")]);
    let without = server.call("sample", sample).await.json();
    assert_eq!(without["id"], "op_1");
    assert!(
        without["note"].as_str().unwrap().contains("HTTP 403"),
        "{without}"
    );
    upstream.script(vec![done(), link, result]);
    let whole = next(&mut server, &without).await.json();
    assert_eq!(whole["output"], json!({"results": []}));
}

#[tokio::test]
async fn a_session_is_waited_for_until_it_runs_or_is_gone() {
    let upstream = Scripted::start(["CREATING", "CREATING", "RUNNING"].map(session).to_vec()).await;
    let mut server = server(&upstream.url, "50").await;
    let body = json!({"body": {"model_resources_id": "mr_1"}});
    let made = server.call("create-training-session", body).await.json();
    assert_eq!(made["status"], "TRAINING_SESSION_STATUS_RUNNING");

    upstream.script(["RUNNING", "STOPPING", "STOPPED"].map(session).to_vec());
    let id = json!({"session_id": "ts_1"});
    let stopped = server.call("stop-training-session", id.clone()).await.json();
    assert_eq!(stopped["status"], "TRAINING_SESSION_STATUS_STOPPED");
    let note = stopped["note"].as_str().unwrap();
    assert!(note.contains("mr_1") && !note.contains("once"), "{note}");

    upstream.script(vec![session("STOPPING"), status(404, "", "")]);
    let gone = server.call("stop-training-session", id.clone()).await.json();
    assert_eq!(gone.get("next"), None);
    let note = gone["note"].as_str().unwrap();
    assert!(note.contains("gone") && note.contains("mr_1"), "{note}");

    upstream.script(["STOPPING", "STOPPING", "STOPPED"].map(session).to_vec());
    let stopped = server.call("get-training-session", id.clone()).await.json();
    assert_eq!(stopped["status"], "TRAINING_SESSION_STATUS_STOPPED");

    upstream.script(vec![session("STOPPING")]);
    let going = server.call("stop-training-session", with(id, 0.1)).await.json();
    assert_eq!(going["next"]["tool"], "get-training-session");
    assert!(going["note"].as_str().unwrap().contains("once"), "{going}");
}

#[tokio::test]
async fn a_run_is_waited_for_until_it_works() {
    let run = |state: &str| {
        answer(&json!({"run": {"id": "r_1", "status": state, "runsAhead": 2, "config": {"x": 1}}}))
    };
    let made = || answer(&json!({"runId": "r_1", "tokenValue": "pit_0123456789abcdefgh", "onDemand": true}));
    let upstream = Scripted::start(vec![made(), run("QUEUED"), run("RUNNING")]).await;
    let mut server = server(&upstream.url, "50").await;
    let arguments = json!({"body": {"config": {"trainer": {}, "orchestrator": {}}}});
    let started = server
        .call("prime-intellect-createrun", arguments.clone())
        .await
        .json();
    assert_eq!(started["runId"], "r_1");
    assert_eq!(started["status"], "RUNNING");
    assert_eq!((started.get("next"), started.get("config")), (None, None));
    assert!(
        started["note"].as_str().unwrap().starts_with("Bills "),
        "{started}"
    );
    assert_eq!(started.get("tokenValue"), None);

    upstream.script(vec![made(), run("QUEUED")]);
    let queued = server
        .call("prime-intellect-createrun", with(arguments, 0.2))
        .await
        .json();
    assert_eq!(
        (&queued["status"], &queued["runsAhead"]),
        (&json!("QUEUED"), &json!(2))
    );
    upstream.script(vec![run("PENDING"), run("FAILED")]);
    let failed = next(&mut server, &queued).await.json();
    assert_eq!(failed["run"]["status"], "FAILED");

    // A run that is being stopped still runs for a while.
    upstream.script(vec![run("RUNNING"), run("RUNNING"), run("STOPPED")]);
    let id = json!({"run_id": "r_1"});
    let stopped = server.call("prime-intellect-stoprun", id).await.json();
    assert_eq!(stopped["run"]["status"], "STOPPED");
    upstream.script(vec![run("PAUSED")]);
    let paused = server
        .call("prime-intellect-stoprun", json!({"run_id": "r_1"}))
        .await
        .json();
    assert!(
        paused["note"].as_str().unwrap().contains("stays PAUSED"),
        "{paused}"
    );
}

#[tokio::test]
async fn the_end_of_a_run_is_waited_for_by_who_says_how_long() {
    let run = |state: &str| answer(&json!({"run": {"id": "r_1", "status": state}}));
    let at = |step: u32| answer(&json!({"latestStep": step, "stepsWithSamples": []}));
    let upstream = Scripted::start(vec![run("RUNNING"), at(3)]).await;
    let mut server = server(&upstream.url, "50").await;
    let id = json!({"run_id": "r_1"});
    // Who only asks how it goes is answered at once.
    let going = server.call("prime-intellect-getrun", id.clone()).await.json();
    assert_eq!(
        (&going["run"]["status"], &going["latestStep"]),
        (&json!("RUNNING"), &json!(3))
    );
    assert_eq!(going.get("next"), None, "{going}");

    let script = [
        run("QUEUED"),
        run("RUNNING"),
        at(3),
        run("RUNNING"),
        at(5),
        run("COMPLETED"),
        at(9),
    ];
    upstream.script(script.to_vec());
    let params = json!({
        "name": "prime-intellect-getrun", "arguments": with(id.clone(), 50.0), "_meta": {"progressToken": "p"},
    });
    let ended = server.request("tools/call", params).await;
    let ended: Value = serde_json::from_str(ended["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&ended["run"]["status"], &ended["latestStep"]),
        (&json!("COMPLETED"), &json!(9))
    );
    let stdout = server.stdout();
    for told in ["run queued, ", "run running, step 3, ", "run running, step 5, "] {
        assert!(stdout.contains(told), "{told}: {stdout}");
    }

    // The time is over, and the next call goes on waiting; a service that does not say how far it is stops nothing.
    upstream.script(vec![run("RUNNING")]);
    let going = server
        .call("prime-intellect-getrun", with(id.clone(), 0.1))
        .await
        .json();
    assert_eq!(going["run"]["status"], "RUNNING", "{going}");
    assert_eq!(
        going["next"]["arguments"],
        json!({"run_id": "r_1", "wait_seconds": 25.0})
    );
    upstream.script(vec![run("STOPPING"), at(5), run("STOPPED"), at(6)]);
    let stopped = next(&mut server, &going).await.json();
    assert_eq!(
        (&stopped["run"]["status"], &stopped["latestStep"]),
        (&json!("STOPPED"), &json!(6))
    );
}

#[tokio::test]
async fn a_model_resource_that_fails_bills_nothing() {
    let resource =
        |state: &str| answer(&json!({"id": "mr_1", "status": format!("MODEL_RESOURCES_STATUS_{state}")}));
    let price = answer(&json!({"currency": "USD", "price_per_hour": 56.0}));
    let upstream = Scripted::start(vec![price.clone(), resource("PENDING"), resource("ERROR")]).await;
    let mut server = server(&upstream.url, "50").await;
    let body = json!({"body": {"base_model": "m"}});
    let failed = server.call("create-model-resource", body.clone()).await.json();
    assert_eq!(failed["status"], "MODEL_RESOURCES_STATUS_ERROR");
    assert_eq!(failed.get("note"), None);

    upstream.script(vec![price, resource("PENDING"), resource("READY")]);
    let ready = server.call("create-model-resource", body).await.json();
    let note = ready["note"].as_str().unwrap();
    assert!(note.contains("56.0 USD") && !note.contains("Poll"), "{note}");
    assert_eq!(ready.get("next"), None);

    upstream.script(["STOPPING", "STOPPED"].map(resource).to_vec());
    let id = json!({"model_resources_id": "mr_1"});
    let stopped = server.call("stop-model-resource", id).await.json();
    assert_eq!(stopped["status"], "MODEL_RESOURCES_STATUS_STOPPED");
}

/// One step of training against the sandbox, where each call waits for what it starts.
#[cfg(feature = "sandbox")]
async fn trained(options: &[&str]) {
    let data = tempfile::tempdir().unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .args(["--sandbox", "--sandbox-speed", "200"])
        .args(options)
        .env("RL_MCP_MAX_WAIT_SECONDS", "15")
        .env("RL_MCP_DATA_DIR", data.path());
    let mut server = Server::initialized(&mut command).await;
    let resource = done(
        &mut server,
        "create-model-resource",
        json!({"body": {"base_model": "sandbox/byte-lm"}}),
    )
    .await;
    let body = json!({"body": {"model_resources_id": resource["id"]}});
    let session = done(&mut server, "create-training-session", body).await;
    assert!(
        session["status"].as_str().unwrap().ends_with("_RUNNING"),
        "{session}"
    );
    let id = json!({"session_id": session["id"]});
    let mut sample = id.clone();
    sample["body"] = json!({
        "model_inputs": [{"chunks": [{"encoded_text": {"tokens": [100, 105, 103]}}]}],
        "sampling_params": {"max_tokens": 4},
    });
    let sampled = done(&mut server, "sample", sample).await;
    let file = data
        .path()
        .join("results")
        .join(session["id"].as_str().unwrap())
        .join(format!("sample-{}.json", sampled["id"].as_str().unwrap()));
    let mut kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    kept["waited_seconds"] = sampled["waited_seconds"].clone();
    let mut given = sampled.clone();
    // What this server adds.
    given["output"]["results"][0]["sequences"][0]
        .as_object_mut()
        .unwrap()
        .remove("text");
    given
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["tokenizer", "completions_file"].contains(&name.as_str()));
    assert_eq!(kept, given, "kept as the service gave it");
    let saved = done(&mut server, "save-training-checkpoint", id.clone()).await;
    assert!(saved["output"]["checkpoint"]["id"].is_string(), "{saved}");
    let stopped = done(&mut server, "stop-training-session", id).await;
    assert!(
        stopped["status"].as_str().unwrap().ends_with("_STOPPED"),
        "{stopped}"
    );
}

/// The answer of a call that waits, with those that go on; where faults are played, what was not begun is begun again.
#[cfg(feature = "sandbox")]
async fn done(server: &mut Server, tool: &str, arguments: Value) -> Value {
    let mut outcome = server.call(tool, arguments.clone()).await;
    for _ in 0..50 {
        if outcome.is_error {
            outcome = server.call(tool, arguments.clone()).await;
            continue;
        }
        let answer = outcome.json();
        if answer.get("next").is_none() {
            assert!(answer["waited_seconds"].is_number(), "{answer}");
            return answer;
        }
        outcome = next(server, &answer).await;
    }
    panic!("{tool} comes to no end: {}", outcome.text);
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_step_of_training_takes_one_call_for_each_thing() {
    trained(&[]).await;
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_step_of_training_gets_through_faults() {
    trained(&["--sandbox-faults", "0.3"]).await;
}
