//! What can be waited for, and when it has come to rest.

use std::time::Duration;

use serde::Deserialize;

use crate::api::{Doing, Reply};
use crate::error::ToolError;
use crate::spec::{GET_MODEL_RESOURCE, GET_RUN, GET_TRAINING_SESSION, Spec};

/// Between two looks at something that takes minutes, by the services' own clients.
const SLOW: Duration = Duration::from_secs(10);
/// The same while it shuts down.
const ENDING: Duration = Duration::from_secs(2);
/// The same of a run that was told to stop.
const RUN_ENDING: Duration = Duration::from_secs(3);
/// The same of an operation.
const QUICK: Duration = Duration::from_millis(500);

/// A state to wait for.
#[derive(Clone, Copy)]
pub struct Goal {
    /// The row that shows the thing.
    pub show: &'static Spec,
    /// What people call it.
    label: &'static str,
    /// How each of its statuses begins.
    prefix: &'static str,
    /// The statuses that end the wait. A status that nobody knows does not.
    ends: &'static [&'static str],
    /// The longest time between two looks.
    interval: Duration,
    /// Whether a thing that the service does not know any more is what was waited for.
    until_gone: bool,
}

/// A new model resource, until sessions can attach or it never will be ready.
pub const RESOURCE_UP: Goal = Goal {
    ends: &["READY", "STOPPING", "STOPPED", "ERROR"],
    ..RESOURCE
};

/// A model resource that comes or goes.
pub const RESOURCE: Goal = Goal {
    show: &GET_MODEL_RESOURCE,
    label: "model resource",
    prefix: "MODEL_RESOURCES_STATUS_",
    ends: &["READY", "STOPPED", "ERROR"],
    interval: SLOW,
    until_gone: false,
};

/// A model resource that was told to stop.
pub const RESOURCE_DOWN: Goal = Goal {
    ends: &["STOPPED", "ERROR"],
    until_gone: true,
    ..RESOURCE
};

/// A new session, until it takes operations or never will.
pub const SESSION_UP: Goal = Goal {
    ends: &["RUNNING", "STOPPING", "STOPPED", "ERROR", "EXPIRED"],
    ..SESSION
};

/// A session that comes or goes.
pub const SESSION: Goal = Goal {
    show: &GET_TRAINING_SESSION,
    label: "training session",
    prefix: "TRAINING_SESSION_STATUS_",
    ends: &["RUNNING", "STOPPED", "ERROR", "EXPIRED"],
    interval: SLOW,
    until_gone: false,
};

/// A session that was told to stop.
pub const SESSION_DOWN: Goal = Goal {
    ends: &["STOPPED", "ERROR", "EXPIRED"],
    until_gone: true,
    ..SESSION
};

/// A run, until it works or has ended.
pub const RUN: Goal = Goal {
    show: &GET_RUN,
    label: "run",
    prefix: "",
    ends: &["RUNNING", "COMPLETED", "FAILED", "STOPPED", "PAUSED"],
    interval: SLOW,
    until_gone: false,
};

/// A run that was told to stop.
pub const RUN_DOWN: Goal = Goal {
    interval: RUN_ENDING,
    ends: &["COMPLETED", "FAILED", "STOPPED", "PAUSED"],
    ..RUN
};

impl Goal {
    /// The end of an operation.
    #[must_use]
    pub const fn operation(show: &'static Spec, label: &'static str) -> Self {
        Self {
            show,
            label,
            prefix: "TRAINING_OPERATION_STATUS_",
            ends: &["COMPLETED", "FAILED"],
            interval: QUICK,
            until_gone: false,
        }
    }

    /// Whether an answer shows what is waited for.
    #[must_use]
    pub fn is_reached(&self, reply: &Reply) -> bool {
        let status = status(reply);
        let short = status
            .as_deref()
            .and_then(|status| status.strip_prefix(self.prefix));
        short.is_some_and(|short| self.ends.contains(&short))
    }

    /// Whether the thing is gone, and that was the goal.
    pub(super) fn is_gone(&self, error: &ToolError) -> bool {
        let unknown = matches!(error, ToolError::Call(failure) if failure.status() == Some(404));
        self.until_gone && unknown
    }

    /// What an answer shows, such as `forward-backward running`.
    pub(super) fn doing(&self, reply: &Reply) -> Doing {
        let status = status(reply).unwrap_or_else(|| "started".to_owned());
        let short = status.strip_prefix(self.prefix).unwrap_or(&status);
        let short = short.to_ascii_lowercase().replace('_', " ");
        Doing {
            what: Some(format!("{} {short}", self.label)),
            bytes: None,
        }
    }

    /// The longest time until the next look at a thing in this state.
    pub(super) fn interval(&self, reply: &Reply) -> Duration {
        match status(reply) {
            Some(status) if status.ends_with("STOPPING") => self.interval.min(ENDING),
            _ => self.interval,
        }
    }
}

/// The status of what an answer shows. Runs are wrapped.
fn status(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Run {
        status: Option<String>,
    }
    reply
        .member("status")
        .or_else(|| reply.member::<Run>("run")?.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: &str) -> Reply {
        Reply::new(serde_json::json!({"id": "x", "status": status}).to_string())
    }

    #[test]
    fn only_known_statuses_end_a_wait() {
        for (goal, status, ends) in [
            (RESOURCE_UP, "MODEL_RESOURCES_STATUS_READY", true),
            (RESOURCE_UP, "MODEL_RESOURCES_STATUS_STOPPING", true),
            (RESOURCE, "MODEL_RESOURCES_STATUS_STOPPING", false),
            (RESOURCE_DOWN, "MODEL_RESOURCES_STATUS_READY", false),
            (SESSION, "TRAINING_SESSION_STATUS_PARKED", false),
            (SESSION, "RUNNING", false),
            (SESSION_DOWN, "TRAINING_SESSION_STATUS_EXPIRED", true),
            (RUN, "PAUSING", false),
            (RUN, "RUNNING", true),
            (RUN_DOWN, "RUNNING", false),
        ] {
            assert_eq!(goal.is_reached(&reply(status)), ends, "{status}");
        }
        assert!(!RUN.is_reached(&Reply::new("[]".to_owned())));
    }

    #[test]
    fn a_status_is_found_and_put_into_words() {
        let run = Reply::new(r#"{"run":{"id":"r","status":"QUEUED"}}"#.to_owned());
        let words = |goal: Goal, reply: &Reply| goal.doing(reply).what.unwrap();
        assert_eq!(words(RUN, &run), "run queued");
        assert_eq!(
            words(RUN, &Reply::new(r#"{"runId":"r"}"#.to_owned())),
            "run started"
        );
        let creating = reply("TRAINING_SESSION_STATUS_CREATING");
        assert_eq!(words(SESSION, &creating), "training session creating");
    }

    #[test]
    fn what_shuts_down_is_looked_at_more_often() {
        assert_eq!(SESSION.interval(&reply("TRAINING_SESSION_STATUS_CREATING")), SLOW);
        assert_eq!(
            SESSION.interval(&reply("TRAINING_SESSION_STATUS_STOPPING")),
            ENDING
        );
    }
}
