//! Every failure, and every sentence that the model reads about it.
//!
//! A failure text says what failed, what the service said, whether anything was changed, and what to do next.

use std::fmt;
use std::time::Duration;

use crate::config::{base_url_variables, key_variables};
use crate::problems::Problems;
use crate::spec::{Effect, Service, Spec};

/// Why a tool call failed.
#[derive(Debug)]
pub enum ToolError {
    /// The arguments break rules of the API. Nothing was sent.
    Arguments(Problems),
    /// The service's key is not configured. Nothing was sent.
    MissingKey(Service),
    /// The service refused the call, or its answer was lost or unusable.
    Call(Box<Failure>),
    /// The tool itself failed.
    Internal(String),
    /// The call took longer than one call may; a last resort, as each request has its own deadline.
    Deadline(Duration),
    /// The host cancelled the call.
    Cancelled,
}

/// A request that did not end in a usable answer.
#[derive(Debug)]
pub struct Failure {
    /// The tool that was called.
    pub tool: &'static str,
    /// The row of the request.
    pub spec: &'static Spec,
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
    /// What to do next, where the tool knows better than the status says.
    pub next: Option<String>,
}

/// What happened on one try.
#[derive(Debug, PartialEq)]
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
            Self::MissingKey(service) => write!(
                f,
                "No key for {name} is configured; nothing was sent.\nNext: ask the user to put it into the environment variable {variable} of this server (in the host's mcp.json, under \"env\") and to restart the server.",
                name = service.name(),
                variable = key_variables(*service).join(" or "),
            ),
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
        }
    }
}

impl std::error::Error for ToolError {}

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
        match self.unknown_outcome() {
            Some((unknown, next)) => write!(f, "\n{unknown}\nNext: {next}"),
            None => match &self.next {
                Some(next) => write!(f, "\nNext: {next}"),
                None => write!(f, "\nNext: {}", self.next_step()),
            },
        }
    }
}

impl Cause {
    fn happened(&self, host: &str) -> String {
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
            Self::Truncated => format!("the answer of {host} ended in the middle"),
            Self::NotJson(kind) => format!("{host} answered with success but not with JSON ({kind})"),
            Self::Unexpected(what) => format!("{host} answered with {what}"),
            Self::TooLarge(limit) => format!("the answer of {host} is larger than {} MiB", limit >> 20),
            Self::Redirect(to) => {
                format!("{host} redirects to {to}")
            }
            Self::Busy(places) => format!("all {places} places for requests to the services stayed taken"),
        }
    }
}

impl Failure {
    /// The HTTP status of the refusal, if the service gave one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.cause {
            Cause::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// When something may have been changed all the same: what is not known, and how to find out. It goes before
    /// anything that would mend the fault itself, because repeating the call could do it twice.
    fn unknown_outcome(&self) -> Option<(&'static str, String)> {
        let refused_for_good = matches!(self.cause, Cause::Status { status: 404, .. });
        if !self.perhaps_done || (self.spec.effect.destructive() && refused_for_good) {
            return None;
        }
        let outcome = match (self.spec.effect, self.spec.lost) {
            (Effect::Read, _) => return None,
            (_, Some(lost)) => (lost.unknown, lost.next.to_owned()),
            (Effect::Submit, None) => (
                "It is not known whether the operation was started.",
                format!(
                    "repeating this very call is safe under its key: call {} with the same arguments and \"idempotency_key\": \"{}\".",
                    self.spec.name,
                    self.idempotency_key.as_deref().unwrap_or_default()
                ),
            ),
            (Effect::Add, None) => (
                "It is not known whether it was done.",
                "look before you repeat it.".to_owned(),
            ),
            (Effect::Set | Effect::Destroy { .. }, None) => (
                "It is not known whether it was done.",
                "call again; repeating it does no harm.".to_owned(),
            ),
        };
        Some(outcome)
    }

    fn next_step(&self) -> String {
        let base_url = base_url_variables(self.spec.service).join(" or ");
        if self.store {
            return "call again for a fresh link; if it is refused again, the store has a fault or a proxy is in the way.".to_owned();
        }
        match &self.cause {
            Cause::Status { status, wait, .. } => self.next_after_status(*status, *wait),
            Cause::Timeout(_) => "call again later; for more time in one call raise RL_MCP_CALL_TIMEOUT where the host allows it.".to_owned(),
            Cause::Unreachable(_) => format!("check the network, the proxy variables (HTTPS_PROXY, NO_PROXY) and {base_url}; `rl-mcp check` tests the way."),
            Cause::Dns(_) => format!("check the network or VPN, {base_url} for a typing mistake if it is set, and behind a proxy HTTPS_PROXY."),
            Cause::Tls(_) => "if a company proxy re-signs connections, add its certificate to the operating system's trust store (on Linux SSL_CERT_FILE works too); otherwise check the host and the clock.".to_owned(),
            Cause::Broken(_) | Cause::Truncated => "call again; if it keeps happening, a proxy or firewall on the way cuts connections.".to_owned(),
            Cause::NotJson(_) | Cause::Unexpected(_) => format!("check that {base_url} points at the API and that no proxy or login page answers in its place."),
            Cause::TooLarge(_) => "ask for less at once: fewer samples, or without per-token outputs.".to_owned(),
            Cause::Redirect(_) => format!("if the service has moved, set {base_url} to the new address."),
            Cause::Busy(_) => "wait for other calls to end, or raise RL_MCP_MAX_CONCURRENCY.".to_owned(),
        }
    }

    fn next_after_status(&self, status: u16, wait: Option<Duration>) -> String {
        let service = self.spec.service;
        match status {
            400 | 422 => "correct what the service names.".to_owned(),
            413 => "the body is too large for the service: split the batch over several calls.".to_owned(),
            401 => format!(
                "the key is wrong, expired or lacks a scope. A valid one belongs into {} of this server's environment (in the host's mcp.json, under \"env\"); then the server has to be restarted.",
                key_variables(service).join(" or ")
            ),
            402 => match service {
                Service::Together => "the account's credit is too low; ask the user to add some.".to_owned(),
                Service::Prime => "the wallet's balance is too low; ask the user to top it up.".to_owned(),
            },
            403 => match service {
                Service::Together => "this key may not do that: use one of the project or user that owns it.".to_owned(),
                Service::Prime => "this key may not do that: it lacks the scope, deleting here may need an admin role, and sourceRef needs a team run with granted access.".to_owned(),
            },
            404 => self.next_after_not_found(),
            405 => format!(
                "this address has no such operation: check {}.",
                base_url_variables(service).join(" or ")
            ),
            408 => "the service took too long; call again.".to_owned(),
            409 if self.spec.effect == Effect::Submit => "the state does not allow it now, or this idempotency_key was used with another body. Look at get-training-session; leave idempotency_key out for a new operation.".to_owned(),
            409 => "the state does not allow it now: look at the state, then decide.".to_owned(),
            429 => match wait {
                Some(wait) => format!("too many requests: wait {:.0} s, then call again.", wait.as_secs_f64().ceil()),
                None => "too many requests: wait half a minute, then call again.".to_owned(),
            },
            500.. => "the service has a fault: wait a minute, then look whether it works again.".to_owned(),
            _ => "read what the service says and decide from that.".to_owned(),
        }
    }

    fn next_after_not_found(&self) -> String {
        if self.perhaps_done && self.spec.effect.destructive() {
            return "an earlier try of this call got no answer and may have done it already: then this is success.".to_owned();
        }
        if let Some(next) = self.spec.not_found {
            return next.to_owned();
        }
        if self.spec.effect.destructive() {
            return "check the id; if it is gone already, there is nothing left to do.".to_owned();
        }
        let known = IDS.iter().find(|(id, _)| self.spec.path.contains(id));
        known.map_or_else(
            || {
                format!(
                    "check {}: this address does not have the operation.",
                    base_url_variables(self.spec.service).join(" or ")
                )
            },
            |(_, next)| (*next).to_owned(),
        )
    }
}

/// What to do about an id that the service does not know, by the placeholder in the path.
const IDS: [(&str, &str); 5] = [
    (
        "{operation_id}",
        "check session_id and operation_id, and that this tool belongs to the kind of operation.",
    ),
    (
        "{session_id}",
        "check the id: list-training-sessions shows those that exist.",
    ),
    (
        "{model_resources_id}",
        "check the id: get-training-session shows that of a session, list-model-resources (toolset rl-more) all.",
    ),
    (
        "{run_id}",
        "check the id: prime-intellect-listruns shows those that exist.",
    ),
    (
        "{id}",
        "check the id: get-training-session shows a session's checkpoints, list-checkpoints (toolset rl-more) all.",
    ),
];
