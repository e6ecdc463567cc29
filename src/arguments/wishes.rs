//! Names by which somebody wants of a call what another one does: ignoring them would lose it, and a list of other names
//! does not say where it is.

use crate::spec::{
    CREATE_TRAINING_SESSION, DOWNLOAD_CHECKPOINT, OPTIMIZER_STEP, SAVE_TRAINING_CHECKPOINT,
    STOP_MODEL_RESOURCE, STOP_TRAINING_SESSION, Spec, WEIGHTS_SYNC,
};

/// The tool that does it, when it is to be called, and the names that ask for it.
type Wish = (&'static Spec, &'static str, &'static [&'static str]);

const FIRST: &str = "before this one";
const AFTER: &str = "after this one";

const WISHES: &[Wish] = &[
    (
        &SAVE_TRAINING_CHECKPOINT,
        FIRST,
        &[
            "save",
            "save_checkpoint",
            "save_training_checkpoint",
            "save_first",
            "save_model",
            "save_state",
            "save_weights",
            "final_checkpoint",
        ],
    ),
    (
        &WEIGHTS_SYNC,
        AFTER,
        &[
            "sync",
            "sync_weights",
            "weights_sync",
            "weight_sync",
            "publish",
            "publish_weights",
            "update_weights",
        ],
    ),
    (
        &OPTIMIZER_STEP,
        AFTER,
        &["optimizer_step", "optim_step", "apply_gradients", "zero_grad"],
    ),
    (
        &CREATE_TRAINING_SESSION,
        AFTER,
        &["create_session", "create_training_session", "start_session"],
    ),
    (
        &STOP_TRAINING_SESSION,
        AFTER,
        &["stop", "stop_session", "end_session", "close_session"],
    ),
    (
        &STOP_MODEL_RESOURCE,
        AFTER,
        &[
            "stop_resource",
            "stop_model_resource",
            "stop_model_resources",
            "delete_resource",
            "release",
            "release_gpus",
            "shutdown",
            "terminate",
        ],
    ),
    (
        &DOWNLOAD_CHECKPOINT,
        AFTER,
        &[
            "download",
            "download_path",
            "download_dir",
            "export",
            "export_path",
            "output_dir",
            "output_path",
            "save_dir",
            "save_path",
            "local_dir",
            "local_path",
        ],
    ),
];

/// Graders are part of a binary that knows text.
#[cfg(feature = "text")]
const GRADING: Option<Wish> = Some((
    &crate::spec::GRADE_COMPLETIONS,
    "after this one",
    &[
        "grade",
        "grader",
        "reward",
        "reward_fn",
        "reward_function",
        "reward_funcs",
    ],
));
#[cfg(not(feature = "text"))]
const GRADING: Option<Wish> = None;

/// Names by which somebody says that a call is to wait, or how long.
const WAITING: [&str; 11] = [
    "wait",
    "block",
    "blocking",
    "poll",
    "async",
    "wait_for_completion",
    "wait_until_done",
    "timeout",
    "timeout_s",
    "timeout_seconds",
    "max_wait",
];
/// The argument that says it.
pub(super) const WAIT_SECONDS: &str = "wait_seconds";

/// What to say about such a name where there is that argument.
pub(super) fn waiting(name: &str) -> Option<String> {
    WAITING.contains(&name).then(|| {
        format!("is called {WAIT_SECONDS} here, a number of seconds: 0 does not wait, and without it the call waits a while by itself")
    })
}

/// What to say in a call of the tool `spec` about a name by which another one is meant.
pub(super) fn wish(spec: &Spec, name: &str) -> Option<String> {
    let all = WISHES.iter().chain(&GRADING);
    let (tool, when, _) = all
        .filter(|(tool, ..)| tool.name != spec.name)
        .find(|(.., names)| names.contains(&name))?;
    Some(format!(
        "is not done here: {} does it, in a call {when}",
        tool.name
    ))
}
