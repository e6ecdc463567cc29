//! Between a handler and rmcp: what a tool is, and the one adapter that runs it.
//!
//! The adapter holds what is common to all calls: reading and checking the arguments, the deadline,
//! cancellation, progress, panics, and the redaction of what goes out.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rmcp::model::{
    CallToolResult, ContentBlock, ProgressNotificationParam, ProgressToken, Tool, ToolAnnotations,
};
use rmcp::service::{Peer, RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, interval_at, sleep_until};

use crate::api::Request;
use crate::app::App;
use crate::arguments::Accepts;
use crate::error::ToolError;
use crate::problems::Problems;
use crate::schema;
use crate::spec::{Effect, Spec};

/// How often a waiting host hears that the call is still under way.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// The requests of a call keep its deadline themselves and can say what was done; this is for what they miss.
const DEADLINE_SLACK: Duration = Duration::from_secs(1);
/// The longest text of a failure, in characters.
const LONGEST_FAILURE: usize = 9_500;

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

/// A tool that is offered: what clients see of it, and how it is run.
pub struct Offered {
    entry: &'static Entry,
    accepts: Accepts,
    tool: Tool,
}

impl Offered {
    /// Prepares an entry.
    #[must_use]
    pub fn new(entry: &'static Entry) -> Self {
        let schema = (entry.schema)();
        let Spec {
            name,
            title,
            description,
            effect,
            ..
        } = entry.spec;
        let mut tool = Tool::new(*name, *description, Arc::default());
        tool.title = Some((*title).to_owned());
        tool.annotations = Some(annotations(*effect));
        let accepts = Accepts::new(&schema);
        tool.input_schema = Arc::new(schema::published(schema));
        Self { entry, accepts, tool }
    }

    /// The tool as clients see it.
    #[must_use]
    pub const fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Runs the tool on `raw`, the JSON text of its arguments. Always ends: with an answer, at the deadline, or
    /// when `context` is cancelled, which drops the request that is under way.
    pub async fn call(&self, app: &App, raw: &str, context: &RequestContext<RoleServer>) -> CallToolResult {
        let call = Call::new(app, self.entry.spec);
        let mut unfinished = Unfinished(Some(self.entry.spec));
        let result = self.watch(&call, raw, context).await;
        if !matches!(result, Err(ToolError::Cancelled)) {
            unfinished.0 = None;
        }
        finish(app, result)
    }

    async fn watch(
        &self,
        call: &Call<'_>,
        raw: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<Reply, ToolError> {
        let mut run = pin!(AssertUnwindSafe((self.entry.run)(call, &self.accepts, raw)).catch_unwind());
        let mut progress = Progress::new(context, call.spec);
        let last_resort = call.deadline + DEADLINE_SLACK;
        loop {
            tokio::select! {
                biased;
                () = context.ct.cancelled() => return Err(ToolError::Cancelled),
                result = &mut run => {
                    return result.unwrap_or_else(|panic| Err(ToolError::Internal(panic_message(&*panic))));
                }
                () = sleep_until(last_resort) => {
                    return Err(ToolError::Deadline(call.app.api.config().call_timeout));
                }
                () = progress.tick() => {}
            }
        }
    }
}

fn annotations(effect: Effect) -> ToolAnnotations {
    ToolAnnotations::new()
        .read_only(effect.read_only())
        .destructive(effect.destructive())
        .idempotent(effect.idempotent())
        .open_world(true)
}

/// Turns the outcome into what the model reads. The one door through which results leave, so the one place
/// where secrets are taken out of them.
fn finish(app: &App, result: Result<Reply, ToolError>) -> CallToolResult {
    match result {
        Ok(Reply(text)) => CallToolResult::success(vec![ContentBlock::text(app.redactor.scrub_owned(text))]),
        Err(error) => {
            let text = app.redactor.scrub_owned(error.to_string());
            let end = text
                .char_indices()
                .nth(LONGEST_FAILURE)
                .map_or(text.len(), |(end, _)| end);
            CallToolResult::error(vec![ContentBlock::text(text.get(..end).unwrap_or(&text))])
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
        .to_owned()
}

/// Says in the log that a call which may have changed something ended before its outcome was known.
struct Unfinished(Option<&'static Spec>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(spec) = self.0.filter(|spec| !spec.effect.read_only()) {
            tracing::warn!(
                tool = spec.name,
                "given up before its answer came; it may have been carried out"
            );
        }
    }
}

/// Progress notifications for a request that asked for them.
struct Progress<'a> {
    asked: Option<(ProgressToken, &'a Peer<RoleServer>)>,
    spec: &'static Spec,
    started: Instant,
    ticks: tokio::time::Interval,
}

impl<'a> Progress<'a> {
    fn new(context: &'a RequestContext<RoleServer>, spec: &'static Spec) -> Self {
        let started = Instant::now();
        Self {
            asked: context
                .meta
                .get_progress_token()
                .map(|token| (token, &context.peer)),
            spec,
            started,
            ticks: interval_at(started + PROGRESS_INTERVAL, PROGRESS_INTERVAL),
        }
    }

    /// Waits for the next notification that is due and sends it. Never ends when nobody asked.
    async fn tick(&mut self) {
        let Some((token, peer)) = &self.asked else {
            return std::future::pending().await;
        };
        self.ticks.tick().await;
        let seconds = self.started.elapsed().as_secs_f64();
        let mut notification = ProgressNotificationParam::new(token.clone(), seconds);
        notification.message = Some(format!(
            "{}: waiting for {}, {seconds:.0} s",
            self.spec.name,
            self.spec.service.name()
        ));
        let peer = (*peer).clone();
        // Sending waits for the host to read; the call itself must not.
        tokio::spawn(async move { peer.notify_progress(notification).await });
    }
}
