//! The completions of a step, scored, and as the loss sees them.

use fastrand::Rng;

use super::recipe::{Rollouts, Source};
use super::task::{Example, Task};
use super::training::mean;
use crate::policy::{Completion, Model, Sample, Sampling, Token, decode, encode, sample};

/// A completion with its reward.
#[derive(Debug)]
pub(super) struct Rollout {
    /// The source's name.
    pub(super) env: String,
    pub(super) task: Task,
    /// Which prompt of the step it answers.
    pub(super) group: usize,
    pub(super) prompt: String,
    pub(super) completion: String,
    pub(super) tokens: usize,
    pub(super) reward: f64,
    /// The reward, less the mean of its group.
    pub(super) advantage: f64,
}

/// Samples a batch, group by group, and scores it.
pub(super) fn roll_out(model: &Model, asked: &Rollouts, rng: &mut Rng) -> (Vec<Sample>, Vec<Rollout>) {
    let mut samples = Vec::with_capacity(asked.batch);
    let mut rollouts = Vec::with_capacity(asked.batch);
    for group in 0..asked.batch / asked.group {
        let Some(source) = choose(&asked.sources, rng) else {
            break;
        };
        let example = source.task.draw(rng);
        let prompt = encode(&example.prompt);
        let sampling = source.sampling();
        let completions: Vec<Completion> = (0..asked.group)
            .map(|_| sample(model, &prompt, &sampling, rng.u64(..)))
            .collect();
        let rewards: Vec<f64> = completions
            .iter()
            .map(|completion| example.reward(&decode(&completion.tokens)))
            .collect();
        let mean = mean(&rewards);
        for (completion, reward) in completions.into_iter().zip(rewards) {
            let advantage = reward - mean;
            rollouts.push(rollout(source, &example, group, &completion, reward, advantage));
            samples.push(to_learn(&prompt, completion, advantage));
        }
    }
    (samples, rollouts)
}

/// Draws a source by its ratio.
fn choose<'a>(sources: &'a [Source], rng: &mut Rng) -> Option<&'a Source> {
    let total: f64 = sources.iter().map(|source| source.ratio).sum();
    let mut left = rng.f64() * total;
    let drawn = sources.iter().find(|source| {
        left -= source.ratio;
        left < 0.0
    });
    drawn.or_else(|| sources.first())
}

impl Source {
    /// How answers are sampled: as asked, and no longer than they need to be.
    fn sampling(&self) -> Sampling {
        let asked = self
            .max_tokens
            .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        Sampling {
            max_tokens: asked.min(self.task.longest()),
            temperature: self.temperature,
            top_p: 1.0,
            top_k: None,
            stop: Vec::new(),
        }
    }
}

fn rollout(
    source: &Source,
    example: &Example,
    group: usize,
    completion: &Completion,
    reward: f64,
    advantage: f64,
) -> Rollout {
    Rollout {
        env: source.name.clone(),
        task: source.task,
        group,
        prompt: example.prompt.clone(),
        completion: String::from_utf8_lossy(&decode(&completion.tokens)).into_owned(),
        tokens: completion.tokens.len(),
        reward,
        advantage,
    }
}

/// A completion as the loss sees it: only its own tokens count.
fn to_learn(prompt: &[Token], completion: Completion, advantage: f64) -> Sample {
    let before = prompt.len().saturating_sub(1);
    let behind = |values: Vec<f64>| [vec![0.0; before], values].concat();
    let count = completion.tokens.len();
    let text = [prompt, &completion.tokens].concat();
    let length = text.len().saturating_sub(1);
    Sample {
        input: text.iter().copied().take(length).collect(),
        targets: text.iter().copied().skip(1).collect(),
        weights: Some(behind(vec![1.0; count])),
        logprobs: Some(behind(completion.logprobs)),
        advantages: Some(behind(vec![advantage; count])),
        reference_logprobs: None,
    }
}
