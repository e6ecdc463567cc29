//! How much of a value is shown.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::place::entries;
use crate::json::{Members, Object, is_compact, raw, without_white_space};

/// The longest value that is shown, in characters of its JSON.
const LONGEST: usize = 7500;

/// What kind of value there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Object,
    List,
    Text,
    Number,
    Boolean,
    Null,
}

impl Kind {
    /// That of a JSON text.
    pub(super) fn of(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }

    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
        }
    }
}

/// What is shown: the value itself or a part of it, or an outline.
#[derive(Debug, Default, Serialize)]
pub(super) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outline: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_start: Option<usize>,
}

impl Shown {
    /// Whether there is more than is shown.
    pub(super) const fn is_partly(&self) -> bool {
        self.next_start.is_some() || self.outline.is_some()
    }
}

/// The kind of the value, its length, and what is shown of it.
pub(super) fn show(
    value: &RawValue,
    start: Option<usize>,
    count: Option<usize>,
) -> Result<(Kind, Option<usize>, Shown), String> {
    let kind = Kind::of(value.get());
    let sliced = start.is_some() || count.is_some();
    let first = start.unwrap_or(0);
    let length = length(value);
    match (kind, length) {
        (Kind::List | Kind::Text, Some(length)) if first > 0 && first >= length => {
            Err(format!("is {first}, but the length is {length}"))
        }
        (Kind::List, _) => Ok((kind, length, entries_shown(value, first, count, sliced))),
        (Kind::Text, _) => Ok((kind, length, text_shown(value, first, count, sliced))),
        (kind, _) if sliced => Err(format!(
            "goes with lists and text, but this is {}: leave start and count out",
            kind.words()
        )),
        (Kind::Object, _) => Ok((kind, length, members_shown(value))),
        _ => Ok((kind, length, whole(value))),
    }
}

/// Entries of a list, members of an object, characters of a text.
fn length(value: &RawValue) -> Option<usize> {
    match Kind::of(value.get()) {
        Kind::List => Some(entries(value).len()),
        Kind::Object => Some(Members::of(value).list().len()),
        Kind::Text => Some(text(value).chars().count()),
        _ => None,
    }
}

fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// The text of a value without white space, in characters.
fn compact(value: &RawValue) -> (String, usize) {
    let text = value.get();
    let text = if is_compact(text) {
        text.to_owned()
    } else {
        without_white_space(text)
    };
    let length = text.chars().count();
    (text, length)
}

fn whole(value: &RawValue) -> Shown {
    Shown {
        value: raw(compact(value).0).ok(),
        ..Shown::default()
    }
}

fn entries_shown(value: &RawValue, first: usize, count: Option<usize>, sliced: bool) -> Shown {
    let all = entries(value);
    let wanted = all.iter().skip(first).take(count.unwrap_or(usize::MAX));
    let shown = fitting(wanted.clone().map(|entry| compact(entry)));
    let outlined = || fitting(wanted.map(|entry| quoted(&words(entry))));
    // Of entries that are too large, what they are.
    let (list, number, is_outline) = match shown {
        (_, 0) if first < all.len() => {
            let (list, number) = outlined();
            (list, number, true)
        }
        (list, number) => (list, number, false),
    };
    let list = raw(format!("[{list}]")).ok();
    let end = first.saturating_add(number);
    let (value, outline) = if is_outline { (None, list) } else { (list, None) };
    Shown {
        start: (sliced || end < all.len()).then_some(first),
        value,
        outline,
        next_start: (end < all.len()).then_some(end),
    }
}

/// As many as fit, joined with commas, and how many those are.
fn fitting(parts: impl Iterator<Item = (String, usize)>) -> (String, usize) {
    let (mut joined, mut left, mut number) = (String::new(), LONGEST, 0);
    for (part, length) in parts {
        let Some(rest) = left.checked_sub(length + 1) else {
            break;
        };
        left = rest;
        if number > 0 {
            joined.push(',');
        }
        joined.push_str(&part);
        number += 1;
    }
    (joined, number)
}

fn quoted(words: &str) -> (String, usize) {
    let quoted = format!("\"{words}\"");
    let length = quoted.len();
    (quoted, length)
}

fn text_shown(value: &RawValue, first: usize, count: Option<usize>, sliced: bool) -> Shown {
    let text = text(value);
    let wanted = text.chars().skip(first).take(count.unwrap_or(usize::MAX));
    let mut left = LONGEST;
    let part: String = wanted
        .take_while(|character| {
            let rest = left.checked_sub(written(*character));
            left = rest.unwrap_or(0);
            rest.is_some()
        })
        .collect();
    let end = first.saturating_add(part.chars().count());
    let more = text.chars().nth(end).is_some();
    Shown {
        start: (sliced || more).then_some(first),
        value: to_raw_value(&part).ok(),
        outline: None,
        next_start: more.then_some(end),
    }
}

/// How many characters JSON writes for one.
const fn written(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\x1f' => 6,
        _ => 1,
    }
}

fn members_shown(value: &RawValue) -> Shown {
    let shown = compact(value);
    if shown.1 <= LONGEST {
        return Shown {
            value: raw(shown.0).ok(),
            ..Shown::default()
        };
    }
    let members = Members::of(value).list();
    let mut outline = Object::default();
    let mut left = LONGEST;
    for (name, value) in members {
        let words = words(value);
        let name_length: usize = name.chars().map(written).sum();
        let Some(rest) = left.checked_sub(name_length + words.len() + 6) else {
            set(&mut outline, "…", "more members");
            break;
        };
        left = rest;
        if let Ok(words) = to_raw_value(&words) {
            outline.push(name, words);
        }
    }
    Shown {
        outline: to_raw_value(&outline).ok(),
        ..Shown::default()
    }
}

fn set(object: &mut Object, name: &str, words: &str) {
    if let Ok(words) = to_raw_value(words) {
        object.set(name, words);
    }
}

/// What a value is, in words.
fn words(value: &RawValue) -> String {
    let kind = Kind::of(value.get());
    let unit = match kind {
        Kind::Object => "members",
        Kind::List => "entries",
        _ => "characters",
    };
    match length(value) {
        Some(length) => format!("{} of {length} {unit}", kind.words()),
        None => kind.words().to_owned(),
    }
}
