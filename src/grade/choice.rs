//! `choice`: the letter of a multiple choice.

use std::sync::LazyLock;

use ::regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, mathematics, short};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("answer", "expected"), ("target", "expected"), ("options", "choices")]))]
pub(super) struct Members {
    /// The letter. Default {{row.answer}}.
    expected: Option<String>,
    /// How many there are to choose from. Default 5, A to E.
    #[schemars(range(min = 2, max = 26))]
    choices: Option<u8>,
}

struct Ready {
    expected: Reference,
    last: char,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = Reference::given(self.expected.as_deref(), &path.key("expected"), problems);
        let last = char::from(b'A' + self.choices.unwrap_or(5).clamp(2, 26) - 1);
        Some(Box::new(Ready { expected, last }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let expected = self.expected(subject.row)?;
        let wanted: String = expected.iter().collect();
        Ok(match self.chosen(subject.text) {
            Some(chosen) => Score::pass(
                expected.contains(&chosen),
                format!("chose {chosen}, expected {wanted}"),
            ),
            None => Score::pass(
                false,
                format!("chose no letter from A to {}, expected {wanted}", self.last),
            ),
        })
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.expected(row).map(drop)
    }
}

/// `the answer is **(B)**`, `Answer: B`.
static SAID: LazyLock<Option<Regex>> = LazyLock::new(|| announced("answer|correct"));
/// `Option B`, where nothing is called the answer.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| announced("choice|option"));
/// `(B)`, `B.`, `**B**`, or `B` in a line by itself.
static MARKED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)(?:^|[\s(\[*{])([A-Z])(?:[)\].:*}]|\s*$)").ok());

/// A letter behind one of these words. A small one needs an end of its own: it may be an article.
fn announced(words: &str) -> Option<Regex> {
    let pattern = format!(
        r"(?i:{words})(?i:\s+is|\s+choice|\s+option|\s+answer)*\s*[:=]?\s*(?i:is\s+)?[*_$\s(\[{{]*\\?(?:text|mathrm)?\{{?\(?(?:([A-Z])(?:[)\]}}*_$.,:;!\s]|$)|([a-z])(?:[)\]}}*.]|$))"
    );
    Regex::new(&pattern).ok()
}

impl Ready {
    fn expected(&self, row: &Map<String, Value>) -> Result<Vec<char>, Failure> {
        let texts = self.expected.texts(row)?;
        let letters = texts.iter().map(|text| {
            let plain = text.trim().trim_matches(['(', ')', '.', ':', ' ']);
            let mut letters = plain.chars();
            let letter = letters.next().map(|c| c.to_ascii_uppercase());
            letter
                .filter(|letter| ('A'..=self.last).contains(letter) && letters.next().is_none())
                .ok_or_else(|| {
                    Failure::Row(format!(
                        "expects \"{}\", which is no letter from A to {}",
                        short(text),
                        self.last
                    ))
                })
        });
        letters.collect()
    }

    /// The letter that a completion settles on.
    fn chosen(&self, text: &str) -> Option<char> {
        let offered = |letter: &str| {
            let letter = letter.chars().next()?.to_ascii_uppercase();
            ('A'..=self.last).contains(&letter).then_some(letter)
        };
        if let Some(boxed) = mathematics::boxed(text) {
            let inside = boxed.rsplit(['{', ' ']).next().unwrap_or(boxed);
            let inside = inside.trim_matches(|c: char| !c.is_alphanumeric());
            if inside.chars().count() == 1
                && let Some(letter) = offered(inside)
            {
                return Some(letter);
            }
        }
        let of = |pattern: &Option<Regex>| {
            let captures = pattern.as_ref()?.captures_iter(text);
            captures
                .filter_map(|found| offered(found.get(1).or_else(|| found.get(2))?.as_str()))
                .last()
        };
        let alone = || {
            let trimmed = text.trim();
            offered(trimmed).filter(|_| trimmed.chars().count() == 1)
        };
        of(&SAID)
            .or_else(alone)
            .or_else(|| of(&NAMED))
            .or_else(|| of(&MARKED))
    }
}
