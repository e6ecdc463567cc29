//! What was started, bills by the hour, and was not seen to have ended.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::journal::names::Names;
use crate::journal::{Outcome, Record};
use crate::spec::{
    CREATE_MODEL_RESOURCE, CREATE_RUN, DELETE_RUN, GET_MODEL_RESOURCE, GET_RUN, LIST_MODEL_RESOURCES,
    LIST_RUNS, PAUSE_RUN, RESUME_RUN, STOP_MODEL_RESOURCE, STOP_RUN,
};

/// Something that may bill.
#[derive(Serialize)]
pub(super) struct Bills {
    /// What it is, by the name that tools have for its id; empty when even that is not known.
    #[serde(flatten)]
    id: BTreeMap<&'static str, String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// RL or SFT, of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// The tool that started it.
    started_by: String,
    /// When.
    since: String,
    /// What it costs, as far as that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_hour: Option<f64>,
    /// What is to be said of one that was told to end, and was not seen to have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopping: Option<String>,
    /// The training run that ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// How to see whether it does.
    look: Step,
    /// How to end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Step>,
}

impl Bills {
    /// The same with its name and kind: a run goes on as what was paused.
    fn named(self, records: &[&Record], record: &Record, names: &Names) -> Self {
        let before = record.id("new_run_id").and_then(|_| record.id("run_id"));
        let made = |other: &&&Record| other.kind.is_some() && other.id("run_id") == before;
        let first = before.and_then(|_| records.iter().find(made).copied());
        let called = |(kind, id): (&&str, &String)| names.of(kind, id);
        let own = self.id.iter().next().and_then(called);
        Self {
            name: own.or_else(|| names.of("run_id", before?)),
            kind: first.unwrap_or(record).kind.clone(),
            ..self
        }
    }

    /// A training run has it, and ends it.
    pub(super) fn leave_to(&mut self, run: &str) {
        self.held_by = Some(run.to_owned());
        self.stop = None;
    }

    /// Its id, if that is known.
    pub(super) fn id(&self) -> Option<String> {
        self.id.values().next().cloned()
    }
}

/// A call to make.
#[derive(Serialize)]
struct Step {
    tool: &'static str,
    arguments: BTreeMap<&'static str, String>,
}

/// A kind of thing that bills.
struct Kind {
    /// The name of its id.
    id: &'static str,
    /// The tools that start one, each with the name that the journal has for the id.
    starts: &'static [(&'static str, &'static str)],
    /// The tools that end one, or hold it, in their own time.
    stops: &'static [&'static str],
    /// The tool whose success is the end.
    removes: Option<&'static str>,
    look: &'static str,
    list: &'static str,
    stop: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        id: "model_resources_id",
        starts: &[(CREATE_MODEL_RESOURCE.name, "model_resources_id")],
        stops: &[STOP_MODEL_RESOURCE.name],
        removes: None,
        look: GET_MODEL_RESOURCE.name,
        list: LIST_MODEL_RESOURCES.name,
        stop: STOP_MODEL_RESOURCE.name,
    },
    Kind {
        id: "run_id",
        starts: &[(CREATE_RUN.name, "run_id"), (RESUME_RUN.name, "new_run_id")],
        stops: &[STOP_RUN.name, PAUSE_RUN.name],
        removes: Some(DELETE_RUN.name),
        look: GET_RUN.name,
        list: LIST_RUNS.name,
        stop: STOP_RUN.name,
    },
];

/// The tool that lists what a tool starts, if that bills.
pub(in crate::journal) fn listed_by(tool: &str) -> Option<&'static str> {
    let starts = |kind: &&Kind| kind.starts.iter().any(|(name, _)| *name == tool);
    KINDS.iter().find(starts).map(|kind| kind.list)
}

/// What `records` show to have been started and not to have ended; what may not have been started at all, only
/// after `since`.
pub(super) fn bills(records: &[&Record], since: &str, names: &Names) -> Vec<Bills> {
    let mut bills: Vec<Bills> = Vec::new();
    for record in records {
        for kind in &KINDS {
            let Some(id) = record.id(kind.id) else {
                continue;
            };
            let is_it = |bill: &Bills| bill.id.get(kind.id).is_some_and(|own| own == id);
            if kind.is_over(record) {
                bills.retain(|bill| !is_it(bill));
            } else if record.outcome == Outcome::Done && kind.stops.contains(&record.tool.as_str()) {
                for bill in bills.iter_mut().filter(|bill| is_it(bill)) {
                    bill.stopping = Some(format!(
                        "{} was accepted at {}; its end was not seen yet",
                        record.tool, record.time
                    ));
                    bill.stop = None;
                }
            }
        }
        for kind in &KINDS {
            let start = kind.starts.iter().find(|(tool, _)| *tool == record.tool);
            if let Some((_, name)) = start {
                let started = kind.started(record, record.id(name), since);
                bills.extend(started.map(|bill| bill.named(records, record, names)));
            }
        }
    }
    bills
}

impl Kind {
    /// Whether a record shows that what it is about is gone.
    fn is_over(&self, record: &Record) -> bool {
        let tool = record.tool.as_str();
        let removed = self.removes == Some(tool);
        record.outcome == Outcome::Ended
            || removed && record.is_over()
            || self.stops.contains(&tool) && record.status == Some(404)
    }

    fn started(&self, record: &Record, id: Option<&str>, since: &str) -> Option<Bills> {
        let known = match record.outcome {
            Outcome::Done => id,
            Outcome::Unknown if record.time.as_str() >= since => None,
            _ => return None,
        };
        let ids: BTreeMap<&str, String> = known.map(|id| (self.id, id.to_owned())).into_iter().collect();
        let step = |tool| Step {
            tool,
            arguments: ids.clone(),
        };
        Some(Bills {
            name: None,
            kind: None,
            started_by: record.tool.clone(),
            since: record.time.clone(),
            usd_per_hour: record.usd_per_hour,
            stopping: None,
            held_by: None,
            look: step(if known.is_some() { self.look } else { self.list }),
            stop: known.map(|_| step(self.stop)),
            id: ids,
        })
    }
}
