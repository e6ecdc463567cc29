//! What a run is to do: the same document as an argument of `start-training` and in a file.

mod check;
mod file;
mod foreign;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::Written;
use crate::arguments::schema::{brief, renamed, retired, unlisted};
use crate::error::problems::{Path, Problems};
use crate::json::Body;
use crate::together::SessionId;
use crate::together::losses::Loss;

pub(crate) use file::{EXAMPLE_GRPO, EXAMPLE_SFT, given, read};

/// A recipe as it was written. What it leaves out is in its methods.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = foreign::names)]
#[expect(clippy::struct_field_names, reason = "as the argument is called")]
pub(crate) struct Recipe {
    pub(crate) method: Option<Method>,
    /// A model resource and a session are made for the run, and ended with it.
    pub(crate) base_model: Option<String>,
    /// In its place: a READY resource, which stays up.
    pub(crate) model_resources_id: Option<String>,
    /// In their place: a RUNNING session, which stays up.
    pub(crate) session_id: Option<SessionId>,
    /// JSON lines, {messages} or {prompt}, for sft with the assistant's turn or completion; other members are for prompt and grader.
    pub(crate) dataset: Option<String>,
    /// Held out; sampled greedily, or for sft its loss.
    pub(crate) eval_dataset: Option<String>,
    /// A system message for each row.
    pub(crate) system: Option<String>,
    /// Makes the user's message of rows without one: "What is {{row.question}}?"
    pub(crate) prompt: Option<String>,
    /// The same for the answer, for sft: "{{row.answer}}".
    pub(crate) completion: Option<String>,
    /// As in grade-completions.
    pub(crate) grader: Option<Written>,
    /// A JSON file of it.
    #[schemars(transform = unlisted)]
    pub(crate) grader_path: Option<String>,
    /// Default 8.
    #[schemars(range(min = 2))]
    pub(crate) group_size: Option<u32>,
    /// Default 8.
    #[schemars(range(min = 1))]
    pub(crate) rows_per_step: Option<u32>,
    /// Default: one epoch.
    #[schemars(range(min = 1))]
    pub(crate) steps: Option<u32>,
    #[schemars(range(min = 1))]
    pub(crate) epochs: Option<u32>,
    pub(crate) seed: Option<u32>,
    pub(crate) sampling: Option<Sampling>,
    /// As in forward-backward-pass.
    #[schemars(transform = brief)]
    pub(crate) loss: Option<Body<Loss>>,
    /// Default 4e-5.
    #[schemars(range(min = 0))]
    pub(crate) learning_rate: Option<f64>,
    #[schemars(range(min = 0))]
    pub(crate) warmup_steps: Option<u32>,
    pub(crate) decay: Option<Decay>,
    /// Weight of the KL term against the model as it was.
    #[schemars(range(min = 0))]
    pub(crate) kl: Option<f64>,
    /// As in build-training-batch.
    #[schemars(transform = unlisted)]
    pub(crate) scale_by_deviation: Option<bool>,
    #[schemars(transform = brief)]
    pub(crate) lora: Option<Lora>,
    /// For sft. Default last.
    pub(crate) train_on: Option<TrainOn>,
    /// Default 10 steps.
    #[schemars(range(min = 1))]
    pub(crate) eval_every: Option<u32>,
    /// Default 50 steps.
    #[schemars(range(min = 1))]
    pub(crate) save_every: Option<u32>,
    pub(crate) limits: Option<Limits>,
    /// In place of the base model's: as in render-prompt.
    #[schemars(transform = unlisted)]
    pub(crate) tokenizer: Option<String>,
    /// As in create-model-resource.
    #[schemars(transform = unlisted)]
    pub(crate) gpu_type: Option<String>,
    /// As there. Default 1, for sft 0.
    #[schemars(transform = unlisted)]
    pub(crate) num_generator_replicas: Option<u32>,
    /// A JSON or TOML file of all this; what is given besides goes before it.
    pub(crate) recipe_path: Option<String>,
    /// true: only the plan and its price. Default false.
    pub(crate) estimate_only: Option<bool>,
}

// How it is trained; a doc comment would be published.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = retired(foreign::METHODS), transform = renamed(&[
    ("rl", "grpo"),
    ("rft", "grpo"),
    ("reinforcement", "grpo"),
    ("reinforcement_learning", "grpo"),
    ("supervised", "sft"),
    ("supervised_fine_tuning", "sft"),
    ("finetune", "sft"),
    ("fine_tuning", "sft"),
    ("ppo", "grpo"),
    ("dapo", "grpo"),
    ("gspo", "grpo"),
    ("reinforce", "grpo"),
]))]
pub(crate) enum Method {
    /// rewards by grader
    Grpo,
    /// examples
    Sft,
}

// How the learning rate falls; a doc comment would be published.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = renamed(&[("none", "constant")]))]
pub(crate) enum Decay {
    #[default]
    Constant,
    Linear,
    Cosine,
}

// Which of the assistant's turns are trained on; a doc comment would be published.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrainOn {
    Last,
    All,
}

/// As in sample; max_tokens 512, temperature 1.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("max_completion_tokens", "max_tokens"), ("max_new_tokens", "max_tokens")]))]
pub(crate) struct Sampling {
    #[schemars(range(min = 1))]
    pub(crate) max_tokens: Option<u32>,
    #[schemars(range(min = 0))]
    pub(crate) temperature: Option<f64>,
    #[schemars(range(min = 0, max = 1))]
    pub(crate) top_p: Option<f64>,
    #[schemars(transform = unlisted)]
    pub(crate) top_k: Option<i32>,
    /// Default: the template's.
    pub(crate) stop: Option<Vec<String>>,
}

/// {rank: 32, alpha: 64}, as in create-training-session.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[schemars(transform = retired(&[("target_modules", foreign::NONE)]), transform = renamed(&[
    ("r", "rank"),
    ("lora_rank", "rank"),
    ("lora_alpha", "alpha"),
    ("lora_dropout", "dropout"),
]))]
pub(crate) struct Lora {
    #[schemars(range(min = 1))]
    pub(crate) rank: Option<u32>,
    #[schemars(range(min = 1, max = 128))]
    pub(crate) alpha: Option<u32>,
    #[schemars(transform = unlisted, range(min = 0))]
    pub(crate) dropout: Option<f64>,
    #[schemars(transform = unlisted)]
    pub(crate) seed: Option<u32>,
    #[schemars(transform = unlisted)]
    pub(crate) train_unembed: Option<bool>,
}

/// What ends a run before its last step.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(transform = retired(&[("minutes", "are counted in hours: write hours, such as 0.5")]), transform = renamed(&[("max_hours", "hours"), ("max_usd", "usd"), ("budget_usd", "usd"), ("budget", "usd"), ("target_reward", "reward"), ("patience", "steps_without_gain")]))]
pub(crate) struct Limits {
    /// Billed. Default 4.
    #[schemars(range(min = 0))]
    pub(crate) hours: Option<f64>,
    #[schemars(range(min = 0))]
    pub(crate) usd: Option<f64>,
    /// Ends once the mean is this: of eval_dataset, else of the last 5 steps.
    pub(crate) reward: Option<f64>,
    #[schemars(range(min = 1))]
    pub(crate) steps_without_gain: Option<u32>,
    /// Ends once it is above this.
    #[schemars(range(min = 0))]
    pub(crate) kl: Option<f64>,
}

/// The rate of a recipe that names none: what the field uses for adapters.
pub(crate) const LEARNING_RATE: f64 = 4e-5;
/// Billed hours after which a run ends that names no limit.
const HOURS: f64 = 4.0;

impl Recipe {
    /// How it trains.
    pub(crate) fn method(&self) -> Method {
        self.method.unwrap_or(Method::Grpo)
    }

    /// The file of rows.
    pub(crate) fn dataset(&self) -> &str {
        self.dataset.as_deref().unwrap_or_default()
    }

    /// How many rows a step has.
    pub(crate) fn rows_per_step(&self) -> usize {
        size(self.rows_per_step.unwrap_or(8))
    }

    /// How many completions each prompt gets.
    pub(crate) fn group_size(&self) -> usize {
        size(self.group_size.unwrap_or(8))
    }

    /// How many steps there are for so many rows.
    pub(crate) fn steps(&self, rows: usize) -> usize {
        let of_epochs = |epochs: u32| (rows * size(epochs)).div_ceil(self.rows_per_step());
        match (self.steps, self.epochs) {
            (Some(steps), _) => size(steps),
            (None, epochs) => of_epochs(epochs.unwrap_or(1)),
        }
    }

    /// The longest completion, in tokens.
    pub(crate) fn max_tokens(&self) -> u32 {
        let sampling = self.sampling.as_ref();
        sampling.and_then(|sampling| sampling.max_tokens).unwrap_or(512)
    }

    /// The rate of a step, which are counted from 0.
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
    pub(crate) fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let peak = self.learning_rate.unwrap_or(LEARNING_RATE);
        let warmup = size(self.warmup_steps.unwrap_or(0));
        if step < warmup {
            return peak * (step + 1) as f64 / warmup as f64;
        }
        let passed = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
        match self.decay.unwrap_or_default() {
            Decay::Constant => peak,
            Decay::Linear => peak * (1.0 - passed),
            Decay::Cosine => peak * 0.5 * (1.0 + (std::f64::consts::PI * passed).cos()),
        }
    }

    /// How often it is evaluated, in steps.
    pub(crate) fn eval_every(&self) -> usize {
        size(self.eval_every.unwrap_or(10))
    }

    /// How often it is saved, in steps.
    pub(crate) fn save_every(&self) -> usize {
        size(self.save_every.unwrap_or(50))
    }

    /// What ends it early.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.clone().unwrap_or_default()
    }

    /// The weight of the KL term.
    pub(crate) fn kl(&self) -> f64 {
        self.kl.unwrap_or(0.0)
    }
}

impl Limits {
    /// The most billed hours.
    pub(crate) fn hours(&self) -> f64 {
        self.hours.unwrap_or(HOURS)
    }

    /// Reports limits that would end a run before anything is learned.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        for (name, value) in [("hours", self.hours), ("usd", self.usd)] {
            if value.is_some_and(|value| value <= 0.0) {
                problems.add(
                    &path.key(name),
                    "is nothing: the run would end before its first step",
                );
            }
        }
    }

    /// These, and where they say nothing the others.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            hours: self.hours.or(others.hours),
            usd: self.usd.or(others.usd),
            reward: self.reward.or(others.reward),
            steps_without_gain: self.steps_without_gain.or(others.steps_without_gain),
            kl: self.kl.or(others.kl),
        }
    }
}

impl Method {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpo => "grpo",
            Self::Sft => "sft",
        }
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
