//! The keys that the trainer knows, from its source of August 2026. It refuses all others, in each of its tables.
//!
//! Tables that are not here (models, inference, what an environment makes of its own config) are as deep as they are
//! free; what the sandbox does not follow of them is listed in a run's `notice`, like all else that it does not follow.

use super::Mode;
use crate::prime::fields::Fields;

/// A table by its path, and its keys. A list on the way stands for each of its tables.
type Table = (&'static str, &'static str);

const RL: [Table; 16] = [
    (
        "",
        "name max_steps seq_len run env_vars log ckpt resume monitors model tokenizer weight_broadcast \
         rollout_transport deployment inference trainer orchestrator output_dir clean slurm dry_run",
    ),
    ("model", "name vlm"),
    ("ckpt", "output_dir interval keep_last keep_interval"),
    (
        "deployment",
        "type gpus_per_node num_train_gpus num_infer_gpus num_train_nodes num_infer_nodes num_infer_replicas \
         nodes_per_fsdp_group orchestrator_on_inference",
    ),
    (
        "trainer",
        "model tokenizer data loss optim scheduler ckpt resume weight_broadcast rollout_transport log monitors \
         output_dir matmul_precision max_steps enable_router_replay memory_profiler_path gc trace_path \
         dist_timeout_seconds heartbeat metrics_server env_vars",
    ),
    ("trainer.optim", OPTIMIZER),
    ("trainer.scheduler", SCHEDULER),
    ("trainer.data", "fake"),
    (
        "orchestrator",
        "algo model train tokenizer renderer eval log env_vars monitors collect_inference_metrics \
         inference_metrics_roles ckpt resume weight_broadcast rollout_transport output_dir tasks_per_minute \
         env_server_base_port batch_size token_batch_size constant_trainer_batch_size concurrency group_size seq_len \
         num_train_workers pad_to_multiple_of max_steps max_off_policy_steps heartbeat",
    ),
    (
        "orchestrator.concurrency",
        "initial_inflight min_inflight max_inflight",
    ),
    (
        "orchestrator.train",
        "source env select sampling filter_zero_advantages",
    ),
    ("orchestrator.train.sampling", TRAIN_SAMPLING),
    (
        "orchestrator.train.source",
        "name env serve select ratio sampling group_size algo curriculum",
    ),
    ("orchestrator.train.source.sampling", TRAIN_SAMPLING),
    (
        "orchestrator.eval",
        "source env select sampling num_examples group_size interval skip_first_step retrigger_on_resume",
    ),
    (
        "orchestrator.eval.source",
        "name env serve select ratio sampling num_examples group_size interval",
    ),
];

const TRAIN_SAMPLING: &str = "temperature top_p top_k max_completion_tokens extra_body";

const SFT: [Table; 7] = [
    (
        "",
        "name max_steps data val eval model tokenizer renderer optim scheduler ckpt resume log monitors run output_dir \
         clean deployment inference weight_broadcast env_vars matmul_precision memory_profiler_path gc trace_path \
         dist_timeout_seconds loss_impl heartbeat slurm dry_run",
    ),
    ("optim", OPTIMIZER),
    ("scheduler", SCHEDULER),
    ("data", DATA),
    ("val", "interval eval_on_start data"),
    ("val.data", DATA),
    (
        "deployment",
        "type gpus_per_node num_gpus num_train_gpus num_infer_gpus num_nodes num_train_nodes num_infer_nodes \
         nodes_per_fsdp_group",
    ),
];

/// Of all kinds of optimizers.
const OPTIMIZER: &str = "type lr weight_decay max_norm betas1 betas2 mu momentum nesterov";
const SCHEDULER: &str = "type warmup_steps decay_steps min_lr";
const DATA: &str = "type name revision subsets splits probabilities stopping_strategy shuffle seed seq_len batch_size \
     micro_batch_size pack_function num_workers columns loss_mask length input_ids";

/// Refuses the keys that the trainer would refuse.
pub(super) fn check(config: &Fields<'_>, mode: Mode) {
    let tables: &[Table] = match mode {
        Mode::Rl => &RL,
        Mode::Sft => &SFT,
    };
    for (path, keys) in tables {
        let known: Vec<&str> = keys.split_whitespace().collect();
        config.only_in(path, &known);
    }
}
