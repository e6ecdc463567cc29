//! Between a handler and rmcp: what a tool is. [`adapter`] runs it.

pub mod adapter;
mod progress;

use std::pin::Pin;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use crate::api::Request;
use crate::app::App;
use crate::arguments::Accepts;
use crate::error::ToolError;
use crate::problems::Problems;
use crate::schema;
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
    pub app: &'a App,
    /// The tool's row.
    pub spec: &'static Spec,
    /// When the call must have ended.
    pub deadline: Instant,
}

impl<'a> Call<'a> {
    /// A call of `spec` that starts now.
    #[must_use]
    pub fn new(app: &'a App, spec: &'static Spec) -> Self {
        let deadline = Instant::now() + app.api.config().call_timeout;
        Self { app, spec, deadline }
    }

    /// A request by the tool's own row.
    #[must_use]
    pub const fn request(&'a self) -> Request<'a> {
        Request::new(self, self.spec)
    }
}

/// What is particular to one tool.
pub trait Handler: Send + Sync + 'static {
    /// Its row: name, hints, method, path and effect come from there.
    const SPEC: &'static Spec;

    /// Its arguments; their doc comments are what the model reads about them.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;

    /// Rules between the arguments that a schema cannot say.
    fn check(args: &Self::Args, problems: &mut Problems) {
        let _ = (args, problems);
    }

    /// Carries the call out.
    fn call(args: Self::Args, call: &Call<'_>) -> impl Future<Output = Result<Reply, ToolError>> + Send;
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Reply, ToolError>> + Send + 'a>>;

/// A handler as a value, for the list of all tools.
pub struct Entry {
    /// Its row.
    pub spec: &'static Spec,
    schema: fn() -> Value,
    run: for<'a> fn(&'a Call<'a>, &'a Accepts, &'a str) -> Running<'a>,
}

impl Entry {
    /// The entry of a handler.
    #[must_use]
    pub const fn of<H: Handler>() -> Self {
        Self {
            spec: H::SPEC,
            schema: schema::input_schema::<H::Args>,
            run: |call, accepts, raw| {
                Box::pin(async move {
                    let args = accepts
                        .read::<H::Args>(raw, H::check)
                        .map_err(ToolError::Arguments)?;
                    H::call(args, call).await
                })
            },
        }
    }
}

#[cfg(test)]
mod tests;
