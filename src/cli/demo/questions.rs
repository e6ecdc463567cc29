//! What the demo teaches: sums. The model knows none of them, and learns them from rewards alone.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Each question, and its answer. No two have the same, so that whoever does not read gets one in six.
pub(super) const QUESTIONS: [(&str, u32); 6] = [
    ("2+3=", 5),
    ("4+4=", 8),
    ("1+2=", 3),
    ("5+2=", 7),
    ("3+1=", 4),
    ("6+3=", 9),
];

/// The best mean reward of one answer to all questions: a tenth for each digit, and the rest for the one that it answers.
pub(super) const BLIND: f64 = 0.1 + 0.9 / 6.0;
/// How many times that a model gets at least that has learned to read them.
pub(super) const FACTOR: f64 = 2.0;

/// Completions of each question in a step.
const GROUP: usize = 32;
/// How many completions a step has.
pub(super) const COMPLETIONS: usize = QUESTIONS.len() * GROUP;

/// Writes the questions into a directory: a line of JSON each.
pub(super) fn write(directory: &Path) -> io::Result<PathBuf> {
    let path = directory.join("sums.jsonl");
    let line = |(question, answer)| json!({"prompt": question, "answer": answer}).to_string() + "\n";
    std::fs::write(&path, QUESTIONS.map(line).concat())?;
    Ok(path)
}

/// What a completion is worth: most for the right number, and something for any digit, which makes a beginning.
pub(super) fn grader() -> Value {
    json!({"type": "combine", "parts": [
        {"grader": {"type": "number"}, "weight": 0.9},
        {"grader": {"type": "regex", "pattern": "^[0-9]$"}, "weight": 0.1},
    ]})
}

/// The arguments of start-training. Each of six seeds that were tried had learned after 24 steps.
pub(super) fn recipe(questions: &Path, steps: u32, seed: u32) -> Value {
    json!({
        "method": "grpo",
        "base_model": "sandbox/byte-lm",
        "dataset": questions,
        "grader": grader(),
        "steps": steps,
        "rows_per_step": QUESTIONS.len(),
        "group_size": GROUP,
        // The adapter of a small model wants more than the usual 1e-5 to 1e-4.
        "learning_rate": 0.003,
        "lora": {"rank": 32, "alpha": 64},
        // A token is a byte, and the answers are digits.
        "sampling": {"max_tokens": 1},
        "seed": seed,
    })
}
