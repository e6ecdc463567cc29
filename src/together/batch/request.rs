//! The arguments of `build-training-batch`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::argument::Given;
use super::example::Example;
use super::labels::{Labels, Written};
use super::supervised;
use crate::arguments::schema::{brief, filed, hint, names, renamed, retired, unlisted};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::json::Body;
use crate::together::SessionId;
use crate::together::losses::{LOSS_TYPE, Loss, LossType};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[
    ("normalize", "scale_by_deviation"),
    ("normalize_advantages", "scale_by_deviation"),
    ("normalize_rewards", "scale_by_deviation"),
    ("scale_rewards", "scale_by_deviation"),
    ("std_normalize", "scale_by_deviation"),
    ("operation_id", "operation_ids"),
    ("sample_ids", "operation_ids"),
    ("data", "examples|examples_path"),
    ("dataset", "examples|examples_path"),
    ("samples", "examples|examples_path"),
    ("dataset_path", "examples_path"),
    ("data_path", "examples_path"),
    ("training_file", "examples_path"),
    ("rewards_file", "rewards_path"),
    ("ref_operation_ids", "reference_operation_ids"),
    ("ref_operation_id", "reference_operation_ids"),
    ("loss_type", "loss.type"),
    ("loss_fn", "loss.type"),
]), transform = retired(&[("loss_type", LOSS_TYPE), ("loss_fn", LOSS_TYPE)]))]
pub(crate) struct BatchArgs {
    pub(super) session_id: SessionId,
    /// Finished sample operations.
    #[schemars(length(min = 1), transform = names, transform = filed)]
    pub(super) operation_ids: Option<Vec<String>>,
    /// For each prompt of all operations, in order, a list: the reward of each completion.
    pub(super) rewards: Option<Vec<Entries<f64>>>,
    /// A JSON file of them.
    pub(super) rewards_path: Option<String>,
    /// In place of rewards, and used as they are.
    pub(super) advantages: Option<Vec<Entries<Written>>>,
    /// A JSON file of them; an entry may be a list, one number for each token.
    pub(super) advantages_path: Option<String>,
    /// As in forward-backward-pass. Default {type: LOSS_TYPE_GRPO}; of examples LOSS_TYPE_CROSS_ENTROPY.
    #[schemars(transform = brief)]
    pub(super) loss: Option<Body<Loss>>,
    /// Divide advantages by the group's deviation. Default false.
    pub(super) scale_by_deviation: Option<bool>,
    /// Keep groups of equal rewards. Default false.
    pub(super) keep_equal_groups: Option<bool>,
    /// Split into bodies of at most so many tokens.
    #[schemars(range(min = 1))]
    pub(super) max_tokens: Option<u32>,
    /// Those that scored the sequences, for a KL term.
    #[schemars(length(min = 1), transform = names, transform = filed)]
    pub(super) reference_operation_ids: Option<Vec<String>>,
    /// Their session, if it is another.
    pub(super) reference_session_id: Option<SessionId>,
    /// The sample body of operations that another program submitted, a JSON file.
    pub(super) prompts_path: Option<String>,
    /// Supervised, in place of operations: {messages} or {prompt, completion}, text as it stands or token ids.
    #[schemars(length(min = 1))]
    pub(super) examples: Option<Vec<Example>>,
    /// A JSON (lines) file of them.
    pub(super) examples_path: Option<String>,
    /// Assistant turns. Default last.
    pub(super) train_on: Option<TrainOn>,
    // Told in the errors that call for it.
    #[schemars(transform = unlisted)]
    pub(super) tokenizer: Option<String>,
    #[schemars(transform = unlisted)]
    pub(super) base_model: Option<String>,
    #[schemars(transform = unlisted)]
    pub(super) allow_control_tokens: Option<bool>,
}

// Which of the assistant's turns are trained on; a doc comment would be published.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = renamed(&[
    ("last_assistant_message", "last"),
    ("last_assistant_turn", "last"),
    ("all_assistant_messages", "all"),
    ("all_assistant_turns", "all"),
]))]
pub(super) enum TrainOn {
    Last,
    All,
}

// What the caller thinks of each completion of one prompt; a doc comment would be published.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transform = hint("the entries of one prompt's completions, so [[1, 0], [0, 1]] for two prompts with two completions each, and [[1, 0]] for one"))]
pub(super) struct Entries<T>(pub(super) Vec<T>);

/// The arguments of which one says what the completions are worth.
const LABELS: [&str; 4] = ["rewards", "rewards_path", "advantages", "advantages_path"];

/// Those that hold examples, and what others call them.
const EXAMPLES: [&str; 3] = ["examples", "examples_path", "conversations"];

const REWARDS: &str = "is required beside operation_ids: for each prompt a list with the reward of each completion, such as [[1, 0]] (or rewards_path, advantages, advantages_path)";

/// The loss that a batch is built for.
pub(super) struct Chosen {
    pub(super) kind: LossType,
    /// Whether it needs reference log-probabilities.
    pub(super) kl_term: bool,
    /// As it goes into the body.
    pub(super) text: Box<RawValue>,
}

impl BatchArgs {
    /// Reports what does not go together.
    pub(crate) fn check(&self, problems: &mut Problems) {
        self.check_pairs(problems);
        if let Some(loss) = &self.loss {
            loss.value.check(&Path::Root.key("loss"), problems);
        }
        match (&self.operation_ids, self.has_examples()) {
            (Some(_), true) => problems.add(
                &Path::Root.key("examples"),
                "stand in place of operation_ids: give one of them",
            ),
            (None, false) => self.check_missing(problems),
            (Some(_), false) if are_told(&EXAMPLES, problems) => problems.add(
                &Path::Root.key("operation_ids"),
                "stand in place of examples: give one of them",
            ),
            (Some(operations), false) => self.check_sampled(operations, problems),
            (None, true) => self.check_supervised(problems),
        }
    }

    /// Of what cannot be used nobody says that it is not there.
    fn check_missing(&self, problems: &mut Problems) {
        if are_told(&EXAMPLES, problems) {
            return;
        }
        let operations = Path::Root.key("operation_ids");
        if !problems.mention(&operations) {
            problems.add(
                &operations,
                "is required: the sample operations to train on (or examples, for supervised training)",
            );
        }
        if !self.has_rewards() && !self.has_advantages() && !are_told(&LABELS, problems) {
            problems.add(&Path::Root.key("rewards"), REWARDS);
        }
    }

    fn check_pairs(&self, problems: &mut Problems) {
        let pairs = [
            ("rewards", self.rewards.is_some(), self.rewards_path.is_some()),
            (
                "advantages",
                self.advantages.is_some(),
                self.advantages_path.is_some(),
            ),
            ("examples", self.examples.is_some(), self.examples_path.is_some()),
        ];
        for (name, written, file) in pairs {
            if written && file {
                let path = format!("{name}_path");
                problems.add(
                    &Path::Root.key(&path),
                    format!("stands in place of {name}: give one of them"),
                );
            }
        }
    }

    fn check_sampled(&self, operations: &[String], problems: &mut Problems) {
        for name in self.of_examples() {
            problems.add(&Path::Root.key(name), "is for examples: leave it out");
        }
        twice("operation_ids", operations, problems);
        let references = self.reference_operation_ids.as_deref().unwrap_or_default();
        twice("reference_operation_ids", references, problems);
        let kind = self.kind();
        let supervised = kind == Some(LossType::CrossEntropy);
        match (self.has_rewards(), self.has_advantages()) {
            (true, true) => problems.add(
                &Path::Root.key("advantages"),
                "stand in place of rewards: give one of them",
            ),
            (false, false) if are_told(&LABELS, problems) => {}
            (false, false) => problems.add(&Path::Root.key("rewards"), REWARDS),
            (false, true) if supervised => problems.add(
                &Path::Root.key("advantages"),
                "are not used by LOSS_TYPE_CROSS_ENTROPY: give rewards, which are the completions' weights (0 leaves one out)",
            ),
            _ => {}
        }
        let pointless = if supervised {
            "does not go with LOSS_TYPE_CROSS_ENTROPY, which takes rewards as weights: leave it out"
        } else {
            "does not go with advantages, which are used as they are: leave it out"
        };
        if supervised || self.has_advantages() {
            self.refuse_grouping(pointless, problems);
        }
        if !references.is_empty() && kind.is_some_and(|kind| kind != LossType::Grpo) {
            problems.add(
                &Path::Root.key("reference_operation_ids"),
                "are for LOSS_TYPE_GRPO alone, which has a KL term: leave them out",
            );
        }
    }

    fn check_supervised(&self, problems: &mut Problems) {
        if self.kind().is_some_and(|kind| kind != LossType::CrossEntropy) {
            problems.add(
                &Path::Root.key("loss.type"),
                "must be LOSS_TYPE_CROSS_ENTROPY for examples; other losses need operation_ids",
            );
        }
        for (name, given) in [
            ("rewards", self.has_rewards()),
            ("advantages", self.has_advantages()),
            ("reference_operation_ids", self.reference_operation_ids.is_some()),
            ("prompts_path", self.prompts_path.is_some()),
        ] {
            let at = Path::Root.key(name);
            if given || problems.mention(&at) {
                problems.replace(&at, "does not go with examples: leave it out");
            }
        }
        self.refuse_grouping("does not go with examples: leave it out", problems);
        supervised::check("examples", self.examples.as_deref().unwrap_or_default(), problems);
    }

    /// The arguments that are given and say something of examples alone.
    fn of_examples(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("train_on", self.train_on.is_some()),
            ("tokenizer", self.tokenizer.is_some()),
            ("base_model", self.base_model.is_some()),
            ("allow_control_tokens", self.allow_control_tokens == Some(true)),
        ];
        given
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
    }

    fn refuse_grouping(&self, why: &str, problems: &mut Problems) {
        for (name, given) in [
            ("scale_by_deviation", self.scale_by_deviation),
            ("keep_equal_groups", self.keep_equal_groups),
        ] {
            if given == Some(true) {
                problems.add(&Path::Root.key(name), why);
            }
        }
    }

    /// What the caller may not have meant with the loss.
    #[must_use]
    pub(crate) fn doubt(&self) -> Option<String> {
        self.loss.as_ref()?.value.doubt()
    }

    /// The session that the batch is for.
    #[must_use]
    pub(crate) fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The ids of samplings of this session, each with the name that the journal has for it.
    pub(crate) fn samplings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ids = self.operation_ids.iter().flatten();
        ids.map(|id| ("operation_id", id.as_str()))
    }

    const fn has_rewards(&self) -> bool {
        self.rewards.is_some() || self.rewards_path.is_some()
    }

    const fn has_advantages(&self) -> bool {
        self.advantages.is_some() || self.advantages_path.is_some()
    }

    pub(super) const fn has_examples(&self) -> bool {
        self.examples.is_some() || self.examples_path.is_some()
    }

    /// The rewards that were written into the call.
    pub(super) fn labels(&self) -> Option<Given<Labels>> {
        let rewards = self.rewards.as_ref()?.iter();
        let value = Labels::Rewards(rewards.map(|Entries(rewards)| rewards.clone()).collect());
        Some(Given {
            value,
            name: "rewards",
        })
    }

    /// The loss's type; `None` if it is unusable, which is reported by then.
    pub(super) fn kind(&self) -> Option<LossType> {
        match &self.loss {
            Some(loss) => loss.value.kind(),
            None if self.has_examples() => Some(LossType::CrossEntropy),
            None => Some(LossType::Grpo),
        }
    }

    /// Takes the loss out, or the default.
    pub(super) fn take_loss(&mut self) -> Result<Chosen, ToolError> {
        let kind = self.kind().unwrap_or(LossType::Grpo);
        let kl_term = self.loss.as_ref().is_some_and(|loss| loss.value.has_kl_term());
        let text = match self.loss.take() {
            Some(loss) => loss.into_text(),
            None => format!("{{\"type\":\"{}\"}}", kind.wire_name()),
        };
        Ok(Chosen {
            kind,
            kl_term,
            text: json::raw(text)?,
        })
    }

    /// The most input tokens of one body.
    pub(super) fn limit(&self) -> Option<usize> {
        self.max_tokens.and_then(|most| usize::try_from(most).ok())
    }
}

/// Whether something is wrong with one of these arguments.
fn are_told(names: &[&str], problems: &Problems) -> bool {
    names.iter().any(|name| problems.mention(&Path::Root.key(name)))
}

fn twice(name: &str, ids: &[String], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (index, id) in ids.iter().enumerate() {
        if !seen.insert(id.trim()) {
            problems.add(&Path::Root.key(name).index(index), "is given twice");
        }
    }
}
