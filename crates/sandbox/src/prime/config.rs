//! The check of a config, as the platform would make it, and what the sandbox makes of it.
//!
//! Known keys and defaults are those of the trainer's source of August 2026. Types are checked where the sandbox uses a
//! member; what it has no use for is listed in the run's `notice`.

mod known;
mod rl;

use super::fields::Fields;
use super::fleet::DATASET;
use super::recipe::{Data, Gpus, Mode, Optim, Recipe};
use super::volume::OWN;
use crate::bounds::MOST_STEPS;

/// The most completions or texts in one step; larger batches are cut, and the log says so.
pub(super) const MOST_SAMPLES: usize = 128;
/// Steps without `max_steps`.
const STEPS: u64 = 20;
/// The model without `model.name`.
const MODEL: &str = "Qwen/Qwen3-0.6B";

/// How many of the keys that aren't followed are listed.
const LISTED: usize = 20;

/// Reads a config, noting what is wrong with it. `volume`: whether the run has one.
pub(super) fn read(config: &Fields<'_>, mode: Mode, volume: bool) -> Recipe {
    refused(config);
    known::check(config, mode);
    config.word("name");
    let max_steps = config.integer("max_steps", 1).unwrap_or(STEPS);
    if max_steps > MOST_STEPS {
        config.refuse(
            "max_steps",
            format!("The sandbox trains at most {MOST_STEPS} steps"),
        );
    }
    let checkpoints = config.table("ckpt");
    let model = config.table("model").word("name").unwrap_or(MODEL).to_owned();
    let seq_len = match mode {
        Mode::Rl => config.clone(),
        Mode::Sft => config.table("data"),
    };
    let seq_len = seq_len.unused("seq_len", 1);
    let mut remarks = Vec::new();
    let (trainer, data) = match mode {
        Mode::Rl => (config.table("trainer"), rl::read(config, &mut remarks)),
        Mode::Sft => (config.clone(), of_sft(config, volume, &mut remarks)),
    };
    let interval = checkpoints.integer("interval", 1);
    let keep_last = checkpoints.integer("keep_last", 1);
    let gpus = gpus(config, mode, matches!(data, Data::Text { .. }));
    let optim = optim(&trainer, &mut remarks);
    remark_unseen(&config.unseen(), &mut remarks);
    Recipe {
        mode,
        model,
        max_steps,
        seq_len,
        interval,
        keep_last: keep_last.and_then(|kept| usize::try_from(kept).ok()),
        gpus,
        optim,
        data,
        remarks,
    }
}

/// Says what of a config changes nothing here, so that nobody takes it for rehearsed.
fn remark_unseen(unseen: &[String], remarks: &mut Vec<String>) {
    if unseen.is_empty() {
        return;
    }
    let listed: Vec<&str> = unseen.iter().take(LISTED).map(String::as_str).collect();
    let more = match unseen.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    remarks.push(format!(
        "Not followed by the sandbox: {}{more}",
        listed.join(", ")
    ));
}

/// What no hosted run may have.
fn refused(config: &Fields<'_>) {
    if config.get("model").is_some_and(serde_json::Value::is_string) || config.has("env") {
        config.refuse(
            "model",
            "Shared LoRA configs can't start new runs since 2026-10-05",
        );
    }
    if config.has("k8s") {
        config.refuse("k8s", "Hosted runs can't have a k8s table");
    }
    if config.flag("clean") == Some(true) {
        config.refuse("clean", "Hosted runs can't clean their output directory");
    }
    let deployment = config.table("inference").table("deployment");
    if deployment.text("type") == Some("disaggregated") {
        deployment.refuse("type", "Hosted runs can't have disaggregated inference");
    }
}

fn of_sft(config: &Fields<'_>, volume: bool, remarks: &mut Vec<String>) -> Data {
    for foreign in ["trainer", "orchestrator"] {
        if config.has(foreign) {
            config.refuse(foreign, "Belongs to an RL config");
        }
    }
    config.require("data");
    let data = config.table("data");
    let path = match data.text("type").unwrap_or("sft") {
        "fake" => None,
        "sft" => {
            data.require("name");
            if !volume && config.has("data") {
                data.refuse(
                    "name",
                    format!(
                        "A dataset lies on a volume: give the run one (volume {OWN} holds {DATASET}), or use data.type \"fake\"",
                    ),
                );
            }
            data.word("name").map(str::to_owned)
        }
        _ => {
            data.refuse("type", "Input should be 'sft' or 'fake'");
            None
        }
    };
    if config.has("eval") || config.has("val") {
        remarks.push("eval and val aren't followed: nothing is evaluated".to_owned());
    }
    let batch = data.integer("batch_size", 1).unwrap_or(128).max(1);
    let asked = batch;
    let batch = bounded(asked);
    remark_cut(asked, batch, remarks);
    Data::Text { batch, path }
}

/// A number of samples, cut to what the sandbox trains on.
fn bounded(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(usize::MAX).min(MOST_SAMPLES)
}

/// Says so when a batch is smaller than asked for.
fn remark_cut(asked: u64, batch: usize, remarks: &mut Vec<String>) {
    if usize::try_from(asked) != Ok(batch) {
        remarks.push(format!(
            "Batches are cut: {batch} samples a step instead of {asked}"
        ));
    }
}

fn optim(trainer: &Fields<'_>, remarks: &mut Vec<String>) -> Optim {
    let optim = trainer.table("optim");
    if let Some(kind) = optim.text("type").filter(|kind| *kind != "adamw") {
        remarks.push(format!(
            "Optimizer {kind:?} isn't part of the sandbox: adamw stands in for it"
        ));
    }
    let scheduler = trainer.table("scheduler");
    if trainer.has("scheduler") && scheduler.text("type").unwrap_or("constant") != "constant" {
        remarks.push("The scheduler isn't followed: the learning rate stays the same".to_owned());
    }
    let number = |name: &str, default: f64| optim.number(name, 0.0).unwrap_or(default);
    Optim {
        lr: number("lr", 1e-6),
        weight_decay: number("weight_decay", 0.01),
        max_norm: number("max_norm", 1.0),
        beta1: number("betas1", 0.9).min(0.999_999),
        beta2: number("betas2", 0.999).min(0.999_999),
    }
}

/// GPUs that a run can have.
const CLUSTER: u64 = 64;

fn gpus(config: &Fields<'_>, mode: Mode, text_only: bool) -> Gpus {
    let deployment = config.table("deployment");
    let count = |name: &str, least: i64, default: u64| deployment.integer(name, least).unwrap_or(default);
    let per_node = count("gpus_per_node", 1, 8);
    match deployment.text("type").unwrap_or("single_node") {
        "single_node" => {
            let train = count("num_train_gpus", 1, 1);
            let infer = if mode == Mode::Sft {
                0
            } else {
                count("num_infer_gpus", 0, 1)
            };
            if mode == Mode::Rl && infer == 0 && !text_only {
                deployment.refuse(
                    "num_infer_gpus",
                    "A single-node RL run needs inference GPUs, unless trainer.data.fake is set",
                );
            }
            if train + infer > per_node {
                deployment.refuse(
                    "num_train_gpus",
                    format!("{} GPUs don't fit on one node of {per_node}", train + infer),
                );
            }
            Gpus { train, infer }
        }
        "multi_node" => {
            let infer = if mode == Mode::Sft {
                0
            } else {
                count("num_infer_nodes", 0, 1)
            };
            let gpus = Gpus {
                train: count("num_train_nodes", 1, 1).saturating_mul(per_node),
                infer: infer
                    .saturating_mul(count("num_infer_replicas", 1, 1))
                    .saturating_mul(per_node),
            };
            if gpus.train.saturating_add(gpus.infer) > CLUSTER {
                deployment.refuse(
                    "num_train_nodes",
                    format!("The sandbox's cluster has {CLUSTER} GPUs"),
                );
            }
            gpus
        }
        _ => {
            deployment.refuse("type", "Input should be 'single_node' or 'multi_node'");
            Gpus { train: 1, infer: 1 }
        }
    }
}
