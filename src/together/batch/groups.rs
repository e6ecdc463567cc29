//! Groups of completions, and what is better or worse than the rest of its group.

use std::collections::HashMap;

use super::stored::Prompt;
use crate::together::numbers::mean_and_deviation;

/// What became of the rewards.
#[derive(Default)]
pub(super) struct Grouped {
    /// For each prompt, in order: the advantage of each completion, or nothing if its group is dropped.
    pub(super) advantages: Vec<Option<Vec<f64>>>,
    pub(super) kept: usize,
    pub(super) dropped: usize,
}

/// The prompts by their tokens: all completions of one prompt are one group, from whichever operations they come.
pub(super) fn groups(prompts: &[Prompt]) -> Vec<Vec<usize>> {
    let mut known: HashMap<&[i64], usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let next = groups.len();
        let group = *known.entry(&prompt.tokens).or_insert(next);
        match groups.get_mut(group) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// Rewards, less the mean of their group, and with `scale` divided by its deviation. A group of equal rewards teaches
/// nothing: it is dropped, or with `keep_equal` its advantages are 0.
pub(super) fn advantages(prompts: &[Prompt], rewards: &[Vec<f64>], scale: bool, keep_equal: bool) -> Grouped {
    let mut grouped = Grouped {
        advantages: rewards.iter().map(|_| None).collect(),
        ..Grouped::default()
    };
    for group in groups(prompts) {
        let own = || {
            group
                .iter()
                .filter_map(|index| Some((*index, rewards.get(*index)?)))
        };
        let all: Vec<f64> = own().flat_map(|(_, rewards)| rewards).copied().collect();
        let Some((mean, deviation)) = mean_and_deviation(&all) else {
            grouped.dropped += 1;
            continue;
        };
        let is_equal = deviation == 0.0;
        if is_equal && !keep_equal {
            grouped.dropped += 1;
            continue;
        }
        grouped.kept += 1;
        let divisor = if scale { deviation } else { 1.0 };
        let advantage = |reward: &f64| if is_equal { 0.0 } else { (reward - mean) / divisor };
        for (index, rewards) in own() {
            if let Some(advantages) = grouped.advantages.get_mut(index) {
                *advantages = Some(rewards.iter().map(advantage).collect());
            }
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(tokens: &[&[i64]]) -> Vec<Prompt> {
        let prompt = |tokens: &&[i64]| Prompt {
            tokens: tokens.to_vec(),
            ..Prompt::default()
        };
        tokens.iter().map(prompt).collect()
    }

    #[test]
    fn the_same_prompt_is_one_group_wherever_it_stands() {
        let prompts = prompts(&[&[1, 2], &[1], &[1, 2]]);
        assert_eq!(groups(&prompts), [vec![0, 2], vec![1]]);
        let rewards = [vec![1.0, 0.0], vec![5.0, 5.0], vec![1.0, 2.0]];
        let grouped = advantages(&prompts, &rewards, false, false);
        assert_eq!(
            grouped.advantages,
            [Some(vec![0.0, -1.0]), None, Some(vec![0.0, 1.0])]
        );
        assert_eq!((grouped.kept, grouped.dropped), (1, 1));
    }

    #[test]
    fn equal_rewards_are_dropped_or_count_nothing() {
        let prompts = prompts(&[&[1]]);
        // Their mean, summed up and divided, is another number than each of them.
        let rewards = [vec![0.1; 3]];
        assert_eq!(advantages(&prompts, &rewards, true, false).advantages, [None]);
        let kept = advantages(&prompts, &rewards, true, true);
        assert_eq!(kept.advantages, [Some(vec![0.0; 3])]);
        assert_eq!((kept.kept, kept.dropped), (1, 0));
        assert_eq!(advantages(&prompts, &[vec![]], false, true).dropped, 1);
    }

    #[test]
    fn what_float32_cannot_tell_apart_is_equal() {
        let prompts = prompts(&[&[1]]);
        let third = f64::from(0.1_f32 + 0.2_f32) - f64::from(0.3_f32);
        let equal = [
            [
                &[3.200_000_047_683_716][..],
                &[3.199_999_809_265_136_7; 6],
                &[3.199_999_570_846_557_6],
            ]
            .concat(),
            vec![f64::from(0.1_f32), 0.1],
            vec![-2.5e7, -2.5e7 - 2.0],
            vec![0.0, f64::from(f32::EPSILON) * 1e-3, -1e-12],
            vec![0.0, -0.0],
            vec![third, third],
        ];
        for rewards in equal {
            let rewards = [rewards];
            assert_eq!(
                advantages(&prompts, &rewards, true, false).advantages,
                [None],
                "{rewards:?}"
            );
            for scale in [true, false] {
                let kept = advantages(&prompts, &rewards, scale, true);
                assert_eq!(kept.advantages, [Some(vec![0.0; rewards[0].len()])]);
            }
            let deviation = mean_and_deviation(&rewards[0]).map(|(_, deviation)| deviation);
            assert_eq!(deviation, Some(0.0));
        }
        assert_eq!(mean_and_deviation(&[0.1; 3]), Some((0.1, 0.0)));
        // What the caller can have meant is told apart.
        for rewards in [
            vec![1.0, 1.000_01],
            vec![1e-5, 2e-5],
            vec![0.0, 1e-8],
            vec![-1.0, 1.0],
            vec![1e6, 1e6 + 2.0],
        ] {
            let grouped = advantages(&prompts, std::slice::from_ref(&rewards), true, false);
            let scaled = grouped.advantages[0].clone().unwrap();
            assert!(
                scaled
                    .iter()
                    .all(|advantage| (advantage.abs() - 1.0).abs() < 1e-6),
                "{rewards:?}"
            );
        }
    }

    #[test]
    fn scaled_advantages_deviate_by_one() {
        let prompts = prompts(&[&[1]]);
        let scaled = advantages(&prompts, &[vec![1.0, 0.0, 0.0, 1.0]], true, false);
        assert_eq!(scaled.advantages, [Some(vec![1.0, -1.0, -1.0, 1.0])]);
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), Some((2.0, 1.0)));
        assert_eq!(mean_and_deviation(&[]), None);
    }
}
