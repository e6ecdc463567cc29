//! Lines on their way to the disk. A thread of its own writes them: a disk may hang, and nothing else may.
//!
//! What cannot be written stays in line and is tried again, so that this process at least knows what it did.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long an answer waits for its line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end of the server waits for the rest. Hosts kill what has not ended after two seconds.
const LAST_PATIENCE: Duration = Duration::from_millis(300);
/// When a disk that failed is tried again, if nothing more is to be written before.
const AGAIN: Duration = Duration::from_secs(5);
/// The most lines that stay in line; each is below 4 KB.
const MOST: usize = 2000;

/// A line of the file of a month.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Such as `2026-11`.
    pub(super) month: String,
    /// The JSON text.
    pub(super) text: String,
}

/// The lines that are not on the disk yet, and how that goes.
pub(super) struct Lines {
    queue: Mutex<Queue>,
    /// There is something to do for the writer.
    work: Condvar,
    /// A try has ended.
    tried: Condvar,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct Queue {
    /// Each with its number.
    lines: VecDeque<(u64, Line)>,
    /// The number of the last line.
    last: u64,
    /// How many did not even stay here.
    lost: usize,
    /// The server ends: try what there is once more.
    ending: bool,
    closed: bool,
    has_writer: bool,
}

/// What became of the lines.
#[derive(Clone, Default)]
struct State {
    /// The number of the last line of which is known whether it is written.
    settled: u64,
    /// Why some are not.
    problem: Option<String>,
    /// Whether the disk has not answered for so long that nobody waits for it any more.
    hangs: bool,
}

/// What this process knows and the disk does not.
#[derive(Default)]
pub(super) struct Unwritten {
    /// The lines, oldest first.
    pub(super) lines: Vec<String>,
    /// How many came before them and are forgotten.
    pub(super) lost: usize,
    /// Why, if it is not just that they are on their way.
    pub(super) problem: Option<String>,
}

impl Lines {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            tried: Condvar::new(),
            state: watch::Sender::default(),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a line in line. `append` writes one: it goes to the thread, which starts with the first.
    pub(super) fn push<A>(self: &Arc<Self>, line: Line, append: impl FnOnce() -> A)
    where
        A: FnMut(&Line) -> io::Result<()> + Send + 'static,
    {
        let mut queue = self.queue();
        queue.last += 1;
        let number = queue.last;
        queue.lines.push_back((number, line));
        if queue.lines.len() > MOST {
            queue.lines.pop_front();
            queue.lost += 1;
        }
        let needs_writer = !queue.has_writer;
        queue.has_writer = true;
        drop(queue);
        if needs_writer {
            let (lines, append) = (Arc::clone(self), append());
            let writer = thread::Builder::new().name("journal".to_owned());
            // It is never waited for: it may hang.
            if let Err(error) = writer.spawn(move || lines.write_with(append)) {
                self.queue().has_writer = false;
                self.failed(number, &error);
            }
        }
        self.work.notify_one();
    }

    /// Waits until it is known of every line so far whether it is written, but not for long. The answer says why, if one
    /// is not.
    pub(super) async fn settled(&self) -> Option<String> {
        let last = self.queue().last;
        let is_told = |state: &State| state.settled >= last || state.hangs;
        let mut state = self.state.subscribe();
        if let Ok(Ok(state)) = timeout(PATIENCE, state.wait_for(is_told)).await {
            return state.problem.clone();
        }
        // Unless the answer came just now.
        self.state.send_if_modified(|state| {
            let hangs = !is_told(state);
            if hangs {
                state.hangs = true;
                state.problem = Some("the disk takes too long".to_owned());
            }
            hangs
        });
        self.state.borrow().problem.clone()
    }

    /// What is not written.
    pub(super) fn unwritten(&self) -> Unwritten {
        let queue = self.queue();
        Unwritten {
            lines: queue.lines.iter().map(|(_, line)| line.text.clone()).collect(),
            lost: queue.lost,
            problem: self.state.borrow().problem.clone(),
        }
    }

    /// Tries what is left once more, and waits for that, but not for long. Blocks.
    pub(super) fn end(&self) {
        let mut queue = self.queue();
        if queue.lines.is_empty() || !queue.has_writer {
            return;
        }
        queue.ending = true;
        self.work.notify_one();
        drop(
            self.tried
                .wait_timeout_while(queue, LAST_PATIENCE, |queue| queue.ending),
        );
    }

    /// No more lines will come.
    pub(super) fn close(&self) {
        self.queue().closed = true;
        self.work.notify_one();
    }

    fn write_with(&self, mut append: impl FnMut(&Line) -> io::Result<()>) {
        while let Some((number, line)) = self.next() {
            match append(&line) {
                Ok(()) => {
                    let mut queue = self.queue();
                    // Unless there was no more room for it.
                    if queue.lines.front().is_some_and(|(first, _)| *first == number) {
                        queue.lines.pop_front();
                    }
                    self.state.send_modify(|state| {
                        state.settled = state.settled.max(number);
                        state.problem = None;
                        state.hangs = false;
                    });
                }
                Err(error) => {
                    let mut queue = self.queue();
                    queue.ending = false;
                    let last = queue.last;
                    drop(queue);
                    self.tried.notify_all();
                    self.failed(last, &error);
                }
            }
        }
    }

    /// Says so to those who wait, and once in the log. Nothing is locked: the log may hang as well.
    fn failed(&self, last: u64, error: &io::Error) {
        let before = self.state.send_replace(State {
            settled: last,
            problem: Some(error.to_string()),
            hangs: false,
        });
        if before.problem.is_none() {
            tracing::warn!(%error, "the journal cannot be written");
        }
    }

    /// The next line to write, when there is one to be tried; `None`: there will be none.
    fn next(&self) -> Option<(u64, Line)> {
        let mut queue = self.queue();
        loop {
            if queue.lines.is_empty() {
                queue.ending = false;
                self.tried.notify_all();
            }
            if queue.closed {
                return None;
            }
            let is_new = queue.ending || queue.last > self.state.borrow().settled;
            let failed = self.state.borrow().problem.is_some();
            if !queue.lines.is_empty() && (is_new || !failed) {
                return queue.lines.front().cloned();
            }
            let waited = self.work.wait_timeout(queue, AGAIN);
            let (woken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if waited.timed_out() && !queue.lines.is_empty() {
                return queue.lines.front().cloned();
            }
        }
    }
}

#[cfg(test)]
mod tests;
