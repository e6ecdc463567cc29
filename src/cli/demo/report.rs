//! The report at the end of the demo, for people and for machines.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use rl_mcp_sandbox::Behavior;
use serde_json::{Value, json};
use terminal_size::terminal_size;

use super::curve::curve;
use super::questions::{BLIND, COMPLETIONS, FACTOR, QUESTIONS};
use super::{Completion, FILES, Options, Outcome, STEPS_BY_DEFAULT};

/// The width of a terminal that does not say how wide it is.
const WIDTH: usize = 80;

/// All that is told about a run.
pub(super) struct Report<'a> {
    pub(super) options: &'a Options,
    pub(super) sandbox: Behavior,
    pub(super) outcome: Outcome,
    pub(super) seconds: f64,
}

/// What is said first.
pub(super) fn heading(options: &Options) -> String {
    let steps = steps_in_words(options.steps);
    format!(
        "A model learns sums by GRPO on this machine: {steps} of {COMPLETIONS} completions, seed {}\n\
         It is told nothing but rewards. These calls are all that an agent makes:\n",
        options.seed
    )
}

fn steps_in_words(steps: u32) -> String {
    format!("{steps} {}", if steps == 1 { "step" } else { "steps" })
}

impl Report<'_> {
    fn rewards(&self) -> Vec<f64> {
        let steps = self.outcome.steps.iter();
        steps.filter_map(|step| step.reward).collect()
    }

    /// The mean reward of the untrained policy.
    fn untrained(&self) -> f64 {
        self.rewards().first().copied().unwrap_or_default()
    }

    /// The mean reward of the trained one.
    fn trained(&self) -> f64 {
        self.rewards().last().copied().unwrap_or_default()
    }

    /// Whether more was learned than to answer the same to all questions.
    pub(super) fn has_learned(&self) -> bool {
        self.trained() >= FACTOR * BLIND
    }

    /// For people. What was learned stands last, where a small terminal still shows it.
    pub(super) fn text(&self) -> String {
        let Outcome { adapter, .. } = &self.outcome;
        let kept = match self.options.save {
            Some(_) => format!("kept: {}", adapter.display()),
            None => "not kept; --save DIR keeps it".to_owned(),
        };
        let mut text = format!(
            "\n{} calls, {:.1} s. The adapter is {kept}.\n\nMean reward by step (┈ one answer to all questions)\n",
            self.outcome.calls.len(),
            self.seconds
        );
        let width = if io::stdout().is_terminal() {
            terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
        } else {
            WIDTH
        };
        text.push_str(&curve(&self.rewards(), BLIND, width));
        let verdict = if self.has_learned() {
            "it has learned to read them"
        } else {
            "it has not learned to read them"
        };
        let _ = writeln!(
            text,
            "Reward {:.3} at first, {:.3} in the end: {verdict}",
            self.untrained(),
            self.trained()
        );
        // Whoever tries a step or two sees why so little came of them.
        if self.options.steps < STEPS_BY_DEFAULT && !self.has_learned() {
            let _ = writeln!(
                text,
                "Few steps teach little: {STEPS_BY_DEFAULT}, as without --steps, are enough."
            );
        }
        text.push_str("\n  question  untrained  trained  right\n");
        for (question, answer) in QUESTIONS {
            let of = |completions: &[Completion]| {
                let found = completions
                    .iter()
                    .find(|completion| completion.prompt == question);
                found.map_or_else(String::new, |completion| visible(&completion.text))
            };
            let (before, after) = (of(&self.outcome.before), of(&self.outcome.after));
            let _ = writeln!(text, "  {question:<8}  {before:<9}  {after:<7}  {answer}");
        }
        text
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let Outcome {
            usd_per_hour,
            steps,
            before,
            after,
            checkpoint,
            adapter,
            bytes,
            calls,
        } = &self.outcome;
        let of = |completions: &[Completion], question: &str| {
            let found = completions
                .iter()
                .find(|completion| completion.prompt == question);
            found.map(|completion| completion.text.clone())
        };
        let completions = QUESTIONS.map(|(question, answer)| {
            json!({
                "prompt": question,
                "answer": answer,
                "untrained": of(before, question),
                "trained": of(after, question),
            })
        });
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| {
                json!({"step": step.step, "reward": step.reward, "loss": step.loss, "entropy": step.entropy()})
            })
            .collect();
        let calls: Vec<Value> = calls
            .iter()
            .map(|call| json!({"tool": call.tool, "seconds": rounded(call.seconds)}))
            .collect();
        json!({
            "seed": self.options.seed,
            "steps": steps,
            "untrained_reward": self.untrained(),
            "final_reward": self.trained(),
            "blind_reward": BLIND,
            "factor_asked": FACTOR,
            "learned": self.has_learned(),
            "completions": completions,
            "usd_per_hour": usd_per_hour,
            "inference_checkpoint": checkpoint.id,
            "adapter": {
                "file": FILES.first(),
                "bytes": bytes,
                "saved_as": self.options.save.as_ref().map(|_| adapter),
            },
            "calls": calls,
            "sandbox": {
                "speed": self.sandbox.speed(),
                "faults": self.sandbox.faults(),
                "seed": self.sandbox.seed(),
            },
            "seconds": rounded(self.seconds),
        })
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A completion in one line, without control characters.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            '"' | '\'' => shown.push(character),
            // Bytes that are no text.
            char::REPLACEMENT_CHARACTER => shown.push('?'),
            _ => shown.extend(character.escape_default()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_are_shown_in_one_line_without_control_characters() {
        assert_eq!(
            visible("A\n\u{1b}\"'\\\u{fffd}\u{e9}"),
            "A\\n\\u{1b}\"'\\\\?\\u{e9}"
        );
    }
}
