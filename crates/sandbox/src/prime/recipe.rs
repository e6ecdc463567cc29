//! A config, read: what a run is to do.

use super::task::Task;

/// The family of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Reinforcement learning.
    Rl,
    /// Supervised fine-tuning.
    Sft,
}

impl Mode {
    /// As the API spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rl => "rl",
            Self::Sft => "sft",
        }
    }
}

/// What a run is to do.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) mode: Mode,
    /// The base model.
    pub(super) model: String,
    pub(super) max_steps: u64,
    pub(super) seq_len: Option<u64>,
    /// Steps from checkpoint to checkpoint; `None`: only one at the end.
    pub(super) interval: Option<u64>,
    /// How many of the newest checkpoints stay.
    pub(super) keep_last: Option<usize>,
    pub(super) gpus: Gpus,
    pub(super) optim: Optim,
    pub(super) data: Data,
    /// What the config asks for and the sandbox does otherwise, for the log.
    pub(super) remarks: Vec<String>,
}

/// How many GPUs do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gpus {
    pub(super) train: u64,
    pub(super) infer: u64,
}

impl Gpus {
    /// All.
    pub(super) const fn all(self) -> u64 {
        self.train + self.infer
    }
}

/// The optimizer, which is AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Optim {
    pub(super) lr: f64,
    pub(super) weight_decay: f64,
    /// The longest gradient; 0: any.
    pub(super) max_norm: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
}

/// What is learned from.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// The policy's own completions.
    Rollouts(Rollouts),
    /// The built-in text. With a dataset's path, if it is that one.
    Text { batch: usize, path: Option<String> },
}

/// How completions are made.
#[derive(Clone, Debug)]
pub(super) struct Rollouts {
    /// The batch size that the config asks for.
    pub(super) asked: u64,
    /// Completions in a step.
    pub(super) batch: usize,
    /// Completions of one prompt.
    pub(super) group: usize,
    /// At least one.
    pub(super) sources: Vec<Source>,
}

/// Where prompts come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// As the config has it.
    pub(super) taskset: String,
    /// What is played.
    pub(super) task: Task,
    /// How often, compared with the other sources.
    pub(super) ratio: f64,
    pub(super) temperature: f64,
    /// As the config has it.
    pub(super) max_tokens: Option<u64>,
}

impl Recipe {
    /// What a run's `notice` says, if anything.
    pub(super) fn notice(&self) -> Option<String> {
        (!self.remarks.is_empty()).then(|| self.remarks.join(". "))
    }

    /// The sources of prompts.
    pub(super) fn sources(&self) -> &[Source] {
        match &self.data {
            Data::Rollouts(rollouts) => &rollouts.sources,
            Data::Text { .. } => &[],
        }
    }

    /// The components that such a run has, the one first whose logs are shown when none is asked for.
    pub(super) const fn components(&self) -> &'static [&'static str] {
        match self.data {
            Data::Rollouts(_) => &["orchestrator", "trainer", "inference", "env-server"],
            Data::Text { .. } => &["trainer"],
        }
    }
}
