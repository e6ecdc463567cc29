//! Every failure, and every sentence that the model reads about it.
//!
//! A failure text says what failed, what the service said, whether anything was changed, and what to do next.

mod advice;
pub(crate) mod problems;

pub(crate) use advice::{after_conflict, after_unknown};

use std::fmt;
use std::time::Duration;

use crate::error::problems::Problems;
use crate::spec::{Service, Spec};

/// Why a tool call failed.
#[derive(Clone, Debug)]
pub enum ToolError {
    /// The arguments break rules of the API. Nothing was sent.
    Arguments(Problems),
    /// The service's key is not configured. Nothing was sent.
    MissingKey {
        /// The service.
        service: Service,
        /// The file that could have held it, and why it cannot be used.
        broken_file: Option<String>,
    },
    /// This machine, not the service, stands in the way: a limit that the user set, or its files.
    Here {
        /// What stands in the way, as a sentence.
        why: String,
        /// What to do next.
        next: String,
    },
    /// The service refused the call, or its answer was lost or unusable.
    Call(Box<Failure>),
    /// The tool itself failed.
    Internal(String),
    /// The call took longer than one call may; a last resort, as each request has its own deadline.
    Deadline(Duration),
    /// The host cancelled the call.
    Cancelled,
    /// Any of these, with a sentence more for the caller.
    Noted(Box<ToolError>, String),
}

/// A request that did not end in a usable answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The tool that was called.
    pub tool: &'static str,
    /// The row of the request.
    pub spec: &'static Spec,
    /// The service that it was for.
    pub service: Service,
    /// Host and port that it went to.
    pub host: String,
    /// What happened on the last try.
    pub cause: Cause,
    /// How often it was tried.
    pub tries: u32,
    /// Whether it went to a presigned URL, where no key is used.
    pub store: bool,
    /// Whether one of the tries may have been carried out.
    pub perhaps_done: bool,
    /// The key under which the operation was submitted.
    pub idempotency_key: Option<String>,
    /// Whether the caller gave that key, to repeat a call.
    pub key_is_known: bool,
    /// What to do next, where the tool has found out more than the status says.
    pub next: Option<String>,
}

/// What happened on one try.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// An answer outside 2xx.
    Status {
        /// The HTTP status.
        status: u16,
        /// The service's own words.
        message: String,
        /// How long the service asks to wait.
        wait: Option<Duration>,
    },
    /// No whole answer in time.
    Timeout(Duration),
    /// No connection: nobody listens there.
    Unreachable(String),
    /// No connection: the host name is not known.
    Dns(String),
    /// No connection: TLS failed, often for a certificate.
    Tls(String),
    /// The connection broke before the whole answer was there.
    Broken(String),
    /// The answer ended in the middle.
    Truncated,
    /// A success whose body is no JSON.
    NotJson(String),
    /// A success whose JSON is not what is documented; what it has instead.
    Unexpected(&'static str),
    /// The answer is larger than the limit, in bytes.
    TooLarge(usize),
    /// The answers under way leave no room for this one; how much there is for all, in bytes.
    NoRoom(usize),
    /// A redirect that is not followed: where to, and why not.
    Redirect(String),
    /// All places for upstream requests stayed taken.
    Busy(usize),
}

/// How far a failed request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It never arrived, or was refused as too early: nothing happened, and it may be sent again.
    Nothing,
    /// The service refused it: nothing happened, and the same again would be refused again.
    Refused,
    /// It may have been carried out.
    Perhaps,
}

impl Cause {
    /// How far the request got.
    #[must_use]
    pub const fn reached(&self) -> Reached {
        match self {
            Self::Unreachable(_) | Self::Dns(_) | Self::Busy(_) | Self::Status { status: 429, .. } => {
                Reached::Nothing
            }
            Self::Tls(_) | Self::Redirect(_) => Reached::Refused,
            Self::Status { status, .. } if *status != 408 && *status < 500 => Reached::Refused,
            _ => Reached::Perhaps,
        }
    }

    /// Whether the service refused it with HTTP 409.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Status { status: 409, .. })
    }

    /// Whether another try could end differently, provided that the call may be repeated at all.
    #[must_use]
    pub const fn passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(*status, 408 | 429 | 500..),
            Self::Timeout(_) | Self::Unreachable(_) | Self::Dns(_) | Self::Broken(_) | Self::Truncated => {
                true
            }
            Self::Tls(_)
            | Self::NotJson(_)
            | Self::Unexpected(_)
            | Self::TooLarge(_)
            | Self::NoRoom(_)
            | Self::Redirect(_)
            | Self::Busy(_) => false,
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(problems) => write!(
                f,
                "The arguments need correction; nothing was sent.{problems}\nNext: correct them all and call again."
            ),
            Self::MissingKey { service, broken_file } => {
                write!(
                    f,
                    "No key for {} is configured; nothing was sent.",
                    service.name()
                )?;
                if let Some(file) = broken_file {
                    write!(f, " A file that may hold one cannot be used: {file}.")?;
                }
                let mend = if broken_file.is_some() {
                    "mend that file, or "
                } else {
                    ""
                };
                write!(
                    f,
                    "\nNext: ask the user to {mend}put it into the environment variable {variable} of this server (in the host's mcp.json, under \"env\"), and to restart the server.",
                    variable = service.key_variables().join(" or "),
                )
            }
            Self::Here { why, next } => write!(f, "{why}\nNext: {next}"),
            Self::Call(failure) => failure.fmt(f),
            Self::Internal(what) => write!(
                f,
                "rl-mcp itself failed: {what}\nThis is a defect of the server, not of the call. Next: check with the matching get or list tool what was done, then report the defect."
            ),
            Self::Deadline(limit) => write!(
                f,
                "No result within {} s. Next: check with the matching get or list tool what was done before calling again.",
                limit.as_secs_f64()
            ),
            Self::Cancelled => f.write_str("The call was cancelled."),
            Self::Noted(error, note) => write!(f, "{error}\nNote: {note}"),
        }
    }
}

impl std::error::Error for ToolError {}

impl From<Problems> for ToolError {
    fn from(problems: Problems) -> Self {
        Self::Arguments(problems)
    }
}

impl ToolError {
    /// The same failure with a sentence more for the caller.
    #[must_use]
    pub fn noted(self, note: String) -> Self {
        Self::Noted(Box::new(self), note)
    }

    /// There is no place for files.
    #[must_use]
    pub fn no_data() -> Self {
        Self::Here {
            why: "There is no data directory.".to_owned(),
            next: "ask the user to name one in the variable RL_MCP_DATA_DIR of this server (in the host's mcp.json, under \"env\") and to restart the server.".to_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tool)?;
        if self.tool != self.spec.name {
            write!(f, " (at its {} step)", self.spec.name)?;
        }
        write!(f, " failed: {}", self.cause.happened(&self.host))?;
        if self.tries > 1 {
            write!(f, " ({} tries)", self.tries)?;
        }
        if let Some(next) = &self.next {
            return write!(f, "\nNext: {next}");
        }
        match self.unknown_outcome() {
            Some((unknown, next)) => write!(f, "\n{unknown}\nNext: {next}"),
            None => write!(f, "\nNext: {}", self.next_step()),
        }
    }
}

impl Cause {
    /// What happened, in one word. Journals of earlier versions hold these words, so none is changed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "Status",
            Self::Timeout(_) => "Timeout",
            Self::Unreachable(_) => "Unreachable",
            Self::Dns(_) => "Dns",
            Self::Tls(_) => "Tls",
            Self::Broken(_) => "Broken",
            Self::Truncated => "Truncated",
            Self::NotJson(_) => "NotJson",
            Self::Unexpected(_) => "Unexpected",
            Self::TooLarge(_) => "TooLarge",
            Self::NoRoom(_) => "NoRoom",
            Self::Redirect(_) => "Redirect",
            Self::Busy(_) => "Busy",
        }
    }

    /// In words, of a request to `host`.
    pub(crate) fn happened(&self, host: &str) -> String {
        match self {
            Self::Status { status, message, .. } => {
                let reason = reqwest::StatusCode::from_u16(*status)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .unwrap_or("");
                let said = if message.is_empty() {
                    "without a word".to_owned()
                } else {
                    format!("saying: {message}")
                };
                format!("{host} answered HTTP {status} {reason}, {said}")
            }
            Self::Timeout(limit) => format!("no answer from {host} within {:.1} s", limit.as_secs_f64()),
            Self::Unreachable(why) => format!("{host} cannot be reached: {why}"),
            Self::Dns(why) => format!("the host name {host} cannot be resolved: {why}"),
            Self::Tls(why) => format!("no secure connection to {host}: {why}"),
            Self::Broken(why) => format!("the connection to {host} broke: {why}"),
            Self::Truncated => format!("the answer of {host} was cut off"),
            Self::NotJson(kind) => format!("{host} answered with success but not with JSON ({kind})"),
            Self::Unexpected(what) => format!("{host} answered with {what}"),
            Self::TooLarge(limit) => format!("the answer of {host} is larger than {} MiB", limit >> 20),
            Self::NoRoom(limit) => format!(
                "there is no room for the answer of {host}: all answers that are being read share {} MiB",
                limit >> 20
            ),
            Self::Redirect(to) => {
                format!("{host} redirects to {to}")
            }
            Self::Busy(places) => format!("all {places} slots for requests to {host} stayed in use"),
        }
    }
}

impl Failure {
    /// Whether something may have been changed, and nobody knows.
    #[must_use]
    pub const fn outcome_is_unknown(&self) -> bool {
        // What is gone is gone, whoever did it.
        let gone = self.spec.effect.destructive() && matches!(self.status(), Some(404));
        self.perhaps_done && !gone
    }

    /// Whether the service refused because of the request itself or of the state. Which of the three statuses it uses
    /// for what is not published.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self.status(), Some(400 | 409 | 422))
    }

    /// Whether the service may have refused it for an id that is none of the kind it wants.
    #[must_use]
    pub const fn may_be_mistaken(&self) -> bool {
        matches!(self.status(), Some(400 | 403 | 404 | 409 | 422)) && !self.outcome_is_unknown()
    }

    /// The service's own words of the refusal, if there are any.
    #[must_use]
    pub fn words(&self) -> &str {
        match &self.cause {
            Cause::Status { message, .. } => message,
            _ => "",
        }
    }

    /// The HTTP status of the refusal, if the service gave one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.cause {
            Cause::Status { status, .. } => Some(status),
            _ => None,
        }
    }
}
