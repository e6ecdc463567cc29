//! What the platform remembers, and how the parts of it tell each other of changes.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use super::error::Refusal;
use super::run::Run;
use super::task::float;
use super::volume::Volume;
use crate::Shared;
use crate::bounds::Bounds;
use crate::clock::Clock;

/// What is in the wallet at first, in USD.
const BALANCE: f64 = 1000.0;

/// The platform.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) clock: Clock,
    pub(super) bounds: Bounds,
    world: Mutex<World>,
    changed: Notify,
}

/// All that is remembered.
#[derive(Debug)]
pub(super) struct World {
    /// In the order of their creation. Deleted ones stay for the bills.
    pub(super) runs: Vec<Run>,
    /// What those have cost that are no longer kept, in USD.
    gone: f64,
    pub(super) volumes: Vec<Volume>,
}

impl Platform {
    /// A platform where nothing has happened yet.
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            clock: shared.clock,
            bounds: shared.bounds,
            world: Mutex::new(World {
                runs: Vec::new(),
                gone: 0.0,
                volumes: vec![Volume::own(shared.clock.now())],
            }),
            changed: Notify::new(),
        }
    }

    /// Looks at everything.
    pub(super) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something, and tells who waits for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let done = change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
        done
    }

    /// Changes a run that is not deleted.
    pub(super) fn on<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Run) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let now = self.clock.now();
        self.change(|world| {
            let run = world.runs.iter_mut().find(|run| run.id == id && !run.deleted);
            let run = run.ok_or_else(no_run)?;
            let done = change(run)?;
            run.updated = now;
            Ok(done)
        })
    }

    /// Changes a run from inside, deleted or not.
    pub(super) fn update<T>(&self, id: &str, change: impl FnOnce(&mut Run, SystemTime) -> T) -> Option<T> {
        let now = self.clock.now();
        self.change(|world| {
            let run = world.runs.iter_mut().find(|run| run.id == id)?;
            run.updated = now;
            Some(change(run, now))
        })
    }

    /// Waits until there is something.
    pub(super) async fn until<T>(&self, mut there: impl FnMut(&World) -> Option<T>) -> T {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change goes unnoticed.
            changed.as_mut().enable();
            if let Some(found) = self.look(&mut there) {
                return found;
            }
            changed.await;
        }
    }

    /// What a run has cost so far, in USD: GPU time by the scaled clock, to the second, from the moment the pods were
    /// ready to the end.
    pub(super) fn cost(&self, run: &Run) -> f64 {
        let Some(started) = run.started else { return 0.0 };
        let until = run.completed.unwrap_or_else(|| self.clock.now());
        let elapsed = until.duration_since(started).unwrap_or_default();
        let second = self.clock.scaled(1.0).as_secs_f64().max(1e-9);
        let hours = (elapsed.as_secs_f64() / second).floor() / 3600.0;
        let gpus = usize::try_from(run.recipe.gpus.all()).unwrap_or(usize::MAX);
        hours * float(gpus) * run.gpu.price
    }

    /// Drops the oldest runs that have ended, where there are too many. Their bills stay paid.
    pub(super) fn drop_surplus(&self, world: &mut World) {
        let ended = world.runs.iter().filter(|run| run.is_over());
        let (mut runs, mut rows) =
            ended.fold((0, 0), |(runs, rows), run| (runs + 1, rows + run.records.len()));
        let mut gone = 0.0;
        world.runs.retain(|run| {
            let surplus = runs > self.bounds.ended_runs || rows > self.bounds.ended_rows;
            // The newest stays, however long it is.
            if !surplus || runs <= 1 || !run.is_over() {
                return true;
            }
            runs -= 1;
            rows -= run.records.len();
            gone += self.cost(run);
            false
        });
        world.gone += gone;
    }

    /// What is left in the wallet, in USD.
    pub(super) fn balance(&self, world: &World) -> f64 {
        BALANCE - world.gone - world.runs.iter().map(|run| self.cost(run)).sum::<f64>()
    }
}

impl World {
    /// A run that is not deleted.
    pub(super) fn run(&self, id: &str) -> Result<&Run, Refusal> {
        let run = self.runs.iter().find(|run| run.id == id && !run.deleted);
        run.ok_or_else(no_run)
    }

    /// A run, deleted or not.
    pub(super) fn any_run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// How many earlier runs still have or want the cluster, which trains one at a time.
    pub(super) fn ahead(&self, run: &Run) -> usize {
        let earlier = self.runs.iter().take_while(|other| other.number < run.number);
        earlier.filter(|other| !other.status.terminal()).count()
    }
}

fn no_run() -> Refusal {
    Refusal::not_found("Run not found")
}
