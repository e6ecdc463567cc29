//! Single values: numbers and texts held against their rules, and values that came wrapped in a string.

use serde::de::{DeserializeSeed as _, IgnoredAny};

use super::place::Place;
use super::reader::{Outcome, Reader};
use super::rule::{Number, Rule, Text};
use crate::error::problems::{list, nearest};
use crate::files::operation_id::operation_of;

impl Place<'_> {
    pub(super) fn number(self, number: Number, value: f64, write: impl FnOnce(&mut Reader)) -> Outcome {
        if let Some(message) = number.objection(value) {
            return self.unusable(message);
        }
        write(self.reader);
        Outcome::Written
    }

    pub(super) fn text(self, rule: &Text, value: &str) -> Outcome {
        if !rule.values.is_empty() && value.trim().is_empty() {
            return Outcome::Blank;
        }
        if rule.values.is_empty() {
            let (least, most) = rule.length;
            let length = value.chars().count();
            if length < least {
                return self.unusable("must not be empty");
            }
            if length > most {
                return self.unusable(format!("has {length} characters; at most {most} are allowed"));
            }
            if let Some(id) = operation_of(value).filter(|_| rule.filed) {
                self.reader.write_changed(id);
                return Outcome::Written;
            }
            self.reader.write(value);
            return if value.is_empty() {
                Outcome::Empty
            } else {
                Outcome::Written
            };
        }
        if let Some(known) = rule.wire_form(value) {
            if known == value {
                self.reader.write(known);
            } else {
                self.reader.write_changed(known);
            }
            return Outcome::Written;
        }
        if let Some(sentence) = rule.retirement(value) {
            return self.unusable(sentence);
        }
        let known = || rule.values.iter().map(String::as_str);
        let shown: String = value.chars().take(60).collect();
        let hint = nearest(&shown, known()).map_or_else(String::new, |name| format!(" Did you mean {name}?"));
        self.unusable(format!("`{shown}` is not one of: {}.{hint}", list(known())))
    }

    /// A value that came as a string but should be something else: hosts do that.
    pub(super) fn inside_string(self, text: &str) -> Outcome {
        let trimmed = text.trim();
        let bracketed = trimmed.starts_with(['{', '[']);
        // In a list of texts, such as stop, white space is one of them.
        let texts = matches!(self.rule, Rule::Array { items, .. } if matches!(**items, Rule::Text(_)));
        if text.is_empty() || (trimmed.is_empty() && !texts) {
            return Outcome::Blank;
        }
        match self.rule {
            Rule::Array {
                names: true, items, ..
            } if !bracketed => {
                let filed = matches!(&**items, Rule::Text(text) if text.filed);
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                let own = |name| operation_of(name).filter(|_| filed).unwrap_or(name);
                let names: Vec<&str> = names.map(own).collect();
                if names.is_empty() {
                    return Outcome::Blank;
                }
                self.reader.write_changed(&names);
                Outcome::Written
            }
            Rule::Array { .. } if texts && serde_json::from_str::<Vec<IgnoredAny>>(trimmed).is_err() => {
                // One text where several could be, and one that may begin with a bracket.
                self.reader.write_changed(&[text]);
                Outcome::Written
            }
            Rule::Object(_) | Rule::Array { .. } if !bracketed => self.unexpected("text"),
            Rule::Number(_)
                if !trimmed.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    || serde_json::from_str::<IgnoredAny>(trimmed).is_err() =>
            {
                self.unexpected("text that is not a finite number")
            }
            Rule::Boolean if trimmed.eq_ignore_ascii_case("true") => {
                self.reader.write_changed(&true);
                Outcome::Written
            }
            Rule::Boolean if trimmed.eq_ignore_ascii_case("false") => {
                self.reader.write_changed(&false);
                Outcome::Written
            }
            Rule::Boolean => self.unexpected("other text"),
            _ => {
                let (before, path, wanted) = (self.reader.position(), self.path, self.rule.wanted());
                let Place { reader, rule, .. } = self;
                let mut json = serde_json::Deserializer::from_str(trimmed);
                let read = reader.seed(rule, path).deserialize(&mut json);
                match read.and_then(|outcome| json.end().map(|()| outcome)) {
                    Ok(outcome) => {
                        reader.changed = true;
                        outcome
                    }
                    Err(error) => {
                        reader.drop_from(before);
                        let message = format!("found text that cannot be read ({error}), expected {wanted}");
                        reader.seed(rule, path).unusable(message)
                    }
                }
            }
        }
    }
}
