//! `regex`: a pattern.

use ::regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject, short};
use crate::arguments::schema::{renamed, retired};
use crate::error::problems::{Path, Problems, list};

/// How large a compiled pattern may be, in bytes. Matching takes time linear in the text whatever the pattern is.
const LARGEST: usize = 1 << 20;

const FLAGS: &str = "belongs into the pattern, in front: (?i) ignores case, (?m) lets ^ and $ match at lines, (?s) lets the dot match line breaks, so pattern \"(?i)yes\"";

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("flags", FLAGS),
    ("ignore_case", FLAGS),
    ("ignorecase", FLAGS),
    ("case_sensitive", FLAGS),
    ("case_insensitive", FLAGS),
    ("multiline", FLAGS),
    ("dotall", FLAGS),
]), transform = renamed(&[("regex", "pattern"), ("answer", "expected"), ("target", "expected")]))]
pub(super) struct Members {
    /// In the syntax of Rust's regex crate: no look-around and no back-references; (?i) ignores case, (?s) lets the dot match line breaks.
    pattern: String,
    /// What the last match has to capture, such as {{row.answer}}.
    expected: Option<String>,
    /// The number or name of the group that captures it. Default the first, or all of the match.
    group: Option<String>,
}

struct Ready {
    pattern: Regex,
    expected: Option<Reference>,
    group: usize,
}

/// The pattern and the flags of what is written as in other languages, such as `/yes/i`.
fn as_literal(pattern: &str) -> Option<(&str, &str)> {
    let (inner, flags) = pattern.strip_prefix('/')?.rsplit_once('/')?;
    let is_flags = !flags.is_empty() && flags.bytes().all(|flag| b"ims".contains(&flag));
    (is_flags && !inner.is_empty()).then_some((inner, flags))
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = self
            .expected
            .map(|expected| Reference::new(&expected, &path.key("expected"), problems));
        if let Some((inner, flags)) = as_literal(&self.pattern) {
            problems.add(
                &path.key("pattern"),
                format!("has slashes around it, which would have to match: write \"(?{flags}){inner}\""),
            );
            return None;
        }
        let pattern = RegexBuilder::new(&self.pattern)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .build();
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(error) => {
                problems.add(
                    &path.key("pattern"),
                    format!("cannot be used: {}", unusable(&error)),
                );
                return None;
            }
        };
        let group = match self.group.as_deref().map(str::trim) {
            None => usize::from(pattern.captures_len() > 1),
            Some(group) => {
                let index = group.parse().ok().filter(|index| *index < pattern.captures_len());
                let by_name = || pattern.capture_names().position(|name| name == Some(group));
                let Some(index) = index.or_else(by_name) else {
                    let names: Vec<&str> = pattern.capture_names().flatten().collect();
                    let last = pattern.captures_len() - 1;
                    let others = if names.is_empty() {
                        String::new()
                    } else {
                        format!(", and {}", list(names.into_iter()))
                    };
                    problems.add(
                        &path.key("group"),
                        format!("is no group of the pattern, which has 0 to {last}{others}"),
                    );
                    return None;
                };
                index
            }
        };
        Some(Box::new(Ready {
            pattern,
            expected,
            group,
        }))
    }
}

/// What is wrong with a pattern, without the picture of it.
pub(super) fn unusable(error: &::regex::Error) -> String {
    let text = match error {
        ::regex::Error::CompiledTooBig(_) => {
            "its compiled form is too large: use smaller repetitions".to_owned()
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    };
    let hint = if text.contains("look-around") || text.contains("backreference") {
        "; capture what you want to compare in a group instead"
    } else {
        ""
    };
    format!("{text}{hint}")
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let Some(expected) = &self.expected else {
            let found = self.pattern.find(subject.text);
            return Ok(match found {
                Some(found) => Score::pass(true, format!("matches \"{}\"", short(found.as_str()))),
                None => Score::pass(false, "does not match"),
            });
        };
        let expected = expected.texts(subject.row)?;
        let wanted = expected.first().map_or("", String::as_str);
        let last = self.pattern.captures_iter(subject.text).last();
        let captured = last
            .and_then(|captures| captures.get(self.group))
            .map(|group| group.as_str().trim());
        Ok(match captured {
            Some(found) => Score::pass(
                expected.iter().any(|expected| expected.trim() == found),
                format!("captures \"{}\", expected \"{}\"", short(found), short(wanted)),
            ),
            None => Score::pass(false, format!("captures nothing, expected \"{}\"", short(wanted))),
        })
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        match &self.expected {
            Some(expected) => expected.texts(row).map(drop),
            None => Ok(()),
        }
    }
}
