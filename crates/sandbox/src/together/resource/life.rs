//! The life of a model resource, from the queue to the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Status;
use crate::together::session::Status as SessionStatus;
use crate::together::world::{State as Contents, World};

/// Seconds in the queue when GPUs are free.
const QUEUE_SECONDS: f64 = 10.0;

/// Seconds until the weights are loaded.
const LOADING_SECONDS: f64 = 50.0;

/// Seconds until the GPUs are given back.
const STOPPING_SECONDS: f64 = 10.0;

/// How often to look whether everything on it has ended.
const CLEARING: Duration = Duration::from_millis(5);

/// The life of a resource.
pub(super) async fn live(world: Arc<World>, id: String, stopped: CancellationToken) {
    let set = |status| {
        let now = world.clock.now();
        world.with(|contents| {
            if let Ok(resource) = contents.resource(&id) {
                resource.set(status, now);
            }
            renumber(contents);
        });
    };
    // Kept until the very end, however it comes.
    let mut permit = None;
    let life = async {
        world.clock.wait(QUEUE_SECONDS).await;
        // The semaphore is never closed, and it serves the first in the queue first.
        permit = world.gpus.acquire().await.ok();
        set(Status::Creating);
        world.clock.wait(LOADING_SECONDS).await;
        set(Status::Ready);
        idle(&world, &id).await;
    };
    let _ = stopped.run_until_cancelled(life).await;
    set(Status::Stopping);
    expire_sessions(&world, &id);
    world.clock.wait(STOPPING_SECONDS).await;
    while in_use(&world, &id) {
        sleep(CLEARING).await;
    }
    set(Status::Stopped);
    world.with(|contents| contents.drop_surplus(&world.bounds));
    drop(permit);
}

/// Whether an operation still runs, or a session that it was stopped with has not come to its end.
fn in_use(world: &World, id: &str) -> bool {
    world.with(|contents| {
        let running = contents.resource(id).is_ok_and(|resource| resource.running > 0);
        let mut sessions = contents.sessions.iter();
        running || sessions.any(|session| session.model_resources_id == id && session.holds_a_slot())
    })
}

/// Numbers those that wait.
fn renumber(contents: &mut Contents) {
    let waiting = contents
        .resources
        .iter_mut()
        .filter(|resource| resource.status == Status::Pending);
    for (position, resource) in (1..).zip(waiting) {
        resource.status_details.queue_position = Some(position);
    }
}

/// Returns when nothing has happened for so long that the resource stops.
async fn idle(world: &World, id: &str) {
    loop {
        let now = world.clock.now();
        let left = world.with(|contents| {
            let resource = contents.resource(id).ok()?;
            if resource.running > 0 {
                // It does not stop while an operation runs, whose end moves the time.
                resource.touch(now);
            }
            resource
                .expires
                .duration_since(now)
                .ok()
                .filter(|left| !left.is_zero())
        });
        match left {
            Some(left) => sleep(left).await,
            None => return,
        }
    }
}

/// The sessions of a resource that has stopped.
fn expire_sessions(world: &World, id: &str) {
    let now = world.clock.now();
    world.with(|contents| {
        let sessions = contents.sessions.iter_mut();
        for session in sessions.filter(|session| session.model_resources_id == id && session.is_active()) {
            session.end(SessionStatus::Expired, now);
        }
    });
}
