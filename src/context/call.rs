//! One call of one tool.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Context, Request};
use crate::client::{Answer, Asker, Outgoing, Relay};
use crate::error::ToolError;
use crate::spec::Spec;

/// One call of one tool.
#[derive(Clone)]
pub struct Call<'a> {
    /// What all calls share.
    pub context: &'a Arc<Context>,
    /// The tool's row.
    pub spec: &'static Spec,
    /// When it began.
    pub started: Instant,
    /// When its requests must have ended.
    pub deadline: Instant,
    doing: watch::Sender<CallProgress>,
    relay: Option<Arc<Relay>>,
}

/// What a call is doing, for hosts that asked for progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallProgress {
    /// In words, such as `forward-backward running`; `None`: waiting for the service.
    pub what: Option<String>,
    /// How many bytes of how many, where that is what counts.
    pub bytes: Option<(u64, u64)>,
}

impl<'a> Call<'a> {
    /// A call of `spec` that starts now.
    #[must_use]
    pub fn new(context: &'a Arc<Context>, spec: &'static Spec) -> Self {
        let started = Instant::now();
        Self {
            context,
            spec,
            started,
            deadline: started + context.config().call_timeout,
            doing: watch::Sender::default(),
            relay: None,
        }
    }

    /// The same call for somebody who wants what the service says to the request of the tool's row, as it comes, and nothing
    /// else: no waiting, no files, and no further requests.
    #[cfg(feature = "http")]
    #[must_use]
    pub(crate) fn relayed(self, relay: Arc<Relay>) -> Self {
        Self {
            relay: Some(relay),
            ..self
        }
    }

    /// Where the service's answer is passed on, if that is all that is wanted.
    #[must_use]
    pub(crate) const fn relay(&self) -> Option<&Arc<Relay>> {
        self.relay.as_ref()
    }

    /// The same call with at most this much time left, for a step that it can do without.
    #[must_use]
    pub fn hurried(&self, limit: Duration) -> Self {
        let deadline = self.deadline.min(Instant::now() + limit);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same call with at least this much time left, for a step that its result depends on.
    #[must_use]
    pub fn with_time(&self, least: Duration) -> Self {
        let deadline = self.deadline.max(Instant::now() + least);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// Says what the call is doing now.
    pub fn report(&self, doing: CallProgress) {
        self.doing.send_replace(doing);
    }

    /// What the call is doing, as it says.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<CallProgress> {
        self.doing.subscribe()
    }

    /// Sends what is already a request, by no row of its own.
    pub(crate) async fn exchange(&self, outgoing: &Outgoing) -> Result<Answer, ToolError> {
        let asker = Asker {
            tool: self.spec,
            deadline: self.deadline,
        };
        self.context.client.exchange(asker, outgoing).await
    }

    /// A request by the tool's own row.
    #[must_use]
    pub const fn request(&'a self) -> Request<'a> {
        Request::new(self, self.spec)
    }
}
