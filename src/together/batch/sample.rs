//! One sequence to train on, aligned.
//!
//! Let `full` be the tokens of prompt and completion. The input is `full` without its last token, the targets are `full`
//! without its first, and slot i of every tensor belongs to the predicted token `full[i + 1]`: with P tokens of prompt,
//! P - 1 slots come before the completion's first.

use std::ops::Range;

use super::labels::Advantage;
use crate::together::tensor::{LARGEST_LOGPROB, usable_logprob};

/// A sequence to train on, and what belongs to the tokens of its completion.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Sample {
    /// Where the caller finds it, such as `rewards[0][1]`.
    pub(super) origin: String,
    /// Prompt and completion.
    full: Vec<i64>,
    /// How many of them are the prompt; not 0.
    prompt: usize,
    pub(super) values: Values,
    pub(super) routed_experts_key: Option<String>,
}

/// One value for each token of the completion.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) enum Values {
    Weights(Vec<f64>),
    Policy(Policy),
}

/// What policy losses take.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Policy {
    pub(super) logprobs: Vec<f64>,
    pub(super) advantages: Vec<f64>,
    pub(super) reference_logprobs: Option<Vec<f64>>,
    /// 0 or 1.
    pub(super) mask: Vec<f64>,
}

impl Sample {
    /// The sequence of a prompt and a completion, neither of them empty, with the completion's values.
    pub(super) fn new(origin: String, prompt: &[i64], completion: &[i64], values: Values) -> Self {
        Self {
            origin,
            full: [prompt, completion].concat(),
            prompt: prompt.len(),
            values,
            routed_experts_key: None,
        }
    }

    /// The sequence of which the tokens in the mask are trained on, each with this weight. `None`: none of them is. The
    /// first token is never predicted.
    pub(super) fn masked(origin: String, tokens: &[i64], mask: &[bool], weight: f64) -> Option<Self> {
        let trained = mask.iter().skip(1).position(|trained| *trained)? + 1;
        let (prompt, completion) = tokens.split_at_checked(trained)?;
        let weights = mask
            .iter()
            .skip(trained)
            .map(|trained| if *trained { weight } else { 0.0 });
        Some(Self::new(
            origin,
            prompt,
            completion,
            Values::Weights(weights.collect()),
        ))
    }

    /// How many zeros begin each tensor of values.
    pub(super) const fn slots_before(&self) -> usize {
        self.prompt.saturating_sub(1)
    }

    pub(super) fn input(&self) -> &[i64] {
        self.full.split_last().map_or(&[], |(_, input)| input)
    }

    pub(super) fn targets(&self) -> &[i64] {
        self.full.split_first().map_or(&[], |(_, targets)| targets)
    }

    /// How many slots are trained on.
    pub(super) fn trained(&self) -> usize {
        let selection = match &self.values {
            Values::Weights(weights) => weights,
            Values::Policy(policy) => &policy.mask,
        };
        selection.iter().filter(|value| **value != 0.0).count()
    }
}

impl Policy {
    /// What belongs to the tokens of a completion. A token without usable log-probabilities counts for nothing.
    pub(super) fn new(
        logprobs: &[Option<f64>],
        advantage: &Advantage,
        references: Option<&[Option<f64>]>,
    ) -> Self {
        let mut policy = Self {
            reference_logprobs: references.map(|_| Vec::with_capacity(logprobs.len())),
            ..Self::default()
        };
        for (index, logprob) in logprobs.iter().enumerate() {
            let reference = references.map_or(Some(0.0), |values| values.get(index).copied().flatten());
            let usable = usable_logprob(*logprob).zip(usable_logprob(reference));
            let (logprob, reference) = usable.unwrap_or_default();
            policy.logprobs.push(rounded(logprob));
            policy
                .advantages
                .push(usable.map_or(0.0, |_| advantage.at(index)));
            if let Some(references) = &mut policy.reference_logprobs {
                references.push(rounded(reference));
            }
            policy.mask.push(f64::from(u8::from(usable.is_some())));
        }
        policy
    }

    /// How many tokens count for nothing.
    pub(super) fn unusable(&self) -> usize {
        self.mask.iter().filter(|value| **value == 0.0).count()
    }
}

/// What rounding can lift above 0 is 0.
const fn rounded(logprob: f64) -> f64 {
    logprob.min(0.0)
}

/// What is wrong with a log-probability that the service gave.
pub(super) fn objection(logprob: Option<f64>) -> Option<&'static str> {
    let above = logprob.is_some_and(|value| value > LARGEST_LOGPROB);
    above.then_some("a log-probability is not above 0")
}

/// The samples in as few runs of at most `most` input tokens as there can be, in order and of about equal size: a loss that
/// is averaged over a call gives each call the same weight. Or the index of the longest, if that alone has more.
pub(super) fn split(samples: &[Sample], most: Option<usize>) -> Result<Vec<Range<usize>>, usize> {
    let most = most.unwrap_or(usize::MAX);
    let longest = samples
        .iter()
        .enumerate()
        .max_by_key(|(_, sample)| sample.input().len());
    if let Some((index, _)) = longest.filter(|(_, sample)| sample.input().len() > most) {
        return Err(index);
    }
    let fewest = runs(samples, most).len();
    let (mut low, mut high) = (longest.map_or(0, |(_, sample)| sample.input().len()), most);
    high = high.min(samples.iter().map(|sample| sample.input().len()).sum());
    while low < high {
        let middle = low.midpoint(high);
        if runs(samples, middle).len() > fewest {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(runs(samples, high))
}

/// The samples in order, as many in each run as fit into `most` input tokens.
fn runs(samples: &[Sample], most: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut tokens = 0_usize;
    for (index, sample) in samples.iter().enumerate() {
        let more = sample.input().len();
        match runs.last_mut() {
            Some(run) if tokens.saturating_add(more) <= most => {
                run.end = index + 1;
                tokens += more;
            }
            _ => {
                runs.push(index..index + 1);
                tokens = more;
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests;
