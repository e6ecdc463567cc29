//! The way through the raw arguments, place by place and by the rules.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::numbers::surely_fine;
use super::reader::{Outcome, Reader, Seen};
use super::rule::{Member, Object, Rule};
use crate::error::problems::Path;

/// How many wrong values of one list are named: a list of a thousand numbers repeats its mistake, and must not crowd
/// out the other problems.
const MOST_UNUSABLE: usize = 3;

/// The argument that may come as a file instead.
const BODY: &str = "body";

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
        // How to write it is said of the first one: one that came after a good one is not told what is known.
        let wanted = match (self.rule, self.path) {
            (Rule::Array { .. } | Rule::Object(_) | Rule::Text(_), Path::Index(_, 1..)) => {
                self.rule.expected().to_owned()
            }
            _ => self.rule.wanted(),
        };
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
        if let Rule::Either { rules, .. } = self.rule {
            let raw = <&RawValue>::deserialize(json)?.get();
            let mut json = serde_json::Deserializer::from_str(raw);
            let outcome = match rules.iter().find(|rule| rule.may_fit(raw)) {
                Some(rule) => Place { rule, ..self }.deserialize(&mut json),
                None => json.deserialize_any(self),
            };
            return outcome.map_err(Error::custom);
        }
        let (items, least) = match self.rule {
            Rule::Array { items, least, .. } if matches!(**items, Rule::Number(_)) => (items, *least),
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
        if let Rule::Object(object) = self.rule
            && !object.members.iter().any(|member| member.required)
        {
            // PHP and Lua write an object without members as an empty list.
            if list.next_element::<IgnoredAny>()?.is_none() {
                self.reader.changed = true;
                self.reader.push(b"{}");
                return Ok(Outcome::Written);
            }
        }
        let Rule::Array { items, least, .. } = self.rule else {
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
                    outcome.absent(reader.seed(items, path.index(count)));
                    if let Rule::Object(_) = **items {
                        // So the tool's own rules can be applied to the others, each at its place.
                        reader.push(b"{}");
                    } else {
                        unusable += 1;
                    }
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
        let mut seen = Seen::new();
        let mut unknown = Vec::new();
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
                    unknown.push((name, map.next_value::<&RawValue>()?));
                    continue;
                }
            };
            let before = reader.position();
            reader.name(&name);
            let mut outcome = map.next_value_seed(reader.seed(rule, path.key(&name)))?;
            if seen.contains_key(&name) {
                reader.has_twice = true;
                reader.problems.add(&path.key(&name), "is given twice");
                outcome = Outcome::Unusable;
            }
            let optional = member.is_some_and(|member| !member.required);
            // Models and forms fill what they don't need with empty text; sent, it could mean something.
            if optional && !object.keeps_empty && outcome == Outcome::Empty {
                outcome = Outcome::Null;
            }
            if outcome == Outcome::Blank {
                outcome = if member.is_some_and(|member| member.required) {
                    reader.seed(rule, path.key(&name)).unexpected("empty text")
                } else {
                    Outcome::Null
                };
            }
            if !outcome.is_written() {
                reader.drop_from(before);
            }
            if outcome != Outcome::Null {
                seen.entry(name).or_insert(outcome);
            }
        }
        reader.note_unknown(object, unknown, &seen, &path);
        for Member { name, .. } in implied(object, &seen) {
            reader.changed = true;
            reader.name(name);
            reader.push(b"{}");
        }
        for Member { name, rule, .. } in missing(object, &seen) {
            if reader.problems.may_be_elsewhere(&path.key(name)) {
                continue;
            }
            let file = match path {
                Path::Root if name == BODY => " (or body_path: a file that holds it)",
                _ => "",
            };
            reader
                .problems
                .add(&path.key(name), format!("is required: {}{file}", rule.wanted()));
        }
        if let Path::Root = path {
            reader.stand_in(object, &seen);
        }
        reader.push(b"}");
        Ok(Outcome::Written)
    }
}

fn implied<'a>(object: &'a Object, seen: &'a Seen) -> impl Iterator<Item = &'a Member> {
    object
        .members
        .iter()
        .filter(|member| member.implied && !seen.contains_key(&member.name))
}

fn missing<'a>(object: &'a Object, seen: &'a Seen) -> impl Iterator<Item = &'a Member> {
    object
        .members
        .iter()
        .filter(|member| member.required && !seen.contains_key(&member.name))
}
