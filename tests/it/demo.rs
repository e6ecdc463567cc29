//! `demo`: training through the tools alone, with faults and without.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::support::Server;
#[cfg(unix)]
use crate::support::Terminal;

/// Enough to learn.
const STEPS: &str = "24";

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_RETRY_WAIT", "0.001")
        .args(["demo", "--sandbox-speed", "2000"])
        .args(arguments);
    command
}

/// Exit code and record.
async fn record(arguments: &[&str]) -> (i32, Value) {
    let (code, out, error) = Server::run(demo(arguments).arg("--json")).await;
    assert_eq!(out.lines().count(), 1, "{out}{error}");
    (code, serde_json::from_str(&out).unwrap())
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

fn rewards(record: &Value) -> Vec<f64> {
    let steps = record["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["reward"].as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn the_model_learns_by_the_calls_that_an_agent_makes() {
    let (code, record) = record(&["--steps", STEPS, "--seed", "3"]).await;
    let (untrained, trained) = (&record["untrained_reward"], &record["final_reward"]);
    assert_eq!((code, &record["learned"]), (0, &true.into()), "{record:#}");
    assert!(untrained.as_f64().unwrap() < 0.1, "{record:#}");
    assert!(trained.as_f64().unwrap() > 0.5, "{record:#}");
    let rewards = rewards(&record);
    assert_eq!(rewards.len().to_string(), STEPS);
    assert!(rewards[rewards.len() - 1] > rewards[0] + 0.4, "{rewards:?}");
    for step in record["steps"].as_array().unwrap() {
        assert!(step["loss"].is_number() && step["entropy"].is_number(), "{step}");
    }
    let calls = record["calls"].as_array().unwrap().iter();
    let mut tools: Vec<&str> = calls.map(|call| call["tool"].as_str().unwrap()).collect();
    // It waits in one call for as long as that may.
    tools.dedup();
    let expected = [
        "check-dataset",
        "start-training",
        "get-training",
        "download-checkpoint",
    ];
    assert_eq!(tools, expected);
    let completions = record["completions"].as_array().unwrap();
    let right = completions
        .iter()
        .filter(|completion| completion["trained"].as_str() == Some(&completion["answer"].to_string()));
    assert!(right.count() >= 3, "{record:#}");
}

/// Whatever the sandbox does on the way.
#[tokio::test]
async fn faults_do_not_keep_it_from_its_end() {
    for seed in ["1", "7"] {
        let faults = ["--steps", "2", "--sandbox-faults", "0.2", "--sandbox-seed", seed];
        let (code, record) = record(&faults).await;
        assert_eq!(code, 1, "{record:#}");
        assert_eq!(rewards(&record).len(), 2, "{record:#}");
        assert!(record["adapter"]["bytes"].as_u64() > Some(0), "{record:#}");
    }
}

#[tokio::test]
async fn through_a_pipe_it_writes_plain_lines_and_keeps_the_adapter_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("adapter");
    let target = target.to_str().unwrap();
    let (code, out, error) = Server::run(&mut demo(&["--steps", "1", "--save", target])).await;
    assert_eq!(code, 1, "{out}");
    assert!(error.starts_with("1/1 ") && error.lines().count() == 1, "{error}");
    assert!(
        out.chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{out:?}"
    );
    // One step is one, and whoever asks for it learns why so little came of it.
    assert!(
        out.contains(": 1 step of 192 completions") && out.contains("Few steps teach little: 40, "),
        "{out}"
    );
    assert!(out.contains("start-training") && out.contains(target), "{out}");
    let size = std::fs::metadata(Path::new(target).join("adapter_model.safetensors"))
        .unwrap()
        .len();
    assert!(
        out.contains(&format!("adapter_model.safetensors, {size} bytes")),
        "{out}"
    );
    assert!(Path::new(target).join("adapter_config.json").exists());
}

#[tokio::test]
async fn what_fails_is_said_and_leaves_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = demo(&["--steps", "1", "--save", directory.path().to_str().unwrap()]);
    command.env("RL_MCP_LOG", "info");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    // It has looked; now, where the file is to be, something else is.
    assert!(
        lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .starts_with("A model learns ")
    );
    std::fs::create_dir(directory.path().join("adapter_config.json")).unwrap();
    let ended = running.wait_with_output().await.unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{error}");
    let problem = error
        .lines()
        .find(|line| line.starts_with("rl-mcp demo: download-checkpoint"));
    assert!(
        problem.is_some_and(|line| line.contains("adapter_config.json")),
        "{error}"
    );
    for tool in ["stop-training-session", "stop-model-resource"] {
        let line = error
            .lines()
            .find(|line| line.contains(&format!("tool=\"{tool}\"")));
        assert!(
            line.is_some_and(|line| line.contains("status=\"200\"")),
            "{error}"
        );
    }
}

/// Neither in the directory for temporary files nor in the user's own data directory. What the user has set for real
/// services plays no part.
#[tokio::test]
async fn nothing_is_left_behind() {
    let place = tempfile::tempdir().unwrap();
    let [temporary, data] = ["tmp", "data"].map(|name| place.path().join(name));
    for directory in [&temporary, &data] {
        std::fs::create_dir(directory).unwrap();
    }
    let mut command = demo(&["--steps", "1", "--json"]);
    command
        .env("TMPDIR", &temporary)
        .env("RL_MCP_DATA_DIR", &data)
        .env("RL_MCP_FILE_DIRS", &data)
        .env("RL_MCP_MAX_PRICE_PER_HOUR", "0.01")
        .env("RL_MCP_MAX_WAIT_SECONDS", "0");
    let (_, out, error) = Server::run(&mut command).await;
    let record: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{error}"));
    assert!(record["adapter"]["bytes"].as_u64() > Some(0), "{record:#}");
    assert!(is_empty(&temporary) && is_empty(&data));
}

#[cfg(unix)]
#[tokio::test]
async fn who_interrupts_it_leaves_nothing_behind_either() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = demo(&["--steps", "10000"]);
    command.env("TMPDIR", temporary.path()).env("RL_MCP_LOG", "info");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    while !lines.next_line().await.unwrap().unwrap().contains("is under way") {}
    assert!(!is_empty(temporary.path()));
    let kill = format!("kill -INT {}", running.id().unwrap());
    let killed = std::process::Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.unwrap().success());
    let ended = running.wait_with_output().await.unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{log}");
    assert!(
        log.contains("tool=\"stop-model-resource\"") && !log.contains("bills"),
        "{log}"
    );
    assert!(is_empty(temporary.path()), "{log}");
}

#[tokio::test]
async fn what_lies_where_the_adapter_is_to_be_kept_is_not_overwritten() {
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        let directory = tempfile::tempdir().unwrap();
        let mine = directory.path().join(name);
        std::fs::write(&mine, "mine").unwrap();
        let save = ["--save", directory.path().to_str().unwrap()];
        let (code, out, error) = Server::run(&mut demo(&save)).await;
        // Before anything is started.
        assert_eq!((code, out.as_str()), (1, ""), "{error}");
        assert!(error.contains(name) && error.contains("--save"), "{error}");
        assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_was_learned_is_on_the_last_screen_and_no_word_is_broken() {
    for size in [(80, 24), (50, 40)] {
        let written = Terminal::start(demo(&["--steps", "1"]), size).ended().await;
        assert_eq!(written.code, Some(1));
        assert_eq!(written.broken(), [""; 0], "{}", written.text());
        let last = written.last_screen();
        for words in [
            "Mean reward by step",
            "1.00 ┤",
            "(┈ one answer",
            "Few steps teach little",
            "question  untrained",
            "  6+3=  ",
        ] {
            assert!(last.contains(words), "{words}: {last}");
        }
        let text = written.text();
        // While it goes on, what is being done is said whole.
        assert!(
            text.contains("0/1 ░") && text.contains("start-training       grpo-"),
            "{text}"
        );
    }
}

/// The server's lines, which nobody asked for, stay away; those that somebody asks for stand above the bar.
#[cfg(unix)]
#[tokio::test]
async fn who_interrupts_it_in_a_terminal_sees_a_whole_screen() {
    for asked in [false, true] {
        let mut command = demo(&["--steps", "10000"]);
        if asked {
            command.env("RL_MCP_LOG", "warn");
        }
        let terminal = Terminal::start(command, (300, 24));
        terminal.shows(" reward 0.").await;
        terminal.interrupt().await;
        let written = terminal.ended().await;
        assert_eq!(written.code, Some(130));
        let lines = written.lines();
        let logged: Vec<&String> = lines.iter().filter(|line| line.contains("WARN")).collect();
        assert!(asked || logged.is_empty(), "{lines:#?}");
        assert!(logged.iter().all(|line| line.starts_with("20")), "{lines:#?}");
        assert!(
            lines
                .iter()
                .any(|line| line == "rl-mcp demo: interrupted; nothing is left running"),
            "{lines:#?}"
        );
    }
}
