//! The life of a training session.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Status;
use crate::policy::Trainer;
use crate::together::operation::Job;
use crate::together::work;
use crate::together::world::World;

/// Seconds until a session runs, and until it has stopped.
const STARTING_SECONDS: f64 = 20.0;

const STOPPING_SECONDS: f64 = 5.0;

/// The life of a session. Its operations run one after the other, in the order in which they were submitted.
pub(super) async fn live(
    world: Arc<World>,
    id: String,
    trainer: Arc<Mutex<Trainer>>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    ended: CancellationToken,
) {
    let set = |from: Status, to: Status| {
        let now = world.clock.now();
        world.with(|contents| {
            if let Ok(session) = contents.session(&id)
                && session.status == from
            {
                session.set(to, now);
            }
        });
    };
    let start = ended
        .run_until_cancelled(world.clock.wait(STARTING_SECONDS))
        .await;
    if start.is_some() {
        set(Status::Creating, Status::Running);
    }
    while let Some(Some(job)) = ended.run_until_cancelled(jobs.recv()).await {
        work::run(&world, &id, &trainer, job).await;
    }
    while let Ok(job) = jobs.try_recv() {
        work::give_up(&world, &id, &job);
    }
    world.clock.wait(STOPPING_SECONDS).await;
    set(Status::Stopping, Status::Stopped);
    world.with(|contents| {
        if let Ok(session) = contents.session(&id) {
            session.over = true;
        }
        contents.drop_surplus(&world.bounds);
    });
}
