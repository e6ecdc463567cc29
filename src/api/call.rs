//! One call of one tool, and what it comes to.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::json::Object;
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

    /// A member of the answer, if it is an object that has it and of this type.
    #[must_use]
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let object: Object = serde_json::from_str(&self.0).ok()?;
        serde_json::from_str(object.get(name)?.get()).ok()
    }

    /// The answer with a member more, in the server's own words; an answer that is no object stays as it is, since
    /// nothing that was done may be lost.
    #[must_use]
    pub fn with(self, name: &str, value: &impl Serialize) -> Self {
        let extended = || {
            let mut object: Object = serde_json::from_str(&self.0).ok()?;
            object.set(name, serde_json::value::to_raw_value(value).ok()?);
            serde_json::to_string(&object).ok()
        };
        extended().map_or(self, Self)
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

    /// The same call with at most this much time left, for a step that it can do without.
    #[must_use]
    pub fn hurried(&self, limit: Duration) -> Self {
        let deadline = self.deadline.min(Instant::now() + limit);
        Self { deadline, ..*self }
    }

    /// A request by the tool's own row.
    #[must_use]
    pub const fn request(&'a self) -> Request<'a> {
        Request::new(self, self.spec)
    }
}
