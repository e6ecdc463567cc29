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
async fn the_reward_rises_to_three_times_that_of_the_untrained_policy() {
    let (code, record) = record(&["--steps", STEPS, "--seed", "3"]).await;
    let (untrained, trained) = (&record["untrained_reward"], &record["final_reward"]);
    assert_eq!((code, &record["learned"]), (0, &true.into()), "{record:#}");
    assert!(untrained.as_f64().unwrap() < 0.35, "{record:#}");
    assert!(trained.as_f64().unwrap() > 0.75, "{record:#}");
    let rewards = rewards(&record);
    assert_eq!(rewards.len().to_string(), STEPS);
    assert!(rewards[rewards.len() - 1] > rewards[0] + 0.4, "{rewards:?}");
    for step in record["steps"].as_array().unwrap() {
        assert!(step["loss"].is_number() && step["entropy"].is_number(), "{step}");
    }
    // The whole way of an agent: batches by reference, and each operation waited for by the call that submits it.
    let tools = record["tools"].as_object().unwrap();
    for (tool, calls) in [
        ("create-model-resource", 2),
        ("create-training-session", 1),
        ("sample", 25),
        ("build-training-batch", 24),
        ("forward-backward-pass", 24),
        ("optimizer-step", 24),
        ("weights-sync", 24),
        ("save-training-checkpoint", 1),
        ("create-inference-checkpoint", 1),
        ("download-checkpoint", 1),
        ("stop-training-session", 1),
        ("stop-model-resource", 1),
    ] {
        assert_eq!(tools[tool]["calls"], calls, "{tool}");
    }
    assert!(tools["sample"]["median_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(record["failed_calls"], 0);
}

#[tokio::test]
async fn with_shuffled_advantages_it_does_not_rise() {
    let (code, record) = record(&["--steps", STEPS, "--seed", "3", "--shuffle-advantages"]).await;
    assert_eq!((code, &record["learned"]), (1, &false.into()), "{record:#}");
    assert!(record["final_reward"].as_f64().unwrap() < 0.4, "{record:#}");
    let best = rewards(&record).into_iter().fold(0.0, f64::max);
    assert!(best < 0.4, "{record:#}");
}

/// No operation was lost and none applied twice: else the weights would be others. These seeds of the sandbox also hit
/// calls that may not be repeated blindly, and the last one operations until the server gives up on them.
#[tokio::test]
async fn faults_change_nothing_about_the_weights() {
    let (_, plain) = record(&["--steps", "2"]).await;
    let (bytes, checksum) = (&plain["adapter"]["bytes"], &plain["adapter"]["fnv1a64"]);
    assert!(
        checksum.as_str().is_some_and(|text| text.len() == 16),
        "{plain:#}"
    );
    for (rate, seed) in [
        ("0.2", "1"),
        ("0.2", "7"),
        ("0.2", "12"),
        ("0.2", "16"),
        ("0.2", "19"),
        ("0.8", "3"),
    ] {
        let mut command = demo(&["--steps", "2", "--json", "--sandbox-faults", rate]);
        command.args(["--sandbox-seed", seed]).env("RL_MCP_LOG", "info");
        let (_, out, log) = Server::run(&mut command).await;
        let record: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("seed {seed}: {log}"));
        let adapter = &record["adapter"];
        assert_eq!(
            (&adapter["bytes"], &adapter["fnv1a64"]),
            (bytes, checksum),
            "seed {seed}: {log}"
        );
        let faults = log.lines().filter(|line| line.contains("sandbox fault")).count();
        assert!(faults > 5, "seed {seed}: {log}");
        assert!(
            seed == "1" || record["failed_calls"].as_u64() > Some(0),
            "seed {seed}: {log}"
        );
    }
}

#[tokio::test]
async fn through_a_pipe_it_writes_plain_lines_and_keeps_the_adapter_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("adapter");
    let target = target.to_str().unwrap();
    let (code, out, error) = Server::run(&mut demo(&["--steps", "1", "--save", target])).await;
    assert_eq!((code, error.as_str()), (1, ""), "{out}");
    assert!(
        out.chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{out:?}"
    );
    assert!(
        out.is_ascii() && out.contains("step   1/1  mean reward 0."),
        "{out}"
    );
    // One step is one, and whoever asks for it learns why so little came of it.
    assert!(
        out.contains(": 1 step of 64 completions") && out.contains("Few steps teach little: 40, "),
        "{out}"
    );
    assert!(
        out.contains("build-training-batch") && out.contains(target),
        "{out}"
    );
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
async fn a_run_that_fails_stops_what_it_has_started_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = demo(&["--steps", "1", "--save", directory.path().to_str().unwrap()]);
    command.env("RL_MCP_LOG", "info");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    // It has looked; now, where the file is to be, something else is.
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("GRPO "));
    std::fs::create_dir(directory.path().join("adapter_config.json")).unwrap();
    let ended = running.wait_with_output().await.unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{error}");
    let problem = error.lines().last().unwrap();
    assert!(problem.starts_with("rl-mcp demo: cannot write "), "{error}");
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
    assert!(record["tools"]["get-sample-operation"].is_null(), "{record:#}");
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
    while !lines.next_line().await.unwrap().unwrap().starts_with("step ") {}
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
    for (size, columns_fit) in [((80, 24), true), ((50, 40), false)] {
        let written = Terminal::start(demo(&["--steps", "1"]), size).ended().await;
        assert_eq!(written.code, Some(1));
        assert_eq!(written.broken(), [""; 0], "{}", written.text());
        let last = written.last_screen();
        for words in [
            "Mean reward by step",
            "1.00 ┤",
            "best without reading prompts   0.250",
            "Few steps teach little",
            "prompt  untrained",
            "  punct:  ",
        ] {
            assert!(last.contains(words), "{words}: {last}");
        }
        assert_eq!(
            last.contains("in the 64 completions of the first step"),
            columns_fit,
            "{last}"
        );
        let text = written.text();
        // While it goes on, what is being done is said whole.
        assert!(
            text.contains("1/1 step ") && text.contains("starting training session"),
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
        terminal.shows("mean reward").await;
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
