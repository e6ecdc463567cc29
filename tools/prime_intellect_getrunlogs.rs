//! `prime-intellect-getrunlogs`: the newest lines of a run's logs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arguments::schema::{renamed, unlisted};
use crate::context::{Call, Reply};
use crate::error::problems::{Path, Problems};
use crate::error::{Cause, Failure, ToolError};
use crate::mcp::tool::Handler;
use crate::prime::{RunId, condense, logs};
use crate::redact::Redactor;
use crate::redact::clean;
use crate::spec;
use crate::spec::Spec;

pub(crate) struct PrimeIntellectGetrunlogs;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[
    ("lines", "tail_lines"),
    ("tail", "tail_lines"),
    ("limit", "tail_lines"),
    ("query", "search"),
    ("grep", "search"),
    ("pattern", "search"),
    ("since", "since_seconds"),
]))]
pub(crate) struct Args {
    run_id: RunId,
    /// Default 20, shortened.
    #[schemars(range(min = 1, max = 5000))]
    tail_lines: Option<u32>,
    /// Only lines that contain this text; capitals may count.
    search: Option<String>,
    /// true: search is a regular expression.
    regex: Option<bool>,
    level: Option<Level>,
    /// Only lines of the last so many seconds.
    #[schemars(range(min = 60, max = 86400))]
    since_seconds: Option<u32>,
    /// Default orchestrator, which logs rewards; trainer logs loss and learning rate.
    component: Option<Component>,
    /// Which pod of a component that runs on several nodes.
    #[schemars(range(min = 0), transform = unlisted)]
    pod_index: Option<u32>,
    /// Which environment, with component env-server.
    env_name: Option<String>,
}

impl Handler for PrimeIntellectGetrunlogs {
    const SPEC: &'static Spec = &spec::GET_RUN_LOGS;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        if args.env_name.is_some() && !matches!(args.component, Some(Component::EnvServer)) {
            problems.add(
                &Path::Root.key("env_name"),
                "picks an environment server: give component env-server with it",
            );
        }
        if args.regex == Some(true) && args.search.is_none() {
            problems.add(
                &Path::Root.key("regex"),
                "says how to read search: give search with it",
            );
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let asked = args.tail_lines;
        let search = args.search.clone();
        let request = call.request().path("run_id", &args.run_id);
        let request = request
            .query("tail_lines", Some(asked.unwrap_or(logs::LAST)))
            .query("search", args.search);
        let request = request
            .query("regex", args.regex.filter(|regex| *regex))
            .query("level", args.level);
        let request = request
            .query("since_seconds", args.since_seconds)
            .query("component", args.component);
        let request = request
            .query("pod_index", args.pod_index)
            .query("env_name", args.env_name);
        match request.uncleaned().send().await {
            Ok(reply) => {
                let redactor = Arc::clone(call.context.redactor());
                condense::fit(reply, move |reply| {
                    shown(reply, asked, search.as_deref(), &redactor)
                })
                .await
            }
            Err(ToolError::Call(failure)) => not_started(&failure).ok_or(ToolError::Call(failure)),
            Err(error) => Err(error),
        }
    }
}

/// Only lines of this level.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Error,
    Warning,
    Success,
    Info,
    Debug,
}

/// A part of a run that writes logs.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Component {
    Orchestrator,
    Trainer,
    Inference,
    EnvServer,
}

fn shown(reply: Reply, asked: Option<u32>, search: Option<&str>, redactor: &Redactor) -> Reply {
    // What came as it was written, beside the log.
    let cleaned = |reply: Reply| Reply::new(redactor.scrub_answer(clean::json(reply.into_text())));
    let Some(log) = reply.member::<String>("logs") else {
        return condense::bounded(cleaned(reply));
    };
    let logs::Shown { text, note } = logs::show(&log, asked, redactor);
    let reply = if text == log {
        reply
    } else {
        reply.with("logs", &text)
    };
    let reply = cleaned(reply);
    let spelt = search.filter(|search| text.is_empty() && search.chars().any(char::is_alphabetic));
    let spelt = spelt
        .map(|search| format!("`{search}` was searched for as it is written: other capitals may find more"));
    let notes: Vec<String> = note.into_iter().chain(spelt).collect();
    if notes.is_empty() {
        reply
    } else {
        reply.noted(&notes.join("; "))
    }
}

/// What a 404 says whose cause is that there are no pods yet: the words that the official client looks for.
const NOT_STARTED: [&str; 7] = [
    "queued",
    "pending",
    "starting",
    "initializing",
    "not started",
    "not available yet",
    "logs are not available",
];

/// What it says when there never will be any.
const GONE: [&str; 3] = ["not found", "deleted", "purged"];

/// The answer for a run that has no logs yet, which is no failure.
fn not_started(failure: &Failure) -> Option<Reply> {
    let Cause::Status {
        status: 404, message, ..
    } = &failure.cause
    else {
        return None;
    };
    // Whole words: "spending" is not "pending".
    let lower = message.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let spaced = format!(" {} ", words.join(" "));
    let says = |phrases: &[&str]| {
        phrases
            .iter()
            .any(|phrase| spaced.contains(&format!(" {phrase} ")))
    };
    (says(&NOT_STARTED) && !says(&GONE)).then(|| {
        let note = format!("The run has not started yet, so there are no logs (the service says: {message}). Call again in about 10 s; prime-intellect-getrun shows its status.");
        Reply::new("{\"logs\":\"\"}".to_owned()).with("note", &note)
    })
}
