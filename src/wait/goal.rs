//! What can be waited for, and when it has come to rest.

use std::time::Duration;

use serde::Deserialize;

use crate::context::{Call, CallProgress, Reply, Request};
use crate::error::ToolError;
use crate::json::integer::Integer;
use crate::json::peek;
use crate::spec::{GET_MODEL_RESOURCE, GET_RUN, GET_RUN_PROGRESS, GET_TRAINING_SESSION, Spec, Status};

/// Between two looks at something that takes minutes, by the services' own clients.
const SLOW: Duration = Duration::from_secs(10);
/// The same while it shuts down.
const ENDING: Duration = Duration::from_secs(2);
/// The same of a run that was told to stop.
const RUN_ENDING: Duration = Duration::from_secs(3);
/// How long the service may take to say how far a run is.
const STEPS_PATIENCE: Duration = Duration::from_secs(5);
/// The member that says so, in its answer and in ours.
pub(super) const LATEST_STEP: &str = "latestStep";
/// The same of an operation.
const QUICK: Duration = Duration::from_millis(500);

/// A state to wait for.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    /// The row that shows the thing.
    pub show: &'static Spec,
    /// What people call it.
    label: &'static str,
    /// How each of its statuses begins.
    status: Status,
    /// The statuses that are waited for.
    ends: &'static [&'static str],
    /// The statuses in which the wait goes on. A status of neither list ends it too: nobody knows what would come.
    passes: &'static [&'static str],
    /// The longest time between two looks.
    interval: Duration,
    /// Whether a thing that the service does not know any more is what was waited for.
    until_gone: bool,
    /// The row that shows how far it is, in `latestStep`; the path is filled like that of `show`.
    pub(super) steps: Option<&'static Spec>,
    /// Whether the tool that shows the thing waits for this only if it is told how long.
    pub(super) when_told: bool,
}

/// A new model resource, until sessions can attach or it never will be ready.
pub(crate) const RESOURCE_UP: Goal = Goal {
    ends: &["READY", "STOPPING", "STOPPED", "ERROR"],
    passes: &["PENDING", "CREATING"],
    ..RESOURCE
};

/// A model resource that comes or goes.
pub(crate) const RESOURCE: Goal = Goal {
    show: &GET_MODEL_RESOURCE,
    label: "model resource",
    status: Status::RESOURCE,
    ends: &["READY", "STOPPED", "ERROR"],
    passes: &["PENDING", "CREATING", "STOPPING"],
    interval: SLOW,
    until_gone: false,
    steps: None,
    when_told: false,
};

/// A model resource that was told to stop.
pub(crate) const RESOURCE_DOWN: Goal = Goal {
    ends: &["STOPPED", "ERROR"],
    passes: &["PENDING", "CREATING", "READY", "STOPPING"],
    until_gone: true,
    ..RESOURCE
};

/// A new session, until it takes operations or never will.
pub(crate) const SESSION_UP: Goal = Goal {
    ends: &["RUNNING", "STOPPING", "STOPPED", "ERROR", "EXPIRED"],
    passes: &["UNSPECIFIED", "CREATING"],
    ..SESSION
};

/// A session that comes or goes.
pub(crate) const SESSION: Goal = Goal {
    show: &GET_TRAINING_SESSION,
    label: "training session",
    status: Status::SESSION,
    ends: &["RUNNING", "STOPPED", "ERROR", "EXPIRED"],
    passes: &["UNSPECIFIED", "CREATING", "STOPPING"],
    interval: SLOW,
    until_gone: false,
    steps: None,
    when_told: false,
};

/// A session that was told to stop.
pub(crate) const SESSION_DOWN: Goal = Goal {
    ends: &["STOPPED", "ERROR", "EXPIRED"],
    passes: &["UNSPECIFIED", "CREATING", "RUNNING", "STOPPING"],
    until_gone: true,
    ..SESSION
};

/// A run, until it works or has ended.
pub(crate) const RUN: Goal = Goal {
    show: &GET_RUN,
    label: "run",
    status: Status::RUN,
    ends: &["RUNNING", "COMPLETED", "FAILED", "STOPPED", "PAUSED"],
    passes: &["QUEUED", "PENDING", "PAUSING", "STOPPING"],
    interval: SLOW,
    until_gone: false,
    steps: None,
    when_told: false,
};

/// A run that somebody looks at, until it works or has ended.
pub(crate) const RUN_SHOWN: Goal = Goal {
    steps: Some(&GET_RUN_PROGRESS),
    ..RUN
};

/// A run, until it has ended.
pub(crate) const RUN_ENDED: Goal = Goal {
    ends: ENDS_OF_RUNS,
    passes: &["QUEUED", "PENDING", "RUNNING", "PAUSING", "STOPPING"],
    when_told: true,
    ..RUN_SHOWN
};

/// A run that was told to stop.
pub(crate) const RUN_DOWN: Goal = Goal {
    interval: RUN_ENDING,
    steps: None,
    ..RUN_ENDED
};

const ENDS_OF_RUNS: &[&str] = &["COMPLETED", "FAILED", "STOPPED", "PAUSED"];

/// What a status means for a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is what was waited for.
    Reached,
    /// It changes by itself.
    Passes,
    /// This version of the server does not know it.
    Unknown,
}

impl Goal {
    /// The end of an operation.
    #[must_use]
    pub(crate) const fn operation(show: &'static Spec, label: &'static str) -> Self {
        Self {
            show,
            label,
            status: Status::OPERATION,
            ends: &["COMPLETED", "FAILED"],
            passes: &["UNSPECIFIED", "PENDING", "RUNNING"],
            interval: QUICK,
            until_gone: false,
            steps: None,
            when_told: false,
        }
    }

    /// What the status that an answer shows means for the wait. An answer without a status says nothing yet.
    #[must_use]
    pub(crate) fn reading(&self, status: Option<&str>) -> Reading {
        let Some(status) = status else {
            return Reading::Passes;
        };
        match self.status.word(status) {
            Some(short) if self.ends.contains(&short) => Reading::Reached,
            Some(short) if self.passes.contains(&short) => Reading::Passes,
            _ => Reading::Unknown,
        }
    }

    /// Whether an answer shows what is waited for.
    #[must_use]
    pub(crate) fn is_reached(&self, reply: &Reply) -> bool {
        self.reading(status(reply).as_deref()) == Reading::Reached
    }

    /// Whether the thing is gone, and that was the goal.
    pub(super) fn is_gone(&self, error: &ToolError) -> bool {
        self.until_gone && is_not_found(error)
    }

    /// What a status says, such as `forward-backward running` or `run running, step 12`.
    pub(super) fn progress(&self, status: Option<&str>, step: Option<i64>) -> CallProgress {
        let status = status.unwrap_or("started");
        let short = self.status.short(status);
        let short = short.to_ascii_lowercase().replace('_', " ");
        let step = step.map_or_else(String::new, |step| format!(", step {step}"));
        CallProgress {
            what: Some(format!("{} {short}{step}", self.label)),
            bytes: None,
        }
    }

    /// How far a thing of this status is, if the service shows that; asking is never in the way.
    pub(super) async fn step(&self, call: &Call<'_>, ids: &[&str], status: Option<&str>) -> Option<i64> {
        let row = self
            .steps
            .filter(|_| !matches!(status, Some("QUEUED" | "PENDING")))?;
        let call = call.hurried(STEPS_PATIENCE);
        let shown = Request::new(&call, row).path_values(ids).send().await.ok()?;
        shown.member::<Integer>(LATEST_STEP).map(|Integer(step)| step)
    }

    /// The longest time until the next look at a thing of this status.
    pub(super) fn interval(&self, status: Option<&str>) -> Duration {
        match status {
            Some(status) if status.ends_with("STOPPING") => self.interval.min(ENDING),
            _ => self.interval,
        }
    }
}

/// Whether the service does not know the thing.
pub(super) fn is_not_found(error: &ToolError) -> bool {
    matches!(error, ToolError::Call(failure) if failure.status() == Some(404))
}

/// The status of what an answer shows. Runs are wrapped.
#[must_use]
pub(crate) fn status(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Run {
        status: Option<String>,
    }
    // Of an operation it stands before a result that may be a million numbers.
    peek::text(reply.text(), "status").or_else(|| reply.member::<Run>("run")?.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_statuses_are_waited_through() {
        use Reading::{Passes, Reached, Unknown};
        for (goal, status, reading) in [
            (RESOURCE_UP, "MODEL_RESOURCES_STATUS_READY", Reached),
            (RESOURCE_UP, "MODEL_RESOURCES_STATUS_STOPPING", Reached),
            (RESOURCE, "MODEL_RESOURCES_STATUS_STOPPING", Passes),
            (RESOURCE_DOWN, "MODEL_RESOURCES_STATUS_READY", Passes),
            (SESSION, "TRAINING_SESSION_STATUS_PARKED", Unknown),
            (SESSION, "RUNNING", Unknown),
            (SESSION_DOWN, "TRAINING_SESSION_STATUS_EXPIRED", Reached),
            (RUN, "PAUSING", Passes),
            (RUN, "RUNNING", Reached),
            (RUN, "CANCELLED", Unknown),
            (RUN_DOWN, "RUNNING", Passes),
            (RUN_ENDED, "RUNNING", Passes),
            (RUN_ENDED, "PAUSED", Reached),
        ] {
            assert_eq!(goal.reading(Some(status)), reading, "{status}");
        }
        assert_eq!(RUN.reading(None), Passes);
    }

    #[test]
    fn a_status_is_found_and_put_into_words() {
        let words = |goal: Goal, answer: &str| {
            let status = status(&Reply::new(answer.to_owned()));
            goal.progress(status.as_deref(), None).what.unwrap()
        };
        assert_eq!(
            words(RUN, r#"{"run":{"id":"r","status":"QUEUED"}}"#),
            "run queued"
        );
        assert_eq!(words(RUN, r#"{"runId":"r"}"#), "run started");
        assert_eq!(words(RUN, "[]"), "run started");
        let creating = r#"{"id":"x","status":"TRAINING_SESSION_STATUS_CREATING"}"#;
        assert_eq!(words(SESSION, creating), "training session creating");
    }

    #[test]
    fn what_shuts_down_is_looked_at_more_often() {
        assert_eq!(SESSION.interval(Some("TRAINING_SESSION_STATUS_CREATING")), SLOW);
        assert_eq!(SESSION.interval(Some("TRAINING_SESSION_STATUS_STOPPING")), ENDING);
    }
}
