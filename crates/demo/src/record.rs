//! The record of a run, for machines.

use rl_mcp_sandbox::Behavior;
use serde_json::{Value, json};

use crate::Options;
use crate::download::ADAPTER;
use crate::ledger::Ledger;
use crate::run::Outcome;
use crate::sampling::Rollout;
use crate::task::{BLIND, Class, FACTOR, learned, text};

/// Answers of each prompt that are shown.
const SHOWN: usize = 2;

/// All that is told about a run.
pub(crate) struct Record<'a> {
    pub(crate) options: &'a Options,
    pub(crate) sandbox: Behavior,
    pub(crate) outcome: Outcome,
    pub(crate) ledger: Ledger,
    pub(crate) seconds: f64,
}

/// Some answers of a prompt.
pub(crate) struct Example {
    pub(crate) prompt: &'static str,
    pub(crate) before: Vec<String>,
    pub(crate) after: Vec<String>,
}

impl Record<'_> {
    /// The mean reward of the untrained policy.
    pub(crate) fn untrained(&self) -> f64 {
        self.outcome.before.reward()
    }

    /// The mean reward of the trained one.
    pub(crate) fn trained(&self) -> f64 {
        self.outcome.after.reward()
    }

    /// Whether so much has been learned that the run counts as a success.
    pub(crate) fn learned(&self) -> bool {
        learned(self.untrained(), self.trained())
    }

    pub(crate) fn examples(&self) -> Vec<Example> {
        let shown = |group: &Vec<Rollout>| {
            let answers = group.iter().take(SHOWN);
            answers.map(|rollout| text(&rollout.answer)).collect()
        };
        let groups = self.outcome.before.groups.iter().zip(&self.outcome.after.groups);
        let examples = Class::ALL.into_iter().zip(groups);
        let examples = examples.map(|(class, (before, after))| Example {
            prompt: class.prompt(),
            before: shown(before),
            after: shown(after),
        });
        examples.collect()
    }

    /// The whole of it.
    pub(crate) fn json(&self) -> Value {
        let Outcome {
            price,
            steps,
            training_checkpoint,
            inference_checkpoint,
            adapter,
            ..
        } = &self.outcome;
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| {
                json!({
                    "step": step.number,
                    "reward": step.reward,
                    "loss": step.loss,
                    "entropy": step.entropy,
                })
            })
            .collect();
        let examples: Vec<Value> = self
            .examples()
            .iter()
            .map(|example| {
                json!({"prompt": example.prompt, "untrained": example.before, "trained": example.after})
            })
            .collect();
        json!({
            "seed": self.options.seed,
            "shuffled_advantages": self.options.shuffle_advantages,
            "steps": steps,
            "untrained_reward": self.untrained(),
            "final_reward": self.trained(),
            "prompt_blind_reward": BLIND,
            "factor_asked": FACTOR,
            "learned": self.learned(),
            "completions": examples,
            "price": {"per_hour": price.price_per_hour, "currency": price.currency},
            "checkpoints": {"training": training_checkpoint, "inference": inference_checkpoint},
            "adapter": adapter.as_ref().map(|adapter| json!({
                "file": ADAPTER,
                "bytes": adapter.bytes,
                "fnv1a64": adapter.checksum,
                "saved_in": self.options.save,
            })),
            "tools": self.ledger.json(),
            "calls": self.ledger.calls(),
            "failed_calls": self.ledger.failed(),
            "sandbox": {
                "speed": self.sandbox.speed(),
                "faults": self.sandbox.faults(),
                "seed": self.sandbox.seed(),
            },
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        })
    }
}
