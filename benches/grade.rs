//! How long graders take, and `check-dataset` for a gigabyte:
//!
//! ```sh
//! cargo build --release --target-dir target/shipped
//! RL_MCP_BENCH_BINARY=target/shipped/release/rl-mcp cargo bench --bench grade
//! ```
//!
//! `RL_MCP_BENCH_PYTHON` names a Python that has math-verify, which compares the pairs of `tests/data/math.jsonl` in the same run.
//!
//! Without `--bench`, as `cargo test --benches` runs it, everything is done once and briefly.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on has failed"
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "bytes and milliseconds, far below 2^53"
)]

mod common;
#[path = "common/host.rs"]
mod host;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use common::median;
use fastrand::Rng;
use host::Host;
use rl_mcp::{KINDS, is_equal};
use serde_json::{Value, json};

const ROUNDS: usize = 7;
const COMPLETIONS: usize = 512;
/// Of each, as words: about 512 tokens.
const WORDS: usize = 380;

/// Completions as models write them, some of them with an answer at the end.
fn texts() -> Vec<String> {
    const COMMON: [&str; 20] = [
        "so",
        "the",
        "sum",
        "is",
        "12",
        "plus",
        "30.5,",
        "which",
        "gives",
        "x = 3",
        "therefore",
        "\n",
        "we",
        "know",
        "that",
        "(a)",
        "1,234",
        "and",
        "if",
        "then",
    ];
    const ENDS: [&str; 6] = [
        "The answer is 42.",
        "\\boxed{1200}",
        "#### 1200",
        "The answer is (B).",
        "```json\n{\"city\": \"Paris\"}\n```",
        "</think> 4",
    ];
    let mut random = Rng::with_seed(11);
    let text = |_| {
        let words: Vec<&str> = (0..WORDS).filter_map(|_| random.choice(COMMON)).collect();
        format!("<think>{}\n{}", words.join(" "), random.choice(ENDS).unwrap())
    };
    (0..COMPLETIONS).map(text).collect()
}

fn graders(rounds: usize) {
    let texts = texts();
    println!(
        "{COMPLETIONS} completions of {WORDS} words, one thread, medians of {rounds} rounds\n\n| grader | ms |\n|---|---|"
    );
    for kind in KINDS {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let started = Instant::now();
            if black_box(kind.rewards(&texts)).is_none() {
                break;
            }
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        if !times.is_empty() {
            println!("| {} | {:.1} |", kind.name, median(&mut times));
        }
    }
}

/// The pairs of answers that the tests hold, here and by math-verify.
fn pairs(rounds: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/data/math.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let pairs: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |pair: &Value, name: &str| {
        pair.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let pairs: Vec<(String, String)> = pairs
        .iter()
        .map(|pair| (of(pair, "given"), of(pair, "expected")))
        .collect();
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            let equal = pairs
                .iter()
                .filter(|(given, expected)| is_equal(given, expected))
                .count();
            black_box(equal);
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    print!(
        "\n{} pairs of answers: math {:.1} ms",
        pairs.len(),
        median(&mut times)
    );
    let Some(python) = std::env::var_os("RL_MCP_BENCH_PYTHON") else {
        println!("; math-verify not measured (RL_MCP_BENCH_PYTHON)");
        return;
    };
    let output = Command::new(python)
        .arg("-B")
        .args([root.join("benches/grade.py"), path])
        .output()
        .unwrap();
    println!(
        ", math-verify {} ms",
        String::from_utf8_lossy(&output.stdout).trim()
    );
}

/// A file of rows of about a kilobyte, no two alike.
fn rows(path: &Path, bytes: u64) {
    let mut random = Rng::with_seed(3);
    let filling = "a question about numbers, with some words in it that take their place; ".repeat(12);
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut written = 0;
    while written < bytes {
        let row = json!({
            "messages": [{"role": "user", "content": format!("{} {filling}", random.u64(..))}],
            "answer": random.u32(..1000),
        });
        let line = format!("{row}\n");
        file.write_all(line.as_bytes()).unwrap();
        written += line.len() as u64;
    }
    file.flush().unwrap();
}

/// Megabytes a second, and the most that the server had resident, in bytes.
fn check(binary: &Path, directory: &Path, path: &Path) -> (f64, f64) {
    let mut command = Command::new(binary);
    command
        .env("RL_MCP_FILE_DIRS", directory)
        .env("RL_MCP_DATA_DIR", directory.join("data"))
        .env("TOGETHER_API_KEY", "bench-key-0123456789");
    let mut host = Host::start(&mut command);
    let started = Instant::now();
    let text = host.call(
        "check-dataset",
        &json!({"path": path, "grader": {"type": "number"}}),
    );
    let seconds = started.elapsed().as_secs_f64();
    assert!(text.contains("Nothing is wrong with it."), "{text}");
    let peak = host.end();
    let bytes = fs::metadata(path).unwrap().len() as f64;
    (bytes / 1e6 / seconds, peak)
}

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let (rounds, bytes, reads) = if measuring {
        (ROUNDS, 1_000_000_000, 3)
    } else {
        (1, 1_000_000, 1)
    };
    graders(rounds);
    pairs(rounds);
    let binary = std::env::var_os("RL_MCP_BENCH_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rl-mcp")), PathBuf::from);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-grade");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("rows.jsonl");
    rows(&path, bytes);
    let (mut rates, mut peaks): (Vec<f64>, Vec<f64>) =
        (0..reads).map(|_| check(&binary, &directory, &path)).unzip();
    fs::remove_dir_all(&directory).unwrap();
    println!(
        "\ncheck-dataset: {:.0} MB/s over {:.0} MB, {:.0} MB resident at most",
        median(&mut rates),
        bytes as f64 / 1e6,
        median(&mut peaks) / 1e6
    );
}
