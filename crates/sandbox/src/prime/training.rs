//! One training step of a run, computed for real.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use serde_json::{Value, json};

use super::recipe::{Data, Recipe};
use super::rollouts::{Rollout, roll_out};
use super::task::float;
use crate::policy::{
    Adam, Aggregation, Base, Clip, END_OF_TEXT, Loss, OptimizerKind, Outcome, Pass, Ratio, Refusal, Sample,
    Snapshot, Step, Token, Trainer, Weights, encode, merged_files,
};

/// What supervised runs learn.
const TEXT: [&str; 8] = [
    "The quick brown fox jumps over the lazy dog.",
    "Hello! How can I help you today?",
    "Two and two make four; three and three make six.",
    "It never rains but it pours.",
    "Practice makes perfect.",
    "A stitch in time saves nine.",
    "Where there is a will, there is a way.",
    "Actions speak louder than words.",
];
/// Bounds of the ratio between the policy that learns and the one that sampled.
const CLIP: Clip = Clip { low: 0.8, high: 1.2 };
const EPSILON: f64 = 1e-8;

/// A run's trainer. It depends on the config and on the number of the step alone, so that a run that is continued from
/// a checkpoint does the same as one that was never interrupted.
#[derive(Debug)]
pub(super) struct Engine {
    recipe: Arc<Recipe>,
    trainer: Trainer,
}

/// What came of a step.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) step: u64,
    pub(super) loss: f64,
    pub(super) entropy: f64,
    /// A row of metrics, without times.
    pub(super) metrics: BTreeMap<String, Value>,
    /// Empty without rollouts.
    pub(super) rollouts: Vec<Rollout>,
    pub(super) tokens: Tokens,
}

/// Tokens that were worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Trained on, prompts included.
    pub(super) training: usize,
    /// Read by inference.
    pub(super) input: usize,
    /// Written by inference.
    pub(super) output: usize,
}

impl Engine {
    /// A trainer that starts from the base model or from a checkpoint. All weights are trained.
    pub(super) fn new(recipe: Arc<Recipe>, from: Option<&Snapshot>) -> Self {
        let trainer = match from {
            Some(snapshot) => Trainer::resume(snapshot, OptimizerKind::Adam, true),
            None => Trainer::new(Weights::new(base(&recipe.model), None), OptimizerKind::Adam),
        };
        Self { recipe, trainer }
    }

    /// Steps so far.
    pub(super) const fn steps(&self) -> u64 {
        self.trainer.step_count()
    }

    /// The state for a checkpoint, and how many bytes the model's files have.
    pub(super) fn snapshot(&self) -> (Snapshot, usize) {
        let snapshot = self.trainer.snapshot();
        let files = merged_files(&snapshot.weights, &self.recipe.model);
        let size = files.iter().map(|file| file.content.len()).sum();
        (snapshot, size)
    }

    /// Does the next step.
    pub(super) fn step(&mut self) -> Result<Done, Refusal> {
        let recipe = self.recipe.clone();
        let step = self.steps() + 1;
        let mut rng = Rng::with_seed(step);
        let (samples, rollouts, loss) = match &recipe.data {
            Data::Rollouts(asked) => {
                let (samples, rollouts) = roll_out(&self.trainer.model(), asked, &mut rng);
                (samples, rollouts, grpo())
            }
            Data::Text { batch, .. } => (texts(*batch, &mut rng), Vec::new(), Loss::CrossEntropy),
        };
        let outcome = self.trainer.forward_backward(&samples, &loss, Pass::default())?;
        let optim = &recipe.optim;
        let adam = Adam {
            learning_rate: optim.lr,
            beta1: optim.beta1,
            beta2: optim.beta2,
            eps: EPSILON,
            weight_decay: optim.weight_decay,
        };
        self.trainer.optimizer_step(&Step::Adam(adam), optim.max_norm)?;
        let tokens = Tokens {
            training: samples.iter().map(|sample| sample.input.len()).sum(),
            input: rollouts.iter().map(|rollout| rollout.prompt.len()).sum(),
            output: rollouts.iter().map(|rollout| rollout.tokens).sum(),
        };
        Ok(Done {
            step,
            loss: outcome.loss,
            entropy: outcome.metrics.get("loss/entropy/mean").copied().unwrap_or(0.0),
            metrics: row(step, optim.lr, &outcome, &rollouts, tokens),
            rollouts,
            tokens,
        })
    }
}

/// A model's base weights: other names, other weights.
fn base(model: &str) -> Arc<Base> {
    let seed = model.bytes().fold(7_u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    Base::new(seed)
}

const fn grpo() -> Loss {
    Loss::Grpo {
        clip: CLIP,
        beta: 0.0,
        aggregation: Aggregation::TokenMean,
        ratio: Ratio::Token,
    }
}

/// Texts to learn by heart. Each token has the same share in a loss that is the mean over them.
fn texts(batch: usize, rng: &mut Rng) -> Vec<Sample> {
    let drawn = (0..batch).map(|_| {
        let mut tokens = encode(rng.choice(TEXT).unwrap_or_default());
        tokens.push(END_OF_TEXT);
        tokens
    });
    let drawn: Vec<Vec<Token>> = drawn.collect();
    let all: usize = drawn.iter().map(|tokens| tokens.len() - 1).sum();
    let weight = 1.0 / float(all.max(1));
    let sample = |tokens: &Vec<Token>| Sample {
        input: tokens.iter().copied().take(tokens.len() - 1).collect(),
        targets: tokens.iter().copied().skip(1).collect(),
        weights: Some(vec![weight; tokens.len() - 1]),
        ..Sample::default()
    };
    drawn.iter().map(sample).collect()
}

fn row(
    step: u64,
    lr: f64,
    outcome: &Outcome,
    rollouts: &[Rollout],
    tokens: Tokens,
) -> BTreeMap<String, Value> {
    let mut row = BTreeMap::from([
        ("step".to_owned(), json!(step)),
        ("loss".to_owned(), json!(outcome.loss)),
        ("optim/lr".to_owned(), json!(lr)),
        ("tokens/training".to_owned(), json!(tokens.training)),
    ]);
    for (name, value) in &outcome.metrics {
        let name = if *name == "loss/entropy/mean" {
            "entropy"
        } else {
            name
        };
        row.insert(name.to_owned(), json!(value));
    }
    if rollouts.is_empty() {
        return row;
    }
    let of = |value: fn(&Rollout) -> f64| rollouts.iter().map(value).collect::<Vec<f64>>();
    let rewards = of(|rollout| rollout.reward);
    row.extend([
        ("reward/mean".to_owned(), json!(mean(&rewards))),
        ("reward/std".to_owned(), json!(deviation(&rewards))),
        (
            "reward/min".to_owned(),
            json!(rewards.iter().copied().fold(f64::INFINITY, f64::min)),
        ),
        (
            "reward/max".to_owned(),
            json!(rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ),
        (
            "completion_len/mean".to_owned(),
            json!(mean(&of(|rollout| float(rollout.tokens)))),
        ),
        ("tokens/input".to_owned(), json!(tokens.input)),
        ("tokens/output".to_owned(), json!(tokens.output)),
    ]);
    let mut by_env: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for rollout in rollouts {
        by_env.entry(&rollout.env).or_default().push(rollout.reward);
    }
    row.extend(
        by_env
            .into_iter()
            .map(|(env, rewards)| (format!("reward/{env}/mean"), json!(mean(&rewards)))),
    );
    row
}

/// The mean; of nothing, 0.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len().max(1))
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    self::mean(&squares).sqrt()
}
