//! Reads the arguments of a tool call: forgiving where hosts are sloppy, strict where it matters.
//!
//! The schema that the model reads is the schema that is enforced. One pass over the raw text follows it
//! (`arguments/place.rs`, `scalar.rs`) and does two things: it collects every problem with its JSON path, and it writes the
//! arguments out again in their plain form, with what hosts are known to do put right: numbers and booleans that
//! came as strings, objects and lists that came as a JSON string, short enum values (`grpo`), `null` and empty text
//! for an absent member, arguments that a host adds to each call. Only then serde makes the Rust type of it, and the tool's own rules run over that.

mod id;
mod numbers;
mod place;
mod reader;
mod rule;
mod scalar;
pub mod schema;
mod shared;
mod unknown;

use std::borrow::Cow;

use serde::de::{DeserializeOwned, DeserializeSeed as _};
use serde_json::Value;

use crate::error::problems::{Path, Problems};
use crate::json;

pub(crate) use id::id;
pub use rule::Rule;
pub use shared::NoArgs;

/// What a tool accepts, made once from its schema.
pub struct Accepts {
    rule: Rule,
    elsewhere: Option<fn(&str) -> bool>,
}

/// What came of reading the arguments of a call.
pub struct Read<T> {
    /// The arguments, or what is wrong with them.
    pub args: Result<T, Problems>,
    /// A sentence about those that were ignored, if there are any.
    pub note: Option<String>,
}

impl Accepts {
    /// Reads the rules out of an input schema.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        Self {
            rule: Rule::new(schema),
            elsewhere: None,
        }
    }

    /// Lets arguments pass that no tool has; `elsewhere` says whether another tool has one of this name.
    #[must_use]
    pub fn ignoring_others(self, elsewhere: fn(&str) -> bool) -> Self {
        Self {
            elsewhere: Some(elsewhere),
            ..self
        }
    }

    /// Whether there is an argument of this name.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.rule.has_member(name)
    }

    /// The name that the argument `argument`, an object, has for a member, in whatever spelling.
    #[must_use]
    pub fn member_of<'a>(&'a self, argument: &str, name: &'a str) -> Option<&'a str> {
        self.rule.inner_name(argument, name)
    }

    /// Reads `raw`, the JSON text of the arguments, and applies `check`, the tool's own rules.
    ///
    /// Members that are missing or unusable are left out before `check` runs, so that it can report what else
    /// is wrong; the call fails all the same.
    pub fn read<T: DeserializeOwned>(
        &self,
        raw: &str,
        check: impl FnOnce(&T, &mut Problems),
    ) -> Result<T, Problems> {
        self.read_call(raw, check).args
    }

    /// The same, with a note on what was ignored.
    pub fn read_call<T: DeserializeOwned>(
        &self,
        raw: &str,
        check: impl FnOnce(&T, &mut Problems),
    ) -> Read<T> {
        match self.normalize(raw) {
            Ok(plain) => Read {
                args: made(&plain.text, plain.problems, check),
                note: unknown::note(&plain.ignored),
            },
            Err(problems) => Read {
                args: Err(problems),
                note: None,
            },
        }
    }

    fn normalize<'a>(&self, raw: &'a str) -> Result<Plain<'a>, Problems> {
        let looking = self.pass(raw, reader::Reader::looking(self.elsewhere))?;
        if !looking.differs() && json::is_compact(raw) {
            return Ok(Plain {
                text: Cow::Borrowed(raw.as_bytes()),
                problems: Problems::default(),
                ignored: Vec::new(),
            });
        }
        let mut written = self.pass(raw, reader::Reader::writing(raw.len(), self.elsewhere))?;
        Ok(Plain {
            text: Cow::Owned(written.take_plain()),
            problems: written.problems,
            ignored: written.ignored,
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
struct Plain<'a> {
    text: Cow<'a, [u8]>,
    problems: Problems,
    ignored: Vec<String>,
}

/// Makes the Rust type of arguments in their plain form, unless something is wrong with them.
fn made<T: DeserializeOwned>(
    plain: &[u8],
    mut problems: Problems,
    check: impl FnOnce(&T, &mut Problems),
) -> Result<T, Problems> {
    let parsed = if problems.is_empty() {
        parse(plain).map(Some)?
    } else {
        serde_json::from_slice::<T>(plain).ok()
    };
    if let Some(args) = &parsed {
        check(args, &mut problems);
    }
    match parsed {
        Some(args) if problems.is_empty() => Ok(args),
        _ => Err(problems),
    }
}

/// The arguments themselves, of what hosts write in their place: an object inside of a string, and for no arguments
/// `null`, empty text or, in PHP, an empty list.
#[must_use]
pub fn unwrapped(raw: &str) -> Cow<'_, str> {
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
