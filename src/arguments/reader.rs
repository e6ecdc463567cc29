//! The pass over the raw arguments: reads by the rules, notes what is wrong, writes the plain form.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::rule::{Member, Object, Rule};
use crate::problems::{Path, Problems};

/// How many wrong values of one list are named: a list of a thousand numbers repeats its mistake, and must not crowd
/// out the other problems.
const MOST_UNUSABLE: usize = 3;

/// The plain form so far, and the problems so far.
pub(super) struct Reader {
    pub(super) out: Vec<u8>,
    pub(super) problems: Problems,
}

impl Reader {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            problems: Problems::default(),
        }
    }

    pub(super) fn finish(self) -> (Vec<u8>, Problems) {
        (self.out, self.problems)
    }

    pub(super) const fn seed<'a>(&'a mut self, rule: &'a Rule, path: Path<'a>) -> Place<'a> {
        Place {
            reader: self,
            rule,
            path,
        }
    }

    /// Puts an empty value where a required argument of the tool is missing, so that the Rust type can be made
    /// and the tool's own rules can be applied to the rest. The call fails all the same.
    fn stand_in(&mut self, arguments: &Object, seen: &[(String, Outcome)]) {
        for Member { name, rule, .. } in arguments.members.iter().filter(|member| member.required) {
            let empty: &[u8] = match rule {
                Rule::Object(_) => b"{}",
                Rule::Text(text) if text.values.is_empty() => b"\"\"",
                _ => continue,
            };
            let written =
                |(other, outcome): &(String, Outcome)| other == name && *outcome == Outcome::Written;
            if !seen.iter().any(written) {
                self.comma();
                self.write(name);
                self.out.push(b':');
                self.out.extend_from_slice(empty);
            }
        }
    }

    fn comma(&mut self) {
        if !self.out.ends_with(b"{") {
            self.out.push(b',');
        }
    }

    pub(super) fn write(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        // Numbers and text always serialize; if they did not, reading the plain form would report the gap.
        let _ = serde_json::to_writer(&mut self.out, value);
    }
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was written to the plain form.
    Written,
    /// It was `null`; nothing was written.
    Null,
    /// It cannot be used and the problem is noted; nothing was written.
    Unusable,
}

/// One place in the arguments that is about to be read.
pub(super) struct Place<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) rule: &'a Rule,
    pub(super) path: Path<'a>,
}

impl Place<'_> {
    pub(super) fn unusable(self, message: impl Into<String>) -> Outcome {
        self.reader.problems.add(&self.path, message);
        Outcome::Unusable
    }

    pub(super) fn unexpected(self, found: &str) -> Outcome {
        let wanted = self.rule.wanted();
        self.unusable(format!("found {found}, expected {wanted}"))
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Outcome, D::Error> {
        if let Rule::Any = self.rule {
            let raw = <&RawValue>::deserialize(json)?;
            if raw.get() == "null" {
                return Ok(Outcome::Null);
            }
            self.reader.out.extend_from_slice(raw.get().as_bytes());
            return Ok(Outcome::Written);
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.expected())
    }

    fn visit_unit<E>(self) -> Result<Outcome, E> {
        Ok(Outcome::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Outcome, E> {
        if let Rule::Boolean = self.rule {
            self.reader.write(&value);
            return Ok(Outcome::Written);
        }
        Ok(self.unexpected("true or false"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Outcome, E> {
        Ok(match self.rule {
            #[expect(
                clippy::cast_precision_loss,
                reason = "only compared with the bounds of a range"
            )]
            Rule::Number(number) => self.number(*number, value as f64, |reader| reader.write(&value)),
            // An id that looks like a number. In a list of texts, such as stop, it would be a token id.
            Rule::Text(text) if text.values.is_empty() && !matches!(self.path, Path::Index(..)) => {
                self.reader.write(&value.to_string());
                Outcome::Written
            }
            _ => self.unexpected("a number"),
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Outcome, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(self.unusable("is larger than 64-bit integers go")),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Outcome, E> {
        let Rule::Number(number) = self.rule else {
            return Ok(self.unexpected("a number"));
        };
        if number.whole {
            // 20.0 means 20. Beyond 2^53 a float no longer says which integer was meant.
            let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
            return if exact {
                #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
                self.visit_i64(value as i64)
            } else {
                Ok(self.unusable(format!("is {value}, but must be a whole number")))
            };
        }
        Ok(self.number(*number, value, |reader| reader.write(&value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Outcome, E> {
        Ok(match self.rule {
            Rule::Text(text) => self.text(text, value),
            _ => self.inside_string(value),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outcome, A::Error> {
        let Rule::Array { items, least } = self.rule else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.unexpected("a list"));
        };
        let Place { reader, path, rule } = self;
        let before = reader.out.len();
        let (mut count, mut unusable) = (0, 0);
        reader.out.push(b'[');
        loop {
            let at = reader.out.len();
            if count > 0 {
                reader.out.push(b',');
            }
            match list.next_element_seed(reader.seed(items, path.index(count)))? {
                Some(Outcome::Written) => {}
                Some(outcome) => {
                    if outcome == Outcome::Null {
                        reader.seed(items, path.index(count)).unexpected("null");
                    }
                    unusable += 1;
                }
                None => {
                    reader.out.truncate(at);
                    break;
                }
            }
            count += 1;
            if unusable == MOST_UNUSABLE && items.is_scalar() && list.next_element::<IgnoredAny>()?.is_some()
            {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                reader
                    .problems
                    .add(&path, "has more values after these, which were not checked");
                break;
            }
        }
        if count < *least {
            unusable += 1;
            reader.seed(rule, path).unusable("must not be empty");
        }
        if unusable > 0 {
            // A list with a hole would make every later position wrong.
            reader.out.truncate(before);
            return Ok(Outcome::Unusable);
        }
        reader.out.push(b']');
        Ok(Outcome::Written)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let Rule::Object(object) = self.rule else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.unexpected("an object"));
        };
        let Place { reader, path, .. } = self;
        let mut seen: Vec<(String, Outcome)> = Vec::with_capacity(object.members.len());
        reader.out.push(b'{');
        while let Some(name) = map.next_key::<String>()? {
            let member = object.members.iter().find(|member| member.name == name);
            let rule = match (member, &object.others) {
                (Some(member), _) => &member.rule,
                (None, Some(others)) if !object.mistaken(&name) => others,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    reader.problems.add(&path.key(&name), object.unknown(&name));
                    continue;
                }
            };
            let before = reader.out.len();
            reader.comma();
            reader.write(&name);
            reader.out.push(b':');
            let mut outcome = map.next_value_seed(reader.seed(rule, path.key(&name)))?;
            if seen.iter().any(|(other, _)| *other == name) {
                reader.problems.add(&path.key(&name), "is given twice");
                outcome = Outcome::Unusable;
            }
            let optional = member.is_some_and(|member| !member.required);
            if optional && outcome == Outcome::Written && reader.out.ends_with(b":\"\"") {
                // Models fill what they don't need with empty text; sent, it could mean something.
                outcome = Outcome::Null;
            }
            if outcome != Outcome::Written {
                reader.out.truncate(before);
            }
            if outcome != Outcome::Null {
                seen.push((name, outcome));
            }
        }
        for Member { name, rule, .. } in missing(object, &seen) {
            reader
                .problems
                .add(&path.key(name), format!("is required: {}", rule.wanted()));
        }
        if let Path::Root = path {
            reader.stand_in(object, &seen);
        }
        reader.out.push(b'}');
        Ok(Outcome::Written)
    }
}

fn missing<'a>(object: &'a Object, seen: &'a [(String, Outcome)]) -> impl Iterator<Item = &'a Member> {
    object
        .members
        .iter()
        .filter(|member| member.required && !seen.iter().any(|(name, _)| *name == member.name))
}
