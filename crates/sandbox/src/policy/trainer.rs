//! A training session's policy: weights, gathered gradients, optimizer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::loss::{Loss, Sample};
use super::matrix::Matrix;
use super::model::{Gradient, Model, Score};
use super::optimizer::{Kind, State, Step};
use super::{LoraConfig, Refusal, Weights};

/// Everything that training changes.
#[derive(Debug)]
pub(crate) struct Trainer {
    weights: Weights,
    optimizer: State,
    /// Optimizer steps.
    step: u64,
    /// Training passes, which dropout depends on.
    passes: u64,
    /// The sum of the gradients since the last optimizer step.
    gathered: Option<Vec<Matrix>>,
}

/// A trainer's state as a checkpoint keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The weights.
    pub(crate) weights: Weights,
    /// Optimizer steps.
    pub(crate) step: u64,
    passes: u64,
    optimizer: State,
}

/// What a pass is to do besides the loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    /// No gradients.
    pub(crate) forward_only: bool,
}

/// What a pass comes to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The loss.
    pub(crate) loss: f64,
    /// Numbers about the batch.
    pub(crate) metrics: BTreeMap<&'static str, f64>,
    /// The log-probability of each slot of each sample; 0 where it doesn't count.
    pub(crate) logprobs: Vec<Vec<f64>>,
}

impl Snapshot {
    /// The optimizer whose state it holds.
    pub(crate) const fn optimizer_kind(&self) -> Kind {
        self.optimizer.kind()
    }
}

impl Trainer {
    /// A trainer that starts with these weights.
    pub(crate) fn new(weights: Weights, kind: Kind) -> Self {
        Self {
            optimizer: State::new(kind, &weights.matrices),
            weights,
            step: 0,
            passes: 0,
            gathered: None,
        }
    }

    /// A trainer that goes on from a checkpoint, with its optimizer and step or with its weights alone.
    pub(crate) fn resume(snapshot: &Snapshot, kind: Kind, load_optimizer: bool) -> Self {
        let fresh = Self::new(snapshot.weights.clone(), kind);
        if !load_optimizer {
            return fresh;
        }
        Self {
            optimizer: snapshot.optimizer.clone(),
            step: snapshot.step,
            passes: snapshot.passes,
            ..fresh
        }
    }

    /// The optimizer that it was made with.
    pub(crate) const fn optimizer_kind(&self) -> Kind {
        self.optimizer.kind()
    }

    /// How its adapter was made; `None`: full weights.
    pub(crate) const fn lora(&self) -> Option<LoraConfig> {
        self.weights.lora()
    }

    /// The state for a checkpoint.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            weights: self.weights.clone(),
            step: self.step,
            passes: self.passes,
            optimizer: self.optimizer.clone(),
        }
    }

    /// Optimizer steps so far.
    pub(crate) const fn step_count(&self) -> u64 {
        self.step
    }

    /// The model as it is now, to sample from.
    pub(crate) fn model(&self) -> Arc<Model> {
        Arc::new(self.weights.model())
    }

    /// Evaluates a loss, and gathers its gradient unless the pass is forward only.
    pub(crate) fn forward_backward(
        &mut self,
        samples: &[Sample],
        loss: &Loss,
        pass: Pass,
    ) -> Result<Outcome, Refusal> {
        for (index, sample) in samples.iter().enumerate() {
            sample.check(Some(loss), &format!("samples[{index}]"))?;
        }
        let model = if pass.forward_only {
            self.weights.model()
        } else {
            self.weights.training_model(self.passes)
        };
        let scores: Vec<Vec<Score>> = samples
            .iter()
            .map(|sample| model.score(&sample.input, &sample.targets, |slot| sample.selects(slot)))
            .collect();
        let evaluation = loss.evaluate(samples, &scores);
        let finite = evaluation
            .gradients
            .iter()
            .flatten()
            .all(|slope| slope.is_finite());
        // A clipped ratio hides what is no number.
        let known = scores.iter().flatten().all(|score| score.logprob.is_finite());
        if !finite || !known || !evaluation.loss.is_finite() {
            return Err(Refusal::NonFiniteLoss);
        }
        if !pass.forward_only {
            self.gather(&model, samples, &evaluation.gradients)?;
        }
        let logprobs = |scores: &Vec<Score>| scores.iter().map(|score| score.logprob).collect();
        Ok(Outcome {
            loss: evaluation.loss,
            metrics: evaluation.metrics,
            logprobs: scores.iter().map(logprobs).collect(),
        })
    }

    /// Gathers the gradient of a loss that the caller has computed: d loss / d log-probability, for each slot.
    pub(crate) fn custom_backward(
        &mut self,
        samples: &[Sample],
        gradients: &[Vec<f64>],
    ) -> Result<(), Refusal> {
        if samples.len() != gradients.len() {
            return Err(Refusal::input(format!(
                "{} samples, but {} gradients",
                samples.len(),
                gradients.len()
            )));
        }
        let mut kept = Vec::with_capacity(gradients.len());
        for (index, (sample, gradient)) in samples.iter().zip(gradients).enumerate() {
            sample.check(None, &format!("samples[{index}]"))?;
            if gradient.len() != sample.input.len() {
                return Err(Refusal::input(format!(
                    "gradients[{index}] has {} values for {} tokens",
                    gradient.len(),
                    sample.input.len()
                )));
            }
            let slots = gradient.iter().enumerate();
            let selected = slots.map(|(slot, slope)| if sample.selects(slot) { *slope } else { 0.0 });
            kept.push(selected.collect::<Vec<f64>>());
        }
        let model = self.weights.training_model(self.passes);
        self.gather(&model, samples, &kept)
    }

    fn gather(&mut self, model: &Model, samples: &[Sample], gradients: &[Vec<f64>]) -> Result<(), Refusal> {
        let mut sums = Gradient::zero();
        for (sample, gradient) in samples.iter().zip(gradients) {
            model.backward(&sample.input, &sample.targets, gradient, &mut sums);
        }
        let pulled = self.weights.pull_back(&sums, self.passes);
        if !pulled.iter().all(Matrix::is_storable) {
            return Err(Refusal::NonFiniteLoss);
        }
        self.passes += 1;
        match &mut self.gathered {
            None => self.gathered = Some(pulled),
            Some(gathered) => {
                for (sum, more) in gathered.iter_mut().zip(&pulled) {
                    sum.add(1.0, more);
                }
            }
        }
        Ok(())
    }

    /// Applies the gathered gradients, scaled down to the length `clip` if they are longer (0: never), and forgets them.
    /// Returns the new number of steps. A step that would lead beyond all numbers changes nothing else.
    pub(crate) fn optimizer_step(&mut self, step: &Step, clip: f64) -> Result<u64, Refusal> {
        match (step, self.optimizer.kind()) {
            (Step::Adam(_), Kind::Adam) | (Step::Muon(_), Kind::Muon(_)) => {}
            (Step::Muon(_), Kind::Adam) => {
                return Err(Refusal::input(
                    "muon_params, but the model resource has adam as optimizer",
                ));
            }
            (Step::Adam(_), Kind::Muon(_)) => {
                return Err(Refusal::input(
                    "adam_params, but the model resource has muon as optimizer",
                ));
            }
        }
        let gathered = self.gathered.take();
        let mut gradient =
            gathered.unwrap_or_else(|| self.weights.matrices.iter().map(Matrix::like).collect());
        let length = gradient.iter().map(Matrix::squares).sum::<f64>().sqrt();
        if clip > 0.0 && length > clip {
            for matrix in &mut gradient {
                matrix.scale(clip / length);
            }
        }
        // With LoRA a layer has two matrices.
        let hidden = if self.weights.lora().is_some() { 2 } else { 1 };
        let (mut weights, mut optimizer) = (self.weights.matrices.clone(), self.optimizer.clone());
        optimizer.apply(step, &mut weights, &gradient, hidden);
        if !length.is_finite() || !weights.iter().all(Matrix::is_storable) {
            // Weights that are no numbers would never become any again.
            return Err(Refusal::NonFiniteLoss);
        }
        self.weights.matrices = weights;
        self.optimizer = optimizer;
        self.step += 1;
        Ok(self.step)
    }
}

#[cfg(test)]
mod tests;
