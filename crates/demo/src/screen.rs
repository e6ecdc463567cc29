//! What is shown while the run goes on.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use textwrap::{WordSeparator, WordSplitter};

use crate::Options;
use crate::run::{GROUP, Step};
use crate::task::Class;

/// How often the bar moves when nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// The width of a terminal that does not say how wide it is.
const WIDTH: usize = 80;

/// A progress bar in a terminal, else lines on standard output. With a record for machines, which is to be alone there,
/// only the bar.
pub(crate) struct Screen {
    bar: ProgressBar,
    lines: bool,
    steps: u32,
}

impl Screen {
    pub(crate) fn new(options: &Options) -> Self {
        if !options.json {
            let _ = write!(io::stdout().lock(), "{}", wrapped(&heading(options), width()));
        }
        // A bar between lines that pass through a pipe to the same terminal would tear them.
        let terminals = io::stdout().is_terminal() && io::stderr().is_terminal();
        let lines = !(options.json || terminals);
        let bar = if lines || !io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            bar(options.steps, columns())
        };
        Self {
            bar,
            lines,
            steps: options.steps,
        }
    }

    /// Says what is being done.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.line(what);
    }

    /// Shows a step that is done.
    pub(crate) fn step(&self, step: &Step) {
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

    /// Where lines belong that would tear the bar; `None` without one.
    pub(crate) fn above(&self) -> Option<ProgressBar> {
        (!self.bar.is_hidden()).then(|| self.bar.clone())
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
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
        "GRPO on the sandbox, through the tools alone: {steps} {} of {completions} completions, seed {seed}{shuffled}\n\
         A prompt names a class of characters; the reward is the answer's share of them.\n",
        steps_word(*steps)
    )
}

/// The word after a number of steps.
const fn steps_word(steps: u32) -> &'static str {
    if steps == 1 { "step" } else { "steps" }
}

fn bar(steps: u32, width: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(steps));
    let style = ProgressStyle::with_template(&template(steps, width));
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// What the bar looks like: as long as the words beside it leave room for, and without the time where that is little.
fn template(steps: u32, width: usize) -> String {
    let counter = format!("{{pos:>3}}/{{len}} {}", steps_word(steps));
    let digits = steps.to_string().len();
    let taken = digits.max(3) + digits + counter.len() - "{pos:>3}{len}".len() + LONGEST_MESSAGE + 4;
    let (bar, time) = match width.saturating_sub(taken) {
        room if room >= TIME.1 + 8 => (room - TIME.1, TIME.0),
        room => (room, ""),
    };
    format!("{{bar:{}}} {counter}  {time}{{wide_msg}}", bar.clamp(1, 32))
}

/// The time that has passed, and how many columns it takes.
const TIME: (&str, usize) = ("{elapsed:>4}  ", 6);
/// The longest of the messages, in characters.
const LONGEST_MESSAGE: usize = 25;

/// The width of the terminal that standard output is, if it is one.
pub(crate) fn width() -> Option<usize> {
    io::stdout().is_terminal().then(columns)
}

/// The width of the terminal.
fn columns() -> usize {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
}

/// Breaks the lines that are too long for a terminal, between words.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let mut whole = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        // In columns, and behind a label, what goes on stands to the right of where the line began; in a sentence not.
        let hanging = " ".repeat(if line.contains("  ") { indent + 2 } else { 0 });
        let options = textwrap::Options::new(width)
            .subsequent_indent(&hanging)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        whole.push_str(&textwrap::fill(line, options));
        whole.push('\n');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_only_where_they_are_too_long() {
        let text = "  one-two three   four\n     └──\nnot-to-be-broken\n\nin a sentence\n";
        assert_eq!(wrapped(text, None), text);
        assert_eq!(wrapped(text, Some(22)), text);
        assert_eq!(
            wrapped(text, Some(17)),
            "  one-two three\n    four\n     └──\nnot-to-be-broken\n\nin a sentence\n"
        );
        assert_eq!(
            wrapped(text, Some(10)),
            "  one-two\n    three\n    four\n     └──\nnot-to-be-broken\n\nin a\nsentence\n"
        );
    }

    #[test]
    fn the_bar_leaves_room_for_the_longest_message() {
        for (steps, width, bar, time) in [
            (40, 80, 32, true),
            (1, 80, 32, true),
            (40, 50, 9, false),
            (10_000, 50, 4, false),
            (40, 20, 1, false),
        ] {
            let template = template(steps, width);
            assert!(template.starts_with(&format!("{{bar:{bar}}} ")), "{template}");
            assert_eq!(template.contains("elapsed"), time, "{template}");
        }
    }
}
