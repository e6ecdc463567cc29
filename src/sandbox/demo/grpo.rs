//! GRPO: from rewards to a batch for forward-backward-pass.

use fastrand::Rng;
use serde_json::{Value, json};

use super::reading::{Sequence, Token};
use super::task::mean;

/// A completion with what it was worth.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) prompt: Vec<Token>,
    pub(super) sequence: Sequence,
    pub(super) reward: f64,
    pub(super) advantage: f64,
}

/// The completions of one prompt with their rewards. The advantage of each is its reward less the mean of the group, in
/// units of the group's standard deviation.
pub(super) fn group(
    prompt: &[Token],
    sequences: Vec<Sequence>,
    reward: impl Fn(&[Token]) -> f64,
) -> Vec<Rollout> {
    let rewards: Vec<f64> = sequences
        .iter()
        .map(|sequence| reward(&sequence.tokens))
        .collect();
    let advantages = advantages(&rewards);
    let scored = sequences.into_iter().zip(rewards).zip(advantages);
    scored
        .map(|((sequence, reward), advantage)| Rollout {
            prompt: prompt.to_vec(),
            sequence,
            reward,
            advantage,
        })
        .collect()
}

fn advantages(rewards: &[f64]) -> Vec<f64> {
    let center = mean(rewards);
    let squares: Vec<f64> = rewards.iter().map(|reward| (reward - center).powi(2)).collect();
    let deviation = mean(&squares).sqrt();
    let advantage = |reward: &f64| {
        if deviation > 0.0 {
            (reward - center) / deviation
        } else {
            0.0
        }
    };
    rewards.iter().map(advantage).collect()
}

/// Deals the advantages of a batch out anew, by chance: the same numbers, but they no longer say which completion was
/// good. Nothing can be learned from them, which shows that what is learned otherwise comes from the rewards.
pub(super) fn shuffle(batch: &mut [Rollout], seed: u64) {
    let mut dealt: Vec<f64> = batch.iter().map(|rollout| rollout.advantage).collect();
    Rng::with_seed(seed).shuffle(&mut dealt);
    for (rollout, advantage) in batch.iter_mut().zip(dealt) {
        rollout.advantage = advantage;
    }
}

/// The body of forward-backward-pass for a batch.
pub(super) fn body(batch: &[Rollout]) -> Value {
    let samples: Vec<Value> = batch.iter().map(sample).collect();
    json!({
        "samples": samples,
        "loss": {"type": "LOSS_TYPE_GRPO", "grpo_params": {
            "clip_low_threshold": 0.8,
            "clip_high_threshold": 1.2,
            "beta": 0.0,
            "agg_type": "GRPO_LOSS_AGGREGATION_TYPE_FIXED_HORIZON",
            "ratio_type": "GRPO_LOSS_RATIO_TYPE_TOKEN",
        }},
    })
}

/// One sequence of the batch. What is read is the whole text without its last token, what is to be predicted the whole
/// text without its first: slot i is about token i + 1, and all tensors begin with a zero for each token of the prompt
/// but the first.
fn sample(rollout: &Rollout) -> Value {
    let Rollout { prompt, sequence, .. } = rollout;
    let whole = [prompt.as_slice(), &sequence.tokens].concat();
    let input = whole.get(..whole.len().saturating_sub(1)).unwrap_or_default();
    let targets = whole.get(1..).unwrap_or_default();
    let unasked = prompt.len().saturating_sub(1);
    let answered = sequence.tokens.len();
    let slots = |values: &[f64]| {
        let mut slots = vec![0.0; unasked];
        slots.extend(values);
        slots
    };
    let mask = [vec![0; unasked], vec![1; answered]].concat();
    json!({
        "model_input": {"chunks": [{"encoded_text": {"tokens": input}}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": targets, "dtype": "int64"},
            "logprobs": {"data": slots(&sequence.logprobs), "dtype": "float32"},
            "advantages": {"data": slots(&vec![rollout.advantage; answered]), "dtype": "float32"},
            "mask": {"data": mask, "dtype": "int64"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(tokens: &[Token], logprobs: &[f64]) -> Sequence {
        Sequence {
            tokens: tokens.to_vec(),
            logprobs: logprobs.to_vec(),
        }
    }

    /// The worked example of the API's documentation.
    #[test]
    fn the_batch_is_aligned_as_documented() {
        let sequences = vec![
            sequence(&[7, 9], &[-0.105, -0.916]),
            sequence(&[7, 8], &[-0.105, -1.204]),
        ];
        let mut batch = group(&[101, 17, 42], sequences, |tokens| {
            f64::from(u8::from(tokens.ends_with(&[9])))
        });
        let rewards: Vec<f64> = batch.iter().map(|rollout| rollout.reward).collect();
        assert_eq!(rewards, [1.0, 0.0]);
        // There the advantages are not divided by the deviation, which is a half.
        for rollout in &mut batch {
            rollout.advantage /= 2.0;
        }
        let expected = json!({
            "samples": [
                {"model_input": {"chunks": [{"encoded_text": {"tokens": [101, 17, 42, 7]}}]},
                 "loss_fn_inputs": {
                    "target_tokens": {"data": [17, 42, 7, 9], "dtype": "int64"},
                    "logprobs": {"data": [0.0, 0.0, -0.105, -0.916], "dtype": "float32"},
                    "advantages": {"data": [0.0, 0.0, 0.5, 0.5], "dtype": "float32"},
                    "mask": {"data": [0, 0, 1, 1], "dtype": "int64"}}},
                {"model_input": {"chunks": [{"encoded_text": {"tokens": [101, 17, 42, 7]}}]},
                 "loss_fn_inputs": {
                    "target_tokens": {"data": [17, 42, 7, 8], "dtype": "int64"},
                    "logprobs": {"data": [0.0, 0.0, -0.105, -1.204], "dtype": "float32"},
                    "advantages": {"data": [0.0, 0.0, -0.5, -0.5], "dtype": "float32"},
                    "mask": {"data": [0, 0, 1, 1], "dtype": "int64"}}}],
            "loss": {"type": "LOSS_TYPE_GRPO", "grpo_params": {
                "clip_low_threshold": 0.8, "clip_high_threshold": 1.2, "beta": 0.0,
                "agg_type": "GRPO_LOSS_AGGREGATION_TYPE_FIXED_HORIZON",
                "ratio_type": "GRPO_LOSS_RATIO_TYPE_TOKEN"}},
        });
        assert_eq!(body(&batch), expected);
    }

    #[test]
    fn advantages_of_a_group_add_up_to_nothing_and_equal_rewards_have_none() {
        let some = advantages(&[0.0, 0.25, 0.25, 1.0]);
        assert!(some.iter().sum::<f64>().abs() < 1e-12);
        assert!((mean(&some.iter().map(|one| one * one).collect::<Vec<_>>()) - 1.0).abs() < 1e-12);
        assert_eq!(advantages(&[0.5; 3]), [0.0; 3]);
        assert!(advantages(&[]).is_empty());
    }

    #[test]
    fn shuffling_keeps_the_numbers_and_is_the_same_again() {
        let sequences: Vec<Sequence> = (0..20).map(|token| sequence(&[token], &[-1.0])).collect();
        let batch = group(&[1], sequences, |tokens| {
            tokens.iter().copied().map(f64::from).sum()
        });
        let shuffled = |seed| {
            let mut batch = batch.clone();
            shuffle(&mut batch, seed);
            let advantages = batch.iter().map(|rollout| rollout.advantage.to_bits());
            advantages.collect::<Vec<_>>()
        };
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
        let mut sorted = shuffled(1);
        let mut before: Vec<u64> = batch.iter().map(|rollout| rollout.advantage.to_bits()).collect();
        assert_ne!(sorted, before);
        sorted.sort_unstable();
        before.sort_unstable();
        assert_eq!(sorted, before);
    }
}
