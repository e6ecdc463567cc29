//! The log: lines on standard error, without secrets.

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LOG;
use crate::redact::Redactor;
use crate::stderr;

/// Starts the log with the filter of [`LOG`], `level` or `target=level,…`.
pub(crate) fn start(filter: Option<&str>, redactor: Arc<Redactor>) -> Result<(), String> {
    let text = filter.unwrap_or("warn");
    let filter = read(text).ok_or_else(|| {
        format!("{LOG}: `{text}` is not a log filter: write a level (error, warn, info, debug, trace) or target=level,…")
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Stderr(redactor))
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|error| error.to_string())?;
    // The one that comes with Rust writes to standard error itself, and would wait there for ever.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}

fn read(text: &str) -> Option<Targets> {
    // The library takes any other word for a target, and then logs nothing else.
    let is_level = |part: &str| {
        part.trim()
            .parse::<LevelFilter>()
            .is_ok_and(|_| !part.trim().is_empty())
    };
    if !text.split(',').all(|part| part.contains('=') || is_level(part)) {
        return None;
    }
    let filter: Targets = text.parse().ok()?;
    // rmcp warns about each slip of a model, which is answered as one; below that it writes whole messages, with the
    // presigned URLs that a result may hold. Who wants that has to name it.
    let level = filter.default_level().unwrap_or(LevelFilter::OFF);
    let quiet = if level <= LevelFilter::WARN {
        level.min(LevelFilter::ERROR)
    } else {
        LevelFilter::WARN
    };
    // Its loop calls it an error that a client has gone before its answer came.
    let unanswered = if level <= LevelFilter::WARN {
        LevelFilter::OFF
    } else {
        quiet
    };
    let named = filter.iter().any(|(target, _)| target.starts_with("rmcp"));
    Some(if named {
        filter
    } else {
        filter
            .with_target("rmcp", quiet)
            .with_target("rmcp::service", unanswered)
    })
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
        stderr::write(self.redactor.scrub(&text).into_owned());
    }
}
