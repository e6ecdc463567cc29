//! `combine`: several graders.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Part, Score, Subject, read};
use crate::arguments::Written;
use crate::arguments::schema::{hint, renamed};
use crate::error::problems::{Path, Problems};
use crate::json::Object;

const PART: &str = "such as {\"grader\": {\"type\": \"number\"}, \"weight\": 0.8}";

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("graders", "parts"), ("mode", "how"), ("method", "how")]))]
pub(super) struct Members {
    /// Each {grader, weight, name}, or {grader, gate: true}.
    #[schemars(length(min = 1))]
    parts: Vec<Member>,
    /// Default sum, of each score times its weight.
    how: Option<How>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = hint(PART))]
struct Member {
    /// Any grader.
    grader: Written,
    /// Default 1.
    weight: Option<f64>,
    /// Whether the whole is 0 unless it scores above 0; it adds nothing itself. Default false.
    gate: Option<bool>,
    /// What it is called in the answer. Default its type.
    name: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = renamed(&[("weighted_sum", "sum"), ("add", "sum"), ("min", "minimum")]))]
enum How {
    #[default]
    Sum,
    Minimum,
}

struct Ready {
    parts: Vec<ReadyPart>,
    how: How,
}

struct ReadyPart {
    name: String,
    grader: Box<dyn Grade>,
    weight: f64,
    gate: bool,
}

/// Puts parts into their form that are graders themselves, or names of such, so that what is in them is looked at too.
pub(super) fn mended(members: &mut Object, path: &Path<'_>, problems: &mut Problems) {
    let name = if members.get("parts").is_some() {
        "parts"
    } else {
        "graders"
    };
    let parts = members.get(name).map(|parts| serde_json::from_str(parts.get()));
    let Some(Ok(Value::Array(mut parts))) = parts else {
        return;
    };
    let at = path.key(name);
    let mut changed = false;
    for (index, part) in parts.iter_mut().enumerate() {
        let Some(right) = in_form(part) else { continue };
        problems.add(
            &at.index(index),
            format!("is a grader, and a part holds one: write {right}"),
        );
        *part = right;
        changed = true;
    }
    if changed && let Ok(parts) = to_raw_value(&parts) {
        members.set(name, parts);
    }
}

/// A part out of a grader, or the name of its kind.
fn in_form(part: &Value) -> Option<Value> {
    /// What belongs to the part.
    const OWN: [&str; 2] = ["weight", "gate"];
    let grader = match part {
        Value::String(kind) => json!({"type": kind}),
        Value::Object(members) if members.contains_key("type") && !members.contains_key("grader") => {
            part.clone()
        }
        _ => return None,
    };
    let Value::Object(mut grader) = grader else {
        return None;
    };
    let own: Vec<(String, Value)> = OWN
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), grader.remove(*name)?)))
        .collect();
    let mut right = Map::from_iter([("grader".to_owned(), Value::Object(grader))]);
    right.extend(own);
    Some(Value::Object(right))
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, commands: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let at = path.key("parts");
        let how = self.how.unwrap_or_default();
        let mut parts: Vec<ReadyPart> = Vec::new();
        let mut all = true;
        for (index, member) in self.parts.into_iter().enumerate() {
            let at = at.index(index);
            let gate = member.gate.unwrap_or_default();
            if gate && member.weight.is_some() {
                problems.add(
                    &at.key("weight"),
                    "is for parts that add up, and a gate adds nothing: leave it out",
                );
            }
            let Some(grader) = read(member.grader.raw(), &at.key("grader"), commands, problems) else {
                all = false;
                continue;
            };
            let name = member.name.unwrap_or_else(|| type_of(member.grader.raw()));
            let is_taken = |name: &str| parts.iter().any(|part| part.name == name);
            let numbered = (2..).map(|number| format!("{name} {number}"));
            let name = std::iter::once(name.clone())
                .chain(numbered)
                .find(|name| !is_taken(name))
                .unwrap_or_default();
            parts.push(ReadyPart {
                name,

                grader,
                weight: member.weight.unwrap_or(1.0),
                gate,
            });
        }
        if all && parts.iter().all(|part| part.gate) {
            problems.add(&at, "are all gates: at least one part has to give the score");
            return None;
        }
        all.then(|| Box::new(Ready { parts, how }) as Box<dyn Grade>)
    }
}

fn type_of(grader: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    serde_json::from_str(grader.get()).map_or_else(|_| "grader".to_owned(), |Typed { r#type }| r#type)
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let scores = self.parts.iter().map(|part| part.grader.score(subject));
        Ok(self.combined(scores.collect::<Result<_, _>>()?))
    }

    fn score_all(&self, subjects: &[Subject<'_>]) -> Vec<Result<Score, Failure>> {
        let mut of_parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| part.grader.score_all(subjects).into_iter())
            .collect();
        let scores = subjects.iter().map(|_| {
            let scores = of_parts.iter_mut().filter_map(Iterator::next);
            Ok(self.combined(scores.collect::<Result<_, _>>()?))
        });
        scores.collect()
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.parts.iter().try_for_each(|part| part.grader.look(row))
    }
}

impl Ready {
    /// The score of what each part said.
    fn combined(&self, scores: Vec<Score>) -> Score {
        let judged: Vec<(&ReadyPart, Score)> = self.parts.iter().zip(scores).collect();
        let closed = judged
            .iter()
            .find(|(part, score)| part.gate && score.reward <= 0.0);
        let counted = || judged.iter().filter(|(part, _)| !part.gate);
        let weighted = |(part, score): &(&ReadyPart, Score)| part.weight * score.reward;
        let (reward, why) = match (closed, self.how) {
            (Some((part, score)), _) => (0.0, format!("{}: {}", part.name, score.why)),
            (None, How::Sum) => {
                let sum = counted().map(weighted).sum();
                let why = counted().map(|(part, score)| format!("{} {}", part.name, rounded(score.reward)));
                (sum, why.collect::<Vec<_>>().join(", "))
            }
            (None, How::Minimum) => {
                let least = counted().min_by(|a, b| weighted(a).total_cmp(&weighted(b)));
                least.map_or((0.0, String::new()), |least| {
                    (weighted(least), format!("{}: {}", least.0.name, least.1.why))
                })
            }
        };
        let parts = judged.into_iter().map(|(part, score)| Part {
            name: part.name.clone(),
            score,
        });
        Score {
            reward,
            why,
            parts: parts.collect(),
        }
    }
}

/// To three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0 + 0.0
}
