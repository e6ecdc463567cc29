//! Standard error, which nobody may be reading.
//!
//! A pipe that is full holds up whoever writes to it, for good if its reader never reads. So one thread writes, and
//! everybody else puts lines into its queue. What doesn't fit is dropped and counted; nothing here ever waits for long.
//!
//! In a terminal one line may stay below all others, and change: how something goes.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The most bytes that wait to be written.
const MOST_WAITING: usize = 256 << 10;
/// How long the end of the process waits for the last lines. A reader that reads takes far less.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Takes away what a terminal shows in the line where the cursor is.
const CLEAR: &[u8] = b"\r\x1b[2K";

/// The lines that wait, and whether one is being written.
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// What stays below them, and whether the terminal shows it as it was before it changed.
    below: Vec<u8>,
    below_changed: bool,
    below_shown: bool,
    writing: bool,
    dropped: u64,
}

struct Writer {
    queue: Mutex<Queue>,
    /// There is something to write, or all of it has been written.
    changed: Condvar,
}

impl Queue {
    /// The lines with what stays below them, in the place of what stood there.
    fn above(&mut self, lines: Vec<u8>) -> Vec<u8> {
        let clear = if self.below_shown { CLEAR } else { &[] };
        self.below_changed = false;
        self.below_shown = !self.below.is_empty();
        if clear.is_empty() && self.below.is_empty() {
            return lines;
        }
        [clear, &lines, &self.below].concat()
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds lines to the queue, unless there is no room for them.
    fn add(&self, lines: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes + lines.len() > MOST_WAITING {
            queue.dropped += 1;
            return;
        }
        queue.bytes += lines.len();
        queue.lines.push_back(lines);
        drop(queue);
        self.changed.notify_all();
    }

    /// Changes what stays below all lines; empty: nothing does.
    #[cfg(feature = "text")]
    fn keep_below(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        queue.below = line;
        queue.below_changed = true;
        drop(queue);
        self.changed.notify_all();
    }

    /// The next lines to write, with a word about those that were dropped before.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(lines) = queue.lines.pop_front() {
                queue.bytes -= lines.len();
                queue.writing = true;
                return queue.above(lines);
            }
            if queue.below_changed {
                queue.writing = true;
                return queue.above(Vec::new());
            }
            // Said once there is room again: then somebody reads.
            if queue.dropped > 0 {
                let dropped = std::mem::take(&mut queue.dropped);
                queue.writing = true;
                let lines =
                    format!("rl-mcp: {dropped} log lines were dropped: standard error was not read\n");
                return queue.above(lines.into());
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self) {
        loop {
            let lines = self.next();
            // A reader that is gone will not come back, and there is nowhere else to say so.
            let _ = io::stderr().write_all(&lines);
        }
    }
}

static WRITER: Writer = Writer {
    queue: Mutex::new(Queue {
        lines: VecDeque::new(),
        bytes: 0,
        below: Vec::new(),
        below_changed: false,
        below_shown: false,
        writing: false,
        dropped: 0,
    }),
    changed: Condvar::new(),
};

/// Whether the thread runs. Most processes have nothing to say and need none.
static STARTED: OnceLock<()> = OnceLock::new();

/// Writes lines, each with its end, as soon as somebody reads. Never blocks.
pub(crate) fn write(lines: impl Into<Vec<u8>>) {
    start();
    WRITER.add(lines.into());
}

/// Changes the line that stays below all others, for terminals; empty: none does. Never blocks.
#[cfg(feature = "text")]
pub(crate) fn keep_below(line: impl Into<Vec<u8>>) {
    start();
    WRITER.keep_below(line.into());
}

fn start() {
    STARTED.get_or_init(|| {
        // Without a thread nothing is written, which is better than being stopped by it.
        let _ = std::thread::Builder::new()
            .name("stderr".to_owned())
            .spawn(|| WRITER.run());
    });
}

/// Waits until everything is written, but not for somebody who does not read. For the end of the process.
pub(crate) fn flush() {
    if STARTED.get().is_some() {
        let busy = |queue: &mut Queue| {
            queue.writing || queue.below_changed || !queue.lines.is_empty() || queue.dropped > 0
        };
        let _ = WRITER.changed.wait_timeout_while(WRITER.lock(), LAST_WORDS, busy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_above_what_stays_below() {
        let mut queue = Queue {
            lines: VecDeque::new(),
            bytes: 0,
            below: Vec::new(),
            below_changed: false,
            below_shown: false,
            writing: false,
            dropped: 0,
        };
        let written = |queue: &mut Queue, lines: &str, below: &str| {
            queue.below = below.into();
            String::from_utf8(queue.above(lines.into())).unwrap()
        };
        assert_eq!(written(&mut queue, "a\n", ""), "a\n");
        assert_eq!(written(&mut queue, "", "1/2"), "1/2");
        assert_eq!(written(&mut queue, "b\n", "1/2"), "\r\x1b[2Kb\n1/2");
        assert_eq!(written(&mut queue, "", "2/2"), "\r\x1b[2K2/2");
        assert_eq!(written(&mut queue, "", ""), "\r\x1b[2K");
        assert_eq!(written(&mut queue, "c\n", ""), "c\n");
    }
}
