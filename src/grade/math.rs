//! `math`: mathematics, however it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::mathematics::{Outcome, Which, answer, equal};
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, short};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("answer", "expected"), ("target", "expected"), ("gold", "expected")]))]
pub(super) struct Members {
    /// LaTeX or plain mathematics. Default {{row.answer}}; of a solution its final answer.
    expected: Option<String>,
}

struct Ready(Reference);

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = Reference::given(self.expected.as_deref(), &path.key("expected"), problems);
        Some(Box::new(Ready(expected)))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let texts = self.0.texts(subject.row)?;
        let wanted = texts.first().map_or("", |text| reference(text));
        let Some(given) = answer(subject.text) else {
            return Ok(Score::pass(
                false,
                format!("no answer found, expected {}", short(wanted)),
            ));
        };
        let mut unreadable = None;
        for expected in &texts {
            match equal(given, reference(expected)) {
                Outcome::Equal => {
                    return Ok(Score::pass(
                        true,
                        format!("found {}, expected {}", short(given), short(expected)),
                    ));
                }
                Outcome::Different => {}
                Outcome::Unreadable(Which::Given, why) => unreadable = Some(why),
                Outcome::Unreadable(Which::Expected, why) => {
                    return Err(Failure::Row(format!(
                        "expects \"{}\", which is no mathematics: {why}",
                        short(expected)
                    )));
                }
            }
        }
        let why = unreadable.map_or_else(String::new, |why| format!(" ({why})"));
        Ok(Score::pass(
            false,
            format!("found {}{why}, expected {}", short(given), short(wanted)),
        ))
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        for expected in self.0.texts(row)? {
            if let Outcome::Unreadable(Which::Expected, why) = equal("0", reference(&expected)) {
                return Err(Failure::Row(format!(
                    "expects \"{}\", which is no mathematics: {why}",
                    short(&expected)
                )));
            }
        }
        Ok(())
    }
}

/// Whether two answers mean the same, as the grader `math` has it.
#[must_use]
pub fn is_equal(given: &str, expected: &str) -> bool {
    equal(given, expected) == Outcome::Equal
}

/// The answer in a reference: data sets have whole solutions too, which mark it.
fn reference(text: &str) -> &str {
    if text.contains("\\boxed") || text.contains("####") {
        answer(text).unwrap_or(text)
    } else {
        text
    }
}
