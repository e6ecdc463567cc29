//! Waiting inside a call until what it started, or shows, has come to rest.
//!
//! A call without waiting is one request whose answer goes out as it came. One that waits answers in the same shape, with
//! `waited_seconds` and, when there is more to wait for, `next`: the call that goes on.

mod goal;
mod poll;
mod waited;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::context::{Call, Reply};
use crate::error::ToolError;

use goal::Reading;
pub(crate) use goal::{
    Goal, RESOURCE, RESOURCE_DOWN, RESOURCE_UP, RUN, RUN_DOWN, RUN_ENDED, RUN_SHOWN, SESSION, SESSION_DOWN,
    SESSION_UP, status,
};
use poll::{Known, Poll, Snapshot};
use waited::Ended;
pub(crate) use waited::Waited;

/// The wait of a call that says nothing about it: hosts cut at 60 s, and some models time out themselves before.
const DEFAULT_WAIT: Duration = Duration::from_secs(25);
/// What the first look gets beyond the time of the call, so that it can say itself why it failed.
const FIRST_LOOK_SLACK: Duration = Duration::from_secs(1);

/// Default 25.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct WaitSeconds(#[schemars(range(min = 0))] f64);

/// How long a call waits that says nothing about it.
fn usual(call: &Call<'_>) -> Duration {
    DEFAULT_WAIT.min(call.context.config().max_wait)
}

/// Until when the call waits; `None`: it does not wait. Who asks for more than the limit waits as long as that: the answer
/// names the call that goes on.
#[must_use]
pub(crate) fn until(call: &Call<'_>, given: Option<WaitSeconds>) -> Option<Instant> {
    if call.relay().is_some() {
        return None;
    }
    let most = call.context.config().max_wait;
    let wait = given.map_or_else(
        || usual(call),
        |WaitSeconds(seconds)| Duration::try_from_secs_f64(seconds).map_or(most, |wait| wait.min(most)),
    );
    (!wait.is_zero()).then(|| call.started + wait)
}

/// What to say of a wait that is longer than one call may take.
#[cfg(feature = "text")]
pub(crate) fn cut_short(call: &Call<'_>, given: Option<&WaitSeconds>) -> Option<String> {
    let most = call.context.config().max_wait.as_secs_f64();
    let WaitSeconds(asked) = given?;
    (*asked > most).then(|| format!("A call waits {most} s at the longest (RL_MCP_MAX_WAIT_SECONDS)."))
}

/// Shows a thing, once it has come to rest or at the time `until`. `ids` fill the path of the goal's row, which is
/// the tool's own.
pub(crate) async fn shown(
    call: &Call<'_>,
    goal: &Goal,
    ids: &[&str],
    until: Option<Instant>,
) -> Result<Waited, ToolError> {
    if let Some(until) = until {
        return watch(call, goal, ids, None, Known::Nothing, until).await;
    }
    let request = call.request().path_values(ids);
    request.send().await.map(Waited::not)
}

/// Follows what an answer shows, unless it is at rest already. Never fails: what was done is said, whatever becomes of the
/// waiting.
pub(crate) async fn followed(
    call: &Call<'_>,
    goal: &Goal,
    ids: &[&str],
    reply: Reply,
    until: Option<Instant>,
) -> Waited {
    follow(call, goal, ids, reply, Known::State, until).await
}

async fn follow(
    call: &Call<'_>,
    goal: &Goal,
    ids: &[&str],
    reply: Reply,
    known: Known,
    until: Option<Instant>,
) -> Waited {
    let Some(until) = until else {
        return Waited::not(reply);
    };
    match watch(call, goal, ids, Some(reply.clone()), known, until).await {
        Ok(waited) => waited,
        Err(error) => Waited::of(call, goal, ids, reply, Ended::Unseen(error)),
    }
}

/// The same for something new, whose id is the member `id` of the answer and stands below `above` in the path.
pub(crate) async fn created(
    call: &Call<'_>,
    goal: &Goal,
    above: &[&str],
    id: &str,
    reply: Reply,
    until: Option<Instant>,
) -> Waited {
    let Some(id) = reply.member::<String>(id) else {
        return Waited::not(reply);
    };
    tracing::info!(tool = call.spec.name, id, "started");
    let ids: Vec<&str> = above.iter().copied().chain([id.as_str()]).collect();
    follow(call, goal, &ids, reply, Known::Made, until).await
}

/// Watches a thing of which `reply` shows the state so far.
async fn watch(
    call: &Call<'_>,
    goal: &Goal,
    ids: &[&str],
    reply: Option<Reply>,
    known: Known,
    until: Instant,
) -> Result<Waited, ToolError> {
    let mut abandoned = Abandoned(Some((call.spec.name, ids)));
    let watched = look(call, goal, ids, reply, known, until).await;
    abandoned.0 = None;
    watched.map(|(reply, ended)| Waited::of(call, goal, ids, reply, ended))
}

async fn look(
    call: &Call<'_>,
    goal: &Goal,
    ids: &[&str],
    reply: Option<Reply>,
    known: Known,
    until: Instant,
) -> Result<(Reply, Ended), ToolError> {
    let mut joined = None;
    let mut last = reply.map(Snapshot::new);
    loop {
        if let Some(snapshot) = last.take() {
            let status = snapshot.status.as_deref();
            call.report(goal.progress(status, snapshot.step));
            match goal.reading(status) {
                Reading::Reached => return Ok((snapshot.into_reply(), Ended::AtRest)),
                Reading::Unknown => {
                    let status = status.unwrap_or_default().to_owned();
                    return Ok((snapshot.into_reply(), Ended::UnknownStatus(status)));
                }
                Reading::Passes => last = Some(snapshot),
            }
        }
        let (poll, place) = joined.get_or_insert_with(|| Poll::join(call.context, goal, ids, known));
        // Without any state to answer with, the call takes the time that it would take without waiting.
        let limit = if last.is_some() {
            until
        } else {
            call.deadline + FIRST_LOOK_SLACK
        };
        let found = timeout_at(limit, poll.fresh(place)).await;
        last = Some(match (found, last) {
            (Ok(Ok(snapshot)), _) => snapshot,
            (Ok(Err(error)), None) => return Err(error),
            (Ok(Err(error)), Some(snapshot)) if goal.is_gone(&error) => {
                return Ok((snapshot.into_reply(), Ended::Gone));
            }
            (Ok(Err(error)), Some(snapshot)) => return Ok((snapshot.into_reply(), Ended::Unseen(error))),
            (Err(_), Some(snapshot)) => return Ok((snapshot.into_reply(), Ended::Time)),
            (Err(_), None) => return Err(ToolError::Deadline(call.context.config().call_timeout)),
        });
    }
}

/// Says in the log what goes on when nobody waits for it any more.
struct Abandoned<'a>(Option<(&'static str, &'a [&'a str])>);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some((tool, ids)) = self.0 {
            tracing::warn!(
                tool,
                id = ids.join(" "),
                "no longer waited for; it goes on by itself"
            );
        }
    }
}
