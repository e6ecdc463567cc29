//! How a run goes, for a person: one line that changes in a terminal, a line for each step elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use terminal_size::terminal_size;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::stderr;
use crate::train::report::sparkline;
use crate::train::steps::{STEPS, Step, short};
use crate::train::{Place, State, Status};

/// How wide the curve of the last steps is.
const CURVE: usize = 16;
/// How wide the bar is.
const WIDTH: usize = 12;
/// How often the line is drawn anew while nothing happens.
const INTERVAL: Duration = Duration::from_secs(1);

/// The line.
pub(in crate::cli) struct Bar {
    place: Place,
    seen: watch::Receiver<State>,
    steps: Vec<Step>,
    is_terminal: bool,
    /// Once the run is over nothing changes any more.
    is_over: bool,
}

impl Bar {
    pub(in crate::cli) fn new(place: Place, seen: watch::Receiver<State>) -> Self {
        Self {
            place,
            seen,
            steps: Vec::new(),
            is_terminal: io::stderr().is_terminal(),
            is_over: false,
        }
    }

    /// Waits until something has changed, and shows it.
    pub(in crate::cli) async fn turn(&mut self) {
        if self.is_over {
            return std::future::pending().await;
        }
        tokio::select! {
            changed = self.seen.changed() => self.is_over = changed.is_err(),
            () = sleep(INTERVAL) => {}
        }
        self.show();
    }

    fn show(&mut self) {
        let state = self.seen.borrow_and_update().clone();
        if state.steps == 0 {
            return;
        }
        let is_new = state.step != self.steps.len();
        if is_new {
            self.steps = self.place.lines(STEPS).unwrap_or_default();
        }
        if self.is_terminal {
            let width = terminal_size().map_or(80, |(width, _)| usize::from(width.0));
            let line: String = self.line(&state).chars().take(width.saturating_sub(1)).collect();
            stderr::keep_below(line);
        } else if is_new && state.step > 0 {
            stderr::write(self.line(&state) + "\n");
        }
    }

    fn line(&self, state: &State) -> String {
        let mut line = String::new();
        let done = (state.step * WIDTH).checked_div(state.steps).unwrap_or_default();
        let _ = write!(
            line,
            "{}/{} {}{}",
            state.step,
            state.steps,
            "█".repeat(done),
            "░".repeat(WIDTH.saturating_sub(done))
        );
        if let Some(last) = self.steps.last() {
            let values = |value: &dyn Fn(&Step) -> Option<f64>| {
                self.steps.iter().filter_map(value).collect::<Vec<_>>()
            };
            let (name, figure, values) = match last.reward {
                Some(reward) => ("reward", Some(reward), values(&|step| step.reward)),
                None => ("loss", last.loss, values(&|step| step.loss)),
            };
            if let Some(figure) = figure {
                let _ = write!(line, " {name} {} {}", short(figure), sparkline(&values, CURVE));
            }
            let seconds = last.seconds.sampling + last.seconds.training + last.seconds.here;
            if state.status == Status::Running {
                let left = seconds * count(state.steps.saturating_sub(state.step));
                let _ = write!(line, " {} left", span(left));
            }
        }
        if let Some(usd) = state.usd() {
            let _ = write!(line, " {usd:.2} USD");
        }
        if let Some(doing) = state.doing.as_deref().filter(|_| self.is_terminal) {
            let _ = write!(line, " {doing}");
        }
        line
    }

    /// Takes the line away, before something else is written.
    pub(in crate::cli) fn clear(&self) {
        if self.is_terminal {
            stderr::keep_below("");
            stderr::flush();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
const fn count(steps: usize) -> f64 {
    steps as f64
}

/// A time as a person reads it.
fn span(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}
