//! What a connection that failed means.

use std::error::Error as _;

use crate::error::Cause;

/// What a failure of reqwest means. Its own text is never shown: it prints the whole URL.
pub(crate) fn cause(error: &reqwest::Error) -> Cause {
    let why = causes(error);
    let lower = why.to_ascii_lowercase();
    if !error.is_connect() {
        return Cause::Broken(why);
    }
    if lower.contains("dns error") || lower.contains("failed to lookup") {
        Cause::Dns(why)
    } else if is_tls(error) {
        Cause::Tls(why)
    } else {
        Cause::Unreachable(why)
    }
}

/// Whether rustls is somewhere among the causes. An `io::Error` does not count what it wraps as its source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|inner| is_tls(inner))
        || error.source().is_some_and(is_tls)
}

/// The causes of an error, innermost last, without reqwest's own line.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // Wrappers repeat what they wrap, and hyper's says no more than that there was an error.
        let repeated = parts.last().is_some_and(|last| last.contains(&text));
        if !repeated && !text.starts_with("client error") {
            parts.push(text);
        }
        source = error.source();
    }
    if parts.is_empty() {
        "no further reason given".to_owned()
    } else {
        parts.join(": ")
    }
}
