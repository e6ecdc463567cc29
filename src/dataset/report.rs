//! What is answered about a file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::problems::counted;
use crate::redact::clean;

/// The answer.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) rows: usize,
    /// Rows that are conversations.
    pub(super) messages: usize,
    /// Rows that are text.
    pub(super) prompts: usize,
    /// Rows that have their answer, for supervised training.
    pub(super) with_completion: usize,
    /// The other members, and how many rows have them.
    pub(super) members: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lengths: Option<Lengths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duplicates: Option<Duplicates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unchecked: Option<String>,
    /// Rows whose prompt is in the evaluation file too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) overlaps: Option<Lines>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) too_long: Option<Lines>,
    pub(super) problems: Vec<Problem>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) more_problems: usize,
    pub(super) examples: Vec<Example>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// What is wrong with some rows.
#[derive(Serialize)]
pub(super) struct Problem {
    #[serde(flatten)]
    pub(super) at: Lines,
    #[serde(rename = "problem")]
    pub(super) what: String,
}

/// Rows that have something in common.
#[derive(Default, Serialize)]
pub(super) struct Lines {
    rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// The first of them.
    #[serde(rename = "lines")]
    first: Vec<usize>,
}

impl Lines {
    /// Counts a row, and keeps its line while there are fewer than `most`.
    pub(super) fn add(&mut self, line: usize, most: usize) {
        self.rows += 1;
        if self.first.len() < most {
            self.first.push(line);
        }
    }

    /// The same of rows beyond a limit.
    pub(super) fn beyond(self, limit: u64) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }
}

/// Rows whose prompt came before.
#[derive(Serialize)]
pub(super) struct Duplicates {
    pub(super) rows: usize,
    /// Of the first of them: where the prompt stands, and where it stands again.
    pub(super) lines: Vec<(usize, usize)>,
}

/// How long rows are.
#[derive(Serialize)]
pub(super) struct Lengths {
    unit: &'static str,
    /// Of how many rows, if not of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_rows: Option<usize>,
    least: u64,
    median: u64,
    p95: u64,
    most: u64,
}

impl Lengths {
    /// Of the lengths and how often each comes.
    pub(super) fn of(
        unit: &'static str,
        counts: &BTreeMap<u64, usize>,
        of_rows: Option<usize>,
    ) -> Option<Self> {
        let all: usize = counts.values().sum();
        let at = |percent: usize| {
            let rank = (all * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let found = counts.iter().find(|(_, count)| {
                seen += **count;
                seen >= rank
            });
            found.map(|(length, _)| *length)
        };
        Some(Self {
            unit,
            of_rows,
            least: *counts.keys().next()?,
            median: at(50)?,
            p95: at(95)?,
            most: *counts.keys().next_back()?,
        })
    }
}

/// A row as the model reads it.
#[derive(Serialize)]
pub(super) struct Example {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    text: String,
}

impl Example {
    pub(super) fn new(line: usize, text: &str, tokens: Option<u64>, longest: usize) -> Self {
        let text = clean::text(text);
        let text = match text.char_indices().nth(longest) {
            Some((end, _)) => format!(
                "{}… ({} characters)",
                text.get(..end).unwrap_or_default(),
                text.chars().count()
            ),
            None => text,
        };
        Self { line, tokens, text }
    }
}

impl Report {
    /// With what it comes to, in a sentence.
    pub(super) fn noted(mut self) -> Self {
        let mut found = Vec::new();
        let listed = self.problems.iter().map(|problem| problem.at.rows);
        let problems = listed.sum::<usize>() + self.more_problems;
        if self.rows == 0 {
            found.push("no row".to_owned());
        }
        if problems > 0 {
            found.push(counted(problems, "problem"));
        }
        if let Some(duplicates) = &self.duplicates {
            found.push(counted(duplicates.rows, "duplicate"));
        }
        if let Some(overlaps) = self.overlaps.as_ref().filter(|lines| lines.rows > 0) {
            found.push(format!(
                "{} that the evaluation file has too",
                counted(overlaps.rows, "row")
            ));
        }
        if let Some(too_long) = self.too_long.as_ref().filter(|lines| lines.rows > 0) {
            found.push(format!("{} that are too long", counted(too_long.rows, "row")));
        }
        let found = if found.is_empty() {
            "Nothing is wrong with it.".to_owned()
        } else {
            format!("Found {}.", found.join(", "))
        };
        let answers = if self.with_completion > 0 && self.with_completion < self.rows {
            format!(
                " Only {} of {} rows have an answer, which supervised training needs in each and sampling in none.",
                self.with_completion, self.rows
            )
        } else {
            String::new()
        };
        let unchecked = self
            .unchecked
            .take()
            .map_or_else(String::new, |text| format!(" {text}"));
        self.note = Some(format!("{found}{answers}{unchecked}"));
        self
    }
}
