//! The rows of the tools that the journal's lines are about.

use crate::spec::Spec;

/// The rows of all tools, whoever offers them.
#[derive(Clone, Copy)]
pub(super) struct Rows(pub(super) &'static [&'static Spec]);

impl Rows {
    /// The row of a tool.
    pub(super) fn of(self, tool: &str) -> Option<&'static Spec> {
        self.find(|row| row.name == tool)
    }

    /// The first row of this kind.
    pub(super) fn find(self, wanted: impl Fn(&Spec) -> bool) -> Option<&'static Spec> {
        self.0.iter().copied().find(|row| wanted(row))
    }
}
