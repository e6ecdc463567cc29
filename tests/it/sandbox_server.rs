//! The server in front of its own sandbox, as a host starts it.

use std::time::Duration;

use rl_mcp::{MINIMAL_RL, MINIMAL_SFT};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::support::{Sandbox, Scripted, Server, json as answer, operation, operations};

fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command.env_clear();
    command
}

async fn until(server: &mut Server, tool: &str, arguments: Value, wanted: &str) -> Value {
    for _ in 0..2000 {
        let found = server.call(tool, arguments.clone()).await.json();
        let status = found["status"].as_str().or(found["run"]["status"].as_str());
        if status.unwrap().ends_with(wanted) {
            return found;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("never {wanted}");
}

/// A run of so many small steps.
fn rl_config(steps: u64) -> Value {
    let source = json!([{"env": {"taskset": {"id": "letter-class"}}}]);
    let orchestrator = json!({"batch_size": 2, "group_size": 2, "train": {"source": source}});
    json!({"max_steps": steps, "trainer": {}, "orchestrator": orchestrator})
}

#[tokio::test]
async fn the_tools_work_without_any_key_and_nothing_real_is_asked() {
    let real = Scripted::start(vec![answer(&json!({}))]).await;
    let mut command = Server::command(&real.url);
    let home = crate::support::prime_home(r#"{"api_key": "pit_real", "team_id": "team_real"}"#);
    command
        .env("HOME", home.path())
        .args(["--sandbox", "--sandbox-speed", "2000"]);
    let mut server = Server::initialized(&mut command).await;
    let body = json!({"base_model": "sandbox/byte-lm"});
    let made = server
        .call("create-model-resource", json!({"body": body}))
        .await
        .json();
    assert!(made["note"].as_str().unwrap().contains("56"), "{made}");
    let resource = json!({"model_resources_id": made["id"]});
    until(&mut server, "get-model-resource", resource.clone(), "_READY").await;
    let made = server
        .call("create-training-session", json!({"body": resource}))
        .await
        .json();
    let session = json!({"session_id": made["id"]});
    until(&mut server, "get-training-session", session.clone(), "_RUNNING").await;
    let prompt = json!({
        "model_inputs": [{"chunks": [{"encoded_text": {"tokens": [100, 105, 103, 105, 116, 58]}}]}],
        "sampling_params": {"max_tokens": 4, "seed": 1},
    });
    let mut call = session.clone();
    call["body"] = prompt;
    let made = server.call("sample", call).await.json();
    let mut operation = session;
    operation["operation_id"] = made["id"].clone();
    let done = until(&mut server, "get-sample-operation", operation, "_COMPLETED").await;
    assert_eq!(
        done["output"]["results"][0]["sequences"][0]["tokens"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let runs = server.call("prime-intellect-listruns", json!({})).await.json();
    assert_eq!(runs["runs"], json!([]));
    assert!(real.seen().is_empty());
}

#[tokio::test]
async fn the_configs_that_a_refusal_shows_are_accepted() {
    let mut command = bare();
    command.args(["--sandbox", "--sandbox-speed", "2000", "--toolsets", "all"]);
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", home.path())).await;
    let run = |config: &Value| json!({"body": {"config": config}, "wait_seconds": 0});
    // By this machine and by the platform: each refusal shows all that is needed, and only that.
    let source = json!({"trainer": {}, "orchestrator": {"train": {"source": [{}]}}});
    let refused = [
        (json!({}), true, true),
        (run(&json!({})), true, true),
        (run(&json!({"max_steps": 3})), true, true),
        (run(&json!({"trainer": {}, "orchestrator": {}})), true, false),
        (run(&source), true, false),
        (run(&json!({"data": {}})), false, true),
    ];
    for (arguments, rl, supervised) in refused {
        let outcome = server.call("prime-intellect-createrun", arguments).await;
        for (config, shown) in [(MINIMAL_RL, rl), (MINIMAL_SFT, supervised)] {
            assert_eq!(outcome.error().contains(config), shown, "{}", outcome.text);
        }
    }
    for config in [MINIMAL_RL, MINIMAL_SFT] {
        let config: Value = serde_json::from_str(config).unwrap();
        let made = server
            .call("prime-intellect-createrun", run(&config))
            .await
            .json();
        let note = made["note"].as_str().unwrap();
        assert!(note.starts_with("Bills about"), "{made}");
        let run = json!({"run_id": made["runId"]});
        server.call("prime-intellect-stoprun", run).await.json();
    }
}

#[tokio::test]
async fn a_run_that_failed_at_once_is_not_said_to_bill() {
    let mut command = bare();
    command.args(["--sandbox", "--sandbox-speed", "2000"]);
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", home.path())).await;
    let mut config: Value = serde_json::from_str(MINIMAL_RL).unwrap();
    config["model"]["name"] = json!("nobody/nothing");
    let arguments = json!({"body": {"config": config}, "wait_seconds": 50});
    let made = server.call("prime-intellect-createrun", arguments).await.json();
    assert_eq!(made["status"], "FAILED", "{made}");
    assert_eq!(made.get("note"), None, "{made}");
}

#[tokio::test]
async fn check_shows_the_sandbox_and_finds_it_working() {
    let behavior = [
        "--sandbox-speed",
        "90.5",
        "--sandbox-faults",
        "0.01",
        "--sandbox-seed",
        "3",
    ];
    let mut command = bare();
    command.args(["check", "--sandbox"]).args(behavior);
    let (code, out, error) = Server::run(&mut command).await;
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert!(
        out.starts_with("Sandbox: both services are played on this machine")
            && out.contains("http://127.0.0.1:")
            && out.matches("test      ok").count() == 2
            && out.contains("speed 90.5, faults 0.01, seed 3"),
        "{out}"
    );
    // Nobody has set a key or a base URL.
    assert!(
        out.matches("from the sandbox").count() == 4 && !out.contains("_KEY") && !out.contains("_URL"),
        "{out}"
    );
}

/// The server's environment is what the user set, but no real secret goes into a sandbox.
#[tokio::test]
async fn secrets_can_be_forwarded_as_far_as_they_are_set() {
    let run = json!({"body": {"config": rl_config(1)}, "forward_secrets": true});
    let mut command = bare();
    command.arg("--sandbox");
    let mut server = Server::initialized(&mut command).await;
    let refused = server.call("prime-intellect-createrun", run.clone()).await;
    assert!(
        refused
            .error()
            .contains("neither WANDB_API_KEY nor HF_TOKEN is set")
    );
    command.env("WANDB_API_KEY", "wandb-0123456789");
    let mut server = Server::initialized(&mut command).await;
    let made = server.call("prime-intellect-createrun", run).await.json();
    assert_eq!(made["forwarded"], json!(["WANDB_API_KEY"]));
    let note = made["note"].as_str().unwrap();
    assert!(
        note.contains("Not sent, because not set in this server's environment: HF_TOKEN."),
        "{note}"
    );
}

#[tokio::test]
async fn options_of_the_sandbox_are_refused_where_they_would_do_nothing() {
    for arguments in [
        &["--sandbox-faults", "0.2"][..],
        &["check", "--sandbox-speed", "2"],
        &["--sandbox", "--sandbox-faults", "1.1"],
        &["--sandbox", "--sandbox-speed", "0"],
        // Which requests go wrong, where none does.
        &["--sandbox", "--sandbox-seed", "1"],
        &["check", "--sandbox", "--sandbox-seed", "1"],
        &["sandbox", "--sandbox-seed", "1"],
        &["demo", "--sandbox-seed", "1"],
        // They have a sandbox anyway.
        &["demo", "--sandbox"],
        &["sandbox", "--sandbox"],
        &["--sandbox", "demo"],
        &["--sandbox", "sandbox"],
    ] {
        let (code, out, error) = Server::run(bare().args(arguments)).await;
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {error}");
        assert!(error.contains("--sandbox"), "{error}");
        // Nobody meant another of its flags.
        assert!(!error.contains("similar"), "{error}");
    }
}

#[tokio::test]
async fn commands_that_choose_their_tools_take_no_choice() {
    for flag in [
        &["--read-only"][..],
        &["--toolsets", "rl"],
        &["--tools", "sample"],
    ] {
        for command in ["demo", "sandbox"] {
            for before in [true, false] {
                let mut arguments = flag.to_vec();
                arguments.insert(if before { flag.len() } else { 0 }, command);
                let (code, out, error) = Server::run(bare().args(&arguments)).await;
                assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {error}");
                assert!(error.contains(flag[0]), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _, error) = Server::run(bare().args(["sandbox", "--port", &port])).await;
    assert_eq!(code, 2);
    assert!(error.contains(&port), "{error}");
}

#[tokio::test]
async fn the_instructions_say_that_it_is_a_sandbox_and_stay_short() {
    let initialize = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    for (arguments, begins) in [(&["--sandbox"][..], "Sandbox: "), (&[], "Together AI")] {
        let mut server = Server::spawn(bare().args(arguments));
        let answer = server.request("initialize", initialize.clone()).await;
        let instructions = answer["result"]["instructions"].as_str().unwrap();
        assert!(instructions.starts_with(begins), "{instructions}");
        assert!(
            instructions.chars().count() < 2000,
            "{}",
            instructions.chars().count()
        );
    }
}

/// A page on the web can make its own name mean this machine; a browser then sends that name in Host.
#[tokio::test]
async fn no_route_of_the_sandbox_answers_to_the_name_of_another_host() {
    // Not even with the answer of a fault, which all routes would have here.
    let sandbox = Sandbox::with(&["--sandbox-faults", "1"]).await;
    let documented = [false, true].into_iter().flat_map(operations).map(operation);
    let documented = documented.map(|operation| {
        let path = operation.path.replace(['{', '}'], "");
        (operation.method.clone(), path)
    });
    let further = [
        ("PUT", "/storage/payloads/x?expires=1&signature=x"),
        (
            "GET",
            "/storage/checkpoints/x/CHECKPOINT_VARIANT_MERGED/x?expires=1&signature=x",
        ),
        ("GET", "/v1/rl/nothing"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/"),
    ];
    let further = further.map(|(method, path)| (method.to_owned(), path.to_owned()));
    let routes: Vec<_> = documented.chain(further).collect();
    assert!(routes.len() > 40, "{}", routes.len());
    for (method, path) in &routes {
        for host in [
            "rebound.example",
            "rebound.example:80",
            "localhost.rebound.example",
        ] {
            let request = sandbox.request(method, path).header("host", host);
            let refusal = request.send().await.unwrap();
            assert_eq!(refusal.status(), 421, "{method} {path} {host}");
            let body: Value = serde_json::from_str(&refusal.text().await.unwrap()).unwrap();
            let said = if path.starts_with("/api/v1") {
                &body["detail"]
            } else {
                &body["error"]["message"]
            };
            assert!(
                said.as_str().unwrap().contains("127.0.0.1, localhost or [::1]"),
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn the_sandbox_answers_to_loopbacks_own_names_and_needs_one() {
    let sandbox = Sandbox::start().await;
    for host in ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:80"] {
        for path in ["/v1/rl/supported-models", "/api/v1/rft/runs"] {
            let request = sandbox.request("GET", path).header("host", host);
            assert_eq!(request.send().await.unwrap().status(), 401, "{host} {path}");
        }
    }
    let address = sandbox.url.trim_start_matches("http://");
    for head in [
        "GET /v1/rl/supported-models HTTP/1.0\r\n",
        "GET /v1/rl/supported-models HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\nConnection: close\r\n",
        "GET http://rebound.example/v1/rl/supported-models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some("421"), "{head}: {answer}");
    }
}

/// Clients send a body after its head, and go on with the connection whatever the answer is.
#[tokio::test]
async fn a_refusal_leaves_the_connection_for_the_next_request() {
    let sandbox = Sandbox::start().await;
    let address = sandbox.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("Host: {address}\r\nAuthorization: Bearer pit_sandbox_prime_key\r\n");
    let refused = format!("POST /api/v1/training/runs/prepare HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n");
    stream.write_all(refused.as_bytes()).await.unwrap();
    // An answer that does not wait for the body would be there by now; how long this takes decides nothing.
    let early = tokio::time::timeout(Duration::from_millis(200), stream.readable()).await;
    assert!(early.is_err(), "answered before the body came");
    let next = format!("GET /api/v1/training/volumes HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
    stream.write_all(format!("{{}}{next}").as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["405", "200"], "{answers}");
}

/// What needs a volume, through the tools alone: no tool makes one, so each refusal names the one that is there.
#[tokio::test]
async fn runs_on_a_volume_can_be_rehearsed_and_each_refusal_names_the_one_that_is_ready() {
    let mut command = bare();
    command.args(["--sandbox", "--sandbox-speed", "200", "--toolsets", "all"]);
    let mut server = Server::initialized(&mut command).await;
    let create = "prime-intellect-createrun";
    // Supervised training on data.
    let text =
        |name: &str| json!({"max_steps": 2, "data": {"name": name, "batch_size": 2}, "optim": {"lr": 0.01}});
    let body = json!({"config": text("datasets/mine")});
    let refused = server.call(create, json!({"body": body})).await;
    assert!(
        refused
            .error()
            .contains("volume sandbox holds datasets/sandbox-text"),
        "{}",
        refused.text
    );
    let body = json!({"config": text("datasets/sandbox-text"), "volume": "outputs"});
    let refused = server.call(create, json!({"body": body})).await;
    assert!(
        refused.error().contains("the sandbox's own is sandbox")
            && refused.text.contains("check volume")
            && !refused.text.contains("BASE_URL"),
        "{}",
        refused.text
    );
    let body = json!({"config": text("datasets/sandbox-text"), "volume": "sandbox"});
    let made = server.call(create, json!({"body": body})).await.json();
    let run = |id: &Value| json!({"run_id": id});
    let get = "prime-intellect-getrun";
    until(&mut server, get, run(&made["runId"]), "COMPLETED").await;
    // Pausing and resuming.
    let config = rl_config(1000);
    let body = json!({"config": config});
    let made = server.call(create, json!({"body": body})).await.json();
    until(&mut server, get, run(&made["runId"]), "RUNNING").await;
    let refused = server.call("prime-intellect-pauserun", run(&made["runId"])).await;
    assert!(
        refused.error().contains("volume sandbox is ready"),
        "{}",
        refused.text
    );
    server
        .call("prime-intellect-stoprun", run(&made["runId"]))
        .await
        .json();
    let body = json!({"config": config, "volume": "sandbox"});
    let made = server.call(create, json!({"body": body})).await.json();
    until(&mut server, get, run(&made["runId"]), "RUNNING").await;
    server
        .call("prime-intellect-pauserun", run(&made["runId"]))
        .await
        .json();
    until(&mut server, get, run(&made["runId"]), "PAUSED").await;
    let made = server
        .call("prime-intellect-resumerun", run(&made["runId"]))
        .await
        .json();
    until(&mut server, get, run(&made["runId"]), "RUNNING").await;
}
