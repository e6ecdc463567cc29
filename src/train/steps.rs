//! What a run measured: a line for each step in `steps.jsonl`, one for each evaluation in `evaluations.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file of steps.
pub(crate) const STEPS: &str = "steps.jsonl";
/// The file of evaluations.
pub(crate) const EVALUATIONS: &str = "evaluations.jsonl";
/// The folder of the files with each step's completions.
pub(crate) const ROLLOUTS: &str = "rollouts";

/// What is measured of a step.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[expect(clippy::struct_field_names, reason = "as it stands in the file")]
pub(crate) struct Step {
    /// Counted from 1.
    pub(crate) step: usize,
    /// The mean of all completions, before any is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reward: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reward_deviation: Option<f64>,
    /// The mean of what each part of a combined grader says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parts: BTreeMap<String, f64>,
    /// The share of prompts whose completions all have the same reward, and teach nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) equal_groups: Option<f64>,
    /// The share of completions that the limit cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cut: Option<f64>,
    /// Of a completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mean_tokens: Option<f64>,
    /// What most completions say, should any two say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commonest: Option<Commonest>,
    /// As the service says; for sft the mean of a trained token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loss: Option<f64>,
    /// As the service names them: KL, entropy, ratio, clip shares.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) learning_rate: f64,
    pub(crate) seconds: Seconds,
    /// Sampled and trained on.
    pub(crate) tokens: u64,
    /// Since the run began, as far as the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usd: Option<f64>,
    /// Why nothing was learned in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
}

/// A completion that comes more than once in a step.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Commonest {
    /// Cut.
    pub(crate) text: String,
    /// Of all completions.
    pub(crate) share: f64,
}

/// Where the time of a step went.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Seconds {
    pub(crate) sampling: f64,
    pub(crate) training: f64,
    /// Grading, building the batch, and writing files.
    pub(crate) here: f64,
}

/// After so many steps in a row in which nothing could be learned a run ends.
const MOST_SKIPPED: usize = 20;

/// Why a run gets nowhere, if it does not.
pub(crate) fn stuck(steps: &[Step]) -> Option<String> {
    let skipped = steps.iter().rev().take_while(|step| step.skipped.is_some());
    (skipped.count() >= MOST_SKIPPED).then(|| {
        format!("nothing was learned in the last {MOST_SKIPPED} steps, as all groups had equal rewards: look at the completions (view rollouts), and take a grader that tells them apart, other rows, or a larger group_size")
    })
}

/// What the held-out rows say.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Evaluation {
    /// After so many steps.
    pub(crate) step: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reward: Option<f64>,
    /// The mean of an answer's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loss: Option<f64>,
    pub(crate) rows: usize,
}

impl Step {
    /// The metric whose name has one of these parts: services name them in their own way.
    pub(crate) fn metric(&self, parts: &[&str]) -> Option<f64> {
        let found = parts.iter().find_map(|part| {
            let mut named = self.metrics.iter().filter(|(name, _)| name.contains(part));
            named.next().map(|(_, value)| *value)
        });
        found.filter(|value| value.is_finite())
    }

    /// How far the policy is from where it was: from the reference if that is measured, else from the sampling policy.
    pub(crate) fn kl(&self) -> Option<f64> {
        self.metric(&["kl_ref", "kl_old", "kl"])
    }

    /// Of the policy's tokens.
    pub(crate) fn entropy(&self) -> Option<f64> {
        self.metric(&["entropy"])
    }
}

/// The best evaluation or, where there is none, the mean reward of the last steps: what a limit on the reward means.
pub(crate) fn reached(steps: &[Step], evaluations: &[Evaluation]) -> Option<f64> {
    /// So many steps together are less of an accident than one.
    const LAST: usize = 5;
    if let Some(evaluation) = evaluations.iter().rev().find(|evaluation| evaluation.step > 0) {
        return evaluation.reward;
    }
    let last = steps.get(steps.len().checked_sub(LAST)?..)?;
    let rewards: Option<Vec<f64>> = last.iter().map(|step| step.reward).collect();
    mean(&rewards?)
}

/// For how many steps the reward has not been better than before: the mean of the last five against that of each five before.
pub(crate) fn without_gain(steps: &[Step]) -> usize {
    const WINDOW: usize = 5;
    let rewards: Vec<f64> = steps
        .iter()
        .filter_map(|step| step.reward.or(step.loss.map(|loss| -loss)))
        .collect();
    let means: Vec<f64> = rewards.windows(WINDOW).filter_map(mean).collect();
    let best = means
        .iter()
        .enumerate()
        .fold(None, |best: Option<(usize, f64)>, (index, mean)| match best {
            Some((_, known)) if known >= *mean => best,
            _ => Some((index, *mean)),
        });
    best.map_or(0, |(index, _)| means.len() - 1 - index)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 steps")]
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What goes wrong, in sentences: what somebody would want to know before the next step.
pub(crate) fn alarms(steps: &[Step]) -> Vec<String> {
    const WINDOW: usize = 5;
    /// For so many steps nothing has become better.
    const STUCK: usize = 10;
    let mut alarms = Vec::new();
    let Some(last) = steps.last() else {
        return alarms;
    };
    if last.loss.is_some_and(|loss| !loss.is_finite()) {
        alarms.push("The loss is not finite: lower the learning rate, and look at the rewards.".to_owned());
    }
    let (Some(first), Some(recent)) = (
        steps.get(..WINDOW),
        steps
            .len()
            .checked_sub(WINDOW)
            .filter(|start| *start >= WINDOW)
            .and_then(|start| steps.get(start..)),
    ) else {
        return alarms;
    };
    let of = |steps: &[Step], value: &dyn Fn(&Step) -> Option<f64>| {
        mean(&steps.iter().filter_map(value).collect::<Vec<_>>())
    };
    let pair = |value: &dyn Fn(&Step) -> Option<f64>| Some((of(first, value)?, of(recent, value)?));
    if let (Some((reward, now)), Some((kl, more))) = (pair(&|step| step.reward), pair(&Step::kl))
        && now < reward - 0.05 * reward.abs()
        && more > 2.0 * kl.abs()
        && more > 1e-3
    {
        alarms.push(format!(
            "The reward falls ({} to {}) while the KL grows ({} to {}): lower the learning rate, or give kl.",
            short(reward),
            short(now),
            short(kl),
            short(more)
        ));
    }
    // Who has learned what is wanted says it every time; only without gain that is a fault.
    let is_stuck = without_gain(steps) >= STUCK;
    if let Some((entropy, now)) = pair(&Step::entropy)
        && is_stuck
        && now < 0.1 * entropy
    {
        alarms.push(format!(
            "The entropy collapses ({} to {}): the completions of a prompt become alike. Lower the learning rate, or raise the temperature.",
            short(entropy),
            short(now)
        ));
    }
    // Where it is right, saying it is no fault.
    if let Some(commonest) = &last.commonest
        && of(recent, &|step| {
            step.commonest.as_ref().map(|commonest| commonest.share)
        })
        .is_some_and(|share| share > 0.6)
        && of(recent, &|step| step.reward).is_some_and(|reward| reward < 0.8)
    {
        alarms.push(format!(
            "{:?} is what {:.0}% of the completions say, whatever they are asked: the run has settled on one answer, and more steps will not help. Begin anew with a lower learning_rate or with kl, with rows whose answers differ, or with a grader that also tells wrong answers apart.",
            commonest.text,
            commonest.share * 100.0
        ));
        return alarms;
    }
    if is_stuck && of(recent, &|step| step.cut).is_some_and(|cut| cut > 0.95) {
        alarms.push("Nearly all completions are cut off by sampling.max_tokens: raise it, or reward those that end by themselves (grader format).".to_owned());
    }
    if of(recent, &|step| step.equal_groups).is_some_and(|equal| equal > 0.9) {
        alarms.push("Nearly all groups have equal rewards, which teach nothing: take easier or harder rows, a larger group_size, or a grader that tells answers apart.".to_owned());
    }
    alarms
}

/// A number as a person reads it.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (0.001..10_000.0).contains(&size) {
        let text = format!("{value:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if text == "-0" {
            "0".to_owned()
        } else {
            text.to_owned()
        }
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(rewards: &[f64]) -> Vec<Step> {
        let step = |(index, reward): (usize, &f64)| Step {
            step: index + 1,
            reward: Some(*reward),
            ..Step::default()
        };
        rewards.iter().enumerate().map(step).collect()
    }

    #[test]
    fn gain_is_counted_over_five_steps() {
        assert_eq!(without_gain(&steps(&[0.1, 0.2, 0.3])), 0);
        assert_eq!(without_gain(&steps(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])), 0);
        assert_eq!(without_gain(&steps(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])), 2);
        assert_eq!(reached(&steps(&[1.0; 4]), &[]), None);
        assert_eq!(reached(&steps(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), &[]), Some(1.0));
        let evaluation = |step, reward| Evaluation {
            step,
            reward: Some(reward),
            ..Evaluation::default()
        };
        assert_eq!(reached(&steps(&[1.0; 9]), &[evaluation(0, 0.9)]), Some(1.0));
        assert_eq!(
            reached(&steps(&[1.0; 9]), &[evaluation(0, 0.1), evaluation(5, 0.4)]),
            Some(0.4)
        );
    }

    #[test]
    fn what_goes_wrong_is_named() {
        let mut all = steps(&[vec![0.9; 5], vec![0.2; 15]].concat());
        assert!(alarms(&all).is_empty());
        for (index, step) in all.iter_mut().enumerate() {
            let late = index > 4;
            step.metrics
                .insert("loss/kl_old/mean".to_owned(), if late { 0.5 } else { 0.01 });
            step.metrics
                .insert("loss/entropy/mean".to_owned(), if late { 0.01 } else { 2.0 });
            step.cut = Some(1.0);
            step.equal_groups = Some(1.0);
        }
        let told = alarms(&all).join("\n");
        for expected in [
            "reward falls (0.9 to 0.2)",
            "entropy collapses",
            "cut off",
            "equal rewards",
        ] {
            assert!(told.contains(expected), "{told}");
        }
        all.last_mut().unwrap().loss = Some(f64::NAN);
        assert!(alarms(&all).join("\n").contains("not finite"));
    }

    #[test]
    fn who_says_the_same_to_everything_is_told_so_unless_it_is_right() {
        let said = |reward: f64, share: f64| {
            let mut all = steps(&[reward; 12]);
            for step in &mut all {
                step.commonest = Some(Commonest {
                    text: "9".to_owned(),
                    share,
                });
            }
            alarms(&all).join(" ")
        };
        assert!(said(0.13, 0.9).starts_with("\"9\" is what 90% of the completions say"));
        for (reward, share) in [(0.95, 0.9), (0.13, 0.5)] {
            assert!(!said(reward, share).contains("is what"), "{reward} {share}");
        }
    }
}
