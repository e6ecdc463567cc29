//! The pass over the raw arguments: reads by the rules, notes what is wrong, writes the plain form.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::rule::{Member, Number, Object, Rule, Text};
use crate::problems::{Path, Problems, list, nearest};

/// The plain form so far, and the problems so far.
pub(super) struct Reader {
    out: String,
    problems: Problems,
}

impl Reader {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            out: String::with_capacity(capacity),
            problems: Problems::default(),
        }
    }

    pub(super) fn finish(self) -> (String, Problems) {
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
            let empty = match rule {
                Rule::Object(_) => "{}",
                Rule::Text(text) if text.values.is_empty() => "\"\"",
                _ => continue,
            };
            let written =
                |(other, outcome): &(String, Outcome)| other == name && *outcome == Outcome::Written;
            if !seen.iter().any(written) {
                self.comma();
                self.write(name);
                self.out.push(':');
                self.out.push_str(empty);
            }
        }
    }

    fn comma(&mut self) {
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
    }

    fn write(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        // Numbers and text always serialize; if they did not, serde would report the gap as a syntax error.
        if let Ok(text) = serde_json::to_string(value) {
            self.out.push_str(&text);
        }
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
    reader: &'a mut Reader,
    rule: &'a Rule,
    path: Path<'a>,
}

impl Place<'_> {
    fn unusable(self, message: impl Into<String>) -> Outcome {
        self.reader.problems.add(&self.path, message);
        Outcome::Unusable
    }

    fn unexpected(self, found: &str) -> Outcome {
        let expected = self.rule.expected();
        self.unusable(format!("expected {expected}, found {found}"))
    }

    fn number(self, number: Number, value: f64, write: impl FnOnce(&mut Reader)) -> Outcome {
        if let Some(message) = out_of_range(number, value) {
            return self.unusable(message);
        }
        write(self.reader);
        Outcome::Written
    }

    fn text(self, rule: &Text, value: &str) -> Outcome {
        if rule.values.is_empty() {
            let (least, most) = rule.length;
            let length = value.chars().count();
            if length < least {
                return self.unusable("must not be empty");
            }
            if length > most {
                return self.unusable(format!("has {length} characters; at most {most} are allowed"));
            }
            self.reader.write(value);
            return Outcome::Written;
        }
        if let Some(known) = rule.wire_form(value) {
            self.reader.write(known);
            return Outcome::Written;
        }
        if let Some(sentence) = rule.retired.get(value) {
            return self.unusable(sentence.clone());
        }
        let known = || rule.values.iter().map(String::as_str);
        let hint = nearest(value, known()).map_or_else(String::new, |name| format!(" Did you mean {name}?"));
        let shown: String = value.chars().take(60).collect();
        self.unusable(format!("`{shown}` is not one of: {}.{hint}", list(known())))
    }

    /// A value that came as a string but should be something else: hosts do that.
    fn inside_string(self, text: &str) -> Outcome {
        let trimmed = text.trim();
        if matches!(self.rule, Rule::Object(_) | Rule::Array { .. }) && !trimmed.starts_with(['{', '[']) {
            return self.unexpected("text");
        }
        match self.rule {
            Rule::Number(_) if !trimmed.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                self.unexpected("text that is no finite number")
            }
            Rule::Boolean if trimmed.eq_ignore_ascii_case("true") => {
                self.reader.out.push_str("true");
                Outcome::Written
            }
            Rule::Boolean if trimmed.eq_ignore_ascii_case("false") => {
                self.reader.out.push_str("false");
                Outcome::Written
            }
            Rule::Boolean => self.unexpected("other text"),
            _ => {
                let (before, path, expected) = (self.reader.out.len(), self.path, self.rule.expected());
                let Place { reader, rule, .. } = self;
                let mut json = serde_json::Deserializer::from_str(trimmed);
                let read = reader.seed(rule, path).deserialize(&mut json);
                match read.and_then(|outcome| json.end().map(|()| outcome)) {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        reader.out.truncate(before);
                        let message =
                            format!("expected {expected}, found text that cannot be read as one: {error}");
                        reader.seed(rule, path).unusable(message)
                    }
                }
            }
        }
    }
}

fn out_of_range(number: Number, value: f64) -> Option<String> {
    let wrong = number.minimum.is_some_and(|least| value < least)
        || number.maximum.is_some_and(|most| value > most)
        || number.above.is_some_and(|bound| value <= bound)
        || number.below.is_some_and(|bound| value >= bound);
    wrong.then(|| {
        let bounds = [
            number.minimum.map(|bound| format!("at least {bound}")),
            number.above.map(|bound| format!("above {bound}")),
            number.maximum.map(|bound| format!("at most {bound}")),
            number.below.map(|bound| format!("below {bound}")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        format!("is {value}, but must be {}", bounds.join(" and "))
    })
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Outcome, D::Error> {
        if let Rule::Any = self.rule {
            let raw = <&RawValue>::deserialize(json)?;
            if raw.get() == "null" {
                return Ok(Outcome::Null);
            }
            self.reader.out.push_str(raw.get());
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
            self.reader.out.push_str(if value { "true" } else { "false" });
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
            Rule::Text(text) if text.values.is_empty() => {
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
        let mut usable = true;
        let mut count = 0;
        reader.out.push('[');
        loop {
            let at = reader.out.len();
            if count > 0 {
                reader.out.push(',');
            }
            match list.next_element_seed(reader.seed(items, path.index(count)))? {
                Some(Outcome::Written) => {}
                Some(outcome) => {
                    if outcome == Outcome::Null {
                        reader.seed(items, path.index(count)).unexpected("null");
                    }
                    usable = false;
                }
                None => {
                    reader.out.truncate(at);
                    break;
                }
            }
            count += 1;
        }
        if count < *least {
            usable = false;
            reader.seed(rule, path).unusable("must not be empty");
        }
        if !usable {
            // A list with a hole would make every later position wrong.
            reader.out.truncate(before);
            return Ok(Outcome::Unusable);
        }
        reader.out.push(']');
        Ok(Outcome::Written)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let Rule::Object(object) = self.rule else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.unexpected("an object"));
        };
        let Place { reader, path, .. } = self;
        let mut seen: Vec<(String, Outcome)> = Vec::with_capacity(object.members.len());
        reader.out.push('{');
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
            reader.out.push(':');
            let mut outcome = map.next_value_seed(reader.seed(rule, path.key(&name)))?;
            if seen.iter().any(|(other, _)| *other == name) {
                reader.problems.add(&path.key(&name), "is given twice");
                outcome = Outcome::Unusable;
            }
            if outcome != Outcome::Written {
                reader.out.truncate(before);
            }
            if outcome != Outcome::Null {
                seen.push((name, outcome));
            }
        }
        for Member { name, rule, .. } in object.missing(&seen) {
            let expected = rule.expected();
            reader
                .problems
                .add(&path.key(name), format!("is required ({expected})"));
        }
        if let Path::Root = path {
            reader.stand_in(object, &seen);
        }
        reader.out.push('}');
        Ok(Outcome::Written)
    }
}

impl Object {
    fn missing<'a>(&'a self, seen: &'a [(String, Outcome)]) -> impl Iterator<Item = &'a Member> {
        self.members
            .iter()
            .filter(|member| member.required && !seen.iter().any(|(name, _)| *name == member.name))
    }

    /// Whether a name in an object that is open for other names is still a mistake: an old name, or a known
    /// one misspelt.
    fn mistaken(&self, name: &str) -> bool {
        self.retired.contains_key(name) || self.nearest(name).is_some()
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.members.iter().map(|member| member.name.as_str()))
    }

    /// What to say about a name that is not known here.
    fn unknown(&self, name: &str) -> String {
        if let Some(sentence) = self.retired.get(name) {
            return sentence.clone();
        }
        if let Some(outer) = self.members.iter().find(|member| member.holds(name)) {
            return format!("belongs inside {0}: write {0}.{name}", outer.name);
        }
        if let Some(near) = self.nearest(name) {
            return format!("is not known here; did you mean {near}?");
        }
        let known = list(self.members.iter().map(|member| member.name.as_str()));
        format!("is not known here; known are: {known}")
    }
}

impl Member {
    fn holds(&self, name: &str) -> bool {
        matches!(&self.rule, Rule::Object(object) if object.members.iter().any(|member| member.name == name))
    }
}
