//! The command line: help, wrong arguments, `check`, and the log.

use rl_mcp::VARIABLES;
use rl_mcp::{Spec, Toolset};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

#[cfg(unix)]
use crate::support::Terminal;
use crate::support::{Reaction, Scripted, Server, TOGETHER_KEY, by_default, json as answer, status, tools};

fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/data"));
    command
}

/// How `check` counts the tools of which this is true.
fn offered(which: impl Fn(&Spec) -> bool) -> String {
    format!("{} of {} offered", tools(which), tools(|_| true))
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
        out.contains(&offered(by_default)) && out.contains("No key is configured"),
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
        out.contains("test      ok") && out.contains(&offered(|spec| spec.effect.read_only())),
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
    for (directory, price, works, expected) in [
        (
            place.path(),
            "",
            true,
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
            true,
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
            false,
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
        assert_eq!(code, i32::from(!works), "{out}");
        let verdict = out.lines().last().unwrap();
        assert_eq!(verdict.contains("the data directory"), !works, "{out}");
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
    assert!(out.contains("Put a valid one into TOGETHER_AI_API_KEY"), "{out}");
}

#[tokio::test]
async fn the_server_starts_without_keys_and_a_call_names_the_variable() {
    let mut server = Server::initialized(&mut bare()).await;
    let list = server.request("tools/list", json!({})).await;
    assert_eq!(
        list["result"]["tools"].as_array().unwrap().len(),
        tools(by_default)
    );
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

#[tokio::test]
async fn check_fails_when_a_directory_of_files_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    let (there, missing) = (place.path().join("there"), place.path().join("missing"));
    std::fs::create_dir(&there).unwrap();
    for (second, works) in [(&there, true), (&missing, false)] {
        let both = std::env::join_paths([&there, second]).unwrap();
        let (code, out, _) = Server::run(bare().env("RL_MCP_FILE_DIRS", both).arg("check")).await;
        assert_eq!(code, i32::from(!works), "{out}");
        assert_eq!(
            out.contains(&format!("{}  NO: ", missing.display())),
            !works,
            "{out}"
        );
        let verdict = out.lines().last().unwrap();
        assert_eq!(
            verdict.ends_with(&format!("the directory {}.", missing.display())),
            !works,
            "{out}"
        );
    }
}

/// Neither is answered before both have asked.
#[tokio::test]
async fn check_asks_both_services_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            asked.push(stream);
        }
        let body = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        for stream in &mut asked {
            stream.write_all(body).await.unwrap();
        }
        asked
    });
    let (code, out, _) = Server::run(Server::command(&url).arg("check")).await;
    assert_eq!(code, 0, "{out}");
    assert_eq!(out.matches("test      ok").count(), 2, "{out}");
    let verdict = "Verdict: everything that is configured works.";
    assert_eq!(out.lines().last(), Some(verdict));
    serving.await.unwrap();
}

#[tokio::test]
async fn check_says_its_verdict_last_and_is_short() {
    for arguments in [&["check"][..], &["check", "--toolsets", "all"]] {
        let (code, out, _) = Server::run(bare().args(arguments)).await;
        assert_eq!(code, 0, "{out}");
        assert!(out.lines().last().unwrap().starts_with("Verdict: "), "{out}");
        let of_rl = |spec: &Spec| spec.toolset == Some(Toolset::Rl);
        let reading = tools(|spec| of_rl(spec) && spec.effect.read_only());
        let line = format!("\n  rl       {0} of {0}: {reading} read, ", tools(of_rl));
        assert!(out.contains(&line), "{out}");
        assert!(out.lines().count() < 37, "{out}");
    }
}

#[tokio::test]
async fn flags_of_check_stand_before_it_or_after_it() {
    for arguments in [&["--read-only", "check"][..], &["check", "--read-only"]] {
        let (_, out, _) = Server::run(bare().args(arguments)).await;
        let reading = offered(|spec| by_default(spec) && spec.effect.read_only());
        assert!(out.contains(&format!("Tools: {reading}")), "{out}");
    }
}

/// A person who types the bare name is told what to type, and sees that it waits for somebody else.
#[cfg(unix)]
#[tokio::test]
async fn in_a_terminal_the_bare_name_says_what_to_type() {
    let mut command = bare();
    command.arg0("rl-mcp");
    let terminal = Terminal::start(command, (50, 24));
    terminal.shows("Now it waits for a host").await;
    terminal.interrupt().await;
    let written = terminal.ended().await;
    assert_eq!(written.code, Some(0));
    let text = written.lines().join(
        "
",
    );
    for (words, there) in [
        ("  rl-mcp demo    train a tiny model", cfg!(feature = "sandbox")),
        ("  rl-mcp check   show what is configured", true),
    ] {
        assert_eq!(text.contains(words), there, "{text}");
    }
    assert_eq!(written.broken(), [""; 0]);
}

#[cfg(unix)]
#[tokio::test]
async fn in_a_narrow_terminal_check_breaks_no_word() {
    let mut command = bare();
    command.env("RL_MCP_DATA_DIR", "/dev/null/data").arg("check");
    let written = Terminal::start(command, (50, 24)).ended().await;
    assert_eq!(written.code, Some(1));
    assert_eq!(written.broken(), [""; 0], "{}", written.text());
    let last = written.last_screen();
    assert!(last.contains("Verdict: NOT everything works."), "{last}");
}
