//! The command line: help, wrong arguments, `check`, and the log.

use rl_mcp::config::VARIABLES;
use serde_json::json;
use tokio::process::Command;

use crate::support::{Reaction, Scripted, Server, TOGETHER_KEY, json as answer, status};

fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/data"));
    command
}

#[tokio::test]
async fn help_names_every_variable_and_flag() {
    let (code, out, _) = Server::run(bare().arg("--help")).await;
    assert_eq!(code, 0);
    for variable in VARIABLES {
        assert!(out.contains(variable.name), "{}", variable.name);
    }
    for word in ["--read-only", "--toolsets", "--tools", "check"] {
        assert!(out.contains(word), "{word}");
    }
    for word in ["--sandbox-speed", "demo  "] {
        assert_eq!(out.contains(word), cfg!(feature = "sandbox"), "{word}: {out}");
    }
    let (code, out, _) = Server::run(bare().arg("--version")).await;
    assert_eq!(
        (code, out.trim()),
        (0, concat!("rl-mcp ", env!("CARGO_PKG_VERSION")))
    );
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_at_start_that_lists_the_valid_ones() {
    let (code, out, error) = Server::run(bare().args(["--tools", "sample,downlod-checkpoint"])).await;
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        error.contains("did you mean download-checkpoint?") && error.contains("prime-intellect-deleterun"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unusable_variable_is_an_error_at_start() {
    for (name, value) in [
        ("TOGETHER_BASE_URL", "http://api.together.ai"),
        ("RL_MCP_MAX_CONCURRENCY", "many"),
        ("RL_MCP_LOG", "loud=very"),
        ("RL_MCP_LOG", "verbose"),
    ] {
        let (code, out, error) = Server::run(bare().env(name, value)).await;
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(error.starts_with(&format!("rl-mcp: {name}: ")), "{error}");
    }
}

#[tokio::test]
async fn a_choice_that_leaves_no_tool_is_an_error_at_start() {
    let (code, _, error) = Server::run(bare().args(["--read-only", "--tools", "sample"])).await;
    assert_eq!(code, 2);
    assert!(error.contains("no tool is left"), "{error}");
}

#[tokio::test]
async fn check_without_keys_explains_itself() {
    let (code, out, error) = Server::run(bare().arg("check")).await;
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert!(
        out.contains("none (TOGETHER_AI_API_KEY or TOGETHER_API_KEY)"),
        "{out}"
    );
    assert!(out.contains("https://api.primeintellect.ai (default)"), "{out}");
    assert!(
        out.contains("36 of 49 offered") && out.contains("No key is configured"),
        "{out}"
    );
}

#[tokio::test]
async fn check_tests_each_key_with_one_read_and_never_shows_it() {
    let upstream = Scripted::start(vec![answer(&json!({"data": []}))]).await;
    let (code, out, _) = Server::run(Server::command(&upstream.url).args(["check", "--read-only"])).await;
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("from TOGETHER_API_KEY") && !out.contains(TOGETHER_KEY),
        "{out}"
    );
    assert!(
        out.contains("test      ok") && out.contains("29 of 49 offered"),
        "{out}"
    );
    let lines: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.line().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "GET /v1/rl/training-sessions?limit=1 HTTP/1.1",
            "GET /api/v1/rft/runs?limit=1 HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn check_says_where_data_goes_and_whether_it_can() {
    let place = tempfile::tempdir().unwrap();
    let results = place.path().join("results");
    std::fs::create_dir(&results).unwrap();
    std::fs::write(results.join("a.json"), "[1]").unwrap();
    let file = results.join("a.json");
    let new = place.path().join("new/data");
    for (directory, price, expected) in [
        (
            place.path(),
            "",
            [
                "1 file, 1 MB of at most 7 MB",
                "for 30 days",
                "writable  yes",
                "no limit",
            ],
        ),
        (
            &new,
            "60.5",
            [
                "0 files, 0 MB",
                "RL_MCP_DATA_MAX_DAYS",
                "writable  yes",
                "60.5 USD per hour (RL_MCP_MAX_PRICE_PER_HOUR)",
            ],
        ),
        (
            &file.join("data"),
            "60",
            [
                "writable  NO: ",
                "RL_MCP_DATA_DIR",
                "60 USD",
                "wait of a call: 0 s",
            ],
        ),
    ] {
        let mut command = bare();
        command
            .env("RL_MCP_DATA_DIR", directory)
            .env("RL_MCP_DATA_MAX_MB", "7")
            .env("RL_MCP_MAX_WAIT_SECONDS", "0")
            .env("RL_MCP_MAX_PRICE_PER_HOUR", price);
        let (code, out, _) = Server::run(command.arg("check")).await;
        assert_eq!(code, 0, "{out}");
        assert!(
            out.contains(&format!("Data directory: {}", directory.display())),
            "{out}"
        );
        for words in expected {
            assert!(out.contains(words), "{words}: {out}");
        }
    }
    assert!(!place.path().join("new").exists());
    let left = std::fs::read_dir(place.path()).unwrap();
    assert_eq!(left.count(), 1);
}

#[tokio::test]
async fn check_fails_when_something_configured_does_not_work() {
    let wrong = status(
        401,
        "",
        &json!({"error": {"message": "invalid key", "type": "t"}}).to_string(),
    );
    let upstream = Scripted::start(vec![wrong, answer(&json!({}))]).await;
    let (code, out, _) = Server::run(Server::command(&upstream.url).arg("check")).await;
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("FAILED: list-training-sessions failed") && out.contains("invalid key"),
        "{out}"
    );
    assert!(
        out.contains("A valid one belongs into TOGETHER_AI_API_KEY"),
        "{out}"
    );
}

#[tokio::test]
async fn the_server_starts_without_keys_and_a_call_names_the_variable() {
    let mut server = Server::initialized(&mut bare()).await;
    let tools = server.request("tools/list", json!({})).await;
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 36);
    let text = server
        .call("get-training-session", json!({"session_id": "s"}))
        .await
        .error()
        .to_owned();
    assert!(
        text.contains("TOGETHER_AI_API_KEY or TOGETHER_API_KEY") && text.contains("mcp.json"),
        "{text}"
    );
    let text = server
        .call("prime-intellect-deleterun", json!({"run_id": "r"}))
        .await
        .error()
        .to_owned();
    assert!(text.contains("PRIME_API_KEY"), "{text}");
}

#[tokio::test]
async fn at_info_there_is_one_line_for_each_upstream_call() {
    let upstream = Scripted::start(vec![Reaction::Cut(Vec::new()), answer(&json!({}))]).await;
    let mut command = Server::command(&upstream.url);
    let mut server = Server::initialized(command.env("RL_MCP_LOG", "info")).await;
    server
        .call("get-training-session", json!({"session_id": "s"}))
        .await
        .json();
    server.close().await;
    let log = server.stderr();
    let line = log
        .lines()
        .find(|line| line.contains("upstream"))
        .unwrap_or_else(|| panic!("{log}"));
    for field in [
        "INFO",
        "tool=\"get-training-session\"",
        "method=\"GET\"",
        "path=\"/v1/rl/training-sessions/s\"",
        "status=\"200\"",
        "tries=2",
        "ms=",
    ] {
        assert!(line.contains(field), "{field}: {line}");
    }
    assert_eq!(log.lines().count(), 1, "{log}");
}
