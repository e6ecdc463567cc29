//! What a grader compares with: a text, or what the row of the data set holds.

use serde_json::{Map, Value};

use super::Failure;
use crate::error::problems::{Path, Problems, list, nearest};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const ROW: &str = "row.";

/// A text with the members of a row in it, such as `{{row.answer}}`.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The names on the way to a member.
    Row(Vec<String>),
}

impl Reference {
    /// What is expected where nothing else is said.
    pub(super) const USUAL: &'static str = "{{row.answer}}";

    /// Reads one. Braces that name no member of the row are text, as LaTeX has them.
    pub(super) fn new(text: &str, path: &Path<'_>, problems: &mut Problems) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next(rest) {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Row(name.split('.').map(str::to_owned).collect()));
            rest = after;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if let Some(name) = bare(text) {
            problems.add(
                path,
                format!("is a text as it stands: write {{{{row.{name}}}}} for the row's member"),
            );
        }
        let inside = text
            .trim()
            .strip_prefix(OPEN)
            .and_then(|text| text.strip_suffix(CLOSE));
        if let Some(name) = inside.map(str::trim)
            && is_name(name)
        {
            problems.add(
                path,
                format!("names no member of the row: write {{{{row.{name}}}}}"),
            );
        }
        Self { pieces }
    }

    /// The one that is given, or the usual one.
    pub(super) fn given(text: Option<&str>, path: &Path<'_>, problems: &mut Problems) -> Self {
        Self::new(text.unwrap_or(Self::USUAL), path, problems)
    }

    /// The texts of which any will do: several where the row's member is a list.
    pub(super) fn texts(&self, row: &Map<String, Value>) -> Result<Vec<String>, Failure> {
        if let [Piece::Row(names)] = self.pieces.as_slice() {
            return match member(row, names)? {
                Value::Array(items) if !items.is_empty() => items
                    .iter()
                    .map(|item| scalar(item).ok_or_else(|| no_text(names)))
                    .collect(),
                value => Ok(vec![scalar(value).ok_or_else(|| no_text(names))?]),
            };
        }
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Row(names) => {
                    text.push_str(&scalar(member(row, names)?).ok_or_else(|| no_text(names))?);
                }
            }
        }
        Ok(vec![text])
    }

    /// The value that it names, or the text that it is.
    pub(super) fn value(&self, row: &Map<String, Value>) -> Result<Value, Failure> {
        if let [Piece::Row(names)] = self.pieces.as_slice() {
            return member(row, names).cloned();
        }
        let texts = self.texts(row)?;
        Ok(texts.into_iter().next().unwrap_or_default().into())
    }
}

/// What stands before the first reference of a text, the name in it, and the rest.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(OPEN)?;
        let inside = text.get(at + OPEN.len()..)?;
        let end = inside.find(CLOSE)?;
        let name = inside.get(..end)?.trim().strip_prefix(ROW);
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(['{', '}'])) {
            return Some((text.get(..at)?, name, inside.get(end + CLOSE.len()..)?));
        }
        from = at + 1;
    }
}

/// The name in a text that is meant for a reference: `row.answer`, `{answer}`, `{{item.answer}}`.
fn bare(text: &str) -> Option<&str> {
    let text = text.trim();
    let of_row = text.strip_prefix(ROW);
    let braced = || {
        text.strip_prefix('{')?
            .strip_suffix('}')
            .filter(|inside| !inside.starts_with('{'))
    };
    let foreign = || {
        let inside = text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?.trim();
        let (object, name) = inside.split_once('.')?;
        (is_name(object) && object != "row").then_some(name)
    };
    of_row
        .or_else(braced)
        .or_else(foreign)
        .filter(|name| is_name(name))
}

/// Whether a text in braces is the name of a member, and not mathematics.
fn is_name(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn member<'a>(row: &'a Map<String, Value>, names: &[String]) -> Result<&'a Value, Failure> {
    let (first, others) = names.split_first().ok_or_else(|| lacks(row, names))?;
    let mut value = row.get(first).ok_or_else(|| lacks(row, names))?;
    for name in others {
        let inside = match value {
            Value::Object(members) => members.get(name),
            Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        value = inside.ok_or_else(|| lacks(row, names))?;
    }
    if value.is_null() {
        return Err(lacks(row, names));
    }
    Ok(value)
}

fn lacks(row: &Map<String, Value>, names: &[String]) -> Failure {
    const MOST: usize = 12;
    let wanted = names.join(".");
    let has = match names
        .first()
        .and_then(|name| nearest(name, row.keys().map(String::as_str)))
    {
        Some(near) if Some(near) != names.first().map(String::as_str) => {
            format!(" (did you mean {{{{row.{near}}}}}?)")
        }
        _ if row.is_empty() => " (its row has no members beside the prompt: write them into the prompt's object when sampling, or give expected)".to_owned(),
        _ => format!(" (it has {})", list(row.keys().take(MOST).map(String::as_str))),
    };
    Failure::Row(format!("has no {wanted}, which the grader compares with{has}"))
}

fn no_text(names: &[String]) -> Failure {
    Failure::Row(format!(
        "has no text or number in {}, which the grader compares with",
        names.join(".")
    ))
}

/// A text, number or truth value as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(text: &str) -> Result<Vec<String>, String> {
        let row = json!({"answer": 42, "a": {"b": ["x", "y"]}, "ok": true, "none": null, "object": {}});
        let mut problems = Problems::default();
        let reference = Reference::new(text, &Path::Root.key("expected"), &mut problems);
        if !problems.is_empty() {
            return Err(problems.to_string());
        }
        reference
            .texts(row.as_object().unwrap())
            .map_err(Failure::into_words)
    }

    #[test]
    fn members_of_the_row_are_put_in() {
        for (text, expected) in [
            ("{{row.answer}}", vec!["42"]),
            ("{{ row.answer }} apples", vec!["42 apples"]),
            ("{{row.a.b}}", vec!["x", "y"]),
            ("{{row.a.b.1}}{{row.ok}}", vec!["ytrue"]),
            (r"\frac{{1}}{2}", vec![r"\frac{{1}}{2}"]),
            (r"{{1}} {{row.answer}}", vec!["{{1}} 42"]),
            ("", vec![""]),
            ("{{x}}", vec!["{{x}}"]),
            ("{{row.}}", vec!["{{row.}}"]),
            ("{{row.answer", vec!["{{row.answer"]),
        ] {
            assert_eq!(texts(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (text, expected) in [
            ("{{answer}}", "write {{row.answer}}"),
            ("row.answer", "is a text as it stands: write {{row.answer}}"),
            ("{answer}", "is a text as it stands: write {{row.answer}}"),
            ("{{item.answer}}", "is a text as it stands: write {{row.answer}}"),
            (
                "{{row.anwser}}",
                "has no anwser, which the grader compares with (did you mean {{row.answer}}?)",
            ),
            ("{{row.zzz}}", "(it has answer, a, ok, none, object)"),
            ("{{row.none}}", "has no none"),
            ("{{row.object}}", "no text or number in object"),
            ("{{row.a.c}}", "has no a.c"),
            ("{{row.a.b.2}}", "has no a.b.2"),
        ] {
            let problem = texts(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }
}
