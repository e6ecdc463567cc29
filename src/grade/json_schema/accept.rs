//! Whether a schema accepts a value.

use std::cell::Cell;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::schema::{Rules, Schema, Type, canonical};
use crate::error::problems::{counted, list};
use crate::grade::short;

/// How deep schemas are followed into one another and into a value.
const DEEPEST: usize = 100;
/// How many schemas are looked at for one value: references can multiply without end.
const MOST: usize = 200_000;

/// Where a value is refused, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Names and indexes from the whole value on, each behind a slash.
    pub(super) place: String,
    pub(super) why: String,
}

/// A schema of a document, at a place in a value.
#[derive(Clone, Copy)]
struct At<'a> {
    document: &'a Schema,
    place: Place<'a>,
    depth: usize,
    /// How many schemas may still be looked at.
    left: &'a Cell<usize>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Whole,
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn text(self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Name(outer, name) => format!("{}/{name}", outer.text()),
            Self::Index(outer, index) => format!("{}/{index}", outer.text()),
        }
    }
}

/// Says why a document does not accept a value.
pub(super) fn accept(document: &Schema, value: &Value) -> Result<(), Refusal> {
    let left = Cell::new(MOST);
    let at = At {
        document,
        place: Place::Whole,
        depth: 0,
        left: &left,
    };
    at.accept(document, value)
}

impl<'a> At<'a> {
    fn inside<'b>(self, place: Place<'b>) -> At<'b>
    where
        'a: 'b,
    {
        At {
            place,
            depth: self.depth + 1,
            ..self
        }
    }

    fn refuse(self, why: impl Into<String>) -> Result<(), Refusal> {
        Err(Refusal {
            place: self.place.text(),
            why: why.into(),
        })
    }

    fn accept(self, schema: &Schema, value: &Value) -> Result<(), Refusal> {
        let rules = match schema {
            Schema::Always(true) => return Ok(()),
            Schema::Always(false) => return self.refuse("is not allowed"),
            Schema::Rules(rules) => rules,
        };
        let left = self.left.get();
        if self.depth > DEEPEST || left == 0 {
            self.left.set(0);
            return self.refuse("takes too long to look at");
        }
        self.left.set(left - 1);
        let next = At {
            depth: self.depth + 1,
            ..self
        };
        if let Some(reference) = &rules.reference
            && let Some(schema) = self.document.find(reference)
        {
            next.accept(schema, value)?;
        }
        self.kind(rules, value)?;
        match value {
            Value::Number(number) => self.number(rules, number.as_f64().unwrap_or_default())?,
            Value::String(text) => self.text(rules, text)?,
            Value::Array(items) => self.items(rules, items)?,
            Value::Object(members) => self.members(rules, members)?,
            Value::Null | Value::Bool(_) => {}
        }
        next.together(rules, value)
    }

    fn kind(self, rules: &Rules, value: &Value) -> Result<(), Refusal> {
        if let Some(types) = &rules.r#type
            && !types.iter().any(|kind| kind.is_of(value))
        {
            let wanted = types.iter().map(|kind| kind.name());
            return self.refuse(format!("is {}, not {}", Type::of(value).name(), list(wanted)));
        }
        let is = |other: &Value| canonical(other) == canonical(value);
        if let Some(values) = &rules.r#enum
            && !values.iter().any(is)
        {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            return self.refuse(format!(
                "is none of {}",
                short(&list(values.iter().map(String::as_str)))
            ));
        }
        match &rules.r#const {
            Some(constant) if !is(constant) => {
                self.refuse(format!("is not {}", short(&constant.to_string())))
            }
            _ => Ok(()),
        }
    }

    fn number(self, rules: &Rules, value: f64) -> Result<(), Refusal> {
        let bounds = [
            (rules.minimum.filter(|least| value < *least), "is below"),
            (rules.maximum.filter(|most| value > *most), "is above"),
            (
                rules.exclusive_minimum.filter(|least| value <= *least),
                "is not above",
            ),
            (
                rules.exclusive_maximum.filter(|most| value >= *most),
                "is not below",
            ),
        ];
        if let Some((bound, words)) = bounds.iter().find_map(|(bound, words)| Some(((*bound)?, words))) {
            return self.refuse(format!("{words} {bound}"));
        }
        match rules.multiple_of {
            Some(step) if step > 0.0 && !is_multiple(value, step) => {
                self.refuse(format!("is no multiple of {step}"))
            }
            _ => Ok(()),
        }
    }

    fn text(self, rules: &Rules, text: &str) -> Result<(), Refusal> {
        self.size(
            text.chars().count(),
            (rules.min_length, rules.max_length),
            "character",
        )?;
        match &rules.pattern {
            Some(pattern) if !pattern.0.is_match(text) => {
                self.refuse(format!("does not match {}", short(pattern.0.as_str())))
            }
            _ => Ok(()),
        }
    }

    fn size(
        self,
        size: usize,
        (least, most): (Option<usize>, Option<usize>),
        what: &str,
    ) -> Result<(), Refusal> {
        if let Some(least) = least.filter(|least| size < *least) {
            return self.refuse(format!(
                "has {}, at least {least} are wanted",
                counted(size, what)
            ));
        }
        match most.filter(|most| size > *most) {
            Some(most) => self.refuse(format!("has {}, at most {most} are allowed", counted(size, what))),
            None => Ok(()),
        }
    }

    fn items(self, rules: &Rules, items: &[Value]) -> Result<(), Refusal> {
        self.size(items.len(), (rules.min_items, rules.max_items), "item")?;
        for (index, item) in items.iter().enumerate() {
            let own = rules.prefix_items.get(index).or(rules.items.as_ref());
            if let Some(schema) = own {
                self.inside(Place::Index(&self.place, index))
                    .accept(schema, item)?;
            }
        }
        if rules.unique_items {
            let mut seen = HashSet::new();
            if let Some(index) = items.iter().position(|item| !seen.insert(canonical(item))) {
                return self.refuse(format!("has item {index} twice"));
            }
        }
        if let Some(schema) = &rules.contains {
            let fits = |(index, item)| {
                self.inside(Place::Index(&self.place, index))
                    .accept(schema, item)
                    .is_ok()
            };
            if !items.iter().enumerate().any(fits) {
                return self.refuse("has no item as contains wants one");
            }
        }
        Ok(())
    }

    fn members(self, rules: &Rules, members: &Map<String, Value>) -> Result<(), Refusal> {
        if let Some(missing) = rules.required.iter().find(|name| !members.contains_key(*name)) {
            return self.refuse(format!("lacks {missing}"));
        }
        self.size(
            members.len(),
            (rules.min_properties, rules.max_properties),
            "member",
        )?;
        for (name, value) in members {
            let at = self.inside(Place::Name(&self.place, name));
            if let Some(schema) = &rules.property_names {
                at.accept(schema, &Value::String(name.clone()))?;
            }
            let mut is_known = false;
            if let Some(schema) = rules.properties.get(name) {
                is_known = true;
                at.accept(schema, value)?;
            }
            for (pattern, schema) in &rules.pattern_properties {
                if pattern.0.is_match(name) {
                    is_known = true;
                    at.accept(schema, value)?;
                }
            }
            if !is_known && let Some(schema) = &rules.additional_properties {
                at.accept(schema, value)?;
            }
        }
        Ok(())
    }

    /// What other schemas say of the same value.
    fn together(self, rules: &Rules, value: &Value) -> Result<(), Refusal> {
        let fits = |schema: &Schema| self.accept(schema, value).is_ok();
        rules
            .all_of
            .iter()
            .try_for_each(|schema| self.accept(schema, value))?;
        if rules.any_of.as_ref().is_some_and(|any| !any.iter().any(fits)) {
            return self.refuse("is nothing that anyOf accepts");
        }
        if let Some(one) = &rules.one_of {
            let count = one.iter().filter(|schema| fits(schema)).count();
            if count != 1 {
                return self.refuse(format!("is accepted by {count} of oneOf, not by one"));
            }
        }
        if rules.not.as_ref().is_some_and(fits) {
            return self.refuse("is what not forbids");
        }
        let Some(condition) = &rules.r#if else {
            return Ok(());
        };
        let then = if fits(condition) {
            &rules.then
        } else {
            &rules.r#else
        };
        then.as_ref().map_or(Ok(()), |schema| self.accept(schema, value))
    }
}

impl Type {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Integer => value.as_f64().is_some_and(|value| value.fract() == 0.0),
            kind => kind == Self::of(value),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }
}

/// Of whole numbers exactly, and of others as far as binary fractions can tell.
fn is_multiple(value: f64, step: f64) -> bool {
    if value.fract() == 0.0 && step.fract() == 0.0 {
        return value % step == 0.0;
    }
    let times = value / step;
    (times - times.round()).abs() <= 1e-9 * times.abs().max(1.0)
}
