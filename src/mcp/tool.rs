//! Between a handler and rmcp: what a tool is. [`adapter`] runs it.

pub(crate) mod adapter;
pub(crate) mod all;
mod body_path;
mod output;
mod progress;
mod unrecorded;

use std::pin::Pin;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::arguments::schema;
use crate::arguments::{Accepts, Others, Stranger, unwrapped};
use crate::context::{Call, Reply};
use crate::error::problems::{Path, Problems};
use crate::error::{Failure, ToolError};
use crate::journal::Given;
use crate::json::edit;
use crate::spec::Spec;

/// All tools that there are, offered or not.
pub(crate) struct Tools {
    /// In the order in which clients see them.
    pub entries: &'static [Entry],
    /// The arguments that any of them takes.
    pub others: Others,
}

impl Tools {
    /// The tool of this name.
    #[must_use]
    pub(crate) fn find(&self, name: &str) -> Option<&'static Entry> {
        self.entries.iter().find(|entry| entry.spec.name == name)
    }

    /// The names of all.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.spec.name)
    }
}

/// What is particular to one tool.
pub trait Handler: Send + Sync + 'static {
    /// Its row: name, hints, method, path and effect come from there.
    const SPEC: &'static Spec;

    /// Its arguments; their doc comments are what the model reads about them.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;

    /// Rules between the arguments that a schema cannot say.
    fn check(args: &Self::Args, problems: &mut Problems) {
        let _ = (args, problems);
    }

    /// What the caller may not have meant: said beside the answer, and beside a refusal of the arguments as well, so that one
    /// round of corrections is enough.
    /// What is in `problems` may be left out of `args`: its absence says nothing.
    fn doubt(args: &Self::Args, problems: &Problems) -> Option<String> {
        let _ = (args, problems);
        None
    }

    /// When arguments are refused, reports problems that only files of this machine, or what was done from it, reveal as well,
    /// so that the next call can succeed.
    fn check_files(
        args: &Self::Args,
        call: &Call<'_>,
        problems: &mut Problems,
    ) -> impl Future<Output = ()> + Send {
        let _ = (args, call, problems);
        std::future::ready(())
    }

    /// Carries the call out.
    fn call(args: Self::Args, call: &Call<'_>) -> impl Future<Output = Result<Reply, ToolError>> + Send;
}

pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<Reply, ToolError>> + Send + 'a>>;

/// Looks further into a refusal of a call with these arguments, where the status alone does not say what to do next.
pub(crate) type Explain = for<'a> fn(&'a Call<'a>, &'a str, Box<Failure>) -> Explaining<'a>;

/// The refusal, with what was found out.
pub(crate) type Explaining<'a> = Pin<Box<dyn Future<Output = Box<Failure>> + Send + 'a>>;

/// A handler as a value, for the list of all tools.
pub struct Entry {
    /// Its row.
    pub spec: &'static Spec,
    schema: fn() -> Value,
    explain: Option<Explain>,
    run: for<'a> fn(&'a Call<'a>, &'a Accepts, &'a str, Option<Explain>) -> Running<'a>,
}

impl Entry {
    /// The input schema, with the private members that the checks read.
    #[must_use]
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// The entry of a handler.
    #[must_use]
    pub const fn of<H: Handler>() -> Self {
        Self {
            spec: H::SPEC,
            schema: schema::input_schema::<H::Args>,
            explain: None,
            run: |call, accepts, raw, explain| {
                Box::pin(async move {
                    let raw = unwrapped(raw);
                    // A caller elsewhere has no files here.
                    let (raw, known) = if accepts.takes("body") && call.relay().is_none() {
                        body_path::resolve(call, accepts, raw).await?
                    } else {
                        (raw, Problems::default())
                    };
                    let read = accepts.read_call::<H::Args>(&raw, &known, H::check);
                    let mut problems = read.problems;
                    let doubt = read.args.as_ref().and_then(|args| H::doubt(args, &problems));
                    let outcome = match read.args {
                        Some(args) if problems.is_empty() => H::call(args, call).await,
                        Some(args) => {
                            identify(call, &raw, read.stranger, &mut problems).await;
                            H::check_files(&args, call, &mut problems).await;
                            Err(ToolError::Arguments(problems))
                        }
                        None => Err(ToolError::Arguments(problems)),
                    };
                    let outcome = match (outcome, explain) {
                        (Err(ToolError::Call(failure)), Some(explain)) => {
                            Err(ToolError::Call(explain(call, &raw, failure).await))
                        }
                        (outcome, _) => outcome.map(|reply| with_meaning(H::SPEC, reply)),
                    };
                    let heeds = |outcome: &Result<Reply, ToolError>| {
                        matches!(outcome, Ok(_) | Err(ToolError::Arguments(_)))
                    };
                    let notes: Vec<String> = doubt
                        .filter(|_| heeds(&outcome))
                        .into_iter()
                        .chain(read.note)
                        .collect();
                    if notes.is_empty() {
                        return outcome;
                    }
                    let note = notes.join(" ");
                    match outcome {
                        Ok(reply) => Ok(reply.noted(&note)),
                        Err(error) => Err(error.noted(note)),
                    }
                })
            },
        }
    }

    /// The same entry, whose refusals are looked into.
    #[must_use]
    pub(crate) const fn explained(mut self, explain: Explain) -> Self {
        self.explain = Some(explain);
        self
    }

    /// Runs the tool for somebody who wants the service's answer as it comes: its checks, and its request. What that comes to
    /// is in the relay of `call`; an error counts only if nothing is there.
    #[cfg(feature = "http")]
    pub(crate) fn relay<'a>(&self, call: &'a Call<'a>, accepts: &'a Accepts, raw: &'a str) -> Running<'a> {
        (self.run)(call, accepts, raw, None)
    }

    /// Runs the tool on the JSON text of its arguments.
    pub(crate) fn run<'a>(&self, call: &'a Call<'a>, accepts: &'a Accepts, raw: &'a str) -> Running<'a> {
        (self.run)(call, accepts, raw, self.explain)
    }
}

/// If an id of the wrong kind was given, says what it is and which id belongs there, as far as that is known.
async fn identify(call: &Call<'_>, raw: &str, stranger: Option<Stranger>, problems: &mut Problems) {
    let Some(Stranger { argument, id }) = stranger else {
        return identify_own(call, raw, problems).await;
    };
    let given = vec![Given::new(&argument, &id)];
    let told = call.context.journal().mistaken(call.spec, given, false).await;
    let message = told
        .as_deref()
        .and_then(|told| told.strip_prefix(argument.as_str()));
    if let Some(message) = message {
        problems.replace(&Path::Root.key(&argument), message.trim_start());
    }
}

/// The same of ids under their own names, of which the service would say it only once the rest is right.
async fn identify_own(call: &Call<'_>, raw: &str, problems: &mut Problems) {
    let placeholders = call.spec.placeholders();
    let ids: Vec<(&str, String)> = placeholders
        .filter_map(|name| Some((name, edit::member::<String>(raw, name)?)))
        .filter(|(_, id)| !id.trim().is_empty())
        .collect();
    let given = ids.iter().map(|(name, id)| Given::new(name, id)).collect();
    let Some(told) = call.context.journal().mistaken(call.spec, given, false).await else {
        return;
    };
    let named = ids
        .iter()
        .find(|(name, id)| told.starts_with(name) || told.starts_with(id.trim()));
    let Some((name, _)) = named else { return };
    let message = told.strip_prefix(name).unwrap_or(&told).trim_start();
    let at = Path::Root.key(name);
    if !problems.mention(&at) {
        problems.add(&at, message);
    }
}

/// An answer whose list is empty, with what that means: as it stands it is easily taken for a failure.
fn with_meaning(spec: &Spec, reply: Reply) -> Reply {
    /// The largest answer that can have nothing in it, in bytes.
    const LARGEST: usize = 1000;
    let empty = spec.empty.filter(|_| reply.text().len() <= LARGEST);
    let is_empty = |member| {
        reply
            .member(member)
            .is_some_and(|list: Vec<IgnoredAny>| list.is_empty())
    };
    match empty {
        // A tool that has said why is not contradicted.
        Some(empty) if is_empty(empty.member) && reply.member::<String>("note").is_none() => {
            reply.noted(empty.means)
        }
        _ => reply,
    }
}

#[cfg(test)]
mod tests;
