//! Whether the final answer of a completion equals a reference answer, as mathematics.
//!
//! `answer` finds the answer in the completion, `equal` compares it with the reference. Both take any text at all: time and
//! depth are bounded, and the same texts give the same outcome always.

mod compare;
mod evaluate;
mod extract;
mod lex;
mod node;
mod number;
mod parse;
mod reading;
mod words;

use reading::Reading;

/// What comparing two answers came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They mean the same.
    Equal,
    /// They do not, or not certainly.
    Different,
    /// One of them is neither mathematics nor words, and why.
    Unreadable(Which, String),
}

/// Which of two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one of the model.
    Given,
    /// The reference.
    Expected,
}

/// The final answer of a completion. It is what stands in the last whole `\boxed{…}` or `\fbox{…}`, else behind the last
/// `####`, else behind the last "answer is" or "answer:", else the last formula, else the last number.
#[must_use]
pub(crate) fn answer(completion: &str) -> Option<&str> {
    extract::answer(completion)
}

/// What stands in the last whole `\boxed{…}` or `\fbox{…}` of a completion.
#[must_use]
pub(crate) fn boxed(completion: &str) -> Option<&str> {
    extract::boxed(completion)
}

/// Compares two answers: LaTeX, plain mathematics or words. Where both are unreadable, the outcome names the expected one.
#[must_use]
pub(crate) fn equal(given: &str, expected: &str) -> Outcome {
    let expected = match reading::read(expected) {
        Ok(expected) => expected,
        Err(reason) => return Outcome::Unreadable(Which::Expected, reason.to_owned()),
    };
    let given = match reading::read(given) {
        Ok(given) => given,
        Err(reason) => return Outcome::Unreadable(Which::Given, reason.to_owned()),
    };
    if std::iter::once(&given.first)
        .chain(&given.second)
        .any(|reading| matches(reading, &expected.first))
        || expected.second.iter().any(|second| matches(&given.first, second))
    {
        return Outcome::Equal;
    }
    for (which, reading) in [(Which::Expected, &expected.first), (Which::Given, &given.first)] {
        if let Err(parse::Trouble::Broken(reason)) = reading.node {
            return Outcome::Unreadable(which, reason.to_owned());
        }
    }
    Outcome::Different
}

fn matches(given: &Reading<'_>, expected: &Reading<'_>) -> bool {
    let (Ok(left), Ok(right)) = (&given.node, &expected.node) else {
        return given.text() == expected.text();
    };
    if given.unit.is_some() && expected.unit.is_some() && given.unit != expected.unit {
        return false;
    }
    // "5 m" may be five metres or five times m.
    let loose = |letters: &Reading<'_>, number: &Reading<'_>| {
        let (node, unit) = letters.bare().filter(|_| number.is_number())?;
        Some(node).filter(|_| {
            number
                .unit
                .as_ref()
                .is_none_or(|known| known.eq_ignore_ascii_case(&unit))
        })
    };
    compare::same_answer(left, right)
        || loose(given, expected).is_some_and(|bare| compare::same_answer(&bare, right))
        || loose(expected, given).is_some_and(|bare| compare::same_answer(left, &bare))
}

#[cfg(test)]
mod tests;
