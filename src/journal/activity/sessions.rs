//! The sessions that may be up, and how far each one's training is.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::Activity;
use crate::journal::{Outcome, Record};
use crate::spec;

/// A session that was not seen to have ended.
#[derive(Serialize)]
pub(super) struct Session {
    #[serde(rename = "session_id")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_resources_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sampling: Option<Sampling>,
    /// The training run whose worker uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// The step of the training that is not done yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
}

/// An operation that was started.
#[derive(Serialize)]
struct Operation {
    tool: String,
    #[serde(rename = "operation_id")]
    id: String,
    time: String,
}

/// The newest completions: what was sampled from can be sampled from again.
#[derive(Serialize)]
struct Sampling {
    operation_id: String,
    /// The file with the body that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<String>,
}

impl Session {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// A training run has it, and knows what comes next.
    pub(super) fn leave_to(&mut self, run: &str) {
        self.held_by = Some(run.to_owned());
        self.next = None;
        self.last_sampling = None;
    }

    /// An operation was started in it.
    fn operated(&mut self, record: &Record, id: &str) {
        self.last_operation = Some(Operation {
            tool: record.tool.clone(),
            id: id.to_owned(),
            time: record.time.clone(),
        });
        let tool = record.tool.as_str();
        if tool == spec::SAMPLE.name {
            self.last_sampling = Some(Sampling {
                operation_id: id.to_owned(),
                prompts: None,
            });
        } else if PASSES.contains(&tool) {
            self.next = Some(UNAPPLIED);
        } else if tool == spec::OPTIMIZER_STEP.name {
            self.next = Some(UNPUBLISHED);
        } else if tool == spec::WEIGHTS_SYNC.name {
            self.next = None;
        }
    }
}

/// The tools that add gradients.
const PASSES: [&str; 2] = [
    spec::FORWARD_BACKWARD_PASS.name,
    spec::CUSTOM_FORWARD_BACKWARD_PASS.name,
];
const UNAPPLIED: &str = "optimizer-step: the last pass is not applied (unless it was forward_only)";
const UNPUBLISHED: &str = "weights-sync: the last optimizer-step is not published";

impl Activity {
    /// The newest sampling of each session: the session's id and the operation's.
    pub(crate) fn samplings(&self) -> Vec<(String, String)> {
        let samplings = self.sessions.iter().filter_map(|session| {
            let sampling = session.last_sampling.as_ref()?;
            Some((session.id.clone(), sampling.operation_id.clone()))
        });
        samplings.collect()
    }

    /// Names the files of the prompts, by operation.
    pub(crate) fn with_prompts(mut self, files: &HashMap<String, String>) -> Self {
        let samplings = self
            .sessions
            .iter_mut()
            .filter_map(|session| session.last_sampling.as_mut());
        for sampling in samplings {
            sampling.prompts = files.get(&sampling.operation_id).cloned();
        }
        self
    }
}

/// The sessions that `recent` is about, but for those that `records` show to have ended, by themselves or with their
/// model resource.
pub(super) fn sessions(recent: &[&Record], records: &[&Record]) -> Vec<Session> {
    let ended: BTreeSet<(&str, &str)> = records
        .iter()
        .filter(|record| ends(record))
        .flat_map(|record| record.ids())
        .collect();
    // Each with the place of its last entry.
    let mut sessions: HashMap<&str, (usize, Session)> = HashMap::new();
    for (at, record) in recent.iter().enumerate() {
        let Some(id) = record
            .id("session_id")
            .filter(|id| !ended.contains(&("session_id", id)))
        else {
            continue;
        };
        if record.outcome == Outcome::Refused {
            continue;
        }
        let (last, session) = sessions.entry(id).or_insert_with(|| {
            let session = Session {
                id: id.to_owned(),
                model_resources_id: None,
                started: None,
                last_operation: None,
                last_sampling: None,
                held_by: None,
                next: None,
            };
            (at, session)
        });
        *last = at;
        if record.tool == spec::CREATE_TRAINING_SESSION.name {
            session.started = Some(record.time.clone());
            session.model_resources_id = record.id("model_resources_id").map(str::to_owned);
        } else if let Some(operation) = record.id("operation_id")
            && record.outcome == Outcome::Done
        {
            session.operated(record, operation);
        }
    }
    let mut sessions: Vec<(usize, Session)> = sessions.into_values().collect();
    sessions.retain(|(_, session)| {
        let resource = session.model_resources_id.as_deref();
        !resource.is_some_and(|resource| ended.contains(&("model_resources_id", resource)))
    });
    sessions.sort_unstable_by_key(|(last, _)| *last);
    sessions.into_iter().map(|(_, session)| session).collect()
}

/// The tools that end a session.
const ENDINGS: [&str; 2] = [spec::STOP_TRAINING_SESSION.name, spec::STOP_MODEL_RESOURCE.name];

/// Whether what a record is about has ended: it was seen so, or was stopped.
pub(in crate::journal) fn ends(record: &Record) -> bool {
    record.outcome == Outcome::Ended || (record.is_over() && ENDINGS.contains(&record.tool.as_str()))
}
