//! What calls do to the world.

/// What a call does to the world, as the service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Starts an operation under an `Idempotency-Key`: the same key and body start it only once.
    Submit,
    /// Changes something to a given state; doing it twice is the same as once.
    Set,
    /// Starts or changes something with no protection against doing it twice.
    Add,
    /// Ends or removes something for good.
    Destroy {
        /// Whether removing it twice is the same as once.
        idempotent: bool,
    },
}

impl Effect {
    /// Whether a call whose answer was lost may be sent again without asking anybody.
    #[must_use]
    pub const fn repeatable(self) -> bool {
        matches!(
            self,
            Self::Read | Self::Submit | Self::Set | Self::Destroy { idempotent: true }
        )
    }

    /// The MCP hint `readOnlyHint`.
    #[must_use]
    pub const fn read_only(self) -> bool {
        matches!(self, Self::Read)
    }

    /// The MCP hint `destructiveHint`.
    #[must_use]
    pub const fn destructive(self) -> bool {
        matches!(self, Self::Destroy { .. })
    }

    /// The MCP hint `idempotentHint`. False for [`Effect::Submit`]: calling the *tool* twice makes two keys.
    #[must_use]
    pub const fn idempotent(self) -> bool {
        matches!(self, Self::Read | Self::Set | Self::Destroy { idempotent: true })
    }
}
