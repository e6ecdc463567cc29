//! What an id is that a service refuses, if it was seen under another name: a session's id given for a model resource,
//! an operation of another session, a checkpoint of the other type.

use super::activity::ends;
use super::names::Names;
use super::rows::Rows;
use super::{Outcome, Record};
use crate::error::problems::list;
use crate::files::operation_id::operation_of;
use crate::spec::{
    CREATE_INFERENCE_CHECKPOINT, CREATE_MODEL_RESOURCE, DELETE_RUN, DOWNLOAD_CHECKPOINT, Effect,
    GET_INFERENCE_CHECKPOINT_OPERATION, GET_SAMPLE_OPERATION, GET_SAVE_TRAINING_CHECKPOINT_OPERATION,
    ID_KINDS, LIST_MODEL_RESOURCES, RESUME_RUN, SAVE_TRAINING_CHECKPOINT, STOP_MODEL_RESOURCE, STOP_RUN,
    STOP_TRAINING_SESSION, Spec,
};

/// An id that a call gave.
pub(crate) struct Given {
    /// The argument that it was given in, such as `session_id` or `body.model_resources_id`.
    argument: String,
    id: String,
    /// As it was written: it may be a name.
    written: String,
}

impl Given {
    pub(crate) fn new(argument: &str, id: &str) -> Self {
        let is_operation = argument.ends_with("operation_id");
        let id = operation_of(id).filter(|_| is_operation).unwrap_or(id);
        Self {
            argument: argument.to_owned(),
            // As the journal has it.
            id: Record::plain_id(id),
            written: id.trim().to_owned(),
        }
    }

    /// The name that the journal has for such an id.
    fn name(&self) -> &'static str {
        match self.argument.rsplit('.').next().unwrap_or_default() {
            "id" | "resume_from_checkpoint_id" => "checkpoint_id",
            name => ID_KINDS
                .iter()
                .map(|(known, _)| *known)
                .find(|known| *known == name)
                .unwrap_or_default(),
        }
    }
}

/// The shortest part of an id that says which one it is, in characters.
const LEAST_PART: usize = 4;
/// How many letters of an id may be wrong.
const MOST_WRONG: usize = 2;

/// Says what the first mistaken id of a call by the row `spec` is, and what to call instead, as far as `records` show it.
/// `missing`: nothing has this id.
pub(super) fn mistaken(
    records: &[Record],
    spec: &Spec,
    all: &[Given],
    rows: Rows,
    missing: bool,
) -> Option<String> {
    let seen = |record: &&Record| matches!(record.outcome, Outcome::Done | Outcome::Saved);
    let records: Vec<&Record> = records.iter().rev().filter(seen).collect();
    all.iter().find_map(|given| {
        let (name, wanted) = *ID_KINDS.iter().find(|(name, _)| *name == given.name())?;
        let named = |name| move |record: &&&Record| known_as(record, name) == Some(given.id.as_str());
        if let Some(record) = records.iter().find(named(name)) {
            return match name {
                "operation_id" => another_operation(spec, record, all, rows),
                "checkpoint_id" if spec.name == DOWNLOAD_CHECKPOINT.name => for_resuming(given, record),
                _ => None,
            };
        }
        let other = ID_KINDS
            .iter()
            .find(|(other, _)| records.iter().any(|record| named(other)(&record)));
        let Some((other, what)) = other else {
            let model = (name == "model_resources_id").then(|| model_name(given)).flatten();
            return model.or_else(|| nearest(given, name, &records).filter(|_| missing));
        };
        let related = records
            .iter()
            .filter(named(other))
            .filter(|record| known_as(record, name).is_some());
        let starts = shown_for(spec, rows).map(|starts| starts.name);
        let preferred = given.preferred(spec);
        let is_preferred = |record: &&&Record| match (name, starts) {
            ("operation_id", Some(starts)) => record.tool == starts,
            _ => preferred.contains(&record.tool.as_str()),
        };
        // Of those the newest.
        let related = related.rev().max_by_key(is_preferred);
        // An operation of another kind helps nobody.
        let needs_own = name == "operation_id" || spec.name == DOWNLOAD_CHECKPOINT.name;
        let related = related.filter(|record| !needs_own || is_preferred(record));
        let instead = related.and_then(|record| Some((record, known_as(record, name)?)));
        let instead = instead.map_or_else(
            || match (name, *other) {
                ("checkpoint_id", "session_id") => {
                    let saving = given.saving(spec);
                    let kind = if spec.name == DOWNLOAD_CHECKPOINT.name { " that has a download" } else { "" };
                    format!("no checkpoint of it{kind} is known here: {saving}, and get-training-session shows those that exist")
                }
                ("operation_id", _) if starts.is_some() => {
                    format!("no {} was started in it from here", starts.unwrap_or_default())
                }
                _ => match stopping(spec, other) {
                    Some((tool, argument)) => format!("{tool} with {argument} {} ends it", given.id),
                    None => "list-recent-activity shows what was started here".to_owned(),
                },
            },
            |(record, related)| {
                let type_of = if name == "checkpoint_id" {
                    checkpoint_type(record)
                } else {
                    ""
                };
                format!(
                    "its {type_of}{} is {related}",
                    wanted.split_once(' ').map_or(wanted, |(_, kind)| kind)
                )
            },
        );
        let (argument, id) = (&given.argument, &given.id);
        Some(format!(
            "{argument} is to name {wanted}, and {id} is {what}: {instead}."
        ))
    })
}

/// What to say of the name of a base model in the place of a model resource: ids have no slash.
fn model_name(given: &Given) -> Option<String> {
    let Given {
        argument, written, ..
    } = given;
    written.contains('/').then(|| {
        format!(
            "{argument} is to be the id of a model resource, and {written} is the name of a base model: {} makes a resource with it (body.base_model), which bills, and {} shows those that are up.",
            CREATE_MODEL_RESOURCE.name, LIST_MODEL_RESOURCES.name
        )
    })
}

/// The row that starts the operations which the row `spec` shows or takes: what works on this machine alone takes samplings.
fn shown_for(spec: &Spec, rows: Rows) -> Option<&'static Spec> {
    let shows = if spec.is_local() {
        GET_SAMPLE_OPERATION.path
    } else {
        spec.path
    };
    let path = shows.strip_suffix("/{operation_id}")?;
    rows.find(|row| row.path == path)
}

/// The tools that save or show a training checkpoint, and those for one to serve.
const TRAINING: [&str; 2] = [
    SAVE_TRAINING_CHECKPOINT.name,
    GET_SAVE_TRAINING_CHECKPOINT_OPERATION.name,
];
const INFERENCE: [&str; 2] = [
    CREATE_INFERENCE_CHECKPOINT.name,
    GET_INFERENCE_CHECKPOINT_OPERATION.name,
];

impl Given {
    /// The tools whose ids suit the argument best: of several checkpoints a session goes on from one for training, and
    /// one to serve can be downloaded.
    fn preferred(&self, spec: &Spec) -> &'static [&'static str] {
        if spec.name == DOWNLOAD_CHECKPOINT.name {
            &INFERENCE
        } else if self.argument.ends_with("resume_from_checkpoint_id") {
            &TRAINING
        } else {
            &[]
        }
    }
}

impl Given {
    /// How to make a checkpoint that suits the argument.
    fn saving(&self, spec: &Spec) -> String {
        let (training, inference) = (SAVE_TRAINING_CHECKPOINT.name, CREATE_INFERENCE_CHECKPOINT.name);
        if spec.name == DOWNLOAD_CHECKPOINT.name {
            format!("{inference} makes one")
        } else if self.argument.ends_with("resume_from_checkpoint_id") {
            format!("{training} makes one to go on from, with that session's id")
        } else {
            format!("{training} makes one to go on from, {inference} one to download")
        }
    }
}

/// The tool that ends a thing of this kind, and its argument, where the row `spec` ends one of another.
fn stopping(spec: &Spec, kind: &'static str) -> Option<(&'static str, &'static str)> {
    let stops = [
        (STOP_TRAINING_SESSION.name, "session_id"),
        (STOP_MODEL_RESOURCE.name, "model_resources_id"),
        (STOP_RUN.name, "run_id"),
    ];
    let own = stops.iter().any(|(tool, _)| *tool == spec.name);
    stops.into_iter().find(|(_, argument)| own && *argument == kind)
}

fn checkpoint_type(record: &Record) -> &'static str {
    let tool = record.tool.as_str();
    if TRAINING.contains(&tool) {
        "training "
    } else if INFERENCE.contains(&tool) {
        "inference "
    } else {
        ""
    }
}

/// What an id names that was seen, in words.
#[cfg(feature = "text")]
pub(super) fn what(records: &[Record], id: &str) -> Option<&'static str> {
    let kind = ID_KINDS
        .iter()
        .find(|(name, _)| records.iter().any(|record| known_as(record, name) == Some(id)));
    kind.map(|(_, what)| *what)
}

/// What to say of a name in the place of an id; the newest first, if several things have it.
pub(super) fn called(all: &[Given], names: &Names) -> Option<String> {
    /// How many are named.
    const MOST: usize = 5;
    all.iter().find_map(|given| {
        let (kind, wanted) = *ID_KINDS.iter().find(|(name, _)| *name == given.name())?;
        let mut ids = names.ids(kind, &given.written);
        ids.truncate(MOST);
        let ids = list(ids.iter().map(String::as_str));
        let Given {
            argument, written, ..
        } = given;
        (!ids.is_empty()).then(|| {
            format!(
                "{argument} is to be the id of {wanted}, and {written} is what it is called: its id is {ids}."
            )
        })
    })
}

/// The known id of this kind that one was meant to be: it was cut, or has a letter or two wrong.
fn nearest(given: &Given, name: &str, records: &[&Record]) -> Option<String> {
    let Given { argument, id, .. } = given;
    if id.len() < LEAST_PART {
        return None;
    }
    let is_near = |known: &&str| {
        let similar = known.len().abs_diff(id.len()) <= MOST_WRONG && id.len() > LEAST_PART * MOST_WRONG;
        known.starts_with(id.as_str()) || (similar && strsim::levenshtein(known, id) <= MOST_WRONG)
    };
    let known = records.iter().filter_map(|record| known_as(record, name));
    let near = known.into_iter().find(is_near)?;
    Some(format!("check {argument}: the nearest known id is {near}."))
}

/// Whether a session was seen to have ended, by itself or with its model resource.
pub(super) fn session_has_ended(records: &[Record], session: &str) -> bool {
    let has_ended = |name: &str, id: &str| {
        records
            .iter()
            .any(|record| ends(record) && record.id(name) == Some(id))
    };
    let of_session = |record: &&Record| record.id("session_id") == Some(session);
    let mut resources = records
        .iter()
        .filter(of_session)
        .filter_map(|record| record.id("model_resources_id"));
    has_ended("session_id", session) || resources.any(|resource| has_ended("model_resources_id", resource))
}

/// An operation that was started.
pub(crate) struct Started {
    /// By which tool.
    pub(crate) tool: String,
    /// Its id; `None`: the answer was lost.
    pub(crate) id: Option<String>,
}

/// The operations that were started in a session, or may have been, the oldest first.
pub(super) fn started(records: &[Record], session: &str, rows: Rows) -> Vec<Started> {
    let is_started = |record: &&Record| {
        matches!(record.outcome, Outcome::Done | Outcome::Unknown)
            && record.id("session_id") == Some(session)
            && rows
                .of(&record.tool)
                .is_some_and(|row| row.effect == Effect::Submit)
    };
    let started = records.iter().filter(is_started).map(|record| Started {
        tool: record.tool.clone(),
        id: record.id("operation_id").map(str::to_owned),
    });
    started.collect()
}

/// An operation of another session, or of another kind than the row shows.
fn another_operation(spec: &Spec, record: &Record, given: &[Given], rows: Rows) -> Option<String> {
    let started = rows.of(&record.tool)?;
    let (id, session) = (record.id("operation_id")?, record.id("session_id")?);
    let shown_by = |row: &Spec| row.path.strip_suffix("/{operation_id}") == Some(started.path);
    let show = rows.find(shown_by)?;
    let same_session = given
        .iter()
        .any(|given| given.name() == "session_id" && given.id == session);
    // What works on this machine alone takes samplings.
    let wanted = if spec.is_local() {
        GET_SAMPLE_OPERATION.name
    } else {
        spec.name
    };
    if spec.is_local() && show.name != wanted {
        let takes = shown_for(spec, rows).map_or("sample", |row| row.name);
        return Some(format!(
            "{id} was started by {}, and this takes operations of {takes}.",
            started.name
        ));
    }
    let next = if show.name == wanted { spec.name } else { show.name };
    (show.name != wanted || !same_session).then(|| {
        format!(
            "{id} was started by {} in session {session}: call {next} with session_id {session}.",
            started.name
        )
    })
}

/// A checkpoint that holds no weights to serve.
fn for_resuming(given: &Given, record: &Record) -> Option<String> {
    TRAINING.contains(&record.tool.as_str()).then(|| {
        format!(
            "{} is a training checkpoint, which is for resuming and has no download: create-inference-checkpoint makes one that has.",
            given.id
        )
    })
}

/// The runs that resume the run `paused`, but for those that have ended since.
pub(super) fn resumed(records: &[Record], paused: &str) -> Vec<String> {
    let ends = [STOP_RUN.name, DELETE_RUN.name];
    let has_ended = |run: &str| {
        records.iter().any(|record| {
            let ended = record.outcome == Outcome::Ended
                || (record.is_over() && ends.contains(&record.tool.as_str()));
            ended && known_as(record, "run_id") == Some(run)
        })
    };
    let resumes = |record: &&Record| {
        record.tool == RESUME_RUN.name
            && record.outcome == Outcome::Done
            && record.id("run_id") == Some(paused)
    };
    let resumes = records
        .iter()
        .filter(resumes)
        .filter_map(|record| record.id("new_run_id"));
    resumes.filter(|run| !has_ended(run)).map(str::to_owned).collect()
}

/// An id of a record by its name; resuming a run makes another one.
fn known_as<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let resumed = || record.id("new_run_id").filter(|_| name == "run_id");
    resumed().or_else(|| record.id(name))
}
