//! The one adapter between a handler and rmcp: deadline, cancellation, panics, and redaction of what goes out.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Tool, ToolAnnotations};
use rmcp::service::{RequestContext, RoleServer};
use tokio::time::sleep_until;

use super::Entry;
use super::progress::Progress;
use super::{body_path, output, unrecorded};
use crate::arguments::schema;
use crate::arguments::{Accepts, Others};
use crate::context::{Call, Context};
use crate::error::ToolError;
use crate::spec::Spec;

/// The requests of a call keep its deadline themselves and can say what was done; this is for what they miss.
const DEADLINE_SLACK: Duration = Duration::from_secs(5);
/// The longest text of a failure, in characters.
const LONGEST_FAILURE: usize = 9_500;

/// A tool that is offered: what clients see of it, and how it is run.
pub(crate) struct Offered {
    entry: &'static Entry,
    accepts: Accepts,
    tool: Tool,
}

impl Offered {
    /// Prepares an entry. Arguments that none of the `others` takes are ignored.
    #[must_use]
    pub(crate) fn new(entry: &'static Entry, others: Others) -> Self {
        let schema = entry.schema();
        let Spec {
            name,
            title,
            description,
            ..
        } = entry.spec;
        let mut tool = Tool::new(*name, *description, Arc::default());
        tool.title = Some((*title).to_owned());
        tool.annotations = Some(annotations(entry.spec));
        tool.meta = entry.spec.at_hand.then(at_hand);
        let accepts = Accepts::new(&schema).ignoring_others(others.of(entry.spec));
        let mut schema = schema::published(schema);
        body_path::publish(&mut schema);
        tool.input_schema = Arc::new(schema);
        Self { entry, accepts, tool }
    }

    /// The tool as clients see it.
    #[must_use]
    pub(crate) const fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Runs the tool on `raw`, the JSON text of its arguments. Always ends: with an answer, at the deadline, or
    /// when `context` is cancelled, which drops the request that is under way.
    pub(crate) async fn call(
        &self,
        context: &Arc<Context>,
        raw: &str,
        request: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        let call = Call::new(context, self.entry.spec);
        let mut unfinished = Unfinished(Some(self.entry.spec));
        let progress = Progress::start(request, &call);
        let result = self.watch(&call, raw, request).await;
        progress.stop().await;
        let unwritten = context.journal().settled().await;
        let unwritten = unwritten.filter(|_| unrecorded::concerns(self.entry.spec, &result));
        if !matches!(result, Err(ToolError::Cancelled)) {
            unfinished.0 = None;
        }
        let result = result.unwrap_or_else(|error| failure(context, &error));
        match unwritten {
            Some(problem) => unrecorded::say(result, &context.redactor().scrub_owned(problem)),
            None => result,
        }
    }

    async fn watch(
        &self,
        call: &Call<'_>,
        raw: &str,
        request: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let answered = async {
            let reply = self.entry.run(call, &self.accepts, raw).await?;
            Ok(output::success(call, reply, request).await)
        };
        let mut run = pin!(AssertUnwindSafe(answered).catch_unwind());
        let config = call.context.config();
        let longest = config.call_timeout.max(config.max_wait);
        tokio::select! {
            biased;
            () = request.ct.cancelled() => Err(ToolError::Cancelled),
            result = &mut run => {
                result.unwrap_or_else(|panic| Err(ToolError::Internal(panic_message(&*panic))))
            }
            () = sleep_until(call.started + longest + DEADLINE_SLACK) => Err(ToolError::Deadline(longest)),
        }
    }
}

/// How a tool says that it is to be there from the start.
fn at_hand() -> MetaObject {
    let mut meta = MetaObject::new();
    meta.0.insert("anthropic/alwaysLoad".to_owned(), true.into());
    meta
}

fn annotations(spec: &Spec) -> ToolAnnotations {
    let effect = spec.effect;
    ToolAnnotations::new()
        .read_only(effect.read_only())
        .destructive(effect.destructive())
        .idempotent(effect.idempotent())
        .open_world(spec.open_world)
}

/// What the model reads about a failure. Secrets are taken out here, and out of a success in `output.rs`: the two doors
/// through which results leave.
fn failure(context: &Context, error: &ToolError) -> CallToolResult {
    let text = context.redactor().scrub_owned(error.to_string());
    let end = text
        .char_indices()
        .nth(LONGEST_FAILURE)
        .map_or(text.len(), |(end, _)| end);
    CallToolResult::error(vec![ContentBlock::text(text.get(..end).unwrap_or(&text))])
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
