//! The losses: from the log-probabilities of tokens to one number, its gradient, and metrics.
//!
//! `new` is the log-probability under the weights that are trained, `old` that under the policy that sampled the
//! token, `r = exp(new - old)` their ratio, `A` the advantage. A slot whose weight is 0 counts nowhere.

mod metrics;
mod sample;
mod term;

use std::collections::BTreeMap;

use super::model::{Score, float};
pub(crate) use sample::Sample;
use sample::Slot;
pub(crate) use term::Clip;

/// How the losses of tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregation {
    /// Their sum, divided by the number of sequences and by the length of the longest, whatever the others' lengths.
    FixedHorizon,
    /// The mean over all tokens of the batch.
    TokenMean,
    /// The mean over sequences of the mean over their tokens.
    SequenceMean,
}

/// What a ratio belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ratio {
    /// Each token has its own.
    Token,
    /// The geometric mean over a sequence, as in GSPO.
    Sequence,
}

/// A loss with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    /// The sum of -weight · new.
    CrossEntropy,
    /// -min(r·A, clip(r)·A) + beta · (exp(d) - d - 1), where d = reference - new.
    Grpo {
        clip: Clip,
        beta: f64,
        aggregation: Aggregation,
        ratio: Ratio,
    },
    /// The sum of -r·A.
    ImportanceSampling,
    /// The sum of -min(r·A, clip(r)·A).
    Ppo(Clip),
    /// The sum of -clip(r)·A·new, where the clipped ratio is a constant.
    Cispo(Clip),
    /// The sum of -A·new + beta / 2 · (new - old)².
    Dro { beta: f64 },
    /// The sum of -r·A, where tokens count no longer whose probability has moved too far in the advantage's direction.
    Dppo { low: f64, high: f64 },
}

/// What a loss makes of a batch.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) loss: f64,
    /// d loss / d new, for each slot of each sample.
    pub(super) gradients: Vec<Vec<f64>>,
    pub(super) metrics: BTreeMap<&'static str, f64>,
}

impl Loss {
    /// Evaluates the loss of a batch, given what the model says about each slot.
    pub(super) fn evaluate(&self, samples: &[Sample], scores: &[Vec<Score>]) -> Evaluation {
        let batch: Vec<Vec<Slot>> = samples
            .iter()
            .zip(scores)
            .map(|(sample, scores)| sample.slots(scores))
            .collect();
        let longest = samples.iter().map(|sample| sample.input.len()).max().unwrap_or(0);
        let mut loss = 0.0;
        let mut gradients = Vec::with_capacity(samples.len());
        let mut clipped = (0, 0);
        for (sample, slots) in samples.iter().zip(&batch) {
            let share = self.share(&batch, slots.len(), longest);
            let terms = self.terms(slots);
            let mut gradient = vec![0.0; sample.input.len()];
            for (slot, term) in slots.iter().zip(&terms) {
                loss += share * term.loss;
                clipped.0 += usize::from(term.clipped < 0);
                clipped.1 += usize::from(term.clipped > 0);
                if let Some(slope) = gradient.get_mut(slot.index) {
                    *slope = share * term.slope;
                }
            }
            gradients.push(gradient);
        }
        let mut metrics = self.metrics(&batch, clipped);
        // A ratio can be beyond all numbers where clipping still gives a loss, but JSON has no infinity.
        metrics.retain(|_, value| value.is_finite());
        Evaluation {
            loss,
            gradients,
            metrics,
        }
    }

    /// What the terms of a sequence with `tokens` slots are multiplied by before they are summed up.
    fn share(&self, batch: &[Vec<Slot>], tokens: usize, longest: usize) -> f64 {
        let Self::Grpo { aggregation, .. } = self else {
            return 1.0;
        };
        let all: usize = batch.iter().map(Vec::len).sum();
        let divisor = match aggregation {
            Aggregation::FixedHorizon => batch.len() * longest,
            Aggregation::TokenMean => all,
            Aggregation::SequenceMean => batch.len() * tokens,
        };
        1.0 / float(divisor.max(1))
    }
}

/// An estimate of a Kullback-Leibler divergence from one sample, which is never negative: exp(d) - d - 1.
fn divergence(distance: f64) -> f64 {
    distance.exp_m1() - distance
}

#[cfg(test)]
mod tests;
