//! The key under which the service knows an operation that is submitted twice.

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::error::ToolError;
use crate::error::problems::{Path, Problems};

/// The header of operation calls.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest idempotency key; the service publishes no limit, and this is a common one.
const LONGEST_KEY: usize = 255;

/// To repeat a call of unknown outcome: the key that its error named.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct IdempotencyKey {
    text: String,
    /// Whether it was made here just now; a caller's own may be known to the service.
    #[serde(skip)]
    fresh: bool,
}

impl IdempotencyKey {
    /// A key that nobody has used.
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            text: uuid::Uuid::new_v4().to_string(),
            fresh: true,
        }
    }

    /// Whether the caller gave it: the service may know it.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !self.fresh
    }

    /// The key itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key itself, owned.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// The header's value, or what is wrong with the key.
    pub fn header(&self) -> Result<HeaderValue, ToolError> {
        let usable = (1..=LONGEST_KEY).contains(&self.text.len())
            && self.text.bytes().all(|byte| byte.is_ascii_graphic());
        HeaderValue::from_str(&self.text)
            .ok()
            .filter(|_| usable)
            .ok_or_else(|| {
                ToolError::Arguments(Problems::one(
                    &Path::Root.key("idempotency_key"),
                    format!("is 1 to {LONGEST_KEY} visible ASCII characters, without spaces"),
                ))
            })
    }
}
