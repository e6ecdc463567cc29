//! What the answer says of graded completions.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Completion, GradeArgs, Graded};
use crate::files::data::Stored;
use crate::grade::Score;
use crate::redact::clean;
use crate::together::numbers::mean_and_deviation;

/// How many of the best and of the worst are shown.
const MOST_SHOWN: usize = 3;
/// How much of their texts, in characters.
const LONGEST_TEXT: usize = 400;
/// The same of their prompts.
const LONGEST_PROMPT: usize = 120;
/// The means of so many prompts are listed.
const MOST_PROMPTS: usize = 150;
/// So many different rewards are counted one by one.
const MOST_DIFFERENT: usize = 10;

/// The answer.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    completions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_reward: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward_deviation: Option<f64>,
    histogram: Vec<Bin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    equal_groups: Option<usize>,
    /// The mean of what each part of a combined grader said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<&'a str, f64>,
    /// For each prompt of all operations, in order, unless there are very many.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_by_prompt: Option<Vec<f64>>,
    best: Vec<Shown<'a>>,
    worst: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewards_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next<'a>>,
}

/// How many completions have a reward, or one from this up to below that of the next bin.
#[derive(Serialize)]
struct Bin {
    reward: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<f64>,
    count: usize,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<usize>,
    sequence: usize,
    #[serde(flatten)]
    score: &'a Score,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct Next<'a> {
    tool: &'static str,
    arguments: NextArguments<'a>,
}

#[derive(Serialize)]
struct NextArguments<'a> {
    session_id: &'a str,
    operation_ids: &'a [String],
    rewards_path: String,
}

const ALL_EQUAL: &str = "Each group has equal rewards, which teach nothing: build-training-batch would drop them all. Sample more completions for each prompt or at a higher temperature, or choose prompts or a grader that tell them apart.";

impl<'a> Report<'a> {
    pub(super) fn of(args: &'a GradeArgs, graded: &'a [Graded], stored: Result<Stored, String>) -> Self {
        let all: Vec<(&Graded, &Completion, &Score)> = graded
            .iter()
            .flat_map(|graded| {
                let pairs = graded.completions.iter().zip(&graded.scores);
                pairs.map(move |(completion, score)| (graded, completion, score))
            })
            .collect();
        let rewards: Vec<f64> = all.iter().map(|(.., score)| score.reward).collect();
        let (mean, deviation) = mean_and_deviation(&rewards).unzip();
        let most = MOST_SHOWN.min(all.len().div_ceil(2));
        let several = graded.len() > 1;
        let best = ranked(&all, |a, b| b.total_cmp(&a)).into_iter().take(most);
        let worst = ranked(&all, |a, b| a.total_cmp(&b))
            .into_iter()
            .take(most.min(all.len() - most));
        let best: Vec<Shown<'_>> = best.map(|one| shown(one, several)).collect();
        let worst: Vec<Shown<'_>> = worst.map(|one| shown(one, several)).collect();
        let groups = args.operation_ids.as_ref().map(|_| groups(graded));
        let equal = groups.is_some_and(|(all, equal)| all == equal && all > 0);
        let (path, unstored) = match stored {
            Ok(stored) => (Some(stored.path.display().to_string()), None),
            Err(problem) => (None, Some(format!("The rewards could not be stored: {problem}."))),
        };
        let next = args
            .operation_ids
            .as_deref()
            .zip(args.session_id())
            .zip(path.clone());
        let notes: Vec<String> = equal
            .then(|| ALL_EQUAL.to_owned())
            .into_iter()
            .chain(unstored)
            .collect();
        Self {
            completions: all.len(),
            mean_reward: mean.map(rounded),
            reward_deviation: deviation.map(rounded),
            histogram: histogram(&rewards),
            groups: groups.map(|(all, _)| all),
            equal_groups: groups.map(|(_, equal)| equal),
            parts: parts(&all),
            mean_by_prompt: args.operation_ids.as_ref().and_then(|_| means(graded)),
            best,
            worst,
            rewards_file: path,
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            next: next
                .filter(|_| !equal)
                .map(|((operation_ids, session_id), rewards_path)| Next {
                    tool: "build-training-batch",
                    arguments: NextArguments {
                        session_id,
                        operation_ids,
                        rewards_path,
                    },
                }),
        }
    }
}

/// With its operation, if there are several.
fn shown<'a>(
    (graded, completion, score): (&'a Graded, &'a Completion, &'a Score),
    several: bool,
) -> Shown<'a> {
    let operation_id = graded.operation_id.as_deref();
    Shown {
        operation_id: operation_id.filter(|_| several),
        result: operation_id.map(|_| completion.result),
        sequence: completion.sequence,
        score,
        prompt: completion
            .prompt
            .as_ref()
            .map(|prompt| end_of(prompt, LONGEST_PROMPT)),
        text: end_of(&completion.text, LONGEST_TEXT),
    }
}

/// The end of a text, where the answer stands, and how long the whole is.
fn end_of(text: &str, longest: usize) -> String {
    let text = clean::text(text);
    let count = text.chars().count();
    if count <= longest {
        return text;
    }
    let end: String = text.chars().skip(count - longest).collect();
    format!("({count} characters) …{end}")
}

/// All completions in an order of rewards; of equal ones those of different prompts first.
fn ranked<'a>(
    all: &[(&'a Graded, &'a Completion, &'a Score)],
    order: impl Fn(f64, f64) -> Ordering,
) -> Vec<(&'a Graded, &'a Completion, &'a Score)> {
    let mut seen: HashMap<(usize, usize, u64), usize> = HashMap::new();
    let mut ranked: Vec<_> = all
        .iter()
        .map(|one| {
            let (graded, completion, score) = one;
            let origin = std::ptr::from_ref::<Graded>(graded).addr();
            let place = (origin, completion.result, score.reward.to_bits());
            let again = seen.entry(place).or_default();
            *again += 1;
            (*again, *one)
        })
        .collect();
    ranked.sort_by(|(again, (.., a)), (again_b, (.., b))| order(a.reward, b.reward).then(again.cmp(again_b)));
    ranked.into_iter().map(|(_, one)| one).collect()
}

/// The mean reward of each prompt.
fn means(graded: &[Graded]) -> Option<Vec<f64>> {
    let mut means = Vec::new();
    for graded in graded {
        let mut rewards: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (completion, score) in graded.completions.iter().zip(&graded.scores) {
            rewards.entry(completion.result).or_default().push(score.reward);
        }
        let of_each = rewards.values().filter_map(|rewards| mean_and_deviation(rewards));
        means.extend(of_each.map(|(mean, _)| rounded(mean)));
    }
    (means.len() <= MOST_PROMPTS).then_some(means)
}

/// How many prompts there are, and how many whose completions have equal rewards: the same prompt is one, from whichever
/// operations its completions come.
fn groups(graded: &[Graded]) -> (usize, usize) {
    let mut groups: HashMap<(Option<&str>, usize, usize), Vec<f64>> = HashMap::new();
    for (index, graded) in graded.iter().enumerate() {
        for (completion, score) in graded.completions.iter().zip(&graded.scores) {
            let group = match completion.prompt.as_deref() {
                Some(prompt) => (Some(prompt), 0, 0),
                None => (None, index, completion.result),
            };
            groups.entry(group).or_default().push(score.reward);
        }
    }
    let is_equal =
        |rewards: &&Vec<f64>| mean_and_deviation(rewards).is_none_or(|(_, deviation)| deviation == 0.0);
    (groups.len(), groups.values().filter(is_equal).count())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 completions")]
fn parts<'a>(all: &[(&'a Graded, &'a Completion, &'a Score)]) -> BTreeMap<&'a str, f64> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for part in all.iter().flat_map(|(.., score)| &score.parts) {
        *sums.entry(&part.name).or_default() += part.score.reward;
    }
    let count = all.len() as f64;
    sums.into_iter()
        .map(|(name, sum)| (name, rounded(sum / count)))
        .collect()
}

/// Each reward with its count, or ten bins of equal width.
fn histogram(rewards: &[f64]) -> Vec<Bin> {
    let mut sorted: Vec<f64> = rewards.iter().map(|reward| rounded(*reward)).collect();
    sorted.sort_by(f64::total_cmp);
    let mut bins: Vec<Bin> = Vec::new();
    for reward in &sorted {
        match bins.last_mut() {
            Some(bin) if bin.reward.total_cmp(reward).is_eq() => bin.count += 1,
            _ => bins.push(Bin {
                reward: *reward,
                to: None,
                count: 1,
            }),
        }
    }
    if bins.len() <= MOST_DIFFERENT {
        return bins;
    }
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
        return bins;
    };
    let width = (most - least) / 10.0;
    let edge = |index: u8| least + width * f64::from(index);
    (0..10)
        .map(|index| {
            let (from, to) = (edge(index), edge(index + 1));
            let inside = sorted
                .iter()
                .filter(|reward| **reward >= from && (**reward < to || index == 9));
            Bin {
                reward: rounded(from),
                to: Some(rounded(to)),
                count: inside.count(),
            }
        })
        .collect()
}

/// To four decimals; nobody wants to see -0.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0 + 0.0
}
