//! The control: advantages that say nothing.

use fastrand::Rng;

use crate::task::mean;

/// The advantages that these rewards, one list for each group, come to, dealt out anew by chance over the whole batch:
/// the same numbers, but they no longer say which completion was good. Nothing can be learned from them, which shows
/// that what is learned otherwise comes from the rewards.
pub(crate) fn shuffled(rewards: &[Vec<f64>], seed: u64) -> Vec<Vec<f64>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advantages_of_a_group_add_up_to_nothing_and_equal_rewards_have_none() {
        let some = advantages(&[0.0, 0.25, 0.25, 1.0]);
        assert!(some.iter().sum::<f64>().abs() < 1e-12);
        assert!((mean(&some.iter().map(|one| one * one).collect::<Vec<_>>()) - 1.0).abs() < 1e-12);
        assert_eq!(advantages(&[0.5; 3]), [0.0; 3]);
        // The mean of these is another number than each of them.
        assert_eq!(advantages(&[0.1; 3]), [0.0; 3]);
        assert!(advantages(&[]).is_empty());
    }

    #[test]
    fn shuffling_keeps_the_numbers_and_is_the_same_again() {
        let rewards = [
            (0..8).map(f64::from).collect::<Vec<_>>(),
            (0..12).map(|number| f64::from(number * number)).collect(),
        ];
        let bits =
            |groups: &[Vec<f64>]| -> Vec<u64> { groups.iter().flatten().map(|one| one.to_bits()).collect() };
        let dealt = shuffled(&rewards, 1);
        assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), [8, 12]);
        assert_eq!(bits(&dealt), bits(&shuffled(&rewards, 1)));
        assert_ne!(bits(&dealt), bits(&shuffled(&rewards, 2)));
        let mut after = bits(&dealt);
        let mut before = bits(&rewards.each_ref().map(|group| advantages(group)));
        assert_ne!(after, before);
        after.sort_unstable();
        before.sort_unstable();
        assert_eq!(after, before);
    }
}
