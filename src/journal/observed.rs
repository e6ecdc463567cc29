//! What an answer says about the things that the journal follows.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Outcome;
use crate::spec::{
    CREATE_INFERENCE_CHECKPOINT, CREATE_MODEL_RESOURCE, CREATE_RUN, CREATE_TRAINING_SESSION, Effect,
    GET_INFERENCE_CHECKPOINT_OPERATION, GET_MODEL_RESOURCE, GET_RUN, GET_SAVE_TRAINING_CHECKPOINT_OPERATION,
    GET_TRAINING_SESSION, RESUME_RUN, SAVE_TRAINING_CHECKPOINT, STOP_MODEL_RESOURCE, STOP_RUN, Spec, Status,
};

/// Where an answer has the ids of what a call made: the row, the member, and the name that tools have for it.
const MADE: [(&Spec, &str, &str); 5] = [
    (&CREATE_MODEL_RESOURCE, "id", "model_resources_id"),
    (&CREATE_TRAINING_SESSION, "id", "session_id"),
    (
        &CREATE_TRAINING_SESSION,
        "model_resources_id",
        "model_resources_id",
    ),
    (&CREATE_RUN, "runId", "run_id"),
    (&RESUME_RUN, "runId", "new_run_id"),
];

/// The rows that show something, the name of its id, and the statuses in which it has ended, or bills no more.
const ENDS: [(&Spec, &str, Status, &[&str]); 3] = [
    (
        &GET_MODEL_RESOURCE,
        "model_resources_id",
        Status::RESOURCE,
        &["STOPPING", "STOPPED", "ERROR"],
    ),
    (
        &GET_TRAINING_SESSION,
        "session_id",
        Status::SESSION,
        &["STOPPED", "ERROR", "EXPIRED"],
    ),
    (
        &GET_RUN,
        "run_id",
        Status::RUN,
        &["COMPLETED", "FAILED", "STOPPED", "PAUSED"],
    ),
];

/// The rows that end something, whose answers may show that it has ended already.
const STOPS: [(&Spec, &str, Status, &[&str]); 2] = [
    (
        &STOP_MODEL_RESOURCE,
        "model_resources_id",
        Status::RESOURCE,
        &["STOPPED", "ERROR"],
    ),
    (
        &STOP_RUN,
        "run_id",
        Status::RUN,
        &["COMPLETED", "FAILED", "STOPPED", "PAUSED"],
    ),
];

/// The rows that show the saving of a checkpoint.
const SAVES: [&Spec; 4] = [
    &SAVE_TRAINING_CHECKPOINT,
    &GET_SAVE_TRAINING_CHECKPOINT_OPERATION,
    &CREATE_INFERENCE_CHECKPOINT,
    &GET_INFERENCE_CHECKPOINT_OPERATION,
];

/// The members that are looked at, of any of the answers.
#[derive(Default, Deserialize)]
struct Shown {
    id: Option<String>,
    status: Option<String>,
    output: Option<Output>,
    run: Option<Run>,
}

#[derive(Deserialize)]
struct Output {
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
struct Checkpoint {
    id: String,
}

#[derive(Deserialize)]
struct Run {
    status: Option<String>,
}

/// Something that an answer shows to have come to an end.
pub(super) struct Observed {
    /// To which end.
    pub(super) outcome: Outcome,
    /// The name of the id of what has.
    pub(super) about: &'static str,
    checkpoint_id: Option<String>,
    operation_id: Option<String>,
}

impl Observed {
    /// The ids that the path of the request does not have.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [
            ("checkpoint_id", &self.checkpoint_id),
            ("operation_id", &self.operation_id),
        ];
        named
            .into_iter()
            .filter_map(|(name, id)| Some((name, id.as_deref()?)))
    }
}

/// What `answer`, a success of the row `spec`, shows.
pub(super) fn observed(spec: &Spec, answer: &str) -> Option<Observed> {
    let shown = || serde_json::from_str::<Shown>(answer).ok();
    let mut rows = ENDS.iter().chain(&STOPS);
    if let Some((_, about, kind, ends)) = rows.find(|(row, ..)| row.name == spec.name) {
        let shown = shown()?;
        let status = shown.status.or(shown.run.and_then(|run| run.status))?;
        return kind
            .word(&status)
            .is_some_and(|word| ends.contains(&word))
            .then_some(Observed {
                outcome: Outcome::Ended,
                about,
                checkpoint_id: None,
                operation_id: None,
            });
    }
    if SAVES.iter().any(|row| row.name == spec.name) {
        let shown = shown()?;
        let completed = shown.status?.ends_with("_COMPLETED");
        let checkpoint = shown.output?.checkpoint.filter(|_| completed)?;
        return Some(Observed {
            outcome: Outcome::Saved,
            about: "checkpoint_id",
            checkpoint_id: Some(checkpoint.id),
            operation_id: shown.id,
        });
    }
    None
}

/// The name of the id of what a row shows, if the journal follows that.
pub(super) fn about(spec: &Spec) -> Option<&'static str> {
    let shown = ENDS.iter().find(|(row, ..)| row.name == spec.name);
    shown.map(|(_, about, ..)| *about)
}

/// The ids of what a call has made, by their names.
pub(super) fn made(spec: &Spec, answer: &str) -> Vec<(&'static str, String)> {
    let members: Vec<(&str, &'static str)> = match spec.effect {
        Effect::Submit => vec![("id", "operation_id")],
        _ => MADE
            .iter()
            .filter(|(row, ..)| row.name == spec.name)
            .map(|(_, member, name)| (*member, *name))
            .collect(),
    };
    if members.is_empty() {
        return Vec::new();
    }
    let Ok(object) = serde_json::from_str::<crate::json::Object>(answer) else {
        return Vec::new();
    };
    let text = |member: &RawValue| serde_json::from_str::<String>(member.get()).ok();
    let found = members
        .into_iter()
        .filter_map(|(member, name)| Some((name, object.get(member).and_then(text)?)));
    found.collect()
}

/// What a run costs, as the answer that started it says.
pub(super) fn usd_per_hour(spec: &Spec, answer: &str) -> Option<f64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Started {
        on_demand: Option<bool>,
        estimated_cost_per_hour: Option<f64>,
    }
    if spec.name != CREATE_RUN.name && spec.name != RESUME_RUN.name {
        return None;
    }
    let started: Started = serde_json::from_str(answer).ok()?;
    started
        .estimated_cost_per_hour
        .filter(|_| started.on_demand == Some(true))
}
