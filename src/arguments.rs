//! Reads the arguments of a tool call: forgiving where hosts are sloppy, strict where it matters.
//!
//! The schema that the model reads is the schema that is enforced. One pass over the raw text follows it
//! (`arguments/reader.rs`, `scalar.rs`) and does two things: it collects every problem with its JSON path, and it writes the
//! arguments out again in their plain form, with what hosts are known to do put right: numbers and booleans that
//! came as strings, objects and lists that came as a JSON string, short enum values (`grpo`), `null` for an
//! absent member. Only then serde makes the Rust type of it, and the tool's own rules run over that.

mod numbers;
mod reader;
mod rule;
mod scalar;

use std::borrow::Cow;

use serde::de::{DeserializeOwned, DeserializeSeed as _};
use serde_json::Value;

use crate::api::json;
use crate::problems::{Path, Problems};

pub use rule::Rule;

/// What a tool accepts, made once from its schema.
pub struct Accepts(Rule);

impl Accepts {
    /// Reads the rules out of an input schema.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        Self(Rule::new(schema))
    }

    /// Whether there is an argument of this name.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.0.has_member(name)
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
        let (plain, mut problems) = self.normalize(raw)?;
        let parsed = if problems.is_empty() {
            parse(&plain).map(Some)?
        } else {
            serde_json::from_slice::<T>(&plain).ok()
        };
        if let Some(args) = &parsed {
            check(args, &mut problems);
        }
        match parsed {
            Some(args) if problems.is_empty() => Ok(args),
            _ => Err(problems),
        }
    }

    /// The plain form of `raw` and the problems found on the way.
    fn normalize<'a>(&self, raw: &'a str) -> Result<(Cow<'a, [u8]>, Problems), Problems> {
        let raw = if raw.trim() == "null" { "{}" } else { raw };
        let looking = self.pass(raw, reader::Reader::looking())?;
        if !looking.differs() && json::is_compact(raw) {
            return Ok((Cow::Borrowed(raw.as_bytes()), Problems::default()));
        }
        let (plain, problems) = self.pass(raw, reader::Reader::writing(raw.len()))?.finish();
        Ok((Cow::Owned(plain), problems))
    }

    fn pass(&self, raw: &str, mut reader: reader::Reader) -> Result<reader::Reader, Problems> {
        let mut json = serde_json::Deserializer::from_str(raw);
        reader
            .seed(&self.0, Path::Root)
            .deserialize(&mut json)
            .map_err(|error| Problems::one(&Path::Root, format!("cannot be read: {error}")))?;
        Ok(reader)
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
