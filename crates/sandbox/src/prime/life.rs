//! The life of a run, from the queue to the end. Requests only leave orders; all that happens to a run happens here.

mod checkpoints;

use std::sync::Arc;

use tokio::select;
use tokio::task::spawn_blocking;

use super::logs::Level;
use super::platform::Platform;
use super::recipe::Recipe;
use super::run::{Failure, Order, Run, Status};
use super::training::Engine;

/// Seconds that things take on the real service, or could. Scaled like all waits.
const SCHEDULING: f64 = 15.0;
const STARTING_PODS: f64 = 60.0;
/// At least; a step that needs longer takes longer.
const STEP: f64 = 20.0;
const STOPPING_PODS: f64 = 10.0;

/// What a run's task holds.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) platform: Arc<Platform>,
    pub(super) id: String,
    pub(super) recipe: Arc<Recipe>,
}

/// How a run ends.
enum End {
    Completed,
    Stopped,
    Paused,
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Life {
    /// Lives through it.
    pub(super) async fn live(self) {
        let end = match self.wait_for_pods().await {
            Ok(()) => match self.train().await {
                Ok(end) | Err(end) => end,
            },
            Err(end) => end,
        };
        let pods = self
            .platform
            .look(|world| world.any_run(&self.id).is_some_and(|run| run.started.is_some()));
        if pods && matches!(end, End::Stopped) {
            self.platform.clock.wait(STOPPING_PODS).await;
        }
        self.finish(end);
    }

    /// Waits for its turn on the cluster, and for the pods.
    async fn wait_for_pods(&self) -> Result<(), End> {
        self.rest(SCHEDULING).await?;
        select! {
            biased;
            _ = self.order() => return Err(End::Stopped),
            () = self.turn() => {}
        }
        if self.platform.look(|world| self.platform.balance(world)) <= 0.0 {
            return Err(End::Failed(Failure {
                component: "platform",
                message: "Insufficient balance".to_owned(),
                cause: "the wallet was empty when the run's turn came".to_owned(),
            }));
        }
        self.update(|run, _| run.status = Status::Pending);
        self.rest(STARTING_PODS).await?;
        self.start()?;
        Ok(())
    }

    /// Waits, unless there is an order, which can only be to stop as long as the run isn't running.
    async fn rest(&self, seconds: f64) -> Result<(), End> {
        select! {
            biased;
            _ = self.order() => Err(End::Stopped),
            () = self.platform.clock.wait(seconds) => Ok(()),
        }
    }

    async fn order(&self) -> Order {
        self.platform.until(|world| world.any_run(&self.id)?.order).await
    }

    async fn turn(&self) {
        let first = |run: &&Run, ahead: usize| ahead == 0 && run.status == Status::Queued;
        self.platform
            .until(|world| {
                world
                    .any_run(&self.id)
                    .filter(|run| first(run, world.ahead(run)))
                    .map(drop)
            })
            .await;
    }

    /// Trains until the last step or an order to end.
    async fn train(&self) -> Result<End, End> {
        let origin = self.update(|run, _| run.origin.clone()).flatten();
        let mut engine = Engine::new(self.recipe.clone(), origin.as_deref());
        let mut kept = engine.steps();
        loop {
            let order = self.update(|run, _| run.order).flatten();
            match order {
                Some(Order::Stop) => return Ok(End::Stopped),
                Some(Order::Pause) => {
                    if kept < engine.steps() {
                        self.checkpoint(engine).await?;
                    }
                    self.rest_paused().await?;
                    return Ok(End::Paused);
                }
                Some(Order::Restart) => {
                    engine = self.restart().await?;
                    kept = engine.steps();
                    continue;
                }
                None => {}
            }
            let last = engine.steps() >= self.recipe.max_steps;
            let due = self
                .recipe
                .interval
                .is_some_and(|interval| engine.steps().is_multiple_of(interval));
            if kept < engine.steps() && (last || due) {
                engine = self.checkpoint(engine).await?;
                kept = engine.steps();
                // There may have been an order meanwhile.
                continue;
            }
            if last {
                return Ok(End::Completed);
            }
            engine = self.step(engine).await?;
        }
    }

    /// Does a step and takes as long as one takes.
    async fn step(&self, mut engine: Engine) -> Result<Engine, End> {
        let began = self.platform.clock.now();
        let work = spawn_blocking(move || {
            let done = engine.step();
            (engine, done)
        });
        // Both start at once.
        let paced = async {
            select! {
                () = self.platform.clock.wait(STEP) => {}
                _ = self.order() => {}
            }
        };
        let (worked, ()) = tokio::join!(work, paced);
        let (engine, done) = worked.map_err(|error| crashed(&error))?;
        let done = done.map_err(|refusal| self.broken(&refusal))?;
        let took = self
            .platform
            .clock
            .now()
            .duration_since(began)
            .unwrap_or_default();
        self.record(&done, took.as_secs_f64());
        Ok(engine)
    }

    fn finish(&self, end: End) {
        self.update(|run, now| {
            let step = run.records.keys().next_back().copied().unwrap_or(0);
            let first = self.recipe.components().first().copied().unwrap_or("trainer");
            let (status, level, text) = match end {
                End::Completed => (
                    Status::Completed,
                    Level::Success,
                    format!("Training finished after step {step}"),
                ),
                End::Stopped => (
                    Status::Stopped,
                    Level::Warning,
                    format!("Stopped after step {step}"),
                ),
                End::Paused => (
                    Status::Paused,
                    Level::Success,
                    format!("Paused after step {step}"),
                ),
                End::Failed(failure) => {
                    let text = format!("{} failed after step {step}", failure.component);
                    let evidence = run.logs.newest(Level::Error);
                    run.failure = Some((failure, evidence));
                    (Status::Failed, Level::Error, text)
                }
            };
            if run.pods {
                run.logs.add(now, level, first, text);
            }
            run.status = status;
            run.order = None;
            run.completed = Some(now);
            // Only a paused run can be continued.
            if status != Status::Paused {
                run.origin = None;
                for checkpoint in &mut run.checkpoints {
                    checkpoint.snapshot = None;
                }
            }
        });
        self.platform.change(|world| self.platform.drop_surplus(world));
    }
}

fn crashed(error: &tokio::task::JoinError) -> Failure {
    Failure {
        component: "trainer",
        message: format!("the trainer crashed: {error}"),
        cause: "an error of the sandbox itself".to_owned(),
    }
}
