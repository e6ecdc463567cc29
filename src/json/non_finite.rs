//! `NaN`, `Infinity` and `-Infinity`, which JSON does not know and Python's `json` writes.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::string_end;

/// How many of them are named; a diverging run has one at each step.
const MOST_NAMED: usize = 3;
/// The longest path that is named, in characters.
const LONGEST_PATH: usize = 200;
/// Deeper nesting is nothing that anybody wrote.
const DEEPEST: usize = 10_000;

const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Where numbers stand that are none to JSON: the first few, and how many there are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NonFinite {
    named: Vec<Named>,
    count: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Named {
    word: &'static str,
    path: String,
    line: usize,
    column: usize,
}

/// The list or object around a place.
enum Around {
    /// How many entries have ended.
    List(usize),
    /// Where the name of the member stands, in quotation marks.
    Object(Range<usize>),
}

/// The text with null in the place of each, outside of strings. `None` if there are none.
#[must_use]
pub(crate) fn as_null(text: &str) -> Option<(String, NonFinite)> {
    let mut plain = String::with_capacity(text.len());
    let mut found = NonFinite {
        named: Vec::new(),
        count: 0,
    };
    let mut around: Vec<Around> = Vec::new();
    let (mut at, mut done) = (0, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        let rest = text.get(at..)?;
        let mut length = 1;
        match byte {
            b'"' => {
                length = string_end(rest);
                if let Some(Around::Object(name)) = around.last_mut()
                    && is_name(rest.get(length..)?)
                {
                    *name = at..at + length;
                }
            }
            b'{' => around.push(Around::Object(0..0)),
            b'[' => around.push(Around::List(0)),
            b'}' | b']' => drop(around.pop()),
            b',' => {
                if let Some(Around::List(ended)) = around.last_mut() {
                    *ended += 1;
                }
            }
            b'N' | b'I' | b'-' => {
                if let Some(word) = WORDS.into_iter().find(|word| rest.starts_with(word)) {
                    length = word.len();
                    plain.push_str(text.get(done..at)?);
                    plain.push_str("null");
                    done = at + length;
                    if found.count < MOST_NAMED {
                        found.named.push(named(word, text, at, &around));
                    }
                    found.count += 1;
                }
            }
            // Not the beginning of a character that counts, nor perhaps of a character at all.
            _ => length = 1 + ordinary(text.as_bytes().get(at + 1..)?),
        }
        if around.len() > DEEPEST {
            return None;
        }
        at += length;
    }
    plain.push_str(text.get(done..)?);
    (found.count > 0).then_some((plain, found))
}

/// How many bytes follow that mean nothing here.
fn ordinary(bytes: &[u8]) -> usize {
    let counts = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b'N' | b'I' | b'-');
    bytes.iter().position(counts).unwrap_or(bytes.len())
}

fn is_name(after: &str) -> bool {
    after.trim_ascii_start().starts_with(':')
}

fn named(word: &'static str, text: &str, at: usize, around: &[Around]) -> Named {
    let mut path = String::new();
    for place in around {
        match place {
            Around::List(ended) => {
                let _ = write!(path, "[{ended}]");
            }
            Around::Object(name) => {
                let name = text.get(name.clone()).unwrap_or_default();
                let name: String = serde_json::from_str(name).unwrap_or_default();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
        }
        if path.len() > LONGEST_PATH {
            break;
        }
    }
    if let Some((end, _)) = path.char_indices().nth(LONGEST_PATH) {
        path.truncate(end);
        path.push('…');
    }
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    Named {
        word,
        path,
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

impl NonFinite {
    /// Says of an answer what null stands for in it.
    #[must_use]
    pub(crate) fn note(&self) -> String {
        format!("null stands for {self}.")
    }

    /// Says of a file that it cannot be used.
    #[must_use]
    pub(crate) fn problem(&self) -> String {
        let first = self.named.first();
        let place = first.map_or_else(String::new, |Named { line, column, .. }| {
            format!(" (the first in line {line}, column {column})")
        });
        format!(
            "the file holds {self}{place}, which JSON does not know: write a number there, or leave it out"
        )
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Named { word, path, .. }) in self.named.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            let at = if path.is_empty() { "" } else { " at " };
            write!(f, "{separator}{word}{at}{path}")?;
        }
        match self.count.saturating_sub(self.named.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more of the kind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::assert_linear;
    use serde_json::{Value, json};

    #[test]
    fn null_takes_their_place_and_where_they_stood_is_said() {
        let text = r#"{"a": NaN, "b\u0061": {"c": [1, -Infinity, {"d":[[],[Infinity]]}]}, "e": "NaN", "f": -1, "g":[NaN,NaN]}"#;
        let (plain, found) = as_null(text).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&plain).unwrap(),
            json!({"a": null, "ba": {"c": [1, null, {"d": [[], [null]]}]}, "e": "NaN", "f": -1, "g": [null, null]})
        );
        assert_eq!(
            found.note(),
            "null stands for NaN at a, -Infinity at ba.c[1], Infinity at ba.c[2].d[1][0] and 2 more of the kind."
        );
        let (plain, found) = as_null("[1,\n é NaN]").unwrap();
        assert_eq!(plain, "[1,\n é null]");
        assert!(
            found
                .problem()
                .contains("NaN at [1] (the first in line 2, column 4)"),
            "{}",
            found.problem()
        );
        assert_eq!(as_null("NaN").unwrap().1.note(), "null stands for NaN.");
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in [
            "",
            "{\"a\":\"NaN\"}",
            "[-1, null]",
            "<html>No</html>",
            "\"NaN",
            "]]]",
            "é",
        ] {
            assert_eq!(as_null(text), None, "{text}");
        }
        assert_eq!(as_null(&"[".repeat(1_000_000)), None);
        for piece in ["NaN,", "-Infinity", "{\"a\":[", "\"\\", "[],", "}"] {
            assert_linear(piece, |length| drop(as_null(&piece.repeat(length / piece.len()))));
        }
        let long = format!("{{\"{}\":NaN}}", "é".repeat(1000));
        assert!(as_null(&long).unwrap().1.note().len() < 600);
    }
}
