//! Work over large texts, which must not hold up the one thread that answers all calls.

use crate::error::ToolError;
use crate::files::blocking;

/// From this length on, in bytes; for shorter texts the way to another thread takes longer than the work.
const LARGE: usize = 256 << 10;

/// Fails unless work over eight times as much takes about eight times as long: quadratic work takes sixty-four times as
/// long. The fastest of several tries counts, as what a loaded machine adds is not the work's.
#[cfg(test)]
pub(crate) fn assert_linear(what: &str, work: impl Fn(usize)) {
    use std::time::{Duration, Instant};
    const LEAST: usize = 40_000;
    let fastest = |size: usize| {
        let tries = (0..5).map(|_| {
            let started = Instant::now();
            work(size);
            started.elapsed()
        });
        tries.min().unwrap_or_default()
    };
    let (small, large) = (fastest(LEAST), fastest(8 * LEAST));
    let limit = small * 28 + Duration::from_millis(5);
    assert!(large < limit, "{what}: {small:?} became {large:?}");
}

/// Whether a text of this length is large.
#[must_use]
pub const fn is_large(bytes: usize) -> bool {
    bytes >= LARGE
}

/// Does work over so many bytes: at once, or where it holds up nobody.
pub async fn work<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ToolError> {
    if is_large(bytes) {
        blocking(work).await
    } else {
        Ok(work())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn only_large_texts_are_worked_on_elsewhere() {
        let here = thread::current().id();
        let on = |bytes| work(bytes, || thread::current().id());
        assert_eq!(on(LARGE - 1).await.unwrap(), here);
        assert_ne!(on(LARGE).await.unwrap(), here);
    }
}
