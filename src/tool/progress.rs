//! Progress notifications, for hosts that asked for them.

use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::time::{Instant, interval_at};

use crate::spec::Spec;

/// How often a waiting host hears that the call is still under way.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// Progress notifications for a request that asked for them.
pub(super) struct Progress<'a> {
    asked: Option<(ProgressToken, &'a Peer<RoleServer>)>,
    spec: &'static Spec,
    started: Instant,
    ticks: tokio::time::Interval,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a RequestContext<RoleServer>, spec: &'static Spec) -> Self {
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
    pub(super) async fn tick(&mut self) {
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
