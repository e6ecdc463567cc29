//! What to do next after a request that did not end in a usable answer.

use std::time::Duration;

use super::{Cause, Failure};
use crate::spec::{Effect, Method, Service, Spec};

/// After a call by the row `spec` whose answer was lost: what is not known, and how to find out. `None` when nothing can
/// have been changed.
#[must_use]
pub(crate) fn after_unknown(spec: &Spec, idempotency_key: Option<&str>) -> Option<(&'static str, String)> {
    let outcome = match (spec.effect, spec.lost) {
        (Effect::Read, _) => return None,
        (_, Some(lost)) => (lost.unknown, lost.next.to_owned()),
        (Effect::Submit, None) => (
            "It is not known whether the operation was started.",
            format!(
                "repeating this very call is safe under its key: call {} with the same arguments and \"idempotency_key\": \"{}\".",
                spec.name,
                idempotency_key.unwrap_or_default()
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

/// After an operation by the row `spec` whose answer was lost and whose key the service then refuses with HTTP 409: what is
/// not known, and how to find out. To repeat it under the same key would be refused again.
#[must_use]
pub(crate) fn after_conflict(spec: &Spec) -> (&'static str, String) {
    let trace = spec
        .trace
        .unwrap_or("get-training-session shows the state of the session");
    (
        "The service knows this idempotency key already: from a try whose answer was lost, or from a call with another body.",
        format!(
            "don't repeat it under this key. Look for what it did: {trace}. For a new operation leave idempotency_key out."
        ),
    )
}

impl Failure {
    /// When something may have been changed all the same: what is not known, and how to find out. It goes before
    /// anything that would mend the fault itself, because repeating the call could do it twice.
    pub(super) fn unknown_outcome(&self) -> Option<(&'static str, String)> {
        if self.key_conflicts() {
            return Some(after_conflict(self.spec));
        }
        self.outcome_is_unknown()
            .then(|| after_unknown(self.spec, self.idempotency_key.as_deref()))?
    }

    /// Whether the service refuses a key that it may know from a try whose answer was lost.
    const fn key_conflicts(&self) -> bool {
        matches!(self.spec.effect, Effect::Submit)
            && self.cause.is_conflict()
            && (self.perhaps_done || self.key_is_known)
    }

    pub(super) fn next_step(&self) -> String {
        let base_url = self.service.base_url_variables().join(" or ");
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
            Cause::NoRoom(_) => "wait for other calls with large results to end, then call again.".to_owned(),
            Cause::Redirect(_) => format!("if the service has moved, set {base_url} to the new address."),
            Cause::Busy(_) => "wait for other calls to end, or raise RL_MCP_MAX_CONCURRENCY.".to_owned(),
        }
    }

    fn next_after_status(&self, status: u16, wait: Option<Duration>) -> String {
        let service = self.service;
        match (status, self.spec.refused) {
            (409, Some(next)) => return format!("the state does not allow it now: {next}"),
            (400 | 422, Some(next)) => return next.to_owned(),
            (400 | 422, None) if self.spec.effect == Effect::Submit => {
                return "if the session is not RUNNING, no argument changes that: get-training-session shows it, and one that has ended continues as a new one (create-training-session with resume_from_checkpoint_id, one of its checkpoints). Otherwise correct what the service names.".to_owned();
            }
            _ => {}
        }
        match status {
            400 | 422 => "correct what the service names.".to_owned(),
            413 => "the body is too large for the service: split the batch over several calls.".to_owned(),
            401 => format!(
                "the key is wrong, expired or lacks a scope. Put a valid one into {} in this server's environment (in the host's mcp.json, under \"env\"), then restart the server.",
                service.key_variables().join(" or ")
            ),
            402 => match service {
                Service::Together => "the account's credit is too low; ask the user to add some.".to_owned(),
                Service::Prime => "the wallet's balance is too low; ask the user to top it up.".to_owned(),
            },
            403 if self.spec.method == Method::Post && service == Service::Prime => {
                "this key may not do that: it lacks the scope or the enrolment; sourceRef needs a team run with granted access.".to_owned()
            }
            403 => match service {
                Service::Together => "this key may not do that: use one of the project or user that owns it.".to_owned(),
                Service::Prime => "this key may not do that: it lacks the scope, deleting here may need an admin role, and sourceRef needs a team run with granted access.".to_owned(),
            },
            404 => self.next_after_not_found(),
            405 => format!(
                "this address has no such operation: check {}.",
                service.base_url_variables().join(" or ")
            ),
            408 => "the service took too long; call again.".to_owned(),
            409 if self.spec.effect == Effect::Submit => "the state does not allow it now, or this idempotency_key was used with another body. Look at get-training-session; leave idempotency_key out for a new operation. A session that has ended continues as a new one (create-training-session with resume_from_checkpoint_id).".to_owned(),
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
        let known = IDS.iter().find(|(id, _)| self.spec.path.contains(id));
        known.map_or_else(
            || {
                // Only a body can name something that is not there.
                let names = match self.spec.method {
                    Method::Post => "check the names and ids in the arguments. If all are right, ",
                    _ => "",
                };
                format!(
                    "{names}check {}: this address does not have the operation.",
                    self.service.base_url_variables().join(" or ")
                )
            },
            |(_, next)| {
                let gone = if self.spec.effect.destructive() {
                    " If it is gone already, there is nothing left to do."
                } else {
                    ""
                };
                format!("{next}{gone}")
            },
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
        "check the id: get-training-session shows that of a session, list-model-resources all.",
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
