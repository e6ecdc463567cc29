//! What other trainers call the parts of a recipe, and what of theirs it has not.

use schemars::Schema;
use serde_json::{Map, Value};

use crate::arguments::schema::{RETIRED, renamed};

/// What is said of a setting that no run has here.
pub(super) const NONE: &str = "has no counterpart here: leave it out";

/// Each with the name that it has here. A name with dots is the way to a value in a config that nests.
const NAMES: &[(&str, &str)] = &[
    ("model", "base_model"),
    ("model_name", "base_model"),
    ("model_name_or_path", "base_model"),
    ("data", "dataset"),
    ("dataset_path", "dataset"),
    ("train_dataset", "dataset"),
    ("train_file", "dataset"),
    ("training_file", "dataset"),
    ("train_path", "dataset"),
    ("train_data", "dataset"),
    ("data_path", "dataset"),
    ("prompts_path", "dataset"),
    ("examples_path", "dataset"),
    ("eval_path", "eval_dataset"),
    ("eval_file", "eval_dataset"),
    ("eval_data", "eval_dataset"),
    ("validation_file", "eval_dataset"),
    ("test_dataset", "eval_dataset"),
    ("validation_dataset", "eval_dataset"),
    ("system_prompt", "system"),
    ("system_message", "system"),
    ("template", "prompt"),
    ("answer", "completion"),
    ("response", "completion"),
    ("prompt_template", "prompt"),
    ("reward", "grader"),
    ("reward_function", "grader"),
    ("reward_fn", "grader"),
    ("reward_funcs", "grader"),
    ("reward_functions", "grader"),
    ("graders", "grader"),
    ("num_samples", "group_size"),
    ("num_generations", "group_size"),
    ("rollouts_per_example", "group_size"),
    ("num_rollouts", "group_size"),
    ("n_samples", "group_size"),
    ("batch_size", "rows_per_step"),
    ("train_batch_size", "rows_per_step"),
    ("per_device_train_batch_size", "rows_per_step"),
    ("prompts_per_step", "rows_per_step"),
    ("max_steps", "steps"),
    ("num_steps", "steps"),
    ("n_steps", "steps"),
    ("num_epochs", "epochs"),
    ("n_epochs", "epochs"),
    ("total_epochs", "epochs"),
    ("num_train_epochs", "epochs"),
    ("lr", "learning_rate"),
    ("beta", "kl"),
    ("kl_coef", "kl"),
    ("lora_config", "lora"),
    ("lora_rank", "lora.rank"),
    ("lora_r", "lora.rank"),
    ("lora_alpha", "lora.alpha"),
    ("lr_scheduler_type", "decay"),
    ("lr_scheduler", "decay"),
    ("sampling_params", "sampling"),
    ("max_tokens", "sampling.max_tokens"),
    ("max_completion_length", "sampling.max_tokens"),
    ("max_new_tokens", "sampling.max_tokens"),
    ("max_response_length", "sampling.max_tokens"),
    ("temperature", "sampling.temperature"),
    ("max_hours", "limits.hours"),
    ("max_usd", "limits.usd"),
    ("loss_fn", "loss.type"),
    ("algorithm", "method"),
    ("algo", "method"),
    ("adv_estimator", "method"),
    ("training_type", "method"),
    ("n", "group_size"),
    ("rollout_batch_size", "rows_per_step"),
    ("groups_per_batch", "rows_per_step"),
    ("save_steps", "save_every"),
    ("save_freq", "save_every"),
    ("save_interval", "save_every"),
    ("checkpoint_interval", "save_every"),
    ("eval_steps", "eval_every"),
    ("eval_interval", "eval_every"),
    ("test_freq", "eval_every"),
    ("kl_weight", "kl"),
    ("kl_penalty", "kl"),
    ("kl_loss_coef", "kl"),
    ("kl_penalty_coef", "kl"),
    ("warmup", "warmup_steps"),
    ("num_warmup_steps", "warmup_steps"),
    ("lr_warmup_steps", "warmup_steps"),
    ("scheduler", "decay"),
    ("lr_schedule", "decay"),
    ("loss_type", "loss.type"),
    ("peft_config", "lora"),
    // verl
    ("data.train_files", "dataset"),
    ("data.val_files", "eval_dataset"),
    ("data.train_batch_size", "rows_per_step"),
    ("data.max_response_length", "sampling.max_tokens"),
    ("actor_rollout_ref.model.path", "base_model"),
    ("actor_rollout_ref.model.lora_rank", "lora.rank"),
    ("actor_rollout_ref.model.lora_alpha", "lora.alpha"),
    ("actor_rollout_ref.actor.optim.lr", "learning_rate"),
    ("actor_rollout_ref.actor.optim.lr_warmup_steps", "warmup_steps"),
    ("actor_rollout_ref.actor.kl_loss_coef", "kl"),
    ("actor_rollout_ref.rollout.n", "group_size"),
    ("actor_rollout_ref.rollout.temperature", "sampling.temperature"),
    ("actor_rollout_ref.rollout.top_p", "sampling.top_p"),
    ("actor_rollout_ref.rollout.response_length", "sampling.max_tokens"),
    ("algorithm.adv_estimator", "method"),
    ("algorithm.kl_ctrl.kl_coef", "kl"),
    ("trainer.total_epochs", "epochs"),
    ("trainer.total_training_steps", "steps"),
    ("trainer.save_freq", "save_every"),
    ("trainer.test_freq", "eval_every"),
    // prime-rl
    ("model.name", "base_model"),
    ("orchestrator.group_size", "group_size"),
    ("orchestrator.rollouts_per_example", "group_size"),
    ("orchestrator.sampling.max_tokens", "sampling.max_tokens"),
    ("orchestrator.sampling.temperature", "sampling.temperature"),
    ("trainer.optim.lr", "learning_rate"),
    ("optim.lr", "learning_rate"),
    ("ckpt.interval", "save_every"),
    ("ckpt.save_steps", "save_every"),
    // axolotl
    ("datasets", "dataset"),
    ("micro_batch_size", "rows_per_step"),
];

/// What runs here have not, whoever else takes it.
const NEEDLESS: [&str; 48] = [
    "adapter",
    "shuffle",
    "max_seq_length",
    "bf16",
    "fp16",
    "dtype",
    "torch_dtype",
    "gradient_checkpointing",
    "deepspeed",
    "fsdp",
    "use_vllm",
    "vllm_mode",
    "vllm_gpu_memory_utilization",
    "use_peft",
    "use_lora",
    "load_in_4bit",
    "load_in_8bit",
    "attn_implementation",
    "num_gpus",
    "n_gpus",
    "gpus",
    "gpu_count",
    "num_nodes",
    "nnodes",
    "n_gpus_per_node",
    "report_to",
    "wandb",
    "logger",
    "logging_steps",
    "logging_dir",
    "log_completions",
    "output_dir",
    "push_to_hub",
    "hub_model_id",
    "optimizer",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "weight_decay",
    "max_grad_norm",
    "grad_clip",
    "max_prompt_length",
    "packing",
    "dataloader_num_workers",
    "remove_unused_columns",
    "target_modules",
    "lora_target_modules",
];

const REFERENCE: &str = "is not chosen here: kl alone says that there is a reference, which is the model as it was before the run";
const ACCUMULATED: &str =
    "has no counterpart here, and needs none: rows_per_step is the whole batch of a step, whatever its size";
const SHARE: &str =
    "is a share of the steps, which are counted here: write warmup_steps, such as 10 for 0.1 of 100";
const MULTIPLIER: &str = "is no rate: write learning_rate, the rate itself, such as 4e-5";
const SPLIT: &str = "is not made here: eval_dataset is a file of its own, with other rows";
const COLUMN: &str =
    "is a template here: write prompt, with the member's name in it, such as \"{{row.question}}\"";
const ANSWER: &str = "is named where it is used: in the grader, as expected \"{{row.answer}}\", or for sft in completion \"{{row.answer}}\"";
const RESUME: &str = "is another call: resume-training goes on with a run, by its run_id";

/// What else is told another way.
const TOLD: [(&str, &str); 30] = [
    ("ref_model", REFERENCE),
    ("reference_model", REFERENCE),
    ("ref_model_path", REFERENCE),
    ("ref_policy", REFERENCE),
    ("gradient_accumulation_steps", ACCUMULATED),
    ("warmup_ratio", SHARE),
    ("lr_warmup_ratio", SHARE),
    ("learning_rate_multiplier", MULTIPLIER),
    ("resume_from_checkpoint", RESUME),
    ("resume", RESUME),
    ("eval_split", SPLIT),
    ("validation_split", SPLIT),
    ("test_size", SPLIT),
    ("val_size", SPLIT),
    ("prompt_column", COLUMN),
    ("prompt_field", COLUMN),
    ("prompt_key", COLUMN),
    ("input_column", COLUMN),
    ("input_key", COLUMN),
    ("question_column", COLUMN),
    ("question_key", COLUMN),
    ("text_column", COLUMN),
    ("dataset_text_field", COLUMN),
    ("answer_column", ANSWER),
    ("answer_field", ANSWER),
    ("answer_key", ANSWER),
    ("label_key", ANSWER),
    ("label_column", ANSWER),
    ("completion_column", ANSWER),
    ("response_column", ANSWER),
];

const OF_PPO: &str = "must be \"grpo\", and loss says which: {\"type\": \"LOSS_TYPE_PPO\"} (there is no value model: a group's mean takes its place)";
const PAIRS: &str = "is not trained here, as no loss takes pairs: sft learns the preferred answers, and grpo learns from a grader";

/// Ways to train that others have.
pub(super) const METHODS: &[(&str, &str)] = &[
    ("ppo", OF_PPO),
    (
        "dapo",
        "must be \"grpo\", with loss {\"type\": \"LOSS_TYPE_GRPO\", \"grpo_params\": {\"clip_high_threshold\": 1.28, \"agg_type\": \"TOKEN_MEAN\"}}",
    ),
    (
        "gspo",
        "must be \"grpo\", with loss {\"type\": \"LOSS_TYPE_GRPO\", \"grpo_params\": {\"ratio_type\": \"SEQUENCE\"}}",
    ),
    (
        "reinforce",
        "must be \"grpo\", with loss {\"type\": \"LOSS_TYPE_IMPORTANCE_SAMPLING\"}",
    ),
    ("dpo", PAIRS),
    ("orpo", PAIRS),
    ("kto", PAIRS),
];

/// Tells a recipe all of them.
pub(super) fn names(schema: &mut Schema) {
    renamed(NAMES)(schema);
    let needless = NEEDLESS.iter().map(|name| (*name, NONE));
    let told: Map<String, Value> = needless
        .chain(TOLD)
        .map(|(name, sentence)| (name.to_owned(), sentence.into()))
        .collect();
    schema.insert(RETIRED.to_owned(), told.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_in_one_way() {
        let mut names: Vec<&str> = NAMES.iter().map(|(old, _)| *old).collect();
        names.extend(NEEDLESS);
        names.extend(TOLD.iter().map(|(name, _)| *name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
