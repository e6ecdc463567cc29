//! What was started, bills by the hour, and was not seen to have ended.

use std::collections::BTreeMap;

use serde::Serialize;

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
    /// The tool that started it.
    started_by: String,
    /// When.
    since: String,
    /// What it costs, as far as that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_hour: Option<f64>,
    /// How to see whether it does.
    look: Step,
    /// How to end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Step>,
}

impl Bills {
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
    /// The tools that end one, or hold it.
    ends: &'static [&'static str],
    look: &'static str,
    list: &'static str,
    stop: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        id: "model_resources_id",
        starts: &[(CREATE_MODEL_RESOURCE.name, "model_resources_id")],
        ends: &[STOP_MODEL_RESOURCE.name],
        look: GET_MODEL_RESOURCE.name,
        list: LIST_MODEL_RESOURCES.name,
        stop: STOP_MODEL_RESOURCE.name,
    },
    Kind {
        id: "run_id",
        starts: &[(CREATE_RUN.name, "run_id"), (RESUME_RUN.name, "new_run_id")],
        ends: &[STOP_RUN.name, DELETE_RUN.name, PAUSE_RUN.name],
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
pub(super) fn bills(records: &[&Record], since: &str) -> Vec<Bills> {
    let mut bills: Vec<Bills> = Vec::new();
    for record in records {
        for kind in &KINDS {
            let over = record.outcome == Outcome::Ended
                || kind.ends.contains(&record.tool.as_str()) && record.is_over();
            if over {
                let gone = record.id(kind.id);
                bills.retain(|bill| gone.is_none() || bill.id.get(kind.id).map(String::as_str) != gone);
            }
            let start = kind.starts.iter().find(|(tool, _)| *tool == record.tool);
            if let Some((_, name)) = start {
                bills.extend(kind.started(record, record.id(name), since));
            }
        }
    }
    bills
}

impl Kind {
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
            started_by: record.tool.clone(),
            since: record.time.clone(),
            usd_per_hour: record.usd_per_hour,
            look: step(if known.is_some() { self.look } else { self.list }),
            stop: known.map(|_| step(self.stop)),
            id: ids,
        })
    }
}
