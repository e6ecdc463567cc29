//! What is trained: a low-rank adapter beside the base weights, or the weights themselves.

use std::sync::Arc;

use fastrand::Rng;

use super::matrix::Matrix;
use super::model::{Base, Gradient, Model, float};

/// The spread of an adapter's first matrix. Adapters of large models start far narrower; with this spread the learning
/// rates that are usual for them (1e-4 to 1e-3) move this small one too.
const SPREAD: f64 = 3.0;

/// How an adapter is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LoraConfig {
    /// Columns of the first matrix, rows of the second.
    pub(crate) rank: usize,
    /// The product is scaled by alpha / rank.
    pub(crate) alpha: u32,
    /// The share of inputs that a training pass leaves out.
    pub(crate) dropout: f64,
    /// Seed of the first matrix and of the dropout.
    pub(crate) seed: u64,
    /// Whether the output layer is adapted too.
    pub(crate) train_unembed: bool,
}

/// Trained weights.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    base: Arc<Base>,
    /// `None`: full weights.
    lora: Option<LoraConfig>,
    /// With LoRA: the two factors for the hidden layer, then those for the output; else the two matrices. All are kept
    /// input by output.
    pub(super) matrices: Vec<Matrix>,
}

impl Weights {
    /// Untrained weights: an adapter that changes nothing yet, or a copy of the base.
    pub(crate) fn new(base: Arc<Base>, lora: Option<LoraConfig>) -> Self {
        let matrices = match lora {
            None => vec![base.hidden.clone(), base.output.clone()],
            Some(lora) => {
                let mut rng = Rng::with_seed(lora.seed);
                let layers = [&base.hidden, &base.output];
                let adapted = if lora.train_unembed { 2 } else { 1 };
                let mut factors = |layer: &&Matrix| {
                    let deviation = SPREAD / float(layer.rows).sqrt();
                    let first = Matrix::random(layer.rows, lora.rank, deviation, &mut rng);
                    [first, Matrix::zeros(lora.rank, layer.columns)]
                };
                layers.iter().take(adapted).flat_map(&mut factors).collect()
            }
        };
        Self { base, lora, matrices }
    }

    /// How the adapter was made; `None`: full weights.
    pub(crate) const fn lora(&self) -> Option<LoraConfig> {
        self.lora
    }

    /// The model with these weights.
    pub(crate) fn model(&self) -> Model {
        self.merged(None)
    }

    /// The model that training pass number `pass` sees: dropout leaves out some inputs of the adapter, the same ones
    /// for the whole pass.
    pub(crate) fn training_model(&self, pass: u64) -> Model {
        self.merged(Some(pass))
    }

    fn merged(&self, pass: Option<u64>) -> Model {
        let base = &self.base;
        let (hidden, output) = match (self.lora, &*self.matrices) {
            (None, [hidden, output]) => (hidden.clone(), output.clone()),
            (Some(lora), [first, second, rest @ ..]) => {
                let merge = |layer: &Matrix, index: u64, first: &Matrix, second: &Matrix| {
                    let mut merged = layer.clone();
                    merged.add(lora.scale(), &lora.dropped(first, pass, index).times(second));
                    merged
                };
                let output = match rest {
                    [first, second] => merge(&base.output, 1, first, second),
                    _ => base.output.clone(),
                };
                (merge(&base.hidden, 0, first, second), output)
            }
            _ => (base.hidden.clone(), base.output.clone()),
        };
        Model::new(self.base.clone(), hidden, output)
    }

    /// The gradient with respect to the trained matrices, from that with respect to the model's, in the training pass
    /// `pass`.
    pub(super) fn pull_back(&self, gradient: &Gradient, pass: u64) -> Vec<Matrix> {
        let Some(lora) = self.lora else {
            return vec![gradient.hidden.clone(), gradient.output.clone()];
        };
        let layers = [&gradient.hidden, &gradient.output];
        let mut pulled = Vec::with_capacity(self.matrices.len());
        for (index, (factors, gradient)) in (0..).zip(self.matrices.chunks_exact(2).zip(layers)) {
            let [first, second] = factors else { continue };
            let mut of_first = lora.dropped(&gradient.times(&second.transposed()), Some(pass), index);
            let mut of_second = lora
                .dropped(first, Some(pass), index)
                .transposed()
                .times(gradient);
            of_first.scale(lora.scale());
            of_second.scale(lora.scale());
            pulled.extend([of_first, of_second]);
        }
        pulled
    }
}

impl LoraConfig {
    fn scale(&self) -> f64 {
        f64::from(self.alpha) / float(self.rank)
    }

    /// A matrix without the rows of the inputs that a training pass drops; the others make up for them.
    fn dropped(&self, matrix: &Matrix, pass: Option<u64>, layer: u64) -> Matrix {
        let mut kept = matrix.clone();
        let Some(pass) = pass.filter(|_| self.dropout > 0.0) else {
            return kept;
        };
        let mut rng = Rng::with_seed(self.seed ^ (pass * 2 + layer).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for row in kept.rows_mut() {
            let factor = if rng.f64() < self.dropout {
                0.0
            } else {
                1.0 / (1.0 - self.dropout)
            };
            for value in row {
                *value *= factor;
            }
        }
        kept
    }
}
