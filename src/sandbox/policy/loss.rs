//! The losses: from the log-probabilities of tokens to one number, its gradient, and metrics.
//!
//! `new` is the log-probability under the weights that are trained, `old` that under the policy that sampled the
//! token, `r = exp(new - old)` their ratio, `A` the advantage. A slot whose weight is 0 counts nowhere.

use std::collections::BTreeMap;

use super::model::{Score, float};
use super::{Refusal, Token};

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

/// Bounds of a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clip {
    /// The lower one.
    pub(crate) low: f64,
    /// The upper one.
    pub(crate) high: f64,
}

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

/// One slot that counts.
#[derive(Clone, Copy)]
struct Slot {
    index: usize,
    weight: f64,
    new: f64,
    old: f64,
    advantage: f64,
    reference: f64,
    entropy: f64,
}

/// What one slot contributes.
#[derive(Default)]
struct Term {
    loss: f64,
    /// d loss / d new, of this slot.
    slope: f64,
    /// -1 or 1 where a bound of the ratio takes the slot's gradient away or changes it.
    clipped: i8,
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
    pub(super) fn check(&self, loss: Option<&Loss>, place: &str) -> Result<(), Refusal> {
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

    fn slots(&self, scores: &[Score]) -> Vec<Slot> {
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

    fn terms(&self, slots: &[Slot]) -> Vec<Term> {
        let Self::Grpo {
            clip,
            beta,
            ratio: Ratio::Sequence,
            ..
        } = *self
        else {
            return slots.iter().map(|slot| self.term(slot)).collect();
        };
        // One ratio for all slots: each slot's loss depends on every slot's log-probability.
        let share = 1.0 / float(slots.len().max(1));
        let ratio = slots
            .iter()
            .map(|slot| share * (slot.new - slot.old))
            .sum::<f64>()
            .exp();
        let mut terms: Vec<Term> = slots.iter().map(|slot| clip.term(ratio, slot)).collect();
        let slope = share * terms.iter().map(|term| term.slope).sum::<f64>();
        for (term, slot) in terms.iter_mut().zip(slots) {
            term.slope = slope;
            term.add_penalty(beta, slot);
        }
        terms
    }

    fn term(&self, slot: &Slot) -> Term {
        let Slot {
            new, old, advantage, ..
        } = *slot;
        let ratio = (new - old).exp();
        let unclipped = Term {
            loss: -ratio * advantage,
            slope: -ratio * advantage,
            clipped: 0,
        };
        match *self {
            Self::CrossEntropy => Term {
                loss: -slot.weight * new,
                slope: -slot.weight,
                clipped: 0,
            },
            Self::Grpo { clip, beta, .. } => {
                let mut term = clip.term(ratio, slot);
                term.add_penalty(beta, slot);
                term
            }
            Self::ImportanceSampling => unclipped,
            Self::Ppo(clip) => clip.term(ratio, slot),
            Self::Cispo(clip) => {
                let factor = clip.of(ratio);
                Term {
                    loss: -factor * advantage * new,
                    slope: -factor * advantage,
                    clipped: clip.side(ratio),
                }
            }
            Self::Dro { beta } => Term {
                loss: -advantage * new + beta / 2.0 * (new - old).powi(2),
                slope: -advantage + beta * (new - old),
                clipped: 0,
            },
            Self::Dppo { low, high } => {
                let moved = new.exp() - old.exp();
                match () {
                    () if advantage > 0.0 && moved > high => Term {
                        clipped: 1,
                        ..Term::default()
                    },
                    () if advantage < 0.0 && moved < -low => Term {
                        clipped: -1,
                        ..Term::default()
                    },
                    () => unclipped,
                }
            }
        }
    }

    fn metrics(&self, batch: &[Vec<Slot>], (low, high): (usize, usize)) -> BTreeMap<&'static str, f64> {
        let slots: Vec<&Slot> = batch.iter().flatten().collect();
        let mean = |value: &dyn Fn(&Slot) -> f64| {
            slots.iter().map(|slot| value(slot)).sum::<f64>() / float(slots.len().max(1))
        };
        let mut metrics = BTreeMap::from([
            ("loss/entropy/mean", mean(&|slot| slot.entropy)),
            ("loss/logprob/mean", mean(&|slot| slot.new)),
            ("loss/tokens", float(slots.len())),
        ]);
        if *self == Self::CrossEntropy {
            return metrics;
        }
        let ratios = || slots.iter().map(|slot| (slot.new - slot.old).exp());
        let all = float(slots.len().max(1));
        metrics.extend([
            ("loss/advantage/mean", mean(&|slot| slot.advantage)),
            ("loss/ratio/mean", mean(&|slot| (slot.new - slot.old).exp())),
            ("loss/ratio/max", ratios().reduce(f64::max).unwrap_or(0.0)),
            ("loss/ratio/min", ratios().reduce(f64::min).unwrap_or(0.0)),
            ("loss/kl_old/mean", mean(&|slot| divergence(slot.new - slot.old))),
        ]);
        if matches!(
            self,
            Self::Grpo { .. } | Self::Ppo(_) | Self::Cispo(_) | Self::Dppo { .. }
        ) {
            let fractions = [
                ("loss/clip/low_fraction", float(low) / all),
                ("loss/clip/high_fraction", float(high) / all),
            ];
            metrics.extend(fractions);
        }
        if matches!(self, Self::Grpo { beta, .. } if *beta > 0.0) {
            metrics.insert(
                "loss/kl_ref/mean",
                mean(&|slot| divergence(slot.reference - slot.new)),
            );
        }
        metrics
    }
}

impl Clip {
    fn of(self, ratio: f64) -> f64 {
        // Unlike clamp, this bears bounds in the wrong order.
        ratio.max(self.low).min(self.high)
    }

    fn side(self, ratio: f64) -> i8 {
        i8::from(ratio > self.high) - i8::from(ratio < self.low)
    }

    /// -min(r·A, clip(r)·A). The slope is that with respect to the logarithm of the ratio.
    fn term(self, ratio: f64, slot: &Slot) -> Term {
        let (free, bounded) = (ratio * slot.advantage, self.of(ratio) * slot.advantage);
        if free <= bounded {
            Term {
                loss: -free,
                slope: -free,
                clipped: 0,
            }
        } else {
            Term {
                loss: -bounded,
                slope: 0.0,
                clipped: self.side(ratio),
            }
        }
    }
}

impl Term {
    /// Adds beta times the estimate of the divergence from the reference policy.
    fn add_penalty(&mut self, beta: f64, slot: &Slot) {
        if beta > 0.0 {
            let distance = slot.reference - slot.new;
            self.loss += beta * divergence(distance);
            self.slope += beta * (1.0 - distance.exp());
        }
    }
}

/// An estimate of a Kullback-Leibler divergence from one sample, which is never negative: exp(d) - d - 1.
fn divergence(distance: f64) -> f64 {
    distance.exp_m1() - distance
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIP: Clip = Clip { low: 0.8, high: 1.2 };

    fn grpo(aggregation: Aggregation, ratio: Ratio, beta: f64) -> Loss {
        Loss::Grpo {
            clip: CLIP,
            beta,
            aggregation,
            ratio,
        }
    }

    fn losses() -> Vec<Loss> {
        vec![
            Loss::CrossEntropy,
            grpo(Aggregation::FixedHorizon, Ratio::Token, 0.0),
            grpo(Aggregation::FixedHorizon, Ratio::Token, 0.3),
            grpo(Aggregation::TokenMean, Ratio::Token, 0.0),
            grpo(Aggregation::SequenceMean, Ratio::Token, 0.1),
            grpo(Aggregation::SequenceMean, Ratio::Sequence, 0.1),
            grpo(Aggregation::TokenMean, Ratio::Sequence, 0.0),
            Loss::ImportanceSampling,
            Loss::Ppo(CLIP),
            Loss::Cispo(Clip { low: 0.0, high: 4.0 }),
            Loss::Dro { beta: 0.05 },
            Loss::Dppo {
                low: 0.15,
                high: 0.15,
            },
        ]
    }

    /// Two samples of different lengths, some slots left out, ratios on both sides of each bound.
    fn batch() -> (Vec<Sample>, Vec<Vec<Score>>) {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut samples = Vec::new();
        let mut scores = Vec::new();
        for length in [5, 9] {
            let new: Vec<f64> = (0..length).map(|_| -0.2 - 2.0 * rng.f64()).collect();
            let near = |rng: &mut fastrand::Rng, width: f64| {
                new.iter()
                    .map(|value| value + width * (rng.f64() - 0.5))
                    .collect()
            };
            samples.push(Sample {
                input: vec![0; length],
                targets: vec![0; length],
                weights: Some((0..length).map(|slot| f64::from(u8::from(slot > 1))).collect()),
                logprobs: Some(near(&mut rng, 1.4)),
                advantages: Some((0..length).map(|_| 2.0 * rng.f64() - 1.0).collect()),
                reference_logprobs: Some(near(&mut rng, 1.0)),
            });
            let score = |logprob: &f64| Score {
                logprob: *logprob,
                entropy: 1.0,
            };
            scores.push(new.iter().map(score).collect());
        }
        (samples, scores)
    }

    /// What is a constant in CISPO is one here too.
    fn value(loss: &Loss, samples: &[Sample], scores: &[Vec<Score>], at: &[Vec<Score>]) -> f64 {
        let Loss::Cispo(clip) = loss else {
            return loss.evaluate(samples, scores).loss;
        };
        let mut sum = 0.0;
        for ((sample, scores), at) in samples.iter().zip(scores).zip(at) {
            for slot in (0..scores.len()).filter(|slot| sample.selects(*slot)) {
                let old = sample.logprobs.as_ref().unwrap()[slot];
                let factor = clip.of((at[slot].logprob - old).exp());
                sum -= factor * sample.advantages.as_ref().unwrap()[slot] * scores[slot].logprob;
            }
        }
        sum
    }

    #[test]
    fn every_gradient_is_that_of_finite_differences() {
        const STEP: f64 = 1e-6;
        let (samples, scores) = batch();
        for loss in losses() {
            let gradients = loss.evaluate(&samples, &scores).gradients;
            for (sample, slots) in scores.iter().enumerate() {
                for slot in 0..slots.len() {
                    let moved = |by: f64| {
                        let mut moved = scores.clone();
                        moved[sample][slot].logprob += by;
                        value(&loss, &samples, &moved, &scores)
                    };
                    let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let got = gradients[sample][slot];
                    assert!(
                        (got - expected).abs() < 1e-7,
                        "{loss:?} {sample}/{slot}: {got} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn slots_that_are_left_out_count_nowhere() {
        let (mut samples, scores) = batch();
        for loss in losses() {
            let before = loss.evaluate(&samples, &scores);
            for sample in &mut samples {
                for values in [
                    &mut sample.logprobs,
                    &mut sample.advantages,
                    &mut sample.reference_logprobs,
                ] {
                    values.as_mut().unwrap()[0] -= 0.3;
                }
            }
            let after = loss.evaluate(&samples, &scores);
            assert_eq!(before.loss.to_bits(), after.loss.to_bits(), "{loss:?}");
            assert_eq!(before.metrics, after.metrics, "{loss:?}");
            assert!(before.gradients.iter().all(|gradient| gradient[0] == 0.0));
        }
    }

    /// One token: the numbers can be worked out by hand.
    fn single(loss: Loss, new: f64, old: f64, advantage: f64) -> Evaluation {
        let sample = Sample {
            input: vec![0],
            targets: vec![0],
            logprobs: Some(vec![old]),
            advantages: Some(vec![advantage]),
            ..Sample::default()
        };
        let score = Score {
            logprob: new,
            entropy: 0.0,
        };
        loss.evaluate(&[sample], &[vec![score]])
    }

    #[test]
    fn clipping_takes_the_gradient_only_where_the_policy_has_gone_far_enough() {
        let (half, double) = (0.5f64.ln(), 2.0f64.ln());
        for (ratio, advantage, loss, slope, low, high) in [
            (double, 1.0, -1.2, 0.0, 0.0, 1.0),
            (double, -1.0, 2.0, 2.0, 0.0, 0.0),
            (half, 1.0, -0.5, -0.5, 0.0, 0.0),
            (half, -1.0, 0.8, 0.0, 1.0, 0.0),
        ] {
            let found = single(Loss::Ppo(CLIP), -1.0 + ratio, -1.0, advantage);
            assert!((found.loss - loss).abs() < 1e-12 && (found.gradients[0][0] - slope).abs() < 1e-12);
            assert_eq!(
                found.metrics["loss/clip/low_fraction"].to_bits(),
                f64::to_bits(low)
            );
            assert_eq!(
                found.metrics["loss/clip/high_fraction"].to_bits(),
                f64::to_bits(high)
            );
        }
    }

    #[test]
    fn dppo_stops_at_a_distance_in_probability() {
        let loss = Loss::Dppo {
            low: 0.15,
            high: 0.15,
        };
        let slope =
            |new: f64, old: f64, advantage| single(loss, new.ln(), old.ln(), advantage).gradients[0][0];
        // The ratio is 10, but the probability has hardly moved.
        assert!(slope(0.01, 0.001, 1.0) < 0.0);
        assert_eq!(slope(0.5, 0.3, 1.0).to_bits(), 0.0f64.to_bits());
        assert!(slope(0.5, 0.3, -1.0) > 0.0);
        assert_eq!(slope(0.3, 0.5, -1.0).to_bits(), 0.0f64.to_bits());
    }
}
