//! Reading a JSON object member by member, and noting all that is wrong with it rather than the first thing.

mod unseen;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::{Problem, Refusal};

/// What reading a request has come to so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    problems: RefCell<Vec<Problem>>,
    /// The places that were looked at, whether there was something or not.
    seen: RefCell<BTreeSet<String>>,
}

impl Reading {
    /// All that is wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// An object within a request. What is `null` counts as absent.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    place: Vec<Value>,
    /// `None`: absent, or no object.
    members: Option<&'a Map<String, Value>>,
    reading: &'a Reading,
}

/// Reads a body with `read`, and refuses it if there was any problem.
pub(super) fn reading<T>(body: &[u8], read: impl FnOnce(&Fields<'_>) -> T) -> Result<(T, Value), Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Refusal::invalid(
            "body",
            "json",
            format!("JSON decode error: {error}"),
            "json_invalid",
        )
    })?;
    let reading = Reading::default();
    let got = read(&Fields::new(&value, &reading));
    let problems = reading.into_problems();
    if problems.is_empty() {
        Ok((got, value))
    } else {
        Err(Refusal::Invalid(problems))
    }
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub(super) fn new(body: &'a Value, reading: &'a Reading) -> Self {
        Self::at(vec!["body".into()], Some(body), reading)
    }

    fn at(place: Vec<Value>, value: Option<&'a Value>, reading: &'a Reading) -> Self {
        let members = value.and_then(Value::as_object);
        let fields = Self {
            place,
            members,
            reading,
        };
        if value.is_some() && members.is_none() {
            fields.note(None, "Input should be a valid dictionary", "dict_type");
        }
        fields
    }

    fn note(&self, name: Option<&str>, message: impl Into<String>, kind: &'static str) {
        let mut place = self.place.clone();
        place.extend(name.map(Value::from));
        self.reading.problems.borrow_mut().push(Problem {
            place,
            message: message.into(),
            kind,
        });
    }

    /// A member as it is.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.see(name);
        self.members?.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Refuses a member.
    pub(super) fn refuse(&self, name: &str, message: impl Into<String>) {
        self.note(Some(name), message, "value_error");
    }

    /// Refuses the absence of a member.
    pub(super) fn require(&self, name: &str) {
        if self.members.is_some() && !self.has(name) {
            self.note(Some(name), "Field required", "missing");
        }
    }

    /// Refuses all members but these.
    pub(super) fn only(&self, known: &[&str]) {
        self.only_in("", known);
    }

    /// A member of one type; another one is a problem.
    fn typed<T>(
        &self,
        name: &str,
        what: &str,
        kind: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(self.get(name)?);
        if read.is_none() {
            self.note(Some(name), format!("Input should be a valid {what}"), kind);
        }
        read
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.typed(name, "string", "string_type", Value::as_str)
    }

    /// A text that is not empty.
    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        let text = self.text(name)?;
        if text.trim().is_empty() {
            self.note(
                Some(name),
                "String should have at least 1 character",
                "string_too_short",
            );
        }
        Some(text)
    }

    /// Whether something is so.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.typed(name, "boolean", "bool_type", Value::as_bool)
    }

    /// A whole number of at least `least`.
    pub(super) fn integer(&self, name: &str, least: i64) -> Option<u64> {
        let number = self.typed(name, "integer", "int_type", Value::as_i64)?;
        if number < least {
            let message = format!("Input should be greater than or equal to {least}");
            self.note(Some(name), message, "greater_than_equal");
        }
        u64::try_from(number).ok()
    }

    /// A number of at least `least`.
    pub(super) fn number(&self, name: &str, least: f64) -> Option<f64> {
        let number = self.typed(name, "number", "float_type", Value::as_f64)?;
        if number < least {
            let message = format!("Input should be greater than or equal to {least}");
            self.note(Some(name), message, "greater_than_equal");
        }
        Some(number)
    }

    /// A table, which may be absent.
    pub(super) fn table(&self, name: &str) -> Self {
        let mut place = self.place.clone();
        place.push(name.into());
        Self::at(place, self.get(name), self.reading)
    }

    /// The tables of a list, which may be absent.
    pub(super) fn tables(&self, name: &str) -> Vec<Self> {
        let list = self.typed(name, "list", "list_type", Value::as_array);
        let tables = list.into_iter().flatten().enumerate().map(|(index, value)| {
            let mut place = self.place.clone();
            place.extend([name.into(), index.into()]);
            Self::at(place, Some(value), self.reading)
        });
        tables.collect()
    }
}
