//! What the caller thinks of each completion: rewards, or advantages.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::argument::Given;
use super::request::Entries;
use super::stored::Prompt;
use crate::arguments::schema::ANY;
use crate::error::problems::{Path, Problems, counted};
use crate::together::losses::LossType;

/// For each prompt, in order, a list with one entry for each completion.
pub(super) enum Labels {
    Rewards(Vec<Vec<f64>>),
    Advantages(Vec<Vec<Advantage>>),
}

/// Of one completion.
pub(super) enum Advantage {
    /// The same for each token.
    Whole(f64),
    Each(Vec<f64>),
}

impl Advantage {
    /// That of a token.
    pub(super) fn at(&self, index: usize) -> f64 {
        match self {
            Self::Whole(value) => *value,
            Self::Each(values) => values.get(index).copied().unwrap_or_default(),
        }
    }
}

/// A number or a list of numbers, as the caller wrote it: the schema dialect has no words for that.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Written(Box<RawValue>);

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "Written".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", ANY: true})
    }

    fn inline_schema() -> bool {
        true
    }
}

impl Written {
    fn read(&self, path: &Path<'_>, problems: &mut Problems) -> Option<Advantage> {
        let text = self.0.get();
        if !text.starts_with('[') {
            let number = serde_json::from_str(text).ok();
            if number.is_none() {
                problems.add(
                    path,
                    "is neither a number nor a list with one number for each token",
                );
            }
            return number.map(Advantage::Whole);
        }
        if let Ok(numbers) = serde_json::from_str(text) {
            return Some(Advantage::Each(numbers));
        }
        let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let wrong = items
            .iter()
            .position(|item| serde_json::from_str::<f64>(item.get()).is_err());
        problems.add(&path.index(wrong.unwrap_or_default()), "is not a number");
        None
    }
}

/// The advantages that the caller wrote; `None` if one of them is none.
pub(super) fn advantages(
    written: Given<Vec<Entries<Written>>>,
    problems: &mut Problems,
) -> Option<Given<Labels>> {
    let Given { value, name } = written;
    let at = Path::Root.key(name);
    let mut fine = true;
    let mut all = Vec::with_capacity(value.len());
    for (prompt, Entries(list)) in value.iter().enumerate() {
        let at = at.index(prompt);
        let mut entries = Vec::with_capacity(list.len());
        for (completion, written) in list.iter().enumerate() {
            let advantage = written.read(&at.index(completion), problems);
            fine &= advantage.is_some();
            entries.extend(advantage);
        }
        all.push(entries);
    }
    fine.then_some(Given {
        value: Labels::Advantages(all),
        name,
    })
}

impl Given<Labels> {
    /// Reports what does not fit the completions, or the loss.
    pub(super) fn check(&self, prompts: &[Prompt], kind: LossType, problems: &mut Problems) {
        let at = Path::Root.key(self.name);
        match &self.value {
            Labels::Rewards(rewards) => {
                if fits(rewards, prompts, &at, problems) {
                    each(rewards, &at, |reward, path| {
                        check_reward(*reward, kind, path, problems);
                    });
                }
            }
            Labels::Advantages(advantages) => {
                if fits(advantages, prompts, &at, problems) {
                    let mut completions = prompts.iter().flat_map(|prompt| &prompt.completions);
                    each(advantages, &at, |advantage, path| {
                        let tokens = completions.next().map_or(0, |completion| completion.tokens.len());
                        check_advantage(advantage, tokens, path, problems);
                    });
                }
            }
        }
    }
}

/// Whether there is a list for each prompt, with an entry for each completion.
fn fits<T>(lists: &[Vec<T>], prompts: &[Prompt], at: &Path<'_>, problems: &mut Problems) -> bool {
    if lists.len() != prompts.len() {
        let (given, wanted) = (lists.len(), prompts.len());
        problems.add(
            at,
            format!(
                "has {} for {}: one list for each prompt of all operations, in their order, with an entry for each of its completions ({})",
                counted(given, "list"),
                counted(wanted, "prompt"),
                shape(prompts)
            ),
        );
        return false;
    }
    let mut fits = true;
    for (index, (list, prompt)) in lists.iter().zip(prompts).enumerate() {
        let (given, wanted) = (list.len(), prompt.completions.len());
        if given != wanted {
            let place = &prompt.place;
            problems.add(
                &at.index(index),
                format!("has {given} entries for {wanted} completions ({place}): one entry for each"),
            );
            fits = false;
        }
    }
    fits
}

/// How many entries are wanted, in words.
fn shape(prompts: &[Prompt]) -> String {
    const MOST: usize = 8;
    let counts = prompts.iter().map(|prompt| prompt.completions.len().to_string());
    let shown: Vec<String> = counts.take(MOST).collect();
    let more = if prompts.len() > MOST { " and so on" } else { "" };
    format!("here lists of {}{more}", shown.join(", "))
}

fn each<T>(lists: &[Vec<T>], at: &Path<'_>, mut check: impl FnMut(&T, &Path<'_>)) {
    for (prompt, list) in lists.iter().enumerate() {
        let at = at.index(prompt);
        for (completion, entry) in list.iter().enumerate() {
            check(entry, &at.index(completion));
        }
    }
}

fn check_reward(reward: f64, kind: LossType, path: &Path<'_>, problems: &mut Problems) {
    if reward < 0.0 && kind == LossType::CrossEntropy {
        problems.add(
            path,
            format!("is {reward}, but with LOSS_TYPE_CROSS_ENTROPY it is the completion's weight: 0 leaves the completion out, and no weight is negative"),
        );
    } else if is_too_large(reward) {
        problems.add(path, TOO_LARGE);
    }
}

fn check_advantage(advantage: &Advantage, tokens: usize, path: &Path<'_>, problems: &mut Problems) {
    match advantage {
        Advantage::Each(values) if values.len() != tokens => problems.add(
            path,
            format!(
                "has {} numbers for {tokens} tokens: one for each token of the completion, or a single number",
                values.len()
            ),
        ),
        Advantage::Each(values) => {
            if let Some(index) = values.iter().position(|value| is_too_large(*value)) {
                problems.add(&path.index(index), TOO_LARGE);
            }
        }
        Advantage::Whole(value) if is_too_large(*value) => problems.add(path, TOO_LARGE),
        Advantage::Whole(_) => {}
    }
}

const TOO_LARGE: &str = "is beyond what float32 holds";

fn is_too_large(value: f64) -> bool {
    value.abs() > f64::from(f32::MAX)
}
