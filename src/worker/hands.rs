//! How a worker calls tools: as an agent does, by name and with JSON, but without a host in between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::arguments::Accepts;
use crate::context::{Call, Context, Reply};
use crate::error::ToolError;
use crate::tools::TOOLS;

/// The requests of a call keep its deadline themselves; this is for what they miss.
const SLACK: Duration = Duration::from_secs(30);

/// Calls tools.
pub(crate) struct Hands {
    context: Arc<Context>,
    /// What each tool accepts, made when it is first called.
    accepts: Mutex<HashMap<&'static str, Arc<Accepts>>>,
}

impl Hands {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            accepts: Mutex::default(),
        }
    }

    pub(super) const fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &'static str, arguments: &Value) -> Result<Reply, ToolError> {
        let entry = TOOLS
            .find(tool)
            .ok_or_else(|| ToolError::Internal(format!("there is no tool {tool}")))?;
        let accepts = {
            let mut known = self.accepts.lock().unwrap_or_else(PoisonError::into_inner);
            let accepts = known
                .entry(tool)
                .or_insert_with(|| Arc::new(Accepts::new(&entry.schema())));
            Arc::clone(accepts)
        };
        let call = Call::new(&self.context, entry.spec);
        let config = self.context.config();
        let longest = config.call_timeout.max(config.max_wait) + SLACK;
        let raw = arguments.to_string();
        timeout(longest, entry.run(&call, &accepts, &raw))
            .await
            .unwrap_or(Err(ToolError::Deadline(longest)))
    }
}

/// Whether a call that failed so may succeed when it is made again: nothing is wrong with it.
pub(crate) fn is_passing(error: &ToolError) -> bool {
    match error {
        ToolError::Call(failure) => {
            failure.cause.passing()
                || matches!(
                    failure.cause,
                    crate::error::Cause::Busy(_) | crate::error::Cause::NoRoom(_)
                )
        }
        ToolError::Deadline(_) => true,
        ToolError::Noted(error, _) => is_passing(error),
        _ => false,
    }
}

/// Whether the service says that there is no such thing, or that it takes nothing any more.
pub(super) fn is_refused(error: &ToolError) -> bool {
    match error {
        ToolError::Call(failure) => failure.may_be_mistaken(),
        ToolError::Noted(error, _) => is_refused(error),
        _ => false,
    }
}
