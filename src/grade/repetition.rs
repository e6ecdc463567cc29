//! `repetition`: the same words again and again.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Score, Subject};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

/// As those who introduced it have it.
const USUAL: u32 = 4;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("ngram", "words"), ("n", "words"), ("ngram_size", "words")]))]
pub(super) struct Members {
    /// How many words make a run. Default 4.
    #[schemars(range(min = 1, max = 64))]
    words: Option<u32>,
}

struct Ready(usize);

impl kind::Members for Members {
    fn ready(self, _: &Path<'_>, _: &Commands, _: &mut Problems) -> Option<Box<dyn Grade>> {
        let words = usize::try_from(self.words.unwrap_or(USUAL)).unwrap_or(1).max(1);
        Some(Box::new(Ready(words)))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let text = subject.text.to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let runs = words.windows(self.0).count();
        if runs == 0 {
            return Ok(Score::new(0.0, "too short to repeat itself"));
        }
        let different: HashSet<&[&str]> = words.windows(self.0).collect();
        let repeated = runs - different.len();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 words")]
        let share = repeated as f64 / runs as f64;
        // Nobody wants to see -0.
        let reward = if repeated == 0 { 0.0 } else { -share };
        Ok(Score::new(
            reward,
            format!("{repeated} of {runs} runs of {} words came before", self.0),
        ))
    }
}
