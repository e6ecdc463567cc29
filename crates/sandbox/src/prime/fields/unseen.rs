//! What of a request nobody has looked at, and what nobody would know.

use std::ops::Bound;

use serde_json::{Map, Value};

use super::Fields;
use crate::prime::error::Problem;

impl Fields<'_> {
    /// Refuses all members but these of the table at `path` below, which are names joined by dots. A list on the way
    /// stands for each of its tables. This does not count as a look.
    pub(in crate::prime) fn only_in(&self, path: &str, known: &[&str]) {
        let names: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
        if let Some(members) = self.members {
            let mut problems = self.reading.problems.borrow_mut();
            refuse_others(members, &self.place, &names, known, &mut problems);
        }
    }

    /// Notes that a member was looked at.
    pub(super) fn see(&self, name: &str) {
        self.reading
            .seen
            .borrow_mut()
            .insert(key(&extended(&self.place, name)));
    }

    /// A whole number that is checked and shown, but changes nothing.
    pub(in crate::prime) fn unused(&self, name: &str, least: i64) -> Option<u64> {
        let number = self.integer(name, least);
        self.reading
            .seen
            .borrow_mut()
            .remove(&key(&extended(&self.place, name)));
        number
    }

    /// The members that nobody has looked at, here and below, as paths from here. Of a table that nobody has looked into
    /// there is only its own.
    pub(in crate::prime) fn unseen(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in self.members.into_iter().flatten() {
            self.collect(value, &extended(&self.place, name.as_str()), &mut found);
        }
        let here = key(&self.place).len();
        found
            .iter()
            .filter_map(|path| path.get(here..).map(str::to_owned))
            .collect()
    }

    fn collect(&self, value: &Value, place: &[Value], found: &mut Vec<String>) {
        let path = key(place);
        if self.looked_into(&path) {
            match value {
                Value::Object(members) => {
                    for (name, value) in members {
                        self.collect(value, &extended(place, name.as_str()), found);
                    }
                }
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.collect(item, &extended(place, index), found);
                    }
                }
                _ => {}
            }
        } else if !is_nothing(value) && !self.reading.seen.borrow().contains(&path) {
            found.push(path.trim_end_matches('.').to_owned());
        }
    }

    /// Whether something below a place was looked at.
    fn looked_into(&self, path: &str) -> bool {
        let seen = self.reading.seen.borrow();
        let after = seen.range::<str, _>((Bound::Excluded(path), Bound::Unbounded));
        after.take(1).any(|next| next.starts_with(path))
    }
}

fn refuse_others(
    members: &Map<String, Value>,
    place: &[Value],
    names: &[&str],
    known: &[&str],
    problems: &mut Vec<Problem>,
) {
    let Some((first, rest)) = names.split_first() else {
        let others = members.keys().filter(|name| !known.contains(&name.as_str()));
        problems.extend(others.map(|name| Problem {
            place: extended(place, name.as_str()),
            message: "Extra inputs are not permitted".to_owned(),
            kind: "extra_forbidden",
        }));
        return;
    };
    let place = extended(place, *first);
    match members.get(*first) {
        Some(Value::Object(table)) => refuse_others(table, &place, rest, known, problems),
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if let Value::Object(table) = item {
                    refuse_others(table, &extended(&place, index), rest, known, problems);
                }
            }
        }
        _ => {}
    }
}

/// A value that asks for nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn extended(place: &[Value], name: impl Into<Value>) -> Vec<Value> {
    let mut place = place.to_vec();
    place.push(name.into());
    place
}

/// A place as text, each part followed by a dot, so that what is below a place begins with its text.
fn key(place: &[Value]) -> String {
    let parts = place
        .iter()
        .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
    parts.map(|part| part + ".").collect()
}
