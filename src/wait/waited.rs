//! The answer of a call that waited.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Goal, usual};
use crate::context::{Call, Output, Reply};
use crate::error::ToolError;

/// The most of a failure that a note repeats, in characters.
const LONGEST_FAILURE: usize = 1000;

/// The most of an unknown status that a note repeats, in characters.
const LONGEST_STATUS: usize = 100;

/// The state in which a call left a thing.
pub(crate) struct Waited {
    reply: Reply,
    at_rest: bool,
    /// `None`: it did not wait.
    wait: Option<Wait>,
}

/// What is to be said about a wait.
struct Wait {
    seconds: f64,
    next: Next,
    note: Option<String>,
}

/// The call that goes on with a wait.
#[derive(Serialize)]
struct Next {
    tool: &'static str,
    arguments: Map<String, Value>,
}

/// How a wait ended.
pub(super) enum Ended {
    /// With what was waited for.
    AtRest,
    /// The service does not know the thing any more.
    Gone,
    /// With the time.
    Time,
    /// In a status of which this version does not know whether it lasts.
    UnknownStatus(String),
    /// With a look that failed for good.
    Unseen(ToolError),
}

impl Waited {
    /// An answer that was not waited for: nothing is said beside it.
    pub(super) const fn not(reply: Reply) -> Self {
        Self {
            reply,
            at_rest: false,
            wait: None,
        }
    }

    pub(super) fn of(call: &Call<'_>, goal: &Goal, ids: &[&str], reply: Reply, ended: Ended) -> Self {
        let named = goal.show.placeholders().zip(ids);
        let mut arguments: Map<String, Value> =
            named.map(|(name, id)| (name.to_owned(), (*id).into())).collect();
        if goal.when_told {
            let wait = usual(call).as_secs_f64();
            arguments.insert("wait_seconds".to_owned(), json!(wait));
        }
        let next = Next {
            tool: goal.show.name,
            arguments,
        };
        Self {
            reply,
            at_rest: matches!(ended, Ended::AtRest | Ended::Gone),
            wait: Some(Wait {
                // Nobody needs more than tenths.
                seconds: (call.started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
                next,
                note: match ended {
                    Ended::AtRest | Ended::Time => None,
                    Ended::UnknownStatus(status) => Some(format!(
                        "This version of rl-mcp does not know the status {}, so the wait ended: it may be final. Decide from what the answer says.",
                        status.chars().take(LONGEST_STATUS).collect::<String>(),
                    )),
                    Ended::Gone => Some("The service no longer knows it: it is gone.".to_owned()),
                    Ended::Unseen(error) => Some(in_words(
                        call,
                        "This is the last known state, because watching it ended early:",
                        &error,
                    )),
                },
            }),
        }
    }

    /// The answer as the service gave it.
    #[must_use]
    pub(crate) const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Whether it has come to what was waited for.
    #[must_use]
    pub(crate) const fn is_at_rest(&self) -> bool {
        self.at_rest
    }

    /// The same with another answer.
    #[must_use]
    pub(crate) fn map(self, change: impl FnOnce(Reply) -> Reply) -> Self {
        Self {
            reply: change(self.reply),
            ..self
        }
    }

    /// The same, of which a part could not be had; `next` gets it.
    #[must_use]
    pub(crate) fn incomplete(mut self, call: &Call<'_>, error: &ToolError) -> Self {
        self.at_rest = false;
        if let Some(wait) = &mut self.wait {
            wait.note = Some(in_words(call, "Its result could not be fetched:", error));
        }
        self
    }

    /// The same, whose next call shows the result in the same way.
    #[must_use]
    pub(crate) fn going_on_with(mut self, output: Output) -> Self {
        if let (Some(wait), true) = (&mut self.wait, output != Output::Auto) {
            wait.next.arguments.insert("output".to_owned(), json!(output));
        }
        self
    }

    /// The answer, with what is to be said about the wait.
    #[must_use]
    pub(crate) fn into_reply(self) -> Reply {
        let Some(wait) = self.wait else {
            return self.reply;
        };
        let mut reply = self.reply.with("waited_seconds", &wait.seconds);
        if !self.at_rest {
            reply = reply.with("next", &wait.next);
        }
        match &wait.note {
            Some(note) => reply.noted(note),
            None => reply,
        }
    }
}

/// A failure within a note. Secrets are taken out before it is cut, since nobody knows a half of one.
fn in_words(call: &Call<'_>, what: &str, error: &ToolError) -> String {
    let words = call.context.redactor().scrub_owned(error.to_string());
    let words: String = words.chars().take(LONGEST_FAILURE).collect();
    format!("{what} {}", words.replace('\n', " "))
}
