//! What was started, so that it can be stopped: a session holds its place and a model resource bills until then.

use serde_json::json;

use super::host::Host;
use super::reading::{List, Thing};

/// The ids of what was started.
#[derive(Debug, Default)]
pub struct Started {
    pub resource: Option<String>,
    pub session: Option<String>,
    /// The model resources that were there before; `None` while none has been asked for.
    pub earlier: Option<Vec<String>>,
}

impl Started {
    /// Stops the session, then the model resource, and that one even if the session cannot be stopped. Then looks whether
    /// anything is left that would bill.
    pub async fn stop(self, agent: &mut Host) -> Result<(), String> {
        let session = match &self.session {
            Some(id) => stop_session(agent, id).await,
            None => Ok(()),
        };
        let resource = match &self.resource {
            Some(id) => stop_resource(agent, id, session.is_err()).await,
            None => Ok(()),
        };
        let nothing = match &self.earlier {
            Some(earlier) => nothing_left(agent, earlier).await,
            None => Ok(()),
        };
        session.and(resource).and(nothing)
    }
}

/// Stops model resources that a creation with an unknown outcome has left, which is a failure all the same. The sandbox
/// has no other users, so whatever is new is ours.
async fn nothing_left(agent: &mut Host, earlier: &[String]) -> Result<(), String> {
    let filter = json!({"status": "PENDING,CREATING,READY", "limit": 100});
    let up: List<Thing> = agent.answer("list-model-resources", &filter).await?;
    let mut left = Vec::new();
    for thing in up.data {
        if !earlier.contains(&thing.id) {
            stop_resource(agent, &thing.id, true).await?;
            left.push(thing.id);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(format!(
        "had to stop model resources that nobody used: {}",
        left.join(", ")
    ))
}

async fn stop_session(agent: &mut Host, id: &str) -> Result<(), String> {
    let of = json!({"session_id": id});
    let show = ("get-training-session", &of);
    let ended = ["STOPPING", "STOPPED", "ERROR", "EXPIRED"];
    let session = agent.stop(("stop-training-session", &of), show, &ended).await?;
    let on_the_way = ["RUNNING", "CREATING", "STOPPING"];
    let ended = ["STOPPED", "ERROR", "EXPIRED"];
    agent.follow(session, show, &ended, &on_the_way).await
}

async fn stop_resource(agent: &mut Host, id: &str, force: bool) -> Result<(), String> {
    let of = json!({"model_resources_id": id});
    let stop = json!({"model_resources_id": id, "force": force});
    let ended = ["STOPPING", "STOPPED", "ERROR"];
    let stopped = agent.stop(
        ("stop-model-resource", &stop),
        ("get-model-resource", &of),
        &ended,
    );
    stopped.await.map(drop)
}
