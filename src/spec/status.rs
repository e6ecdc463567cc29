//! Statuses: on the wire those of each kind of thing begin alike, and end with a word.

/// The statuses of one kind of thing.
#[derive(Clone, Copy)]
pub(crate) struct Status(&'static str);

impl Status {
    /// Of an operation of a training session.
    pub(crate) const OPERATION: Self = Self("TRAINING_OPERATION_STATUS_");
    /// Of a training session.
    pub(crate) const SESSION: Self = Self("TRAINING_SESSION_STATUS_");
    /// Of a model resource.
    pub(crate) const RESOURCE: Self = Self("MODEL_RESOURCES_STATUS_");
    /// Of a run.
    pub(crate) const RUN: Self = Self("");

    /// What all of them begin with.
    pub(crate) const fn prefix(self) -> &'static str {
        self.0
    }

    /// The word of a status, if it is one of these.
    pub(crate) fn word(self, status: &str) -> Option<&str> {
        status.strip_prefix(self.0)
    }

    /// The word of a status, or all of one that is of another form.
    pub(crate) fn short(self, status: &str) -> &str {
        self.word(status).unwrap_or(status)
    }
}
