//! What is shown while the run goes on.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Options;
use super::run::{GROUP, Step};
use super::task::Class;

/// How often the bar moves when nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// A progress bar in a terminal, else lines on standard output. With a record for machines, which is to be alone there,
/// only the bar.
pub(super) struct Screen {
    bar: ProgressBar,
    lines: bool,
    steps: u32,
}

impl Screen {
    pub(super) fn new(options: &Options) -> Self {
        if !options.json {
            let _ = writeln!(io::stdout().lock(), "{}", heading(options));
        }
        // A bar between lines that pass through a pipe to the same terminal would tear them.
        let terminals = io::stdout().is_terminal() && io::stderr().is_terminal();
        let lines = !(options.json || terminals);
        let bar = if lines || !io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            bar(options.steps)
        };
        Self {
            bar,
            lines,
            steps: options.steps,
        }
    }

    /// Says what is being done.
    pub(super) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.line(what);
    }

    /// Shows a step that is done.
    pub(super) fn step(&self, step: &Step) {
        // The loss of a policy on its own samples is about 0, whatever it learns.
        let Step {
            number,
            reward,
            entropy,
            ..
        } = step;
        self.bar.set_position(u64::from(*number));
        self.bar.set_message(format!("mean reward {reward:.3}"));
        let entropy = entropy.map_or_else(String::new, |entropy| format!("  entropy {entropy:.2}"));
        let steps = self.steps;
        self.line(&format!(
            "step {number:>3}/{steps}  mean reward {reward:.3}{entropy}"
        ));
    }

    /// Takes the bar away.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        if self.lines {
            // Whoever closed the pipe has seen enough; the run goes on to its end, as it has to stop what it started.
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }
}

fn heading(options: &Options) -> String {
    let Options { steps, seed, .. } = options;
    let completions = Class::ALL.len() * GROUP;
    let shuffled = if options.shuffle_advantages {
        ", advantages shuffled"
    } else {
        ""
    };
    format!(
        "GRPO on the sandbox, through the tools alone: {steps} steps of {completions} completions, seed {seed}{shuffled}\n\
         A prompt names a class of characters; the reward is the answer's share of them."
    )
}

fn bar(steps: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(steps));
    let style = ProgressStyle::with_template("{bar:32} {pos:>3}/{len} steps  {elapsed:>4}  {wide_msg}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}
