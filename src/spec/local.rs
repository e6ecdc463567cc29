//! The rows of the tools that work on this machine alone.

use super::{Effect, Spec, Toolset};

/// The body of a forward-backward pass.
pub(crate) const BUILD_TRAINING_BATCH: Spec = Spec::local(
    "build-training-batch",
    "Build training batch",
    "Writes aligned bodies for forward-backward-pass to files, of what sample operations left on this machine: no token ids pass through you. \
A group is all completions of one prompt: its mean is taken off its rewards, and a group of equal rewards is dropped. CROSS_ENTROPY: rewards are weights (0 leaves a completion out), or give examples. GRPO with beta > 0: call it without reference_operation_ids first; it then writes the sample body that scores the sequences.",
    Toolset::Rl,
    Effect::Add,
);

/// What the model reads of a prompt.
#[cfg(feature = "text")]
pub(crate) const RENDER_PROMPT: Spec = Spec::local(
    "render-prompt",
    "Render prompt",
    "Shows what a model reads of a prompt, as Hugging Face's tools make it: messages through the base model's chat template, or text as it stands; how many tokens, and what ends a completion. Downloads the tokenizer once.",
    Toolset::Train,
    Effect::Read,
);

/// What a file of rows holds.
#[cfg(feature = "text")]
pub(crate) const CHECK_DATASET: Spec = Spec::local(
    "check-dataset",
    "Check dataset",
    "Reads a JSON-lines file of prompts or examples before anything costs: rows and members, lengths, duplicates, overlap with an evaluation file, what a grader misses in a row, each problem with its line, and three rows as the model reads them.",
    Toolset::Train,
    Effect::Read,
);

/// What completions are worth.
#[cfg(feature = "text")]
pub(crate) const GRADE_COMPLETIONS: Spec = Spec::local(
    "grade-completions",
    "Grade completions",
    "Gives each completion of finished samplings a reward by a grader, with the reason, in a file for build-training-batch (rewards_path); answers mean, spread, the best and the worst.",
    Toolset::Train,
    Effect::Read,
);

/// A whole run.
#[cfg(feature = "text")]
pub(crate) const START_TRAINING: Spec = Spec::local(
    "start-training",
    "Start training",
    "Trains a model on a file as one job: samples, grades, trains, evaluates and saves, in a process of its own; ends what it made, and its billing. estimate_only true first: it checks the rows, and says the most that it can cost.",
    Toolset::Train,
    Effect::Add,
)
.at_hand()
.that_reaches_services();

/// How a run is.
#[cfg(feature = "text")]
pub(crate) const GET_TRAINING: Spec = Spec::local(
    "get-training",
    "Get training",
    "Shows a run of start-training: step, curve, last figures, evaluations, alarms, cost, and at the end its checkpoints and report. Waits for its end; call it again while it works.",
    Toolset::Train,
    Effect::Read,
);

/// The end of a run.
#[cfg(feature = "text")]
pub(crate) const STOP_TRAINING: Spec = Spec::local(
    "stop-training",
    "Stop training",
    "Ends a run after the step that it is at, saves what it has learned, and ends what it made. resume-training can go on with it.",
    Toolset::Train,
    Effect::Set,
)
.that_reaches_services()
.that_ends();

/// Going on with a run.
#[cfg(feature = "text")]
pub(crate) const RESUME_TRAINING: Spec = Spec::local(
    "resume-training",
    "Resume training",
    "Goes on with a run that was interrupted, stopped or has failed, from its last step, or from its last checkpoint if the session is gone: then GPUs are made again, which bill.",
    Toolset::Train,
    Effect::Add,
)
.that_reaches_services();

/// A slice of a stored result.
pub(crate) const READ_RESULT: Spec = Spec::local(
    "read-result",
    "Read stored result",
    "Shows a part of a JSON file that another tool stored (the file of its answer). Only to look: build-training-batch reads the files itself.",
    Toolset::Local,
    Effect::Read,
);

/// The journal in short.
pub(crate) const LIST_RECENT_ACTIVITY: Spec = Spec::local(
    "list-recent-activity",
    "List recent activity",
    "What was done from this machine, for a new conversation or after a crash: what may still bill, sessions, checkpoints, calls of unknown outcome and what to do about them, batch files.",
    Toolset::Local,
    Effect::Read,
)
.at_hand();
