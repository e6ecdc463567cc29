//! `number`: a number, however it is written.

use std::sync::LazyLock;

use ::regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, find, mathematics, short};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

/// How far two numbers may be apart, in units of the larger one, where nothing else is said.
const USUAL_TOLERANCE: f64 = 1e-6;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("answer", "expected"), ("target", "expected"), ("tol", "tolerance"), ("abs_tol", "tolerance")]))]
pub(super) struct Members {
    /// Default {{row.answer}}; of a text such as GSM8K's, what follows ####.
    expected: Option<String>,
    /// Where the answer is looked for. Default auto: \boxed{}, else ####, else the last number.
    from: Option<From>,
    /// How far off it may be. Default 0.000001 of the larger one.
    #[schemars(range(min = 0.0))]
    tolerance: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum From {
    #[default]
    Auto,
    Boxed,
    Hashes,
    Last,
}

struct Ready {
    expected: Reference,
    from: From,
    tolerance: Option<f64>,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = Reference::given(self.expected.as_deref(), &path.key("expected"), problems);
        Some(Box::new(Ready {
            expected,
            from: self.from.unwrap_or_default(),
            tolerance: self.tolerance,
        }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let expected = self.expected(subject.row)?;
        let wanted = expected.first().copied().unwrap_or_default();
        Ok(match self.found(subject.text) {
            Some((found, place)) => Score::pass(
                expected.iter().any(|expected| self.are_equal(found, *expected)),
                format!("found {found} ({place}), expected {wanted}"),
            ),
            None => Score::pass(false, format!("no number found, expected {wanted}")),
        })
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.expected(row).map(drop)
    }
}

impl Ready {
    fn expected(&self, row: &Map<String, Value>) -> Result<Vec<f64>, Failure> {
        let texts = self.expected.texts(row)?;
        let numbers = texts.iter().map(|text| {
            let answer = mathematics::boxed(text)
                .or_else(|| find::hashes(text))
                .unwrap_or(text);
            whole(answer)
                .or_else(|| only(answer))
                .ok_or_else(|| Failure::Row(format!("expects \"{}\", which is no number", short(text))))
        });
        numbers.collect()
    }

    /// The number that a completion answers, and where it stands.
    fn found(&self, text: &str) -> Option<(f64, &'static str)> {
        let of = |answer: &str| whole(answer).or_else(|| last(answer));
        let boxed = || Some((of(mathematics::boxed(text)?)?, "in \\boxed{}"));
        let hashes = || Some((of(find::hashes(text)?)?, "after ####"));
        // A heading begins so too.
        let marked = || Some((whole(find::hashes(text)?)?, "after ####"));
        let last = || Some((last(text)?, "the last number"));
        match self.from {
            From::Auto => boxed().or_else(marked).or_else(last),
            From::Boxed => boxed(),
            From::Hashes => hashes(),
            From::Last => last(),
        }
    }

    fn are_equal(&self, found: f64, expected: f64) -> bool {
        let difference = (found - expected).abs();
        match self.tolerance {
            Some(tolerance) => difference <= tolerance * (1.0 + f64::EPSILON),
            None if found.fract() == 0.0 && expected.fract() == 0.0 => difference == 0.0,
            None => difference <= USUAL_TOLERANCE * found.abs().max(expected.abs()),
        }
    }
}

/// Digits, perhaps in groups of three; the sign is looked at apart.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?:[0-9]{1,3}(?:(?:,|\{,\}|\\,)[0-9]{3})+\b|[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+",
    )
    .ok()
});

/// The end of a text holds its last number nearly always; so many bytes of it are looked at first.
const TAIL: usize = 400;

/// The last number in a text.
fn last(text: &str) -> Option<f64> {
    let number = NUMBER.as_ref()?;
    let start = text.len().saturating_sub(TAIL);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let tail = text.get(start..)?;
    let in_tail = number
        .find_iter(tail)
        .last()
        .filter(|found| found.start() > TAIL / 4 || start == 0);
    let (text, found) = match in_tail {
        Some(found) => (tail, found),
        None => (text, number.find_iter(text).last()?),
    };
    let value = plain(found.as_str())?;
    Some(if is_negative(text.get(..found.start())?) {
        -value
    } else {
        value
    })
}

/// The number of a text that has one alone: of several nobody knows which is meant.
fn only(text: &str) -> Option<f64> {
    let mut numbers = NUMBER.as_ref()?.find_iter(text);
    let has_one = numbers.next().is_some() && numbers.next().is_none();
    // One that is part of a formula is not the whole of it.
    let is_plain = !text.contains(['\\', '^', '_', '=']);
    last(text).filter(|_| has_one && is_plain)
}

/// Whether what stands before a number makes it negative: a minus that joins no two things.
fn is_negative(before: &str) -> bool {
    let before = before.trim_end_matches(['$', '€', '£', '\\']);
    let Some(rest) = before.strip_suffix(['-', '−']) else {
        return false;
    };
    !rest.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '}' | '.' | '-'))
}

/// A text that is a number and nothing else, but for currency, percent, units of one word, and white space.
fn whole(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches(['$', '*', '.', ' ']);
    let (sign, text) = match text.strip_prefix(['-', '−']) {
        Some(text) => (-1.0, text),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(['$', '€', '£', '\\', ' ']);
    let text = text.trim_end_matches(['%', '\\', '°', ' ']);
    let value = match text.split_once('/').or_else(|| fraction(text)) {
        Some((above, below)) => signed(above.trim())? / signed(below.trim()).filter(|below| *below != 0.0)?,
        None => plain(text)?,
    };
    Some(sign * value)
}

/// Numerator and denominator of LaTeX's fraction, without its backslash.
fn fraction(text: &str) -> Option<(&str, &str)> {
    let text = ["frac{", "dfrac{", "tfrac{"]
        .iter()
        .find_map(|name| text.strip_prefix(name))?;
    text.strip_suffix('}')?.split_once("}{")
}

fn signed(text: &str) -> Option<f64> {
    match text.strip_prefix(['-', '−']) {
        Some(text) => plain(text).map(|value| -value),
        None => plain(text),
    }
}

/// Digits without what groups them, by three.
fn plain(text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let plain = text.replace("{,}", ",").replace("\\,", ",").replace('_', "");
    let (whole, _) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    if whole.contains(',') && (first.len() > 3 || groups.any(|group| group.len() != 3)) {
        return None;
    }
    let plain = plain.replace(',', "");
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}
