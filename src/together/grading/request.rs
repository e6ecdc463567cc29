//! The arguments of `grade-completions`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Completion;
use crate::arguments::Written;
use crate::arguments::schema::{filed, names, renamed};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::journal::Given;
use crate::together::SessionId;
use crate::together::grader_argument::GraderArgument;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[
    ("operation_id", "operation_ids"),
    ("completions_file", "operation_ids"),
    ("completions_path", "operation_ids"),
    ("expected", "grader.expected"),
    ("answer", "grader.expected"),
    ("target", "grader.expected"),
    ("ground_truth", "grader.expected"),
    ("reference", "grader.expected"),
    ("graders", "grader"),
    ("reward_fn", "grader"),
    ("reward", "grader"),
    ("reward_function", "grader"),
    ("pairs", "completions"),
]))]
pub(crate) struct GradeArgs {
    /// Of the operations.
    pub(super) session_id: Option<SessionId>,
    /// Finished sample operations.
    #[schemars(length(min = 1), transform = names, transform = filed)]
    pub(super) operation_ids: Option<Vec<String>>,
    /// In place of operations, to try a grader: each {text, …}, with the members of its row.
    #[schemars(length(min = 1))]
    pub(super) completions: Option<Vec<Written>>,
    /// {type, …}: string, regex, number, math, choice, json_schema, json_fields, similarity, format, length, repetition, command, or combine with parts [{grader, weight}]. What it expects is {{row.answer}}, a member of the prompt's row, unless expected says otherwise.
    grader: Option<Written>,
    /// A JSON file of it.
    grader_path: Option<String>,
}

impl GradeArgs {
    /// Reports what does not go together.
    pub(crate) fn check(&self, problems: &mut Problems) {
        match (&self.operation_ids, &self.completions) {
            (Some(_), Some(_)) => problems.add(
                &Path::Root.key("completions"),
                "stand in place of operation_ids: give one of them",
            ),
            (None, None) if !problems.mention(&Path::Root.key("completions")) => problems.add(
                &Path::Root.key("operation_ids"),
                "is required: the sample operations to grade, with session_id (or completions, to try a grader)",
            ),
            (Some(_), None) if self.session_id.is_none() => {
                problems.add(&Path::Root.key("session_id"), "is required beside operation_ids");
            }
            _ => {}
        }
        self.grader().check(problems);
        if let Err(more) = self.given_or_problems() {
            problems.append(more);
        }
    }

    /// The grader.
    pub(super) fn grader(&self) -> GraderArgument<'_> {
        GraderArgument {
            grader: self.grader.as_ref(),
            path: self.grader_path.as_deref(),
        }
    }

    /// The ids of samplings, each with the argument that it was given in.
    pub(super) fn samplings(&self) -> Vec<Given> {
        let ids = self.operation_ids.iter().flatten();
        ids.map(|id| Given::new("operation_id", id)).collect()
    }

    /// The same with the session.
    pub(crate) fn ids(&self) -> Vec<Given> {
        let session = self.session_id().map(|id| Given::new("session_id", id));
        self.samplings().into_iter().chain(session).collect()
    }

    /// The session of the operations.
    pub(super) fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// The completions that were written into the call.
    pub(super) fn given(&self) -> Result<Vec<Completion>, ToolError> {
        self.given_or_problems().map_err(ToolError::Arguments)
    }

    fn given_or_problems(&self) -> Result<Vec<Completion>, Problems> {
        let mut problems = Problems::default();
        let mut all = Vec::new();
        for (index, written) in self.completions.iter().flatten().enumerate() {
            let at = Path::Root.key("completions");
            let at = at.index(index);
            let Ok(mut row) = serde_json::from_str::<Map<String, Value>>(written.raw().get()) else {
                problems.add(&at, "is no object, such as {\"text\": \"…\", \"answer\": 4}");
                continue;
            };
            let mut text = |name: &str| match row.remove(name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            };
            let Some(own) = text("text").or_else(|| text("completion")) else {
                problems.add(&at.key("text"), "is required: what the model answered");
                continue;
            };
            let stop_reason = text("stop_reason");
            let tokens = row
                .remove("tokens")
                .and_then(|tokens| usize::try_from(tokens.as_u64()?).ok());
            // One that came from a file of completions has its row in it.
            let row = match row.remove("row") {
                Some(Value::Object(inner)) => inner,
                Some(other) => {
                    row.insert("row".to_owned(), other);
                    row
                }
                None => row,
            };
            all.push(Completion {
                result: 0,
                sequence: index,
                prompt: None,
                prompt_line: None,
                text: own,
                tokens,
                stop_reason,
                row,
            });
        }
        if problems.is_empty() {
            Ok(all)
        } else {
            Err(problems)
        }
    }
}
