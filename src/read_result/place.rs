//! A place in a JSON text, such as `output.results[0].tokens`, and the way there.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::meant::{meant, of_completions};
use super::shown::Kind;
use crate::error::problems::{list, nearest};
use crate::json::Members;
use crate::json::raw;

/// How many names of members a message lists.
const MOST_LISTED: usize = 40;

/// One step on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Member(&'a str),
    Entry(usize),
    /// Of each entry what the rest of the way leads to, as a list.
    Each,
}

/// The value at a place, or where the way ended, what is there, and the place that may be meant.
pub(super) fn find<'a>(whole: &'a RawValue, at: &str) -> Result<Cow<'a, RawValue>, String> {
    walk(whole, at, at.strip_prefix('$').unwrap_or(at)).map_err(|problem| {
        match meant(whole, at).or_else(|| of_completions(whole, at)) {
            Some(place) => format!("{problem} Did you mean `{place}`?"),
            None => problem,
        }
    })
}

/// Goes on from `found` along `rest`, the end of the way `at`.
fn walk<'a>(mut found: &'a RawValue, at: &str, mut rest: &str) -> Result<Cow<'a, RawValue>, String> {
    while !rest.is_empty() {
        let walked = at.len() - rest.len();
        let walked = at.get(..walked).filter(|walked| !matches!(*walked, "" | "$"));
        let (step, after) = step(rest).ok_or_else(|| {
            format!(
                "cannot be read from `{rest}` on: write members as .name or [\"name\"], entries as [0], and [*] for each entry"
            )
        })?;
        if step == Step::Each && Kind::of(found.get()) == Kind::List {
            return each(found, at, after);
        }
        found = take(found, &step).map_err(|problem| match walked {
            Some(walked) => format!("`{walked}` {problem}"),
            None => format!("the file {problem}"),
        })?;
        rest = after;
    }
    Ok(Cow::Borrowed(found))
}

/// A list of what the rest of the way leads to from each entry.
fn each<'a>(list: &RawValue, at: &str, rest: &str) -> Result<Cow<'a, RawValue>, String> {
    let mut joined = String::from("[");
    for entry in entries(list) {
        let found = walk(entry, at, rest)?;
        if joined.len() > 1 {
            joined.push(',');
        }
        joined.push_str(found.get());
    }
    joined.push(']');
    raw(joined).map(Cow::Owned).map_err(|error| error.to_string())
}

/// The first step of a way, and the rest.
pub(super) fn step(way: &str) -> Option<(Step<'_>, &str)> {
    if let Some(inside) = way.strip_prefix('[') {
        let quote = inside.chars().next().filter(|first| matches!(first, '"' | '\''));
        return if let Some(quote) = quote {
            let (name, rest) = inside.get(1..)?.split_once(quote)?;
            Some((Step::Member(name), rest.strip_prefix(']')?))
        } else {
            let (index, rest) = inside.split_once(']')?;
            let step = match index.trim() {
                "*" => Step::Each,
                index => Step::Entry(index.parse().ok()?),
            };
            Some((step, rest))
        };
    }
    let name = way.strip_prefix('.').unwrap_or(way);
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end)?;
    (!name.is_empty()).then_some((Step::Member(name), rest))
}

fn take<'a>(value: &'a RawValue, step: &Step<'_>) -> Result<&'a RawValue, String> {
    let kind = Kind::of(value.get());
    match (step, kind) {
        (Step::Member(name), Kind::Object) => {
            let members = Members::of(value).list();
            let found = members.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let known = || members.iter().map(|(name, _)| name.as_str());
                let hint =
                    nearest(name, known()).map_or_else(String::new, |near| format!(" Did you mean {near}?"));
                format!(
                    "has no member `{name}`; it has {}.{hint}",
                    names(known(), members.len())
                )
            })
        }
        (Step::Entry(index), Kind::List) => {
            let entries = entries(value);
            entries.get(*index).copied().ok_or_else(|| match entries.len() {
                0 => "is an empty list".to_owned(),
                count => format!("has {count} entries, [0] to [{}]", count - 1),
            })
        }
        (Step::Member(name), Kind::List) => {
            let count = entries(value).len();
            Err(format!(
                "is a list of {count} entries: go on with an index, such as [0], before .{name}"
            ))
        }
        (Step::Entry(_) | Step::Each, Kind::Object) => {
            let members = Members::of(value).list();
            let known = members.iter().map(|(name, _)| name.as_str());
            Err(format!(
                "is an object: go on with one of its members: {}",
                names(known, members.len())
            ))
        }
        (_, kind) => Err(format!("is {}, where the way ends", kind.words())),
    }
}

/// The names of the members that the entries of a list have; `None` if these are no objects.
pub(super) fn members_of_entries(value: &RawValue) -> Option<String> {
    let entries = entries(value);
    let members = Members::of(entries.first()?).list();
    let known = members.iter().map(|(name, _)| name.as_str());
    (members.len() > 1).then(|| names(known, members.len()))
}

fn names<'a>(known: impl Iterator<Item = &'a str>, count: usize) -> String {
    let listed = list(known.take(MOST_LISTED));
    match count.saturating_sub(MOST_LISTED) {
        _ if count == 0 => "none".to_owned(),
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// The entries of a list.
pub(super) fn entries(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}
