//! `length`: what is too long.

use schemars::JsonSchema;
use serde::Deserialize;

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Score, Subject};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("max_length", "max"), ("max_tokens", "max"), ("cache", "buffer"), ("overlong_buffer", "buffer")]))]
pub(super) struct Members {
    /// What is longer scores -1; with a buffer, what is as long does too.
    #[schemars(range(min = 1))]
    max: u32,
    /// Over so many before max it falls from 0 to -1. Default 0: all at once.
    buffer: Option<u32>,
    /// Default tokens.
    unit: Option<Unit>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unit {
    #[default]
    Tokens,
    Words,
    Characters,
}

struct Ready {
    max: usize,
    buffer: usize,
    unit: Unit,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let buffer = self.buffer.unwrap_or_default();
        if buffer > self.max {
            problems.add(
                &path.key("buffer"),
                format!("is part of max: at most {}", self.max),
            );
            return None;
        }
        let size = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        Some(Box::new(Ready {
            max: size(self.max),
            buffer: size(buffer),
            unit: self.unit.unwrap_or_default(),
        }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let (length, unit) = match self.unit {
            Unit::Tokens => (
                subject.tokens.ok_or_else(|| {
                    Failure::Row(
                        "has no count of tokens: let the length grader have unit words or characters"
                            .to_owned(),
                    )
                })?,
                "tokens",
            ),
            Unit::Words => (subject.text.split_whitespace().count(), "words"),
            Unit::Characters => (subject.text.chars().count(), "characters"),
        };
        let free = self.max - self.buffer;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
        let reward = if length > self.max || (length == self.max && self.buffer > 0) {
            -1.0
        } else if length <= free {
            0.0
        } else {
            -((length - free) as f64) / self.buffer as f64
        };
        Ok(Score::new(reward, format!("{length} {unit} of {}", self.max)))
    }
}
