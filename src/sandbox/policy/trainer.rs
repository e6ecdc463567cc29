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
mod tests {
    use super::super::{Adam, Base, Clip, encode};
    use super::*;

    const LORA: LoraConfig = LoraConfig {
        rank: 4,
        alpha: 8,
        dropout: 0.0,
        seed: 11,
        train_unembed: true,
    };
    const ADAM: Adam = Adam {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.0,
    };

    fn text(text: &str) -> Sample {
        let tokens = encode(text);
        let length = tokens.len() - 1;
        Sample {
            input: tokens[..length].to_vec(),
            targets: tokens[1..].to_vec(),
            weights: Some(vec![1.0; length]),
            ..Sample::default()
        }
    }

    fn trainer(lora: Option<LoraConfig>) -> Trainer {
        Trainer::new(Weights::new(Base::new(3), lora), Kind::Adam)
    }

    fn learn(trainer: &mut Trainer, sample: &Sample) -> f64 {
        let samples = std::slice::from_ref(sample);
        let outcome = trainer
            .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
        trainer.optimizer_step(&Step::Adam(ADAM), 1.0).unwrap();
        outcome.loss
    }

    /// The gradient of every trained matrix, entry by entry, with all that lies between it and the loss.
    #[test]
    fn weights_get_the_gradient_of_finite_differences() {
        const STEP: f64 = 1e-5;
        let dropping = LoraConfig { dropout: 0.3, ..LORA };
        let output_left_alone = LoraConfig {
            train_unembed: false,
            ..LORA
        };
        for lora in [None, Some(LORA), Some(dropping), Some(output_left_alone)] {
            let mut trainer = trainer(lora);
            // An untrained adapter has a second factor of zeros, and hence no gradient for the first.
            for _ in 0..3 {
                learn(&mut trainer, &text("once upon a time"));
            }
            let sample = text("another text");
            let pass = trainer.passes;
            let samples = std::slice::from_ref(&sample);
            trainer
                .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
                .unwrap();
            let gathered = trainer.gathered.take().unwrap();
            let mut rng = fastrand::Rng::with_seed(1);
            for (index, gradient) in gathered.iter().enumerate() {
                for _ in 0..12 {
                    let entry = rng.usize(..gradient.data.len());
                    let moved = |by: f64| {
                        let mut weights = trainer.weights.clone();
                        weights.matrices[index].data[entry] += by;
                        let scores =
                            weights
                                .training_model(pass)
                                .score(&sample.input, &sample.targets, |_| true);
                        -scores.iter().map(|score| score.logprob).sum::<f64>()
                    };
                    let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let got = gradient.data[entry];
                    let tolerance = 1e-5 * (1.0 + expected.abs());
                    assert!(
                        (got - expected).abs() < tolerance,
                        "{lora:?} {index}/{entry}: {got} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn gradients_of_several_passes_add_up() {
        let (one, two) = (text("one text"), text("and a second"));
        let mut apart = trainer(Some(LORA));
        for sample in [&one, &two] {
            let samples = std::slice::from_ref(sample);
            apart
                .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
                .unwrap();
        }
        let mut together = trainer(Some(LORA));
        together
            .forward_backward(&[one, two], &Loss::CrossEntropy, Pass::default())
            .unwrap();
        for (left, right) in apart.gathered.unwrap().iter().zip(&together.gathered.unwrap()) {
            for (left, right) in left.data.iter().zip(&right.data) {
                assert!((left - right).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn own_gradients_are_as_good_as_those_of_the_loss() {
        let sample = text("the same either way");
        let mut by_loss = trainer(Some(LORA));
        let samples = std::slice::from_ref(&sample);
        by_loss
            .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
        let mut own = trainer(Some(LORA));
        own.custom_backward(samples, &[vec![-1.0; sample.input.len()]])
            .unwrap();
        assert_eq!(by_loss.gathered, own.gathered);
    }

    #[test]
    fn a_forward_pass_leaves_nothing_behind() {
        let mut trainer = trainer(Some(LORA));
        let samples = [text("look, but do not touch")];
        let pass = Pass { forward_only: true };
        let outcome = trainer
            .forward_backward(&samples, &Loss::CrossEntropy, pass)
            .unwrap();
        assert!(trainer.gathered.is_none() && outcome.loss > 0.0);
    }

    #[test]
    fn a_text_is_learned_by_adapter_full_weights_and_muon() {
        for lora in [Some(LORA), None] {
            let mut trainer = trainer(lora);
            let sample = text("learn me");
            let first = learn(&mut trainer, &sample);
            let last = (0..60).map(|_| learn(&mut trainer, &sample)).last().unwrap();
            assert!(last < first / 3.0, "{lora:?}: {first} {last}");
        }
    }

    #[test]
    fn a_step_beyond_all_numbers_is_refused_and_changes_nothing() {
        let sample = text("far too far");
        let samples = std::slice::from_ref(&sample);
        let mut trainer = trainer(Some(LORA));
        learn(&mut trainer, &sample);
        let before = trainer.weights.matrices.clone();
        let far = vec![1e308; sample.input.len()];
        assert_eq!(
            trainer.custom_backward(samples, &[far]),
            Err(Refusal::NonFiniteLoss)
        );
        trainer
            .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
        let step = Step::Adam(Adam {
            learning_rate: f64::MAX,
            ..ADAM
        });
        assert_eq!(trainer.optimizer_step(&step, 1.0), Err(Refusal::NonFiniteLoss));
        assert_eq!((trainer.step_count(), &trainer.weights.matrices), (1, &before));
        assert!(learn(&mut trainer, &sample).is_finite());
    }

    #[test]
    fn resuming_goes_on_as_if_nothing_had_happened_and_without_the_optimizer_from_the_weights() {
        let sample = text("to be continued");
        let mut trainer = trainer(Some(LoraConfig { dropout: 0.2, ..LORA }));
        for _ in 0..3 {
            learn(&mut trainer, &sample);
        }
        let snapshot = trainer.snapshot();
        let mut resumed = Trainer::resume(&snapshot, Kind::Adam, true);
        let fresh = Trainer::resume(&snapshot, Kind::Adam, false);
        assert_eq!((resumed.step_count(), fresh.step_count()), (3, 0));
        let expected = learn(&mut trainer, &sample);
        assert_eq!(learn(&mut resumed, &sample).to_bits(), expected.to_bits());
        assert_eq!(trainer.weights.matrices, resumed.weights.matrices);
        assert_ne!(trainer.weights.matrices, fresh.weights.matrices);
    }

    #[test]
    fn long_gradients_are_clipped() {
        let mut trainer = trainer(None);
        let samples = [text("a text that is far from what the base expects")];
        trainer
            .forward_backward(&samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
        let step = Step::Adam(Adam {
            beta1: 0.0,
            beta2: 0.0,
            eps: 1.0,
            learning_rate: 1.0,
            ..ADAM
        });
        let before = trainer.weights.matrices.clone();
        trainer.optimizer_step(&step, 1e-3).unwrap();
        // With eps 1 and such short gradients, a step is about as long as the gradient.
        let moved: f64 = trainer
            .weights
            .matrices
            .iter()
            .zip(before)
            .map(|(after, before)| {
                let mut difference = after.clone();
                difference.add(-1.0, &before);
                difference.squares()
            })
            .sum();
        assert!((moved.sqrt() - 1e-3).abs() < 1e-4, "{moved}");
    }

    #[test]
    fn what_is_not_finite_is_refused_and_gathers_nothing() {
        let mut trainer = trainer(Some(LORA));
        let mut sample = text("x!");
        sample.logprobs = Some(vec![-5000.0]);
        sample.advantages = Some(vec![1.0]);
        let refused = trainer.forward_backward(&[sample], &Loss::ImportanceSampling, Pass::default());
        assert_eq!(refused.unwrap_err(), Refusal::NonFiniteLoss);
        assert!(trainer.gathered.is_none());
        // Weights that are no numbers, where clipping would take the gradient away.
        trainer.weights.matrices[0].data[0] = f64::NAN;
        let mut sample = text("x!");
        sample.logprobs = Some(vec![-1.0]);
        sample.advantages = Some(vec![1.0]);
        let loss = Loss::Ppo(Clip { low: 0.8, high: 1.2 });
        let refused = trainer.forward_backward(&[sample], &loss, Pass::default());
        assert_eq!(refused.unwrap_err(), Refusal::NonFiniteLoss);
    }
}
