//! The network: what the last tokens say about the next one, and the gradient of that.

use std::sync::Arc;

use fastrand::Rng;

use super::matrix::{Matrix, add_scaled, dot};
use super::{END_OF_TEXT, Refusal, Token, VOCABULARY};

/// Numbers that stand for one token.
const EMBEDDING: usize = 16;
/// How many of the last tokens are seen in their order.
const WINDOW: usize = 12;
/// How many of the last tokens are seen as a mean, in no order.
const BAG: usize = 32;
/// What is seen of the last tokens: the window, then the mean.
const FEATURES: usize = (WINDOW + 1) * EMBEDDING;
/// Units of the hidden layer.
const HIDDEN: usize = 96;

/// How much less likely than printable text the base finds other bytes, as a difference of logits.
const UNPRINTABLE: f64 = -4.0;
/// The same of the end of the text.
const ENDING: f64 = -2.0;
/// The spread of the base's logits around that.
const OPINION: f64 = 0.3;

/// The weights that nothing trains. Matrices are kept input by output.
#[derive(Debug)]
pub(crate) struct Base {
    /// A row for each token, where its place matters.
    embedding: Matrix,
    /// A row for each token, where its place does not matter.
    bag: Matrix,
    hidden_bias: Vec<f64>,
    output_bias: Vec<f64>,
    /// The untrained weights: of the hidden layer, and of the output.
    pub(super) hidden: Matrix,
    pub(super) output: Matrix,
}

/// The base with weights as they were trained.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    base: Arc<Base>,
    pub(super) hidden: Matrix,
    pub(super) output: Matrix,
}

/// What the model says about one token of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Score {
    /// The log-probability of the token.
    pub(crate) logprob: f64,
    /// The entropy of the distribution that it was taken from, in nats.
    pub(crate) entropy: f64,
}

/// The gradient with respect to the two trained matrices.
#[derive(Clone, Debug)]
pub(super) struct Gradient {
    pub(super) hidden: Matrix,
    pub(super) output: Matrix,
}

/// What one position computes on its way to the logits.
struct Activations {
    features: Vec<f64>,
    hidden: Vec<f64>,
    /// The log-probability of each token.
    logprobs: Vec<f64>,
}

impl Base {
    /// The base weights of a seed.
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let mut rng = Rng::with_seed(seed);
        let by_inputs = |inputs: usize| 1.0 / float(inputs).sqrt();
        let output_bias = (0..VOCABULARY).map(|token| match u8::try_from(token) {
            Ok(byte) if byte == b'\n' || byte == b' ' || byte.is_ascii_graphic() => 0.0,
            Ok(_) => UNPRINTABLE,
            Err(_) => ENDING,
        });
        Arc::new(Self {
            embedding: Matrix::random(VOCABULARY, EMBEDDING, 1.0, &mut rng),
            bag: Matrix::random(VOCABULARY, EMBEDDING, 1.0, &mut rng),
            hidden_bias: Matrix::random(1, HIDDEN, 0.1, &mut rng).data,
            output_bias: output_bias.collect(),
            hidden: Matrix::random(FEATURES, HIDDEN, by_inputs(FEATURES), &mut rng),
            output: Matrix::random(HIDDEN, VOCABULARY, OPINION * by_inputs(HIDDEN), &mut rng),
        })
    }

    /// The tensors of the model that are not trained, by name, each with its rows and columns.
    pub(super) fn frozen(&self) -> [(&'static str, Vec<usize>, &[f64]); 4] {
        [
            (
                "embedding.weight",
                vec![VOCABULARY, EMBEDDING],
                &self.embedding.data,
            ),
            ("bag.weight", vec![VOCABULARY, EMBEDDING], &self.bag.data),
            ("hidden.bias", vec![HIDDEN], &self.hidden_bias),
            ("output.bias", vec![VOCABULARY], &self.output_bias),
        ]
    }

    /// What is seen of a text by its end: the embeddings of the last tokens, newest first, and the mean of some more.
    fn features(&self, text: &[Token]) -> Vec<f64> {
        let mut features = vec![0.0; FEATURES];
        let (window, mean) = features.split_at_mut(WINDOW * EMBEDDING);
        for (place, token) in window.chunks_exact_mut(EMBEDDING).zip(text.iter().rev()) {
            place.copy_from_slice(self.embedding.row(usize::from(*token)));
        }
        let recent = text.len().min(BAG);
        // Not divided by the number: the mean of many independent rows would shrink to nothing.
        let share = 1.0 / float(recent.max(1)).sqrt();
        for token in text.iter().rev().take(BAG) {
            add_scaled(mean, share, self.bag.row(usize::from(*token)));
        }
        features
    }
}

impl Model {
    pub(super) const fn new(base: Arc<Base>, hidden: Matrix, output: Matrix) -> Self {
        Self { base, hidden, output }
    }

    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    /// A base whose untrained weights are this model's.
    pub(crate) fn into_base(self) -> Arc<Base> {
        let base = &self.base;
        Arc::new(Base {
            embedding: base.embedding.clone(),
            bag: base.bag.clone(),
            hidden_bias: base.hidden_bias.clone(),
            output_bias: base.output_bias.clone(),
            hidden: self.hidden,
            output: self.output,
        })
    }

    /// The log-probability of each token as the next one after `text`.
    pub(crate) fn next(&self, text: &[Token]) -> Vec<f64> {
        self.activations(text).logprobs
    }

    fn activations(&self, text: &[Token]) -> Activations {
        let features = self.base.features(text);
        let mut hidden = self.base.hidden_bias.clone();
        for (feature, weights) in features.iter().zip(self.hidden.rows()) {
            add_scaled(&mut hidden, *feature, weights);
        }
        for value in &mut hidden {
            *value = value.tanh();
        }
        let mut logprobs = self.base.output_bias.clone();
        for (unit, weights) in hidden.iter().zip(self.output.rows()) {
            add_scaled(&mut logprobs, *unit, weights);
        }
        let highest = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logprobs.iter().map(|logit| (logit - highest).exp()).sum();
        let normalizer = highest + sum.ln();
        for logit in &mut logprobs {
            *logit -= normalizer;
        }
        Activations {
            features,
            hidden,
            logprobs,
        }
    }

    /// Scores `targets`, each as the token after its slot of `input`. Slots that are not `selected` keep zeros.
    pub(crate) fn score(
        &self,
        input: &[Token],
        targets: &[Token],
        selected: impl Fn(usize) -> bool,
    ) -> Vec<Score> {
        let slots = targets.iter().enumerate();
        let score = |(slot, target): (usize, &Token)| {
            if !selected(slot) {
                return Score::default();
            }
            let logprobs = self.next(before(input, slot));
            Score {
                logprob: at(&logprobs, *target),
                entropy: -logprobs
                    .iter()
                    .map(|logprob| logprob.exp() * logprob)
                    .sum::<f64>(),
            }
        };
        slots.map(score).collect()
    }

    /// Adds the gradient of a loss to `sums`, given its gradient with respect to the log-probability in each slot.
    pub(super) fn backward(&self, input: &[Token], targets: &[Token], gradient: &[f64], sums: &mut Gradient) {
        for (slot, (target, slope)) in targets.iter().zip(gradient).enumerate() {
            if *slope == 0.0 {
                continue;
            }
            let Activations {
                features,
                hidden,
                logprobs,
            } = self.activations(before(input, slot));
            // The logarithm of a softmax: one at the target, less each probability.
            let mut logits: Vec<f64> = logprobs.iter().map(|logprob| -slope * logprob.exp()).collect();
            if let Some(logit) = logits.get_mut(usize::from(*target)) {
                *logit += slope;
            }
            let mut inner = Vec::with_capacity(HIDDEN);
            for ((unit, weights), sums) in hidden.iter().zip(self.output.rows()).zip(sums.output.rows_mut()) {
                add_scaled(sums, *unit, &logits);
                inner.push(dot(weights, &logits) * (1.0 - unit * unit));
            }
            for (feature, sums) in features.iter().zip(sums.hidden.rows_mut()) {
                add_scaled(sums, *feature, &inner);
            }
        }
    }
}

impl Gradient {
    pub(super) fn zero() -> Self {
        Self {
            hidden: Matrix::zeros(FEATURES, HIDDEN),
            output: Matrix::zeros(HIDDEN, VOCABULARY),
        }
    }
}

/// What has been read when slot `slot` is predicted from.
fn before(input: &[Token], slot: usize) -> &[Token] {
    input.get(..=slot).unwrap_or(input)
}

/// The log-probability of a token.
pub(super) fn at(logprobs: &[f64], token: Token) -> f64 {
    logprobs
        .get(usize::from(token))
        .copied()
        .unwrap_or(f64::NEG_INFINITY)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) const fn float(count: usize) -> f64 {
    count as f64
}

/// Reports a token that the vocabulary does not have.
pub(crate) fn check_tokens(tokens: &[i64], place: &str) -> Result<Vec<Token>, Refusal> {
    let known = |token: &i64| {
        Token::try_from(*token)
            .ok()
            .filter(|token| *token <= END_OF_TEXT)
            .ok_or_else(|| {
                Refusal::input(format!(
                    "{place}: {token} is not a token of this model: bytes are 0 to 255, the end of text is {END_OF_TEXT}"
                ))
            })
    };
    tokens.iter().map(known).collect()
}
