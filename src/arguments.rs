//! Reads the arguments of a tool call: forgiving where hosts are sloppy, strict where it matters.
//!
//! The schema that the model reads is the schema that is enforced. One pass over the raw text follows it
//! (`arguments/place.rs`, `scalar.rs`) and does two things: it collects every problem with its JSON path, and it writes the
//! arguments out again in their plain form, with what hosts are known to do put right: numbers and booleans that
//! came as strings, objects and lists that came as a JSON string, short enum values (`grpo`), `null` and empty text
//! for an absent member, arguments that a host adds to each call. Only then serde makes the Rust type of it, and the tool's own rules run over that.

mod form;
mod id;
mod ids;
mod inside;
mod instead;
mod meant;
mod numbers;
mod others;
mod place;
mod reader;
mod rule;
mod scalar;
pub(crate) mod schema;
mod shared;
mod unknown;
mod values;
mod wishes;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, DeserializeSeed as _};
use serde_json::Value;

use crate::error::problems::{Path, Problems};
use crate::json;

pub(crate) use id::id;
pub(crate) use ids::Stranger;
pub(crate) use others::Others;
pub(crate) use rule::Rule;
pub(crate) use shared::NoArgs;
#[cfg(feature = "text")]
pub(crate) use shared::Written;

/// What a tool accepts, made once from its schema.
pub(crate) struct Accepts {
    rule: Rule,
    others: Option<Others>,
}

/// What came of reading the arguments of a call.
pub(crate) struct Read<T> {
    /// The arguments, as far as they can be used.
    pub args: Option<T>,
    /// What is wrong with them.
    pub problems: Problems,
    /// An id that is given in place of a required one of another kind.
    pub stranger: Option<Stranger>,
    /// What was ignored, and what was taken as it was meant, if there is any.
    pub note: Option<String>,
}

impl Accepts {
    /// Reads the rules out of an input schema.
    #[must_use]
    pub(crate) fn new(schema: &Value) -> Self {
        Self {
            rule: Rule::new(schema),
            others: None,
        }
    }

    /// Lets arguments pass that no tool has; `others` tells those of other tools.
    #[must_use]
    pub(crate) fn ignoring_others(self, others: Others) -> Self {
        Self {
            others: Some(others),
            ..self
        }
    }

    /// What each tool takes as its body, where the other tools are known.
    #[must_use]
    pub(crate) fn bodies(&self) -> Option<&'static BTreeMap<&'static str, Rule>> {
        self.others.map(|others| (others.bodies)())
    }

    /// Whether there is an argument of this name.
    #[must_use]
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.rule.has_member(name)
    }

    /// The name that the argument `argument`, an object, has for a member, in whatever spelling.
    #[must_use]
    pub(crate) fn member_of<'a>(&'a self, argument: &str, name: &'a str) -> Option<&'a str> {
        self.rule.inner_name(argument, name)
    }

    /// Reads `raw`, the JSON text of the arguments, and applies `check`, the tool's own rules.
    ///
    /// Members that are missing or unusable are left out before `check` runs, so that it can report what else
    /// is wrong; the call fails all the same.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        raw: &str,
        check: impl FnOnce(&T, &mut Problems),
    ) -> Result<T, Problems> {
        let Read { args, problems, .. } = self.read_call(raw, &Problems::default(), check);
        args.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// The same, with what can be used of arguments that need correction, and a note on what was ignored. What is found adds
    /// to `known`.
    pub(crate) fn read_call<T: DeserializeOwned>(
        &self,
        raw: &str,
        known: &Problems,
        check: impl FnOnce(&T, &mut Problems),
    ) -> Read<T> {
        let plain = match self.normalize(raw, known) {
            Ok(plain) => plain,
            Err(problems) => return Read::refused(problems),
        };
        let Some(meant) = meant::meant(&self.rule, raw, self.others).filter(|_| plain.is_mistaken()) else {
            return plain.made(check, Vec::new());
        };
        let known = &known.excused_as(&meant.problems);
        match self.normalize(&meant.text, known) {
            Ok(mut plain) => {
                let mut problems = known.clone();
                problems.append(meant.problems);
                problems.append(std::mem::take(&mut plain.problems));
                plain.problems = problems;
                let read = plain.made(check, meant.taken);
                Read {
                    stranger: meant.stranger,
                    ..read
                }
            }
            Err(problems) => Read::refused(problems),
        }
    }

    fn normalize<'a>(&self, raw: &'a str, known: &Problems) -> Result<Plain<'a>, Problems> {
        let looking = self.pass(raw, reader::Reader::looking(self.others, known.clone()))?;
        if !looking.differs() && json::is_compact(raw) {
            return Ok(Plain {
                text: Cow::Borrowed(raw.as_bytes()),
                ..Plain::default()
            });
        }
        let mut written = self.pass(
            raw,
            reader::Reader::writing(raw.len(), self.others, known.clone()),
        )?;
        Ok(Plain {
            text: Cow::Owned(written.take_plain()),
            problems: written.problems,
            ignored: written.ignored,
            has_twice: written.has_twice,
        })
    }

    fn pass(&self, raw: &str, mut reader: reader::Reader) -> Result<reader::Reader, Problems> {
        let mut json = serde_json::Deserializer::from_str(raw);
        let outcome = reader
            .seed(&self.rule, Path::Root)
            .deserialize(&mut json)
            .map_err(|error| Problems::one(&Path::Root, format!("cannot be read: {error}")))?;
        outcome.absent(reader.seed(&self.rule, Path::Root));
        Ok(reader)
    }
}

/// Arguments in their plain form, the problems found on the way, and what was ignored.
#[derive(Default)]
struct Plain<'a> {
    text: Cow<'a, [u8]>,
    problems: Problems,
    ignored: Vec<String>,
    has_twice: bool,
}

impl Plain<'_> {
    /// Whether what is wrong with them may be put right. What is given twice would lose one of its values.
    fn is_mistaken(&self) -> bool {
        !self.problems.is_empty() && !self.has_twice
    }

    /// Makes the Rust type of them, as far as they can be used, and applies `check`.
    fn made<T: DeserializeOwned>(self, check: impl FnOnce(&T, &mut Problems), taken: Vec<String>) -> Read<T> {
        let mut problems = self.problems;
        let args = match parse::<T>(&self.text) {
            Ok(args) => Some(args),
            Err(_) if !problems.is_empty() => None,
            Err(problems) => return Read::refused(problems),
        };
        if let Some(args) = &args {
            check(args, &mut problems);
        }
        let notes: Vec<String> = unknown::note(&self.ignored).into_iter().chain(taken).collect();
        Read {
            args,
            problems,
            stranger: None,
            note: (!notes.is_empty()).then(|| notes.join(" ")),
        }
    }
}

impl<T> Read<T> {
    const fn refused(problems: Problems) -> Self {
        Self {
            args: None,
            problems,
            stranger: None,
            note: None,
        }
    }
}

/// The arguments themselves, of what hosts write in their place: an object inside of a string, and for no arguments
/// `null`, empty text or, in PHP, an empty list.
#[must_use]
pub(crate) fn unwrapped(raw: &str) -> Cow<'_, str> {
    let raw = raw.trim();
    let inside = if raw.starts_with('"') {
        serde_json::from_str::<String>(raw).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(raw))
    };
    let inside = inside.unwrap_or(Cow::Borrowed(raw));
    let list = inside
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_empty = |text: &str| text.trim().is_empty();
    if is_empty(&inside) || inside.trim() == "null" || list.is_some_and(is_empty) {
        return Cow::Borrowed("{}");
    }
    if inside.trim_start().starts_with('{') {
        inside
    } else {
        Cow::Borrowed(raw)
    }
}

/// Parses text that follows the schema. What is left to go wrong is a number beyond all bounds.
fn parse<T: DeserializeOwned>(plain: &[u8]) -> Result<T, Problems> {
    serde_json::from_slice(plain).map_err(|error| out_of_bounds(plain, &error))
}

/// Names the place of an error. Not generic over the type on purpose: tracking the path in the types of all tools would
/// add 0.2 MB to the binary.
fn out_of_bounds(plain: &[u8], error: &serde_json::Error) -> Problems {
    let mut json = serde_json::Deserializer::from_slice(plain);
    match serde_path_to_error::deserialize::<_, Value>(&mut json) {
        Err(error) => {
            let path = error.path().to_string();
            Problems::one(&Path::Root.key(&path), error.inner().to_string())
        }
        Ok(_) => Problems::one(&Path::Root, error.to_string()),
    }
}

#[cfg(test)]
mod tests;
