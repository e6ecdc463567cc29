//! The task: answer with characters of the class that the prompt names.
//!
//! Four prompts name four classes, which share no character and together hold all printable ones. The reward of an
//! answer is the share of its characters that are of the class asked for. All four are asked for equally often, so a
//! policy that does not read its prompt gets a quarter at the most, whatever it answers: each character is right for
//! one prompt in four and wrong for the other three. Whoever gets more has learned to read.

/// The longest answer, in tokens, which are bytes.
pub const ANSWER: usize = 8;

/// How many times the untrained reward the trained one is to be at least.
pub const FACTOR: f64 = 3.0;

/// A class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Lower,
    Upper,
    Digit,
    Punct,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Punct];

    /// The prompt that asks for it.
    pub const fn prompt(self) -> &'static str {
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
    pub fn reward(self, answer: &str) -> f64 {
        let right = answer.chars().filter(|character| self.holds(*character)).count();
        share(right, ANSWER)
    }
}

/// Whether so much has been learned that the run counts as a success.
pub fn learned(untrained: f64, trained: f64) -> bool {
    trained >= FACTOR * untrained
}

/// The mean of some numbers; 0 of none.
pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / float(numbers.len().max(1))
}

fn share(part: usize, whole: usize) -> f64 {
    float(part) / float(whole)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub const fn float(count: usize) -> f64 {
    count as f64
}
