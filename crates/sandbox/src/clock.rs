//! The time of the sandbox.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

/// The time. What the services merely wait for passes faster than on the real ones; timestamps are real.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    speed: f64,
    /// The same moment by both clocks: the second one can be stopped in tests.
    began: (SystemTime, Instant),
}

impl Clock {
    /// A clock that divides waits by `speed`.
    pub(crate) fn new(speed: f64) -> Self {
        Self {
            speed,
            began: (SystemTime::now(), Instant::now()),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> SystemTime {
        self.began.0 + self.began.1.elapsed()
    }

    /// How long a wait of so many seconds takes here.
    pub(crate) fn scaled(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds / self.speed).unwrap_or(Duration::MAX)
    }

    /// Waits as long as so many seconds take here.
    pub(crate) async fn wait(&self, seconds: f64) {
        sleep(self.scaled(seconds)).await;
    }

    /// Now, as the services write it.
    pub(crate) fn stamp(&self) -> String {
        stamp(self.now())
    }
}

/// A time as RFC 3339, in UTC with milliseconds.
pub(crate) fn stamp(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
