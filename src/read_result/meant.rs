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
    let rest = steps.strip_prefix(&[Step::Member("output")]).unwrap_or(&steps);
    let rest = rest.strip_prefix(&[Step::Member("results")])?;
    let all = entries(whole);
    let first = all
        .first()
        .filter(|entry| Kind::of(entry.get()) == Kind::Object)?;
    let known = Members::of(first).list();
    let has = |name: &str| known.iter().any(|(known, _)| known == name);
    if !(has(RESULT) && has(SEQUENCE)) {
        return None;
    }
    let index = |place: usize| match rest.get(place) {
        Some(Step::Entry(index)) => Some(*index),
        _ => None,
    };
    // As in results[RESULT].sequences[SEQUENCE].
    let (result, sequence) = (index(0), index(2));
    let is_one = sequence.is_some() || rest.len() == 1;
    let is_meant = |entry: &&RawValue| {
        count(entry, RESULT) == result && (sequence.is_none() || count(entry, SEQUENCE) == sequence)
    };
    let entry = all.iter().position(is_meant).filter(|_| is_one);
    let leaf = rest.iter().rev().find_map(|step| match step {
        Step::Member(name) if has(name) => Some(member(name)),
        // Its texts are those of the entries.
        Step::Member("texts") => Some(".text".to_owned()),
        _ => None,
    });
    Some(match (entry, leaf) {
        (Some(entry), leaf) => format!("[{entry}]{}", leaf.unwrap_or_default()),
        (None, Some(leaf)) => format!("[*]{leaf}"),
        (None, None) => "[0]".to_owned(),
    })
}

/// Where an entry of such a file stood in the result.
const RESULT: &str = "result";
const SEQUENCE: &str = "sequence";

fn count(entry: &RawValue, name: &str) -> Option<usize> {
    let members = Members::of(entry).list();
    let (_, found) = members.into_iter().find(|(known, _)| known == name)?;
    found.get().parse().ok()
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
