//! A run, as the platform remembers it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::fleet::GpuType;
use super::logs::Logs;
use super::recipe::Recipe;
use super::rollouts::Rollout;
use super::training::Tokens;
use crate::bounds::STEPS_WITH_SAMPLES;
use crate::policy::Snapshot;

/// The one user of the sandbox.
pub(super) const USER: &str = "usr_sandbox";
/// The one cluster.
pub(super) const CLUSTER: &str = "pc_sandbox";
/// Bars of a histogram.
const BINS: usize = 10;

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Pending,
    Running,
    Pausing,
    Paused,
    Completed,
    Failed,
    Stopped,
}

impl Status {
    /// As the API spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Pausing => "PAUSING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether nothing comes after it.
    pub(super) const fn terminal(self) -> bool {
        matches!(
            self,
            Self::Paused | Self::Completed | Self::Failed | Self::Stopped
        )
    }
}

/// What a run has been told to do, and has not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Stop,
    Pause,
    Restart,
}

/// Why a run failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) component: &'static str,
    /// What it said in the end.
    pub(super) message: String,
    /// What is behind it.
    pub(super) cause: String,
}

/// A kept state of the weights.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) step: u64,
    /// PENDING, UPLOADING or READY.
    pub(super) status: &'static str,
    /// Bytes of the model's files.
    pub(super) size: usize,
    pub(super) created: SystemTime,
    pub(super) uploaded: Option<SystemTime>,
    /// Only the newest one's is needed again.
    pub(super) snapshot: Option<Arc<Snapshot>>,
}

/// What a finished step leaves.
#[derive(Debug)]
pub(super) struct Record {
    /// The row of metrics.
    pub(super) metrics: BTreeMap<String, Value>,
    /// Histograms by their name.
    pub(super) histograms: [(&'static str, Value); 2],
    /// Whether there were rollouts.
    pub(super) rolled_out: bool,
    /// Empty when they are too old.
    pub(super) samples: Vec<Value>,
}

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    /// Runs are counted; it is an earlier one's turn first.
    pub(super) number: u64,
    pub(super) name: Option<String>,
    pub(super) team: Option<String>,
    pub(super) config: Value,
    pub(super) recipe: Arc<Recipe>,
    pub(super) image: String,
    pub(super) gpu: &'static GpuType,
    pub(super) volume: Option<String>,
    pub(super) status: Status,
    pub(super) order: Option<Order>,
    pub(super) deleted: bool,
    pub(super) created: SystemTime,
    pub(super) updated: SystemTime,
    /// When the pods were ready; the meter runs from then on.
    pub(super) started: Option<SystemTime>,
    pub(super) completed: Option<SystemTime>,
    /// Whether it has pods, or had.
    pub(super) pods: bool,
    pub(super) failure: Option<(Failure, Option<String>)>,
    /// What it continues.
    pub(super) origin: Option<Arc<Snapshot>>,
    pub(super) records: BTreeMap<u64, Record>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) tokens: Tokens,
    /// Steps that tokens were counted for, repeated ones included.
    pub(super) counted: u64,
    pub(super) logs: Logs,
}

impl Run {
    /// Whether nobody can do anything with it but look: a paused run can be resumed.
    pub(super) fn is_over(&self) -> bool {
        self.status.terminal() && (self.status != Status::Paused || self.deleted)
    }

    /// The state to go back to: the newest checkpoint's, else the one that the run began with. `None`: the base model.
    pub(super) fn newest_state(&self) -> Option<Arc<Snapshot>> {
        let newest = self
            .checkpoints
            .last()
            .and_then(|checkpoint| checkpoint.snapshot.clone());
        newest.or_else(|| self.origin.clone())
    }

    /// Remembers a step.
    pub(super) fn record(
        &mut self,
        step: u64,
        metrics: BTreeMap<String, Value>,
        rollouts: &[Rollout],
        tokens: Tokens,
    ) {
        let samples = rollouts.iter().map(|rollout| {
            json!({
                "step": step,
                "problem_id": rollout.group,
                "env_name": rollout.env,
                "task": rollout.task.id(),
                "prompt": rollout.prompt,
                "completion": rollout.completion,
                "completion_tokens": rollout.tokens,
                "reward": rollout.reward,
                "advantage": rollout.advantage,
            })
        });
        let rewards = histogram(rollouts.iter().map(|rollout| rollout.reward), 0.0);
        let advantages = histogram(rollouts.iter().map(|rollout| rollout.advantage), -1.0);
        let record = Record {
            metrics,
            histograms: [("rewards", rewards), ("advantages", advantages)],
            rolled_out: !rollouts.is_empty(),
            samples: samples.collect(),
        };
        self.records.insert(step, record);
        self.tokens.training += tokens.training;
        self.tokens.input += tokens.input;
        self.tokens.output += tokens.output;
        self.counted += 1;
        let old = self.records.values_mut().rev().nth(STEPS_WITH_SAMPLES);
        if let Some(old) = old {
            old.samples = Vec::new();
        }
    }
}

/// Bars of equal width from `low` to 1; the last one includes 1.
fn histogram(values: impl Iterator<Item = f64>, low: f64) -> Value {
    let width = (1.0 - low) / super::task::float(BINS);
    let mut counts = [0_u64; BINS];
    for value in values {
        let bins = counts.iter_mut().enumerate();
        // The first bar whose upper edge lies above the value.
        let mut fitting =
            bins.filter(|(bin, _)| *bin == BINS - 1 || value < low + width * super::task::float(bin + 1));
        if let Some((_, count)) = fitting.next() {
            *count += 1;
        }
    }
    let bars = counts.iter().enumerate().map(|(bin, count)| {
        let edge = |bin: usize| (low + width * super::task::float(bin)).mul_add(1e6, 0.0).round() / 1e6;
        json!({"x0": edge(bin), "x1": edge(bin + 1), "count": count})
    });
    bars.collect()
}
