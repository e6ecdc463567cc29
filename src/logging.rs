//! The log: lines on standard error, without secrets.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LOG;
use crate::redact::Redactor;

/// Starts the log with the filter of [`LOG`], `level` or `target=level,…`.
pub fn start(filter: Option<&str>, redactor: Arc<Redactor>) -> Result<(), String> {
    let filter = match filter.map(str::trim).filter(|filter| !filter.is_empty()) {
        // rmcp warns about each unknown tool, which is a slip of the model and answered as one.
        None => Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("rmcp", LevelFilter::ERROR),
        Some(filter) => filter.parse().map_err(|error| {
            format!(
                "{LOG}: `{filter}` is no log filter ({error}); write a level such as info, or target=level,…"
            )
        })?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Stderr(redactor))
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|error| error.to_string())
}

struct Stderr(Arc<Redactor>);

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            redactor: &self.0,
            text: Vec::new(),
        }
    }
}

/// One event. Gathered first, because a secret may come in pieces; written when it is whole.
struct Line<'a> {
    redactor: &'a Redactor,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // Where the log cannot be written there is nowhere to say so.
        let _ = io::stderr()
            .lock()
            .write_all(self.redactor.scrub(&text).as_bytes());
    }
}
