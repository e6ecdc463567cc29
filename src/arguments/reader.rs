//! The pass over the raw arguments: reads by the rules, notes what is wrong, writes the plain form.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::numbers::surely_fine;
use super::rule::{Member, Object, Rule};
use crate::problems::{Path, Problems};

/// How many wrong values of one list are named: a list of a thousand numbers repeats its mistake, and must not crowd
/// out the other problems.
const MOST_UNUSABLE: usize = 3;

/// The pass so far. It only looks, or it also writes the plain form: arguments that are plain already, as most are,
/// are not written again.
pub(super) struct Reader {
    plain: Option<Vec<u8>>,
    pub(super) changed: bool,
    pub(super) problems: Problems,
}

impl Reader {
    /// A pass that only looks.
    pub(super) fn looking() -> Self {
        Self {
            plain: None,
            changed: false,
            problems: Problems::default(),
        }
    }

    /// A pass that writes the plain form, of about `capacity` bytes.
    pub(super) fn writing(capacity: usize) -> Self {
        Self {
            plain: Some(Vec::with_capacity(capacity)),
            ..Self::looking()
        }
    }

    /// Whether the plain form is another text than what was read, or there are problems.
    pub(super) fn differs(&self) -> bool {
        self.changed || !self.problems.is_empty()
    }

    /// The plain form, if it was written, and the problems.
    pub(super) fn finish(self) -> (Vec<u8>, Problems) {
        (self.plain.unwrap_or_default(), self.problems)
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
            let written = |(other, outcome): &(String, Outcome)| other == name && outcome.is_written();
            if !seen.iter().any(written) {
                self.name(name);
                self.push(empty);
            }
        }
    }

    /// Begins a member of an object.
    fn name(&mut self, name: &str) {
        if self.plain.as_ref().is_some_and(|plain| !plain.ends_with(b"{")) {
            self.push(b",");
        }
        self.write(name);
        self.push(b":");
    }

    /// Where the plain form stands, to come back to with [`Reader::drop_from`].
    pub(super) fn position(&self) -> usize {
        self.plain.as_ref().map_or(0, Vec::len)
    }

    /// Takes back what was written since `position`, as it is not part of the plain form.
    pub(super) fn drop_from(&mut self, position: usize) {
        self.changed = true;
        if let Some(plain) = &mut self.plain {
            plain.truncate(position);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(plain) = &mut self.plain {
            plain.extend_from_slice(bytes);
        }
    }

    /// Writes a list of numbers as it was read, without spaces.
    fn push_numbers(&mut self, list: &str) {
        if let Some(plain) = &mut self.plain {
            plain.extend(list.bytes().filter(|byte| *byte != b' '));
        }
    }

    /// Writes a value as it was read.
    pub(super) fn write(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        if let Some(plain) = &mut self.plain {
            // Numbers and text always serialize; if they did not, reading the plain form would report the gap.
            let _ = serde_json::to_writer(plain, value);
        }
    }

    /// Writes a value in another form than it was read.
    pub(super) fn write_changed(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        self.changed = true;
        self.write(value);
    }
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is part of the plain form.
    Written,
    /// The same, and it is empty text.
    Empty,
    /// It was `null`; nothing was written.
    Null,
    /// It cannot be used and the problem is noted; nothing was written.
    Unusable,
}

impl Outcome {
    const fn is_written(self) -> bool {
        matches!(self, Self::Written | Self::Empty)
    }
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
            self.reader.push(raw.get().as_bytes());
            return Ok(Outcome::Written);
        }
        let (items, least) = match self.rule {
            Rule::Array { items, least } if matches!(**items, Rule::Number(_)) => (items, *least),
            _ => return json.deserialize_any(self),
        };
        let raw = <&RawValue>::deserialize(json)?.get();
        if surely_fine(raw, items, least) {
            self.reader.push_numbers(raw);
            return Ok(Outcome::Written);
        }
        let mut json = serde_json::Deserializer::from_str(raw);
        json.deserialize_any(self).map_err(Error::custom)
    }
}

/// A place in a list: the comma before it is written only when there is something behind the comma.
struct Element<'a> {
    place: Place<'a>,
    first: bool,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Outcome, D::Error> {
        if !self.first {
            self.place.reader.push(b",");
        }
        self.place.deserialize(json)
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
                self.reader.write_changed(&value.to_string());
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
                self.reader.changed = true;
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
        let before = reader.position();
        let (mut count, mut unusable) = (0, 0);
        reader.push(b"[");
        loop {
            match list.next_element_seed(Element {
                place: reader.seed(items, path.index(count)),
                first: count == 0,
            })? {
                Some(Outcome::Written | Outcome::Empty) => {}
                Some(outcome) => {
                    if outcome == Outcome::Null {
                        reader.seed(items, path.index(count)).unexpected("null");
                    }
                    unusable += 1;
                }
                None => break,
            }
            count += 1;
            if unusable == MOST_UNUSABLE && items.is_uniform() && list.next_element::<IgnoredAny>()?.is_some()
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
            reader.drop_from(before);
            return Ok(Outcome::Unusable);
        }
        reader.push(b"]");
        Ok(Outcome::Written)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let Rule::Object(object) = self.rule else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.unexpected("an object"));
        };
        let Place { reader, path, .. } = self;
        let mut seen: Vec<(String, Outcome)> = Vec::with_capacity(object.members.len());
        reader.push(b"{");
        while let Some(mut name) = map.next_key::<String>()? {
            if let Some(own) = object.aliases.get(&name) {
                own.clone_into(&mut name);
                reader.changed = true;
            }
            let member = object.members.iter().find(|member| member.name == name);
            let rule = match (member, &object.others) {
                (Some(member), _) => &member.rule,
                (None, Some(others)) if !object.mistaken(&name) => others,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    reader
                        .problems
                        .add(&path.key(&name), object.unknown(&name, &path));
                    continue;
                }
            };
            let before = reader.position();
            reader.name(&name);
            let mut outcome = map.next_value_seed(reader.seed(rule, path.key(&name)))?;
            if seen.iter().any(|(other, _)| *other == name) {
                reader.problems.add(&path.key(&name), "is given twice");
                outcome = Outcome::Unusable;
            }
            let optional = member.is_some_and(|member| !member.required);
            if optional && !object.keeps_empty && outcome == Outcome::Empty {
                // Models fill what they don't need with empty text; sent, it could mean something.
                outcome = Outcome::Null;
            }
            if !outcome.is_written() {
                reader.drop_from(before);
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
        reader.push(b"}");
        Ok(Outcome::Written)
    }
}

fn missing<'a>(object: &'a Object, seen: &'a [(String, Outcome)]) -> impl Iterator<Item = &'a Member> {
    object
        .members
        .iter()
        .filter(|member| member.required && !seen.iter().any(|(name, _)| *name == member.name))
}
