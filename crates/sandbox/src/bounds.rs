//! How much the services keep; `docs/sandbox.md` lists it. What has ended goes first, the oldest before the others, and
//! what is still in use stays: where that alone is too much, something new is refused.

/// The bounds. They are values, so that tests need not fill the real ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Model resources that have ended.
    pub(crate) ended_resources: usize,
    /// Model resources that have not.
    pub(crate) resources: usize,
    /// Training sessions that have ended, with their operations.
    pub(crate) ended_sessions: usize,
    /// Finished operations of all sessions, with their idempotency keys and outputs.
    pub(crate) finished_operations: usize,
    /// Bytes of these outputs.
    pub(crate) output_bytes: usize,
    /// Operations of all sessions that wait.
    pub(crate) waiting_operations: usize,
    /// Bytes of the bodies of these.
    pub(crate) waiting_bytes: usize,
    /// Uploaded payloads.
    pub(crate) uploads: usize,
    /// Bytes of these. One of the largest size has to fit.
    pub(crate) upload_bytes: usize,
    /// Checkpoints.
    pub(crate) checkpoints: usize,
    /// Runs that have ended. PAUSED ones do not count, as they can be resumed.
    pub(crate) ended_runs: usize,
    /// Rows of metrics of these.
    pub(crate) ended_rows: usize,
    /// Runs that have not ended.
    pub(crate) runs: usize,
    /// Volumes.
    pub(crate) volumes: usize,
}

/// The largest payload that can be uploaded, in bytes.
pub(crate) const LARGEST_PAYLOAD: usize = 1 << 30;
/// The longest run, in steps; each leaves a row of metrics.
pub(crate) const MOST_STEPS: u64 = 10_000;
/// The newest steps of a run whose samples are kept.
pub(crate) const STEPS_WITH_SAMPLES: usize = 100;
/// The newest lines of a run's log that are kept.
pub(crate) const LOG_LINES: usize = 20_000;

impl Bounds {
    /// Those of a sandbox.
    pub(crate) const SANDBOX: Self = Self {
        ended_resources: 200,
        resources: 1000,
        ended_sessions: 200,
        finished_operations: 10_000,
        output_bytes: 512 << 20,
        waiting_operations: 1000,
        waiting_bytes: 1 << 30,
        uploads: 1000,
        upload_bytes: LARGEST_PAYLOAD,
        checkpoints: 200,
        ended_runs: 100,
        ended_rows: 100_000,
        runs: 1000,
        volumes: 1000,
    };
}
