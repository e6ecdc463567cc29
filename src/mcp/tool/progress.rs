//! Progress notifications, for hosts that asked for them.

use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::context::{Call, CallProgress};
use crate::spec::Spec;

/// The longest that a waiting host hears nothing.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// The same while bytes are counted.
const BYTES_INTERVAL: Duration = Duration::from_secs(1);
/// Each notification has to be above the one before, even if nothing more was done.
const LEAST_STEP: f64 = 0.001;

/// The notifications of one call. Dropping it ends them too.
pub(super) struct Progress(Option<(JoinHandle<()>, DropGuard)>);

impl Progress {
    pub(super) fn start(request: &RequestContext<RoleServer>, call: &Call<'_>) -> Self {
        let Some(token) = request.meta.get_progress_token() else {
            return Self(None);
        };
        let ended = CancellationToken::new();
        let teller = Teller {
            token,
            peer: request.peer.clone(),
            spec: call.spec,
            started: call.started,
            doing: call.progress(),
            last: 0.0,
        };
        // A task of its own: sending waits for the host to read, and the call itself must not.
        let task = tokio::spawn(teller.run(ended.clone()));
        Self(Some((task, ended.drop_guard())))
    }

    /// Ends the notifications: none comes after the answer. One that a slow host keeps waiting is not given up, since it
    /// could be written later; the answer has to pass the same pipe.
    pub(super) async fn stop(self) {
        if let Some((task, ended)) = self.0 {
            drop(ended);
            let _ = task.await;
        }
    }
}

struct Teller {
    token: ProgressToken,
    peer: Peer<RoleServer>,
    spec: &'static Spec,
    started: Instant,
    doing: watch::Receiver<CallProgress>,
    last: f64,
}

impl Teller {
    async fn run(mut self, ended: CancellationToken) {
        let mut told = CallProgress::default();
        let mut silent_since = self.started;
        loop {
            let interval = if told.bytes.is_some() {
                BYTES_INTERVAL
            } else {
                LONGEST_SILENCE
            };
            tokio::select! {
                biased;
                () = ended.cancelled() => return,
                () = sleep_until(silent_since + interval) => {}
                Ok(()) = self.doing.changed() => {}
            }
            let now = self.doing.borrow_and_update().clone();
            let due = silent_since.elapsed() >= interval;
            // Bytes alone wait for their turn.
            if !due && now.what == told.what {
                told.bytes = now.bytes;
                continue;
            }
            told = now;
            silent_since = Instant::now();
            self.tell(&told).await;
        }
    }

    async fn tell(&mut self, doing: &CallProgress) {
        let seconds = self.started.elapsed().as_secs_f64();
        let what = doing.what.clone().unwrap_or_else(|| match self.spec.service {
            Some(service) if !self.spec.is_local() => {
                format!("{}: waiting for {}", self.spec.name, service.name())
            }
            _ => format!("{}: working", self.spec.name),
        });
        let (done, message) = match doing.bytes {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
            Some((done, _)) => (done as f64, what),
            None => (seconds, format!("{what}, {seconds:.0} s")),
        };
        self.last = done.max(self.last + LEAST_STEP);
        let mut notification = ProgressNotificationParam::new(self.token.clone(), self.last);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
        if let Some((_, total)) = doing.bytes {
            notification.total = Some(total as f64);
        }
        notification.message = Some(message);
        // A host that is gone hears nothing.
        let _ = self.peer.notify_progress(notification).await;
    }
}
