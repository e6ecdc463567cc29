//! One call of one tool, and what it comes to.

use tokio::time::Instant;

use super::{Api, Request};
use crate::spec::Spec;

/// The JSON text of a successful answer, mostly the service's own.
#[derive(Debug)]
pub struct Reply(String);

impl Reply {
    /// An answer with this JSON text.
    #[must_use]
    pub const fn new(json: String) -> Self {
        Self(json)
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The JSON text, owned.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// One call of one tool.
pub struct Call<'a> {
    /// What all calls share.
    pub api: &'a Api,
    /// The tool's row.
    pub spec: &'static Spec,
    /// When the call must have ended.
    pub deadline: Instant,
}

impl<'a> Call<'a> {
    /// A call of `spec` that starts now.
    #[must_use]
    pub fn new(api: &'a Api, spec: &'static Spec) -> Self {
        let deadline = Instant::now() + api.config().call_timeout;
        Self { api, spec, deadline }
    }

    /// A request by the tool's own row.
    #[must_use]
    pub const fn request(&'a self) -> Request<'a> {
        Request::new(self, self.spec)
    }
}
