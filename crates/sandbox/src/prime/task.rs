//! The toy environments: what is asked of the policy, and what an answer is worth.

use fastrand::Rng;

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// `digit:`, `upper:`, `lower:` or `punct:` asks for characters of that class.
    LetterClass,
    /// `abc:` asks for `cba`.
    ReverseText,
}

/// One task, drawn at random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    task: Task,
    /// What the policy reads.
    pub(super) prompt: String,
}

/// The name of a class of characters, and whether one belongs to it.
type Class = (&'static str, fn(&u8) -> bool);

/// The classes of [`Task::LetterClass`].
const CLASSES: [Class; 4] = [
    ("digit", u8::is_ascii_digit),
    ("upper", u8::is_ascii_uppercase),
    ("lower", u8::is_ascii_lowercase),
    ("punct", u8::is_ascii_punctuation),
];
/// Texts to reverse have so many letters, out of so many.
const LETTERS: usize = 3;
const ALPHABET: &[u8] = b"abcdefgh";

impl Task {
    /// The environment that a taskset's id means: the last part of its path, without a version.
    pub(super) fn of(id: &str) -> Option<Self> {
        let name = id.rsplit('/').next().unwrap_or(id);
        match name.split('@').next().unwrap_or(name) {
            "letter-class" => Some(Self::LetterClass),
            "reverse-text" => Some(Self::ReverseText),
            _ => None,
        }
    }

    /// Its id.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::LetterClass => "letter-class",
            Self::ReverseText => "reverse-text",
        }
    }

    /// How many tokens an answer may have at most, the end of the text included.
    pub(super) const fn longest(self) -> usize {
        match self {
            Self::LetterClass => 8,
            Self::ReverseText => LETTERS + 1,
        }
    }

    /// Draws a task.
    pub(super) fn draw(self, rng: &mut Rng) -> Example {
        let asked = match self {
            Self::LetterClass => rng.choice(CLASSES).map_or("", |(name, _)| name).to_owned(),
            Self::ReverseText => {
                let letter = |_| rng.choice(ALPHABET).map_or('a', |letter| char::from(*letter));
                (0..LETTERS).map(letter).collect()
            }
        };
        Example {
            task: self,
            prompt: format!("{asked}:"),
        }
    }
}

impl Example {
    /// What a completion is worth, from 0 to 1: the share of its bytes that are of the asked class, or of its places
    /// where the right byte stands. A place that is missing or too many is a wrong one.
    pub(super) fn reward(&self, completion: &[u8]) -> f64 {
        let asked = self.prompt.trim_end_matches(':');
        let (right, of) = match self.task {
            Task::LetterClass => {
                let class = CLASSES.iter().find(|(name, _)| *name == asked);
                let right = class.map_or(0, |(_, holds)| {
                    completion.iter().filter(|byte| holds(byte)).count()
                });
                (right, completion.len())
            }
            Task::ReverseText => {
                let pairs = completion.iter().zip(asked.bytes().rev());
                let right = pairs.filter(|(byte, wanted)| *byte == wanted).count();
                (right, completion.len().max(asked.len()))
            }
        };
        share(right, of)
    }
}

/// `part / whole`; nothing of nothing is nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    float(part) / float(whole.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) const fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reward(task: Task, prompt: &str, completion: &str) -> f64 {
        let prompt = prompt.to_owned();
        Example { task, prompt }.reward(completion.as_bytes())
    }

    #[test]
    #[expect(
        clippy::float_cmp,
        reason = "shares of small powers of two, or the same division"
    )]
    fn rewards_are_shares_of_what_is_right() {
        assert_eq!(reward(Task::LetterClass, "digit:", "1a2b"), 0.5);
        assert_eq!(reward(Task::LetterClass, "upper:", ""), 0.0);
        assert_eq!(reward(Task::LetterClass, "punct:", "!?"), 1.0);
        assert_eq!(reward(Task::ReverseText, "abc:", "cba"), 1.0);
        assert_eq!(reward(Task::ReverseText, "abc:", "cb"), 2.0 / 3.0);
        assert_eq!(reward(Task::ReverseText, "abc:", "cbaa"), 0.75);
        assert_eq!(reward(Task::ReverseText, "abc:", ""), 0.0);
    }

    #[test]
    fn ids_may_have_an_owner_and_a_version() {
        assert_eq!(
            Task::of("primeintellect/reverse-text@0.1.4"),
            Some(Task::ReverseText)
        );
        assert_eq!(Task::of("letter-class"), Some(Task::LetterClass));
        assert_eq!(Task::of("wordle"), None);
    }
}
