//! What a call says of a download.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Job, Wanted};
use crate::context::Reply;
use crate::spec::DOWNLOAD_CHECKPOINT;

/// The answer of a call: what is there if the download has ended, having taken so long, else how far it is and the call
/// that joins it.
#[must_use]
pub(crate) fn reply(wanted: &Wanted, job: &Job, took: Option<Duration>) -> Reply {
    let directory = wanted.directory.display().to_string();
    let report = if let Some(took) = took {
        let stored = job.files().iter().map(|file| {
            let path = wanted.directory.join(&file.name);
            json!({"path": path.display().to_string(), "size": file.size})
        });
        json!({
            "directory": directory,
            "state": "complete",
            "bytes_total": job.bytes_total(),
            "files": stored.collect::<Value>(),
            "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        })
    } else {
        let coming = job
            .files()
            .iter()
            .map(|file| json!({"name": file.name, "size": file.size, "done": file.done()}));
        let arguments = json!({
            "id": wanted.checkpoint_id,
            "variant": wanted.variant,
            "directory": directory,
        });
        json!({
            "directory": directory,
            "state": "downloading",
            "bytes_done": job.bytes_done(),
            // Not known before the service has listed the files.
            "bytes_total": job.is_listed().then(|| job.bytes_total()),
            "files": coming.collect::<Value>(),
            "next": {"tool": DOWNLOAD_CHECKPOINT.name, "arguments": arguments},
        })
    };
    Reply::new(report.to_string())
}
