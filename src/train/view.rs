//! What is told of a run: in short, step by step, by its completions, or as a curve.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::place::Place;
use super::report::{self, CURVE, chosen, curve_line, rollouts};
use super::state::{Held, Saved, State};
use super::steps::{EVALUATIONS, Evaluation, STEPS, Step, alarms, stuck};
use crate::files::data::{Data, REPORT};
use crate::redact::clean;
use crate::spec;

/// How many steps are shown one by one.
const MOST_STEPS: usize = 25;
/// How many completions are shown of a step.
const MOST_ROLLOUTS: usize = 6;
/// How much of their texts, in characters.
const LONGEST: usize = 500;
/// The same of the report.
const LONGEST_REPORT: usize = 12_000;
/// How many evaluations are shown.
const MOST_EVALUATIONS: usize = 12;

/// Default summary.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum View {
    #[default]
    Summary,
    /// up to 25, whole
    Steps,
    /// best and worst completions of a step
    Rollouts,
    /// report.md
    Report,
    /// as a picture
    Curve,
}

/// How it is with a run: as its worker says, unless there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Now {
    /// A worker is at it.
    Worked(super::Status),
    /// It has come to its end.
    Ended(super::Status),
    /// Its worker is gone in the middle.
    Interrupted,
}

/// A run as it is now.
pub(crate) struct Looked {
    pub(crate) place: Place,
    pub(crate) state: State,
    pub(crate) now: Now,
}

impl Looked {
    /// Looks at a run. Blocks.
    pub(crate) fn at(place: Place) -> io::Result<Self> {
        // In this order: a worker that ends in between has written its last word by then.
        let is_worked_on = place.is_worked_on();
        let state = State::read(&place)?.unwrap_or_default();
        let now = match (state.status.is_final(), is_worked_on) {
            (true, false) => Now::Ended(state.status),
            (_, true) => Now::Worked(state.status),
            (false, false) => Now::Interrupted,
        };
        Ok(Self { place, state, now })
    }

    /// The runs that have not come to their end, or left something up, and the last of the others. Blocks.
    pub(crate) fn newest(data: &Data) -> Vec<Self> {
        /// How many of those that have ended.
        const ENDED: usize = 2;
        /// How far back it is looked.
        const MOST: usize = 50;
        let mut ended = 0;
        let newest = Place::all(data).into_iter().take(MOST);
        newest
            .filter_map(|place| Self::at(place).ok())
            .filter(|looked| {
                let is_over = matches!(looked.now, Now::Ended(_)) && looked.state.left_up().next().is_none();
                ended += usize::from(is_over);
                !is_over || ended <= ENDED
            })
            .collect()
    }

    /// What is said of it among others.
    pub(crate) fn in_short(&self) -> Value {
        let up: Vec<&str> = self.state.left_up().map(|(_, held)| held.id.as_str()).collect();
        let mut short = json!({
            "run_id": self.place.id(),
            "status": self.status(),
            "step": self.state.step,
            "steps": self.state.steps,
        });
        if let Some(short) = short.as_object_mut() {
            if !up.is_empty() {
                short.insert("up".to_owned(), json!(up));
            }
            if self.now == Now::Interrupted {
                let next = "Its worker is gone: resume-training goes on with it, or end what is up.";
                short.insert("next".to_owned(), next.into());
            }
        }
        short
    }

    /// Whether nothing more happens by itself.
    pub(crate) const fn is_at_rest(&self) -> bool {
        !matches!(self.now, Now::Worked(_))
    }

    /// As it is shown.
    pub(crate) const fn status(&self) -> &'static str {
        match self.now {
            Now::Worked(status) | Now::Ended(status) => status.name(),
            Now::Interrupted => "interrupted",
        }
    }
}

/// The answer about a run.
#[derive(Serialize)]
struct Shown {
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    step: usize,
    steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    doing: Option<String>,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// A curve of letters, with its ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    curve: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_step: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evaluations: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<f64>,
    #[serde(skip_serializing_if = "is_zero")]
    tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_checkpoint: Option<Saved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training_checkpoint: Option<Saved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_resources_id: Option<String>,
    /// What the run made and could not end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    still_up: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all_steps: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollouts: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curve_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Shows a run. `step` is that whose completions are shown. Blocks. An error says what is wrong with the arguments.
pub(crate) fn shown(looked: Looked, view: View, step: Option<usize>) -> io::Result<Result<Value, String>> {
    let status = looked.status();
    let is_at_rest = looked.is_at_rest();
    let is_interrupted = looked.now == Now::Interrupted;
    let Looked { place, state, .. } = looked;
    let steps: Vec<Step> = place.lines(STEPS)?;
    let evaluations: Vec<Evaluation> = place.lines(EVALUATIONS)?;
    let completions = match (view, step) {
        (View::Rollouts, step) => {
            let step = step.or_else(|| steps.last().map(|step| step.step)).unwrap_or(1);
            match best_and_worst(&place, step)? {
                Some(found) => Some(found),
                None => {
                    return Ok(Err(format!(
                        "is {step}, and there are no completions of it: {} are done",
                        steps.len()
                    )));
                }
            }
        }
        _ => None,
    };
    let next = if !is_at_rest {
        Some(
            json!({"tool": spec::GET_TRAINING.name, "arguments": {"run_id": place.id(), "wait_seconds": 50}}),
        )
    } else if is_interrupted {
        Some(json!({"tool": spec::RESUME_TRAINING.name, "arguments": {"run_id": place.id()}}))
    } else {
        let downloaded = state.inference_checkpoint.as_ref().map(|saved| {
            let arguments =
                json!({"id": saved.id, "variant": "CHECKPOINT_VARIANT_ADAPTER", "directory": place.id()});
            json!({"tool": spec::DOWNLOAD_CHECKPOINT.name, "arguments": arguments})
        });
        let resumed = json!({"tool": spec::RESUME_TRAINING.name, "arguments": {"run_id": place.id()}});
        match (state.status, downloaded) {
            (super::Status::Completed, downloaded) => downloaded,
            (_, downloaded) if stuck(&steps).is_some() => downloaded,
            // Either of them.
            (_, Some(downloaded)) => Some(json!([downloaded, resumed])),
            (_, None) => Some(resumed),
        }
    };
    let report_path = place.path(REPORT);
    let of = |held: &Option<Held>| held.as_ref().map(|held| held.id.clone());
    let shown = Shown {
        id: place.id().to_owned(),
        status,
        why: state.why.clone(),
        step: state.step,
        steps: state.steps,
        doing: state.doing.clone().filter(|_| !is_at_rest),
        started_at: state.started_at.clone(),
        ended_at: state.ended_at.clone(),
        curve: curve_line(&steps),
        last_step: steps.last().filter(|_| view == View::Summary).map(brief),
        evaluations: brief_evaluations(&evaluations),
        seconds_left: seconds_left(&state, &steps).filter(|_| !is_at_rest),
        usd: state.usd().map(|usd| (usd * 100.0).round() / 100.0),
        tokens: state.tokens,
        alarms: alarms(&steps),
        inference_checkpoint: state.inference_checkpoint.clone(),
        training_checkpoint: state.training_checkpoint.clone(),
        session_id: of(&state.session).filter(|_| !is_at_rest),
        model_resources_id: of(&state.resource).filter(|_| !is_at_rest),
        still_up: if is_at_rest {
            state
                .left_up()
                .map(|(what, held)| format!("{what} {}", held.id))
                .collect()
        } else {
            Vec::new()
        },
        report: (is_at_rest && report_path.exists()).then(|| report_path.display().to_string()),
        all_steps: (view == View::Steps).then(|| one_by_one(&steps, step)),
        rollouts: completions,
        curve_file: (view == View::Curve).then(|| place.path(CURVE).display().to_string()),
        report_text: (view == View::Report)
            .then(|| report::text_of(&place))
            .transpose()?
            .map(|text| clean::text(&cut(&text, LONGEST_REPORT))),
        next,
    };
    serde_json::to_value(shown).map(Ok).map_err(io::Error::other)
}

/// Steps as they were measured: some of all, or those from one on.
fn one_by_one(steps: &[Step], from: Option<usize>) -> Vec<Value> {
    let shown: Vec<&Step> = match from {
        Some(from) => {
            let later = steps.iter().filter(|step| step.step >= from);
            later.take(MOST_STEPS).collect()
        }
        None => chosen(steps, MOST_STEPS),
    };
    shown.into_iter().map(|step| readable(json!(step))).collect()
}

/// The same with numbers that can be read: what is behind the sixth digit says nothing.
fn readable(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let short = number.as_f64().map(|number| format!("{number:.5e}"));
            let short = short.and_then(|short| short.parse::<f64>().ok());
            short.map_or(Value::Number(number), Value::from)
        }
        Value::Array(list) => list.into_iter().map(readable).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(name, value)| (name, readable(value))).collect())
        }
        other => other,
    }
}

/// From which share of the completions on it is worth a word that they say the same.
const NOTABLE: f64 = 0.25;

/// What a summary says of a step.
fn brief(step: &Step) -> Map<String, Value> {
    let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let members = [
        ("reward", step.reward),
        ("reward_deviation", step.reward_deviation),
        ("equal_groups", step.equal_groups),
        ("cut", step.cut),
        ("mean_tokens", step.mean_tokens),
        ("loss", step.loss),
        ("kl", step.kl()),
        ("entropy", step.entropy()),
    ];
    let mut brief: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), round(value?).into())))
        .collect();
    if let Some(commonest) = step
        .commonest
        .as_ref()
        .filter(|commonest| commonest.share >= NOTABLE)
    {
        brief.insert("commonest".to_owned(), readable(json!(commonest)));
    }
    brief.insert("learning_rate".to_owned(), step.learning_rate.into());
    brief.insert("seconds".to_owned(), json!(step.seconds));
    if let Some(skipped) = &step.skipped {
        brief.insert("skipped".to_owned(), skipped.clone().into());
    }
    brief
}

fn brief_evaluations(evaluations: &[Evaluation]) -> Vec<Value> {
    let skipped = evaluations.len().saturating_sub(MOST_EVALUATIONS);
    let shown = evaluations
        .iter()
        .enumerate()
        .filter(|(index, _)| *index == 0 || *index > skipped);
    shown
        .map(|(_, evaluation)| {
            let figure = evaluation.reward.or(evaluation.loss);
            let name = if evaluation.reward.is_some() {
                "reward"
            } else {
                "loss"
            };
            json!({"step": evaluation.step, name: figure.map(|value| (value * 10_000.0).round() / 10_000.0)})
        })
        .collect()
}

/// How long the rest takes, if it takes as long as the last steps.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of seconds"
)]
fn seconds_left(state: &State, steps: &[Step]) -> Option<u64> {
    const LAST: usize = 5;
    let last = steps.get(steps.len().saturating_sub(LAST)..)?;
    let seconds: Vec<f64> = last
        .iter()
        .map(|step| step.seconds.sampling + step.seconds.training + step.seconds.here)
        .collect();
    let left = state.steps.saturating_sub(state.step) as f64;
    Some((super::steps::mean(&seconds)? * left).ceil() as u64)
}

/// Some completions of a step; `None`: there are none.
fn best_and_worst(place: &Place, step: usize) -> io::Result<Option<Value>> {
    let mut all: Vec<Map<String, Value>> = place.lines(&rollouts(step))?;
    if all.is_empty() {
        return Ok(None);
    }
    let reward =
        |rollout: &Map<String, Value>| rollout.get("reward").and_then(Value::as_f64).unwrap_or_default();
    all.sort_by(|a, b| reward(b).total_cmp(&reward(a)));
    let most = (MOST_ROLLOUTS / 2).min(all.len().div_ceil(2));
    let shown = |rollout: &Map<String, Value>| {
        let mut shown = rollout.clone();
        for name in ["operation_id", "why_not"] {
            shown.remove(name);
        }
        for name in ["prompt", "text"] {
            if let Some(Value::String(text)) = shown.get_mut(name) {
                *text = cut(&clean::text(text), LONGEST);
            }
        }
        Value::Object(shown)
    };
    let best: Vec<Value> = all.iter().take(most).map(shown).collect();
    let worst: Vec<Value> = all
        .iter()
        .rev()
        .take(most.min(all.len() - most))
        .map(shown)
        .collect();
    Ok(Some(json!({
        "step": step,
        "completions": all.len(),
        "best": best,
        "worst": worst,
        "file": place.path(&rollouts(step)).display().to_string(),
    })))
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
