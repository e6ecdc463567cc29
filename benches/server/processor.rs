//! What Linux tells about a process: its memory, and how long its threads were at work. Elsewhere: nothing.

use std::fs;
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time on a processor, and time in the queue for one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) running: Duration,
    pub(crate) waiting: Duration,
}

impl Work {
    /// Of all threads of a process.
    pub(crate) fn of_process(id: u32) -> Option<Self> {
        let mut sum = Self::default();
        for thread in fs::read_dir(format!("/proc/{id}/task")).ok()? {
            let work = Self::of_thread(&thread.ok()?.path())?;
            sum.running += work.running;
            sum.waiting += work.waiting;
        }
        Some(sum)
    }

    /// Of the calling thread.
    pub(crate) fn of_this_thread() -> Option<Self> {
        Self::of_thread(Path::new("/proc/thread-self"))
    }

    /// Of the thread with this directory.
    pub(crate) fn of_thread(directory: &Path) -> Option<Self> {
        let text = fs::read_to_string(directory.join("schedstat")).ok()?;
        let mut nanoseconds = text.split_whitespace().map(str::parse);
        let mut next = || Some(Duration::from_nanos(nanoseconds.next()?.ok()?));
        Some(Self {
            running: next()?,
            waiting: next()?,
        })
    }
}

impl Sub for Work {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            running: self.running.saturating_sub(before.running),
            waiting: self.waiting.saturating_sub(before.waiting),
        }
    }
}

/// The directory of the calling thread, for other threads to look into.
pub(crate) fn this_thread() -> Option<PathBuf> {
    let thread = fs::read_link("/proc/thread-self").ok()?;
    Some(Path::new("/proc").join(thread))
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident(id: u32) -> Option<f64> {
    memory(id, "VmRSS:")
}

/// The most that it was, in bytes.
pub(crate) fn peak(id: u32) -> Option<f64> {
    memory(id, "VmHWM:")
}

fn memory(id: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}
