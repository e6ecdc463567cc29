//! The files of built batches: after a crash nobody remembers what they are called.

use std::time::Duration;

use serde::Serialize;

use super::{Activity, FEW, tally};
use crate::files::Listed;
use crate::redact::clean;

/// A file that build-training-batch wrote.
#[derive(Serialize)]
pub(super) struct Batch {
    path: String,
    time: String,
}

impl Activity {
    /// Adds those of `files`, which are all and the newest first, that are no older than `longest`; by default a few.
    #[must_use]
    pub fn with_batches(mut self, files: &[Listed], longest: Duration, limit: Option<usize>) -> Self {
        let is_recent = |file: &&Listed| file.modified.elapsed().map_or(true, |age| age <= longest);
        let recent: Vec<&Listed> = files.iter().filter(is_recent).collect();
        let shown = recent.iter().take(limit.unwrap_or(FEW));
        let batch = |file: &&Listed| Batch {
            path: clean::text(&file.path.to_string_lossy()),
            time: humantime::format_rfc3339_seconds(file.modified).to_string(),
        };
        self.batches = shown.map(batch).collect();
        let left = recent.len() - self.batches.len();
        let hint = "(limit shows more, read-result lists their directory)";
        self.left_out.extend(tally(left, ["batch", "batches"], hint));
        self
    }
}
