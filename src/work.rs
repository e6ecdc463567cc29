//! Work over large texts, which must not hold up the one thread that answers all calls.

use crate::error::ToolError;

/// From this length on, in bytes; for shorter texts the way to another thread takes longer than the work.
const LARGE: usize = 256 << 10;

/// Runs what may wait for the disk, or takes long, where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ToolError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ToolError::Internal(format!("work on files broke off: {error}")))
}

/// Fails unless work over sixteen times as much takes about as long as doing the smaller work sixteen times; quadratic work
/// takes sixteen times as long. Both are as much work and so feel a loaded machine alike, and the fastest of several tries
/// counts.
#[cfg(test)]
pub(crate) fn assert_linear(what: &str, work: impl Fn(usize)) {
    use std::time::{Duration, Instant};
    const SMALL: usize = 40_000;
    const TIMES: usize = 16;
    let timed = |times: usize, size: usize| {
        let started = Instant::now();
        (0..times).for_each(|_| work(size));
        started.elapsed()
    };
    let (mut often, mut once) = (Duration::MAX, Duration::MAX);
    for tries in 1.. {
        often = often.min(timed(TIMES, SMALL));
        once = once.min(timed(1, TIMES * SMALL));
        if once < often * 4 + Duration::from_millis(5) {
            return;
        }
        assert!(tries < 6, "{what}: {often:?} became {once:?}");
    }
}

/// Whether a text of this length is large.
#[must_use]
pub(crate) const fn is_large(bytes: usize) -> bool {
    bytes >= LARGE
}

/// Does work over so many bytes: at once, or where it holds up nobody.
pub(crate) async fn over<T: Send + 'static>(
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
        let on = |bytes| over(bytes, || thread::current().id());
        assert_eq!(on(LARGE - 1).await.unwrap(), here);
        assert_ne!(on(LARGE).await.unwrap(), here);
    }
}
