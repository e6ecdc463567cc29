//! The place that somebody may have meant who named one that is not there.

use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::place::{Step, entries, step};
use super::shown::Kind;
use crate::json::Members;

/// How deep the beginning of the way is looked for, in steps.
const DEEPEST: usize = 4;
/// Into how many objects it is looked.
const MOST_OBJECTS: usize = 200;

/// The whole way to the place: it may begin further out than `at` does, and an entry that is written as
/// `.0` counts as `[0]`.
pub(super) fn meant(whole: &RawValue, at: &str) -> Option<String> {
    // A JSON pointer has its own signs.
    let pointer = at.strip_prefix('/').map(|at| at.replace('/', "."));
    let plain = pointer.as_deref().unwrap_or(at);
    let steps = steps(plain.strip_prefix('$').unwrap_or(plain))?;
    let mut queue = VecDeque::from([(whole, String::new(), 0)]);
    let mut looked = 0;
    while let Some((value, way, depth)) = queue.pop_front() {
        if let Some(rest) = along(value, &steps) {
            let found = way + &rest;
            let found = found.strip_prefix('.').unwrap_or(&found);
            return (found != at).then(|| found.to_owned());
        }
        looked += 1;
        if depth == DEEPEST || looked > MOST_OBJECTS {
            continue;
        }
        match Kind::of(value.get()) {
            Kind::Object => {
                for (name, inner) in Members::of(value).list() {
                    let way = format!("{way}{}", member(&name));
                    queue.push_back((inner, way, depth + 1));
                }
            }
            // One entry is as good as another to find the way.
            Kind::List => {
                let first = entries(value).first().copied();
                queue.extend(first.map(|first| (first, format!("{way}[0]"), depth + 1)));
            }
            _ => {}
        }
    }
    None
}

/// The place in a file of completions, which is a list with one entry for each, that a way through a sampling's result means.
pub(super) fn of_completions(whole: &RawValue, at: &str) -> Option<String> {
    let steps = steps(at.strip_prefix('$').unwrap_or(at))?;
    let rest = match steps.as_slice() {
        [Step::Member("output"), Step::Member("results"), rest @ ..]
        | [Step::Member("results"), rest @ ..] => rest,
        _ => return None,
    };
    let all = entries(whole);
    let first = all
        .first()
        .filter(|entry| Kind::of(entry.get()) == Kind::Object)?;
    let members = Members::of(first).list();
    let has = |name: &str| members.iter().any(|(known, _)| known == name);
    if !(has("result") && has("sequence")) {
        return None;
    }
    let number = |value: &RawValue, name: &str| -> Option<usize> {
        let members = Members::of(value).list();
        let (_, found) = members.into_iter().find(|(known, _)| known == name)?;
        found.get().parse().ok()
    };
    let index = |step: Option<&Step<'_>>| match step {
        Some(Step::Entry(index)) => Some(*index),
        _ => None,
    };
    let sequence = match rest.get(1) {
        Some(Step::Member("sequences")) => index(rest.get(2)),
        _ => None,
    };
    let entry = index(rest.first()).and_then(|result| {
        let is_meant = |entry: &&RawValue| {
            number(entry, "result") == Some(result)
                && sequence.is_none_or(|sequence| number(entry, "sequence") == Some(sequence))
        };
        all.iter().position(|entry| is_meant(entry))
    });
    let entry = entry.filter(|_| sequence.is_some() || rest.len() == 1);
    let leaf = rest.iter().rev().find_map(|step| match step {
        Step::Member(name) if has(name) => Some(member(name)),
        // Its texts are those of the entries.
        Step::Member("texts") => Some(".text".to_owned()),
        _ => None,
    });
    let entry = entry.map_or_else(|| "[*]".to_owned(), |entry| format!("[{entry}]"));
    let entry = if entry == "[*]" && leaf.is_none() {
        "[0]".to_owned()
    } else {
        entry
    };
    Some(entry + &leaf.unwrap_or_default())
}

/// The steps of a way; `None` if it has none, or cannot be read.
fn steps(mut way: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    while !way.is_empty() {
        let (next, rest) = step(way)?;
        steps.push(next);
        way = rest;
    }
    (!steps.is_empty()).then_some(steps)
}

/// The way along these steps from `value`, where a number that stands for a name is the index of an entry.
fn along(mut value: &RawValue, steps: &[Step<'_>]) -> Option<String> {
    let mut way = String::new();
    for step in steps {
        match (step, Kind::of(value.get())) {
            (Step::Member(name), Kind::Object) => {
                let members = Members::of(value).list();
                let (_, inner) = members.into_iter().find(|(known, _)| known == name)?;
                value = inner;
                way += &member(name);
            }
            (Step::Member(name), Kind::List) => {
                let index: usize = name.parse().ok()?;
                value = entries(value).get(index).copied()?;
                let _ = write!(way, "[{index}]");
            }
            (Step::Entry(index), Kind::List) => {
                value = entries(value).get(*index).copied()?;
                let _ = write!(way, "[{index}]");
            }
            (Step::Each, Kind::List) => {
                value = entries(value).first().copied()?;
                way += "[*]";
            }
            _ => return None,
        }
    }
    Some(way)
}

/// A member as a step of a way.
fn member(name: &str) -> String {
    if name.is_empty() || name.contains(['.', '[', '"']) {
        format!("['{name}']")
    } else {
        format!(".{name}")
    }
}
