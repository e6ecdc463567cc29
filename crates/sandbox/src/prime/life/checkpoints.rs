//! What a run keeps while it lives, and goes back to.

use std::sync::Arc;

use tokio::select;
use tokio::task::spawn_blocking;

use super::{End, Life, crashed};
use crate::prime::logs::Level;
use crate::prime::run::{Checkpoint, Order, Status};
use crate::prime::training::Engine;

/// Seconds that things take. Scaled like all waits.
const RESTARTING_PODS: f64 = 30.0;
/// Before and during the upload of a checkpoint.
const UPLOAD: f64 = 5.0;

impl Life {
    /// Keeps the state; the upload goes on while training does.
    pub(super) async fn checkpoint(&self, engine: Engine) -> Result<Engine, End> {
        let kept = spawn_blocking(move || {
            let kept = engine.snapshot();
            (engine, kept)
        });
        let (engine, (snapshot, size)) = kept.await.map_err(|error| crashed(&error))?;
        let step = snapshot.step;
        self.update(|run, now| {
            for older in &mut run.checkpoints {
                older.snapshot = None;
            }
            run.checkpoints.retain(|checkpoint| checkpoint.step != step);
            run.checkpoints.push(Checkpoint {
                step,
                status: "PENDING",
                size,
                created: now,
                uploaded: None,
                snapshot: Some(Arc::new(snapshot)),
            });
            let kept = self.recipe.keep_last.unwrap_or(usize::MAX);
            let surplus = run.checkpoints.len().saturating_sub(kept);
            run.checkpoints.drain(..surplus);
            run.logs.add(
                now,
                Level::Success,
                "trainer",
                format!("Saved checkpoint at step {step}"),
            );
        });
        let life = self.clone();
        drop(tokio::spawn(async move { life.upload(step).await }));
        Ok(engine)
    }

    async fn upload(&self, step: u64) {
        for status in ["UPLOADING", "READY"] {
            self.platform.clock.wait(UPLOAD).await;
            self.update(|run, now| {
                let checkpoint = run
                    .checkpoints
                    .iter_mut()
                    .find(|checkpoint| checkpoint.step == step);
                if let Some(checkpoint) = checkpoint {
                    checkpoint.status = status;
                    checkpoint.uploaded = (status == "READY").then_some(now);
                }
            });
        }
    }

    /// Pausing takes until the checkpoint is where it belongs. An order to stop comes first.
    pub(super) async fn rest_paused(&self) -> Result<(), End> {
        let stopped = self.platform.until(|world| {
            let run = world.any_run(&self.id)?;
            (run.order == Some(Order::Stop)).then_some(())
        });
        select! {
            biased;
            () = stopped => Err(End::Stopped),
            () = self.platform.clock.wait(2.0 * UPLOAD + 1.0) => Ok(()),
        }
    }

    /// Goes back to the newest checkpoint. What came after it never happened, but was paid for.
    pub(super) async fn restart(&self) -> Result<Engine, End> {
        let state = self.update(|run, now| {
            run.order = None;
            let state = run.newest_state();
            let step = state.as_ref().map_or(0, |state| state.step);
            run.records.split_off(&(step + 1));
            run.logs.add(
                now,
                Level::Warning,
                "trainer",
                format!("Restarting from step {step}"),
            );
            state
        });
        let recipe = self.recipe.clone();
        self.rest(RESTARTING_PODS).await?;
        self.update(|run, _| run.status = Status::Running);
        Ok(Engine::new(recipe, state.flatten().as_deref()))
    }
}
