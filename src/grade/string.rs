//! `string`: the text itself.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, short};
use crate::arguments::schema::{keeps_empty, renamed};
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("answer", "expected"), ("target", "expected"), ("reference", "expected"), ("mode", "match"), ("operation", "match")]), transform = keeps_empty)]
pub(super) struct Members {
    /// What is compared with. Default {{row.answer}}; where the row has a list, each of it will do.
    expected: Option<String>,
    /// Default equals.
    r#match: Option<How>,
    /// Default false.
    ignore_case: Option<bool>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = renamed(&[("equal", "equals"), ("eq", "equals"), ("exact", "equals"), ("includes", "contains"), ("prefix", "starts_with"), ("suffix", "ends_with")]))]
enum How {
    #[default]
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

struct Ready {
    expected: Reference,
    how: How,
    ignore_case: bool,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = Reference::given(self.expected.as_deref(), &path.key("expected"), problems);
        Some(Box::new(Ready {
            expected,
            how: self.r#match.unwrap_or_default(),
            ignore_case: self.ignore_case.unwrap_or_default(),
        }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let text = self.plain(subject.text);
        let expected = self.expected(subject.row)?;
        let passed = expected.iter().any(|expected| {
            let expected = self.plain(expected);
            match self.how {
                How::Equals => text == expected,
                How::Contains => text.contains(&expected),
                How::StartsWith => text.starts_with(&expected),
                How::EndsWith => text.ends_with(&expected),
            }
        });
        let verb = match (self.how, passed) {
            (How::Equals, true) => "equals",
            (How::Equals, false) => "is not",
            (How::Contains, true) => "contains",
            (How::Contains, false) => "does not contain",
            (How::StartsWith, true) => "begins with",
            (How::StartsWith, false) => "does not begin with",
            (How::EndsWith, true) => "ends with",
            (How::EndsWith, false) => "does not end with",
        };
        let wanted = expected.iter().map(|expected| format!("\"{}\"", short(expected)));
        let wanted: Vec<String> = wanted.take(3).collect();
        Ok(Score::pass(passed, format!("{verb} {}", wanted.join(" or "))))
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.expected(row).map(drop)
    }
}

impl Ready {
    fn expected(&self, row: &Map<String, Value>) -> Result<Vec<String>, Failure> {
        let texts = self.expected.texts(row)?;
        let is_empty = texts.iter().any(|text| text.trim().is_empty());
        if is_empty && !matches!(self.how, How::Equals) {
            return Err(Failure::Row(
                "expects an empty text, which stands in every other".to_owned(),
            ));
        }
        Ok(texts)
    }

    /// A text without white space around it, with one space for each run of it, and in small letters if case does not count.
    fn plain(&self, text: &str) -> String {
        let words = text.split_whitespace();
        let mut plain = words.collect::<Vec<_>>().join(" ");
        if self.ignore_case {
            plain = plain.to_lowercase();
        }
        plain
    }
}
