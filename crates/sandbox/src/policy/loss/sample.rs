//! What a loss is computed from.

use super::Loss;
use crate::policy::model::Score;
use crate::policy::{Refusal, Token};

/// One sequence of a batch. All lists have one entry for each slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// The tokens that are read.
    pub(crate) input: Vec<Token>,
    /// The token to predict after each of them.
    pub(crate) targets: Vec<Token>,
    /// The weight of each slot; absent: 1 everywhere.
    pub(crate) weights: Option<Vec<f64>>,
    /// Log-probabilities under the policy that sampled.
    pub(crate) logprobs: Option<Vec<f64>>,
    /// Advantages.
    pub(crate) advantages: Option<Vec<f64>>,
    /// Log-probabilities under the reference policy.
    pub(crate) reference_logprobs: Option<Vec<f64>>,
}

/// One slot that counts.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) index: usize,
    pub(super) weight: f64,
    pub(super) new: f64,
    pub(super) old: f64,
    pub(super) advantage: f64,
    pub(super) reference: f64,
    pub(super) entropy: f64,
}

impl Sample {
    /// Whether a slot counts.
    pub(crate) fn selects(&self, slot: usize) -> bool {
        self.weight(slot) != 0.0
    }

    fn weight(&self, slot: usize) -> f64 {
        let weights = self.weights.as_ref();
        weights.map_or(1.0, |weights| weights.get(slot).copied().unwrap_or(0.0))
    }

    /// Reports tensors of another length than the input, and those that the loss cannot do without.
    pub(in crate::policy) fn check(&self, loss: Option<&Loss>, place: &str) -> Result<(), Refusal> {
        let length = self.input.len();
        let policy = loss.is_some_and(|loss| *loss != Loss::CrossEntropy);
        let reference = matches!(loss, Some(Loss::Grpo { beta, .. }) if *beta > 0.0);
        let tensors = [
            ("weights", &self.weights, loss == Some(&Loss::CrossEntropy)),
            ("logprobs", &self.logprobs, policy),
            ("advantages", &self.advantages, policy),
            ("reference_logprobs", &self.reference_logprobs, reference),
        ];
        if self.targets.len() != length {
            return Err(Refusal::input(format!(
                "{place}: target_tokens has {} values for {length} tokens",
                self.targets.len()
            )));
        }
        for (name, values, needed) in tensors {
            match values {
                None if needed => return Err(Refusal::input(format!("{place}: the loss needs {name}"))),
                Some(values) if values.len() != length => {
                    let problem = format!("{place}: {name} has {} values for {length} tokens", values.len());
                    return Err(Refusal::input(problem));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The slots that count.
    pub(super) fn slots(&self, scores: &[Score]) -> Vec<Slot> {
        let value = |values: &Option<Vec<f64>>, slot: usize| {
            values.as_ref().and_then(|values| values.get(slot).copied())
        };
        let slots = scores
            .iter()
            .enumerate()
            .filter(|(index, _)| self.selects(*index));
        let slot = |(index, score): (usize, &Score)| Slot {
            index,
            weight: self.weight(index),
            new: score.logprob,
            old: value(&self.logprobs, index).unwrap_or(score.logprob),
            advantage: value(&self.advantages, index).unwrap_or(0.0),
            reference: value(&self.reference_logprobs, index).unwrap_or(score.logprob),
            entropy: score.entropy,
        };
        slots.map(slot).collect()
    }
}
