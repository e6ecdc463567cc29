//! What several benchmarks need.

/// The middle of some times, or 0 of none.
pub(crate) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A figure of `/proc/PID/status`.
#[allow(dead_code, reason = "not each benchmark reads memory")]
pub(crate) fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
