//! Log-probabilities under the reference policy, of sequences that a sampling scored.

use std::collections::HashMap;

use super::sample::objection;
use super::stored::Sampling;
use crate::error::problems::{Path, Problems};

/// The argument that names the operations.
pub(super) const NAME: &str = "reference_operation_ids";

/// For each sequence that was scored, one value for each of its tokens; the first has none.
pub(super) struct Scores(HashMap<Vec<i64>, Vec<Option<f64>>>);

impl Scores {
    /// The prompts of a sampling, which were whole sequences.
    pub(super) fn new(sampling: Sampling, problems: &mut Problems) -> Self {
        let at = Path::Root.key(NAME);
        let mut scores = HashMap::new();
        for prompt in sampling.prompts {
            let place = &prompt.place;
            let Some(logprobs) = prompt.logprobs else {
                problems.add(
                    &at,
                    format!("{place} was not scored: call this without {NAME}, and it writes the body to call sample with; the ids of that sampling belong here"),
                );
                continue;
            };
            if logprobs.len() != prompt.tokens.len() {
                let (given, wanted) = (logprobs.len(), prompt.tokens.len());
                problems.add(
                    &at,
                    format!("{place} has {given} prompt_logprobs for {wanted} tokens: sample again"),
                );
                continue;
            }
            let wrong = logprobs.iter().find_map(|value| objection(*value));
            if let Some(objection) = wrong {
                problems.add(&at, format!("{place}.prompt_logprobs: {objection}"));
            }
            scores.insert(prompt.tokens, logprobs);
        }
        Self(scores)
    }

    /// Those of a sequence's tokens from `start` on.
    pub(super) fn of(&self, full: &[i64], start: usize) -> Option<&[Option<f64>]> {
        self.0.get(full)?.get(start..)
    }
}
