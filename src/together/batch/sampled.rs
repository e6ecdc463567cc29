//! Samples of completions and what the caller thinks of them.

use std::collections::BTreeSet;

use super::Job;
use super::answer::Counts;
use super::argument::{Given, given};
use super::labels::{self, Advantage, Labels};
use super::reference::{self, Scores};
use super::request::{BatchArgs, Entries};
use super::sample::{Policy, Sample, Values, objection};
use super::stored::{Completion, Prompt, Sampling, Store};
use super::{graded, groups};
use crate::error::problems::{Path, Problems};
use crate::files::LARGEST_JSON;
use crate::together::losses::LossType;
use crate::together::numbers::mean_and_deviation;

/// What the operations come to.
pub(super) enum Outcome {
    /// A batch.
    Samples(Vec<Sample>, Counts),
    /// The loss has a KL term, and these sequences have to be scored first.
    Unscored(Vec<Vec<i64>>, Counts),
}

/// The samples of the request's operations.
pub(super) fn samples(job: &Job<'_>, request: &mut BatchArgs) -> Result<Outcome, Problems> {
    let mut problems = Problems::default();
    let labels = read_labels(job, request, &mut problems);
    let prompts = given(
        ("prompts_path", None),
        ("prompts_path", request.prompts_path.as_deref()),
        job.files,
        &mut problems,
    );
    let store = |session_id| Store {
        files: job.files,
        data: job.data,
        session_id,
    };
    let ids = request.operation_ids.as_deref().unwrap_or_default();
    let sampling = store(&request.session_id).read("operation_ids", ids, prompts.as_ref(), &mut problems);
    let mut reference_version = None;
    let scores = request.reference_operation_ids.as_deref().and_then(|ids| {
        let session_id = request
            .reference_session_id
            .as_ref()
            .unwrap_or(&request.session_id);
        let scored = store(session_id).read(reference::NAME, ids, None, &mut problems)?;
        reference_version = scored.policy_versions.last().copied();
        Some(Scores::new(scored, &mut problems))
    });
    if let (Some(labels), Some(sampling)) = (&labels, &sampling) {
        labels.check(&sampling.prompts, job.loss.kind, &mut problems);
    }
    match (labels, sampling) {
        (Some(labels), Some(sampling)) if problems.is_empty() => {
            let assembly = Assembly {
                job,
                name: labels.name,
                scores,
                counts: Counts {
                    reference_version,
                    ..Counts::default()
                },
                problems,
                samples: Vec::new(),
                unscored: BTreeSet::new(),
            };
            assembly.run(labels.value, sampling, request)
        }
        _ => Err(problems),
    }
}

fn read_labels(job: &Job<'_>, request: &mut BatchArgs, problems: &mut Problems) -> Option<Given<Labels>> {
    if let Some(path) = request.rewards_path.as_deref()
        && let Ok(text) = job.files.read_blocking(path, LARGEST_JSON)
        && graded::is_lines(&text)
    {
        let name = "rewards_path";
        let ids = request.operation_ids.as_deref().unwrap_or_default();
        let rewards = graded::rewards(&text, &Path::Root.key(name), ids, problems)?;
        let value = Labels::Rewards(rewards);
        return Some(Given { value, name });
    }
    let rewards = given(
        ("rewards", request.rewards.take()),
        ("rewards_path", request.rewards_path.as_deref()),
        job.files,
        problems,
    );
    if let Some(Given { value, name }) = rewards {
        let value = Labels::Rewards(value.into_iter().map(|Entries(rewards)| rewards).collect());
        return Some(Given { value, name });
    }
    let advantages = given(
        ("advantages", request.advantages.take()),
        ("advantages_path", request.advantages_path.as_deref()),
        job.files,
        problems,
    );
    labels::advantages(advantages?, problems)
}

/// The batch while it is put together.
struct Assembly<'a> {
    job: &'a Job<'a>,
    /// The argument that the labels came in.
    name: &'static str,
    scores: Option<Scores>,
    counts: Counts,
    problems: Problems,
    samples: Vec<Sample>,
    unscored: BTreeSet<Vec<i64>>,
}

/// One completion, and where it is.
struct Sampled<'a> {
    prompt: &'a Prompt,
    completion: &'a Completion,
    origin: String,
    /// Its index among the prompt's.
    index: usize,
}

impl Assembly<'_> {
    fn run(mut self, labels: Labels, sampling: Sampling, request: &BatchArgs) -> Result<Outcome, Problems> {
        let Sampling {
            prompts,
            policy_versions,
        } = sampling;
        self.counts.policy_versions = Some(policy_versions);
        let advantages = self.advantages(labels, &prompts, request);
        for (index, (prompt, advantages)) in prompts.iter().zip(advantages).enumerate() {
            let Some(advantages) = advantages else {
                self.counts.dropped += prompt.completions.len();
                continue;
            };
            let completions = prompt.completions.iter().zip(&advantages).enumerate();
            for (number, (completion, advantage)) in completions {
                let sampled = Sampled {
                    prompt,
                    completion,
                    origin: format!("{}[{index}][{number}]", self.name),
                    index: number,
                };
                self.add(sampled, advantage);
            }
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        Ok(if self.unscored.is_empty() {
            Outcome::Samples(self.samples, self.counts)
        } else {
            Outcome::Unscored(self.unscored.into_iter().collect(), self.counts)
        })
    }

    /// For each prompt, the advantage of each completion; nothing for a prompt whose group is dropped.
    fn advantages(
        &mut self,
        labels: Labels,
        prompts: &[Prompt],
        request: &BatchArgs,
    ) -> Vec<Option<Vec<Advantage>>> {
        let whole = |values: Vec<f64>| values.into_iter().map(Advantage::Whole).collect();
        let all = || groups::groups(prompts).len();
        let rewards = match labels {
            Labels::Advantages(advantages) => {
                self.counts.groups = Some((all(), 0));
                return advantages.into_iter().map(Some).collect();
            }
            Labels::Rewards(rewards) => rewards,
        };
        let together: Vec<f64> = rewards.iter().flatten().copied().collect();
        self.counts.rewards = mean_and_deviation(&together);
        if self.job.loss.kind == LossType::CrossEntropy {
            self.counts.groups = Some((all(), 0));
            return rewards.into_iter().map(|weights| Some(whole(weights))).collect();
        }
        let scale = request.scale_by_deviation.unwrap_or(false);
        let keep_equal = request.keep_equal_groups.unwrap_or(false);
        let grouped = groups::advantages(prompts, &rewards, scale, keep_equal);
        self.counts.groups = Some((grouped.kept, grouped.dropped));
        let advantages = grouped.advantages.into_iter();
        advantages.map(|values| values.map(whole)).collect()
    }

    fn add(&mut self, sampled: Sampled<'_>, advantage: &Advantage) {
        let tokens = &sampled.completion.tokens;
        let supervised = self.job.loss.kind == LossType::CrossEntropy;
        if tokens.is_empty() {
            return self.counts.left_out(true);
        }
        let values = if supervised {
            let weight = advantage.at(0);
            (weight != 0.0).then(|| Values::Weights(vec![weight; tokens.len()]))
        } else {
            self.policy(&sampled, advantage).map(Values::Policy)
        };
        let Some(values) = values else {
            return self.counts.left_out(false);
        };
        let mut sample = Sample::new(sampled.origin, &sampled.prompt.tokens, tokens, values);
        sample
            .routed_experts_key
            .clone_from(&sampled.completion.routed_experts_key);
        self.samples.push(sample);
    }

    /// The tensors of a completion; `None` if none of its tokens counts, if its log-probabilities are unusable, or if
    /// it has to be scored first.
    fn policy(&mut self, sampled: &Sampled<'_>, advantage: &Advantage) -> Option<Policy> {
        let Sampled { completion, .. } = sampled;
        let tokens = completion.tokens.len();
        let at = Path::Root.key("operation_ids");
        let place = format!("{}.sequences[{}]", sampled.prompt.place, sampled.index);
        let logprobs = completion.logprobs.as_deref().unwrap_or_default();
        if logprobs.len() != tokens {
            let given = logprobs.len();
            self.problems.add(
                &at,
                format!("{place} has {given} logprobs for {tokens} tokens: sample again, or use LOSS_TYPE_CROSS_ENTROPY, which needs none"),
            );
            return None;
        }
        if let Some(objection) = logprobs.iter().find_map(|value| objection(*value)) {
            self.problems.add(&at, format!("{place}.logprobs: {objection}"));
            return None;
        }
        let references = self.references(sampled).ok()?;
        let policy = Policy::new(logprobs, advantage, references.as_deref());
        let unusable = policy.unusable();
        self.counts.unusable_tokens += unusable;
        (unusable < tokens).then_some(policy)
    }

    /// The reference log-probabilities of a completion's tokens, if the batch has any.
    fn references(&mut self, sampled: &Sampled<'_>) -> Result<Option<Vec<Option<f64>>>, Unscored> {
        let prompt = &sampled.prompt.tokens;
        let full = || [prompt.as_slice(), &sampled.completion.tokens].concat();
        let Some(scores) = &self.scores else {
            if !self.job.loss.kl_term {
                return Ok(None);
            }
            self.unscored.insert(full());
            return Err(Unscored);
        };
        if let Some(found) = scores.of(&full(), prompt.len()) {
            return Ok(Some(found.to_vec()));
        }
        let place = format!("{}.sequences[{}]", sampled.prompt.place, sampled.index);
        self.problems.add(
            &Path::Root.key(reference::NAME),
            format!("none of them scored {place}: score all sequences with the body that this tool writes when reference_operation_ids is left out"),
        );
        Err(Unscored)
    }
}

/// A sequence whose reference log-probabilities are needed is not scored; what follows from that is noted.
struct Unscored;
