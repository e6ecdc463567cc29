//! The things that have ids.

/// Each by the name that arguments and the journal have for its id, and in words.
pub(crate) const ID_KINDS: [(&str, &str); 5] = [
    ("model_resources_id", "a model resource"),
    ("session_id", "a training session"),
    ("operation_id", "an operation"),
    ("checkpoint_id", "a checkpoint"),
    ("run_id", "a run"),
];
