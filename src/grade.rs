//! Graders: what a completion is worth, by a rule that is written down.
//!
//! A grader is one JSON value, such as `{"type": "number", "expected": "{{row.answer}}"}`, and the same wherever one is
//! taken. `type` chooses its kind (`kind.rs` lists all), the other members are that kind's. What it compares with comes from
//! the row of the data set (`reference.rs`).

mod choice;
mod combine;
mod command;
mod commands;
mod find;
mod format;
mod json_fields;
mod json_schema;
mod kind;
mod length;
mod math;
mod mathematics;
mod number;
mod read;
mod reference;
mod regex;
mod repetition;
mod similarity;
mod string;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::redact::clean;
pub(crate) use command::end_all;
pub(crate) use commands::Commands;

pub use kind::{KINDS, Kind};
pub use math::is_equal;
pub(crate) use read::read;

/// What is graded.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The completion.
    pub text: &'a str,
    /// How many tokens it has, where that is known.
    pub tokens: Option<usize>,
    /// Why it ended: `STOP`, `LENGTH`.
    pub stop_reason: Option<&'a str>,
    /// The members of the row of the data set that its prompt came from.
    pub row: &'a Map<String, Value>,
}

/// What a grader says of a completion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Score {
    /// What it is worth.
    pub reward: f64,
    /// In a few words.
    pub why: String,
    /// What those said that it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// What one of several graders said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    /// Which.
    pub name: String,
    /// What it said.
    #[serde(flatten)]
    pub score: Score,
}

/// Why a completion cannot be graded, as a sentence without its subject.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// Its row is the subject.
    Row(String),
    /// The grader is, and no completion can be graded.
    Grader(String),
}

impl Failure {
    /// The sentence.
    pub(crate) fn into_words(self) -> String {
        match self {
            Self::Row(words) | Self::Grader(words) => words,
        }
    }
}

/// A grader that is ready.
pub(crate) trait Grade: Send + Sync {
    /// What the completion is worth.
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure>;

    /// What each of several completions is worth.
    fn score_all(&self, subjects: &[Subject<'_>]) -> Vec<Result<Score, Failure>> {
        subjects.iter().map(|subject| self.score(subject)).collect()
    }

    /// Says what of this row it needs and does not find; nothing needs to be sampled for that.
    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        let _ = row;
        Ok(())
    }
}

impl Score {
    /// A score without parts.
    fn new(reward: f64, why: impl Into<String>) -> Self {
        Self {
            reward,
            why: why.into(),
            parts: Vec::new(),
        }
    }

    /// 1 or 0.
    fn pass(passed: bool, why: impl Into<String>) -> Self {
        Self::new(if passed { 1.0 } else { 0.0 }, why)
    }
}

/// The beginning of a text, without what nobody sees, for a sentence.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = clean::text(text.trim());
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
