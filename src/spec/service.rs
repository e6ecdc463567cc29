//! The services, and how they are called.

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Together AI: reinforcement learning step by step.
    Together,
    /// Prime Intellect: a whole run in one call.
    Prime,
}

impl Service {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Together => Self::Prime,
            Self::Prime => Self::Together,
        }
    }

    /// The service's name as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Together => "Together AI",
            Self::Prime => "Prime Intellect",
        }
    }

    /// The variables that may hold its key, the one that wins first.
    #[must_use]
    pub const fn key_variables(self) -> &'static [&'static str] {
        match self {
            Self::Together => &["TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"],
            Self::Prime => &["PRIME_API_KEY"],
        }
    }

    /// The variables that may hold its base URL, the one that wins first.
    #[must_use]
    pub const fn base_url_variables(self) -> &'static [&'static str] {
        match self {
            Self::Together => &["TOGETHER_BASE_URL"],
            Self::Prime => &["PRIME_API_BASE_URL", "PRIME_BASE_URL"],
        }
    }
}
