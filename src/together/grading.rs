//! `grade-completions`: rewards of completions, by a grader.
//!
//! Completions come as text from the files that stand beside finished samplings (`completions.rs`), or are given. What each
//! is worth, and why, goes into a file of JSON lines that build-training-batch reads (`batch/graded.rs`).

mod report;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, numbered};
use crate::files::LARGEST_JSON;
use crate::files::data::{RESULTS, Stored};
use crate::grade::{Failure, Grade, Score, Subject};
use crate::json;
use crate::together::operation;
use crate::together::sample::completions;
use crate::together::unknown_operation::told;
use crate::work::{self, blocking};

use report::Report;
pub(crate) use request::GradeArgs;

/// The name of the file of rewards ends so.
const REWARDS: &str = "rewards.jsonl";

/// A completion as it stands in its file, or as it was given.
#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    result: usize,
    #[serde(default)]
    sequence: usize,
    /// As the model read it.
    prompt: Option<String>,
    /// The line of prompts_path that it came from.
    prompt_line: Option<usize>,
    text: String,
    tokens: Option<usize>,
    stop_reason: Option<String>,
    #[serde(default)]
    row: Map<String, Value>,
}

impl Completion {
    fn subject(&self) -> Subject<'_> {
        Subject {
            text: &self.text,
            tokens: self.tokens,
            stop_reason: self.stop_reason.as_deref(),
            row: &self.row,
        }
    }
}

/// Completions of one origin, in order.
struct Graded {
    /// Of given ones there is none.
    operation_id: Option<String>,
    completions: Vec<Completion>,
    scores: Vec<Score>,
}

/// A line of the file of rewards.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<&'a str>,
    result: usize,
    sequence: usize,
    #[serde(flatten)]
    score: &'a Score,
}

/// Grades what the call names.
pub(crate) async fn graded(args: GradeArgs, call: &Call<'_>) -> Result<Reply, ToolError> {
    let grader = grader(&args, call).await?;
    let all = match &args.operation_ids {
        Some(ids) => sampled(&args, ids, call).await?,
        None => vec![(None, args.given()?)],
    };
    let config = call.context.config();
    let redactor = Arc::clone(call.context.redactor());
    let data = config.data.clone();
    blocking(move || {
        let done = scored(all, &*grader, args.grader().name())?;
        let lines = lines(&done)?;
        let stored = match &data {
            Some(data) => {
                let folder = args
                    .session_id()
                    .map_or_else(|| RESULTS.into(), operation::folder);
                let name = format!("graded-{}.{REWARDS}", uuid::Uuid::new_v4());
                let stored = data.store(&folder, &name, redactor.scrub_owned(lines).as_bytes());
                stored.map_err(|error| error.to_string())
            }
            None => Err("there is no data directory: the user can name one in RL_MCP_DATA_DIR".to_owned()),
        };
        answer(&args, &done, stored)
    })
    .await?
}

fn answer(args: &GradeArgs, graded: &[Graded], stored: Result<Stored, String>) -> Result<Reply, ToolError> {
    let report = Report::of(args, graded, stored);
    json::text(&report).map(Reply::new)
}

async fn grader(args: &GradeArgs, call: &Call<'_>) -> Result<Box<dyn Grade>, ToolError> {
    let mut problems = Problems::default();
    let grader = args.grader().read(call, &mut problems).await?;
    grader
        .filter(|_| problems.is_empty())
        .ok_or(ToolError::Arguments(problems))
}

/// The completions of finished samplings.
async fn sampled(
    args: &GradeArgs,
    ids: &[String],
    call: &Call<'_>,
) -> Result<Vec<(Option<String>, Vec<Completion>)>, ToolError> {
    let session_id = args.session_id().unwrap_or_default();
    let mut problems = Problems::default();
    let mut all = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let id = id.trim();
        let text = match completions::file_of(call, session_id, id).await? {
            Ok(path) => {
                let path = path.display().to_string();
                call.context.config().files.read(&path, LARGEST_JSON).await
            }
            Err(problem) => Err(problem),
        };
        let read = match text {
            Ok(text) => work::over(text.len(), move || completions_of(&text)).await?,
            Err(problem) => Err(problem),
        };
        match read {
            Ok(completions) => all.push((Some(id.to_owned()), completions)),
            Err(problem) => problems.add(&Path::Root.key("operation_ids").index(index), problem),
        }
    }
    if problems.is_empty() {
        return Ok(all);
    }
    Err(ToolError::Arguments(
        told(call, problems, session_id, args.samplings()).await,
    ))
}

fn completions_of(lines: &str) -> Result<Vec<Completion>, String> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let completions = lines.map(serde_json::from_str);
    completions
        .collect::<Result<_, _>>()
        .map_err(|error| format!("its file of completions is not as documented: {error}"))
}

fn scored(
    all: Vec<(Option<String>, Vec<Completion>)>,
    grader: &dyn Grade,
    name: &str,
) -> Result<Vec<Graded>, Problems> {
    let mut lacks = Lacks::default();
    let mut done = Vec::with_capacity(all.len());
    for (index, (operation_id, completions)) in all.into_iter().enumerate() {
        let subjects: Vec<Subject<'_>> = completions.iter().map(Completion::subject).collect();
        let mut scores = Vec::with_capacity(completions.len());
        for (score, completion) in grader.score_all(&subjects).into_iter().zip(&completions) {
            match score {
                Ok(score) => scores.push(score),
                Err(Failure::Grader(why)) => return Err(Problems::one(&Path::Root.key(name), why)),
                Err(Failure::Row(why)) => lacks.add(operation_id.as_ref().map(|_| index), why, completion),
            }
        }
        done.push(Graded {
            operation_id,
            completions,
            scores,
        });
    }
    match lacks.problems() {
        Some(problems) => Err(problems),
        None => Ok(done),
    }
}

/// What rows lack, each with those of an operation (by its index) that lack it: what is misspelled is misspelled for all.
#[derive(Default)]
struct Lacks(BTreeMap<(Option<usize>, String), Rows>);

/// The rows that lack something: of a sampling by prompt, as all completions of a prompt have the same row, and with
/// their lines, if they came from a file.
#[derive(Default)]
struct Rows {
    numbers: BTreeSet<usize>,
    lines: BTreeSet<usize>,
}

impl Lacks {
    fn add(&mut self, operation: Option<usize>, why: String, completion: &Completion) {
        let rows = self.0.entry((operation, why)).or_default();
        rows.numbers
            .insert(operation.map_or(completion.sequence, |_| completion.result));
        rows.lines.extend(completion.prompt_line);
    }

    fn problems(self) -> Option<Problems> {
        let mut problems = Problems::default();
        for ((operation, why), rows) in self.0 {
            if let Some(index) = operation {
                let at = Path::Root.key("operation_ids");
                problems.add(&at.index(index), format!("{} {why}", rows.named("prompt")));
            } else {
                let at = Path::Root.key("completions");
                problems.add(&at, format!("{} {why}", rows.named("completion")));
            }
        }
        (!problems.is_empty()).then_some(problems)
    }
}

impl Rows {
    fn named(&self, what: &str) -> String {
        let named = format!("the row of {}", numbered(what, self.numbers.iter().copied()));
        if self.lines.is_empty() {
            return named;
        }
        format!(
            "{named}, {} of prompts_path,",
            numbered("line", self.lines.iter().copied())
        )
    }
}

fn lines(graded: &[Graded]) -> Result<String, ToolError> {
    let mut lines = String::new();
    for graded in graded {
        for (completion, score) in graded.completions.iter().zip(&graded.scores) {
            let line = Line {
                operation_id: graded.operation_id.as_deref(),
                result: completion.result,
                sequence: completion.sequence,
                score,
            };
            lines.push_str(&json::text(&line)?);
            lines.push('\n');
        }
    }
    Ok(lines)
}
