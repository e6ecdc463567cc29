//! A whole GRPO run: `rl-mcp train` beside a script with Together AI's SDK for Python, both against one sandbox, in turns:
//!
//! ```sh
//! cargo build --release --target-dir target/shipped
//! RL_MCP_BENCH_BINARY=target/shipped/release/rl-mcp RL_MCP_BENCH_PYTHON=PATH cargo bench --bench train
//! ```
//!
//! `RL_MCP_BENCH_PYTHON` names a Python that has together 3.1.1; without it only rl-mcp is measured. `RL_MCP_BENCH_TOKENIZER`
//! names a directory with Qwen3's tokenizer: then the own work of a step of 64 prompts with 8 completions of 512 tokens is
//! measured as well, and of half as many, against a service that answers at once.
//!
//! Without `--bench`, as `cargo test --benches` runs it, everything is done once and briefly.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on has failed"
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "bytes and milliseconds, far below 2^53"
)]

mod common;
#[path = "common/host.rs"]
mod host;
#[path = "common/sandbox.rs"]
mod sandbox;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use common::{kilobytes, median};
use host::Host;
use sandbox::Sandbox;

const ROUNDS: usize = 3;
const STEPS: usize = 40;
/// The same of the run that a conversation follows, and how often that looks at it.
const LONG_STEPS: usize = 200;
const LOOKS: usize = 5;
/// Of JSON, about.
const BYTES_OF_A_TOKEN: usize = 4;
/// What the system counts a second in.
const TICKS: f64 = 100.0;

/// What a process took.
struct Took {
    seconds: f64,
    /// Of the processor.
    cpu: f64,
    /// Bytes resident at most.
    memory: f64,
    /// Of these, the most that were its own, and not pages of a program's file, which all its processes share.
    own: f64,
}

fn took(command: &mut Command) -> Took {
    let begun = (Instant::now(), children());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut memory, mut own): (f64, f64) = (0.0, 0.0);
    let code = loop {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let of = |name: &str| kilobytes(&status, name).map(|kilobytes| kilobytes * 1024.0);
        // The last is what counts: before it is the program's own, the process is a copy of this one.
        memory = of("VmHWM:").unwrap_or(memory);
        own = own.max(of("RssAnon:").unwrap_or_default());
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(code.success(), "{command:?}: {code}");
    Took {
        seconds: begun.0.elapsed().as_secs_f64(),
        cpu: (children() - begun.1) / TICKS,
        memory,
        own,
    }
}

/// The processor's time of all children that have ended, in ticks.
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = rest
        .split(' ')
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    // As proc(5) counts them, cutime and cstime are the 16th and 17th of all.
    fields.get(13..15).map_or(0.0, |times| times.iter().sum())
}

fn rows() -> String {
    (0..64).fold(String::new(), |mut rows, number| {
        let letter = ["A", "B", "C", "D"][number % 4];
        let _ = writeln!(
            rows,
            "{{\"prompt\": \"{number}: eight times {letter}: \", \"answer\": \"{}\"}}",
            letter.repeat(8)
        );
        rows
    })
}

/// How many lines somebody writes.
fn lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let (rounds, steps) = if measuring { (ROUNDS, STEPS) } else { (1, 2) };
    let binary = std::env::var_os("RL_MCP_BENCH_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rl-mcp")), PathBuf::from);
    let python = std::env::var_os("RL_MCP_BENCH_PYTHON");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-train");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("rows.jsonl");
    fs::write(&path, rows()).unwrap();
    let recipe = format!(
        "method = \"grpo\"\nbase_model = \"sandbox/byte-lm\"\ndataset = \"rows.jsonl\"\nsteps = {steps}\nlearning_rate = 0.001\n\n[grader]\ntype = \"similarity\"\nmeasure = \"edit\"\n\n[sampling]\nmax_tokens = 8\n"
    );
    fs::write(directory.join("recipe.toml"), &recipe).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/train.py");
    let sandbox = Sandbox::start(&binary, 5000).unwrap();
    let mut all: [Vec<Took>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let mut own = Command::new(&binary);
        own.args(["train", "recipe.toml"])
            .current_dir(&directory)
            .env("TOGETHER_BASE_URL", &sandbox.url)
            .env("TOGETHER_API_KEY", &sandbox.key)
            .env("RL_MCP_DATA_DIR", directory.join("data"));
        all[0].push(took(&mut own));
        if let Some(python) = &python {
            let mut other = Command::new(python);
            other
                .arg(&script)
                .args([&sandbox.url, &sandbox.key])
                .arg(&path)
                .arg(steps.to_string());
            all[1].push(took(&mut other));
        }
    }
    through_a_model(
        &binary,
        &directory,
        &sandbox,
        if measuring { LONG_STEPS } else { LOOKS },
    );
    drop(sandbox);
    println!("GRPO, {steps} steps of 8 prompts with 8 completions; medians of {rounds} runs");
    println!(
        "{:<34}{:>10}{:>14}{:>18}{:>14}{:>9}",
        "", "wall, s", "processor, s", "resident, MB", "own, MB", "lines"
    );
    let written = [lines(&recipe), lines(&fs::read_to_string(&script).unwrap())];
    let names = ["rl-mcp train", "Python with together 3.1.1"];
    for ((name, took), written) in names.iter().zip(&all).zip(written) {
        if took.is_empty() {
            continue;
        }
        let of = |value: &dyn Fn(&Took) -> f64| median(&mut took.iter().map(value).collect::<Vec<_>>());
        println!(
            "{name:<34}{:>10.2}{:>14.2}{:>18.1}{:>14.1}{written:>9}",
            of(&|took| took.seconds),
            of(&|took| took.cpu),
            of(&|took| took.memory / 1e6),
            of(&|took| took.own / 1e6)
        );
    }
    if let Some(tokenizer) = std::env::var_os("RL_MCP_BENCH_TOKENIZER") {
        for prompts in [32, 64] {
            own_work(&binary, &directory, Path::new(&tokenizer), prompts);
        }
    }
    fs::remove_dir_all(&directory).unwrap();
}

/// What a run costs a conversation: calls, and about how many tokens they and their answers have.
fn through_a_model(binary: &Path, directory: &Path, sandbox: &Sandbox, steps: usize) {
    let mut command = Command::new(binary);
    command
        .env("TOGETHER_BASE_URL", &sandbox.url)
        .env("TOGETHER_API_KEY", &sandbox.key)
        .env("RL_MCP_DATA_DIR", directory.join("data"))
        .env("RL_MCP_FILE_DIRS", directory);
    let mut host = Host::start(&mut command);
    let (mut calls, mut bytes) = (0, 0);
    let mut call = |tool: &str, arguments: Value| {
        let answer = host.call(tool, &arguments);
        calls += 1;
        bytes += tool.len() + arguments.to_string().len() + answer.len();
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let grader = json!({"type": "similarity", "measure": "edit"});
    call(
        "check-dataset",
        json!({"path": "rows.jsonl", "grader": grader.clone()}),
    );
    let mut recipe = json!({
        "method": "grpo", "base_model": "sandbox/byte-lm", "dataset": "rows.jsonl", "grader": grader,
        "steps": steps, "learning_rate": 0.001, "sampling": {"max_tokens": 8}, "estimate_only": true,
    });
    call("start-training", recipe.clone());
    recipe.as_object_mut().unwrap().remove("estimate_only");
    let started = call("start-training", recipe);
    let run = &started["run_id"];
    let mut shown = Value::Null;
    for look in 1..=LOOKS {
        let until = steps * look / LOOKS;
        shown = call(
            "get-training",
            json!({"run_id": run, "until_step": until, "wait_seconds": 50}),
        );
    }
    while shown.get("ended_at").is_none() {
        shown = call("get-training", json!({"run_id": run, "wait_seconds": 50}));
    }
    call("get-training", json!({"run_id": run, "view": "report"}));
    let id = &shown["inference_checkpoint"]["id"];
    call(
        "download-checkpoint",
        json!({"id": id, "variant": "CHECKPOINT_VARIANT_ADAPTER", "directory": run}),
    );
    host.end();
    println!(
        "through a model, {steps} steps with {LOOKS} looks at them: {calls} calls, about {} tokens",
        bytes / BYTES_OF_A_TOKEN
    );
}

/// What a step of so many prompts takes of this machine, in a run of many and one of a single step.
fn own_work(binary: &Path, directory: &Path, tokenizer: &Path, prompts: usize) {
    const MORE: usize = 6;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/upstream.py");
    let mut upstream = Command::new("python3")
        .arg(&script)
        .arg(prompts.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(upstream.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let run = |steps: usize| {
        let recipe = serde_json::json!({
            "method": "grpo", "base_model": "Qwen/Qwen3-0.6B", "tokenizer": tokenizer, "dataset": "rows.jsonl",
            "steps": steps, "rows_per_step": prompts, "grader": {"type": "regex", "pattern": "^[A-Ma-m]"},
        });
        fs::write(directory.join("own.json"), recipe.to_string()).unwrap();
        let mut command = Command::new(binary);
        command
            .args(["train", "own.json"])
            .current_dir(directory)
            .env("TOGETHER_BASE_URL", format!("http://127.0.0.1:{}", port.trim()))
            .env("TOGETHER_API_KEY", "bench-key-of-nobody")
            .env("RL_MCP_FILE_DIRS", tokenizer)
            .env("RL_MCP_DATA_DIR", directory.join("data"));
        took(&mut command)
    };
    let (one, several) = (run(1), run(1 + MORE));
    println!(
        "own work of a step of {prompts} × 8 × 512 tokens: {:.0} ms of the processor; {:.0} MB resident at most, tokenizer and program included",
        1000.0 * (several.cpu - one.cpu) / MORE as f64,
        several.memory / 1e6
    );
    upstream.kill().unwrap();
    upstream.wait().unwrap();
}
