//! What the components of a run find, do and write to their logs.

use std::time::SystemTime;

use super::fleet::{DATASETS, MODELS};
use super::life::Life;
use super::logs::Level;
use super::recipe::Data;
use super::run::{Failure, Run, Status};
use super::task::float;
use super::training::{Done, mean};
use crate::policy::Refusal;

impl Life {
    /// Changes the run.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Run, SystemTime) -> T) -> Option<T> {
        self.platform.update(&self.id, change)
    }

    /// Adds a line to its logs.
    fn log(&self, level: Level, component: &'static str, text: impl Into<String>) {
        self.update(|run, now| run.logs.add(now, level, component, text));
    }

    /// The pods start, and find what they need or don't.
    pub(super) fn start(&self) -> Result<(), Failure> {
        let recipe = &*self.recipe;
        self.update(|run, _| run.pods = true);
        // Inference loads the model first; without it, the trainer does.
        let loader = if recipe.components().contains(&"inference") {
            "inference"
        } else {
            "trainer"
        };
        self.log(Level::Info, loader, format!("Loading model {}", recipe.model));
        if !MODELS.contains(&recipe.model.as_str()) {
            let message = format!("OSError: {} is not a model of the sandbox's hub", recipe.model);
            self.log(Level::Error, loader, &message);
            return Err(Failure {
                component: loader,
                message,
                cause: format!(
                    "the base model does not exist here; there are {}",
                    MODELS.join(", ")
                ),
            });
        }
        self.log(
            Level::Success,
            loader,
            "Model loaded: a language model over bytes stands in for it",
        );
        if let Data::Text { path: Some(path), .. } = &recipe.data
            && !DATASETS.contains(&path.as_str())
        {
            let message = format!("FileNotFoundError: no dataset at {path}");
            self.log(Level::Error, "trainer", &message);
            return Err(Failure {
                component: "trainer",
                message,
                cause: format!("the volume holds one dataset only: {}", DATASETS.join(" or ")),
            });
        }
        self.update(|run, now| {
            run.status = Status::Running;
            run.started = Some(now);
            let from = run.origin.as_ref().map(|snapshot| snapshot.step);
            let begin = from.map_or_else(
                || "Starting".to_owned(),
                |step| format!("Resuming from step {step}, starting"),
            );
            for component in recipe.components() {
                match *component {
                    "env-server" => {
                        for source in recipe.sources() {
                            let serving = format!("Serving taskset {}", source.task.id());
                            run.logs.add_of_env(now, Level::Info, &source.name, serving);
                        }
                    }
                    component => run
                        .logs
                        .add(now, Level::Info, component, format!("{begin} {component}")),
                }
            }
            let first = recipe.components().first().copied().unwrap_or("trainer");
            for remark in &recipe.remarks {
                run.logs.add(now, Level::Warning, first, remark.as_str());
            }
        });
        Ok(())
    }

    /// What a step that could not be done makes of the run.
    pub(super) fn broken(&self, refusal: &Refusal) -> Failure {
        let message = match refusal {
            Refusal::NonFiniteLoss => "FloatingPointError: the loss is not finite".to_owned(),
            Refusal::InvalidInput(problem) => format!("ValueError: {problem}"),
        };
        self.log(Level::Error, "trainer", &message);
        let lr = self.recipe.optim.lr;
        Failure {
            component: "trainer",
            message,
            cause: format!("the weights have grown beyond all bounds; the learning rate is {lr:e}"),
        }
    }

    /// Remembers a step, and lets each component say what it did. `took`: seconds.
    pub(super) fn record(&self, done: &Done, took: f64) {
        let Done {
            step, loss, entropy, ..
        } = *done;
        let mut metrics = done.metrics.clone();
        metrics.insert("time/step".to_owned(), took.into());
        let rewards: Vec<f64> = done.rollouts.iter().map(|rollout| rollout.reward).collect();
        let throughput = float(done.tokens.training) / took.max(1e-9);
        self.update(|run, now| {
            run.record(step, metrics, &done.rollouts, done.tokens);
            let lr = self.recipe.optim.lr;
            let trained = format!(
                "Step {step} | Time: {took:.2}s | Loss: {loss:.4} | Entropy: {entropy:.4} | LR: {lr:.2e} | Throughput: {throughput:.0} tokens/s"
            );
            run.logs.add(now, Level::Success, "trainer", trained);
            if rewards.is_empty() {
                return;
            }
            let length = float(done.tokens.output) / float(rewards.len());
            let summary = format!(
                "Step {step} | Time: {took:.2}s | Reward: {:.4} | Completion length: {length:.1} tokens | Rollouts: {}",
                mean(&rewards),
                rewards.len()
            );
            run.logs.add(now, Level::Success, "orchestrator", summary);
            let served = format!("{} completions, {} tokens", rewards.len(), done.tokens.output);
            run.logs.add(now, Level::Debug, "inference", served);
            run.logs.add(now, Level::Info, "inference", format!("Weights updated to step {step}"));
            for source in self.recipe.sources() {
                let own = done.rollouts.iter().filter(|rollout| rollout.env == source.name);
                let own: Vec<f64> = own.map(|rollout| rollout.reward).collect();
                let scored = format!("Scored {} rollouts, mean reward {:.4}", own.len(), mean(&own));
                run.logs.add_of_env(now, Level::Debug, &source.name, scored);
            }
        });
    }
}
