//! The task: answer with characters of the class that the prompt names.
//!
//! Four prompts name four classes, which share no character and together hold all printable ones. The reward of an
//! answer is the share of its characters that are of the class asked for. All four are asked for equally often, so a
//! policy that does not read its prompt gets [`BLIND`] at the most, whatever it answers: each character is right for
//! one prompt in four and wrong for the other three. Whoever gets more has learned to read.

use crate::reading::Token;

/// The longest answer, in tokens.
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

    /// The prompt as tokens, which are bytes.
    pub(crate) fn tokens(self) -> Vec<Token> {
        self.prompt().bytes().map(Token::from).collect()
    }

    /// Whether a token is of this class. The end of the text is of none.
    fn holds(self, token: Token) -> bool {
        u8::try_from(token).is_ok_and(|byte| match self {
            Self::Lower => byte.is_ascii_lowercase(),
            Self::Upper => byte.is_ascii_uppercase(),
            Self::Digit => byte.is_ascii_digit(),
            Self::Punct => byte == b' ' || byte.is_ascii_punctuation(),
        })
    }

    /// The reward of an answer, from 0 to 1. What it leaves unsaid counts as missed, so that it does not pay to end
    /// early.
    pub(crate) fn reward(self, answer: &[Token]) -> f64 {
        let right = answer.iter().filter(|token| self.holds(**token)).count();
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

/// A token as a person reads it.
fn shown(token: Token) -> String {
    match u8::try_from(token) {
        Ok(b'"') => "\"".to_owned(),
        Ok(b'\'') => "'".to_owned(),
        Ok(byte) => byte.escape_ascii().to_string(),
        Err(_) => "<end>".to_owned(),
    }
}

/// An answer as a person reads it: in one line, without control characters.
pub(crate) fn text(answer: &[Token]) -> String {
    answer.iter().map(|token| shown(*token)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One answer for all prompts, so the best one repeats the character that is right for most of them.
    #[test]
    fn who_does_not_read_the_prompt_gets_a_quarter_at_the_most() {
        let reward_of = |token: Token| {
            let rewards = Class::ALL.map(|class| class.reward(&[token; ANSWER]));
            mean(&rewards)
        };
        let best = (0..=256).map(reward_of).fold(0.0, f64::max);
        assert!((best - BLIND).abs() < 1e-12, "{best}");
    }

    #[test]
    fn each_printable_character_is_of_exactly_one_class_and_no_other_of_any() {
        for token in 0..=256 {
            let classes = Class::ALL.iter().filter(|class| class.holds(token)).count();
            assert_eq!(classes, usize::from((32..127).contains(&token)), "{token}");
        }
    }

    #[test]
    fn the_reward_is_the_share_of_a_whole_answer() {
        let tokens = |text: &str| text.bytes().map(Token::from).collect::<Vec<_>>();
        let close = |reward: f64, expected: f64| assert!((reward - expected).abs() < 1e-12, "{reward}");
        close(Class::Lower.reward(&tokens("abcdefgh")), 1.0);
        close(Class::Lower.reward(&tokens("abcdEFGH")), 0.5);
        close(Class::Digit.reward(&tokens("12")), 0.25);
        close(Class::Punct.reward(&tokens(" .,;x\n\u{e9}")), 0.5);
        close(Class::Upper.reward(&[]), 0.0);
        close(Class::Punct.reward(&[256; ANSWER]), 0.0);
    }

    #[test]
    fn answers_are_shown_in_one_line_without_control_characters() {
        assert_eq!(
            text(&[65, 10, 27, 34, 39, 92, 255, 256]),
            r#"A\n\x1b"'\\\xff<end>"#
        );
    }
}
