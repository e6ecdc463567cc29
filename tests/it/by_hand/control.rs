//! The control: advantages that say nothing.

use fastrand::Rng;

use super::task::mean;

/// The advantages that these rewards, one list for each group, come to, dealt out anew by chance over the whole batch:
/// the same numbers, but they no longer say which completion was good. Nothing can be learned from them, which shows
/// that what is learned otherwise comes from the rewards.
pub fn shuffled(rewards: &[Vec<f64>], seed: u64) -> Vec<Vec<f64>> {
    let mut dealt: Vec<f64> = rewards.iter().flat_map(|group| advantages(group)).collect();
    Rng::with_seed(seed).shuffle(&mut dealt);
    let mut dealt = dealt.into_iter();
    let groups = rewards
        .iter()
        .map(|group| dealt.by_ref().take(group.len()).collect());
    groups.collect()
}

/// The same numbers as those of `build-training-batch`, which are scaled by the group's deviation.
fn advantages(rewards: &[f64]) -> Vec<f64> {
    let center = mean(rewards);
    let squares: Vec<f64> = rewards.iter().map(|reward| (reward - center).powi(2)).collect();
    let deviation = mean(&squares).sqrt();
    let advantage = |reward: &f64| {
        if deviation > 1e-6 {
            (reward - center) / deviation
        } else {
            0.0
        }
    };
    rewards.iter().map(advantage).collect()
}
