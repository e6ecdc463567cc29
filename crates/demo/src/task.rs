//! The task: answer with characters of the class that the prompt names.
//!
//! Four prompts name four classes, which share no character and together hold all printable ones. The reward of an
//! answer is the share of its characters that are of the class asked for. All four are asked for equally often, so a
//! policy that does not read its prompt gets [`BLIND`] at the most, whatever it answers: each character is right for
//! one prompt in four and wrong for the other three. Whoever gets more has learned to read.

/// The longest answer, in tokens, which are bytes.
pub(crate) const ANSWER: usize = 8;

/// The best mean reward of a policy that does not read the prompt. (The untrained one is a little below: of what it
/// answers some is not printable.)
pub(crate) const BLIND: f64 = 0.25;

/// How many times the untrained reward the trained one is to be at least.
pub(crate) const FACTOR: f64 = 3.0;

/// A class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Lower,
    Upper,
    Digit,
    Punct,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Punct];

    /// The prompt that asks for it.
    pub(crate) const fn prompt(self) -> &'static str {
        match self {
            Self::Lower => "lower:",
            Self::Upper => "upper:",
            Self::Digit => "digit:",
            Self::Punct => "punct:",
        }
    }

    /// Whether a character is of this class.
    const fn holds(self, character: char) -> bool {
        match self {
            Self::Lower => character.is_ascii_lowercase(),
            Self::Upper => character.is_ascii_uppercase(),
            Self::Digit => character.is_ascii_digit(),
            Self::Punct => character == ' ' || character.is_ascii_punctuation(),
        }
    }

    /// The reward of an answer, from 0 to 1. What it leaves unsaid counts as missed, so that it does not pay to end
    /// early.
    pub(crate) fn reward(self, answer: &str) -> f64 {
        let right = answer.chars().filter(|character| self.holds(*character)).count();
        share(right, ANSWER)
    }
}

/// Whether so much has been learned that the run counts as a success.
pub(crate) fn learned(untrained: f64, trained: f64) -> bool {
    trained >= FACTOR * untrained
}

/// The mean of some numbers; 0 of none.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / float(numbers.len().max(1))
}

fn share(part: usize, whole: usize) -> f64 {
    float(part) / float(whole)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) const fn float(count: usize) -> f64 {
    count as f64
}

/// An answer in one line, without control characters.
pub(crate) fn text(answer: &str) -> String {
    let mut shown = String::new();
    for character in answer.chars() {
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

    fn characters() -> impl Iterator<Item = char> {
        (0..=u8::MAX).map(char::from)
    }

    /// One answer for all prompts, so the best one repeats the character that is right for most of them.
    #[test]
    fn who_does_not_read_the_prompt_gets_a_quarter_at_the_most() {
        let reward_of = |character: char| {
            let answer = String::from(character).repeat(ANSWER);
            let rewards = Class::ALL.map(|class| class.reward(&answer));
            mean(&rewards)
        };
        let best = characters().map(reward_of).fold(0.0, f64::max);
        assert!((best - BLIND).abs() < 1e-12, "{best}");
    }

    #[test]
    fn each_printable_character_is_of_exactly_one_class_and_no_other_of_any() {
        for character in characters() {
            let classes = Class::ALL.iter().filter(|class| class.holds(character)).count();
            let printable = character == ' ' || character.is_ascii_graphic();
            assert_eq!(classes, usize::from(printable), "{character:?}");
        }
    }

    #[test]
    fn the_reward_is_the_share_of_a_whole_answer() {
        let close = |reward: f64, expected: f64| assert!((reward - expected).abs() < 1e-12, "{reward}");
        close(Class::Lower.reward("abcdefgh"), 1.0);
        close(Class::Lower.reward("abcdEFGH"), 0.5);
        close(Class::Digit.reward("12"), 0.25);
        close(Class::Punct.reward(" .,;x\n\u{e9}"), 0.5);
        close(Class::Upper.reward(""), 0.0);
    }

    #[test]
    fn answers_are_shown_in_one_line_without_control_characters() {
        assert_eq!(text("A\n\u{1b}\"'\\\u{fffd}\u{e9}"), "A\\n\\u{1b}\"'\\\\?\\u{e9}");
    }
}
