//! Where what a service says comes in: made readable, cleaned of what nobody sees, and only then without keys.
//!
//! The order matters. Whoever takes keys out first and invisible characters second puts keys together again.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{error_body, secret_member};
use crate::error::Cause;
use crate::json::{edit, is_compact, non_finite, without_white_space};
use crate::redact::{Redactor, clean};

/// What is particular to the answers of a request.
pub(super) struct Door {
    pub(super) redactor: Arc<Redactor>,
    /// The member that holds a live key.
    pub(super) secret: Option<&'static str>,
    /// Whether the caller cleans the answer itself, and takes keys out after that.
    pub(super) as_written: bool,
}

/// Why a body is no answer.
#[derive(Debug, PartialEq)]
pub(super) enum Unreadable {
    /// It ends in the middle.
    Cut,
    /// It is no JSON.
    NotJson,
}

impl Unreadable {
    /// The cause of a failure, of a body that was called `kind`.
    pub(super) fn cause(&self, kind: String) -> Cause {
        match self {
            Self::Cut => Cause::Truncated,
            Self::NotJson => Cause::NotJson(kind),
        }
    }
}

impl Door {
    /// The text of a success: JSON without white space between its parts, and otherwise as it came. No body at all counts
    /// as `{}`. What had to be changed for it to be JSON is said in its member `note`.
    pub(super) fn success(&self, body: Vec<u8>) -> Result<String, Unreadable> {
        let read = readable(body);
        let (text, note) = match read {
            Ok(Readable { text, .. }) if text.trim_ascii().is_empty() => ("{}".to_owned(), None),
            Ok(Readable { text, note }) => (text, note),
            Err((text, why)) => {
                // Nothing of it is shown, but what it says may be said again.
                self.without_keys(cleaned(&text));
                return Err(why);
            }
        };
        let text = if is_compact(&text) {
            text
        } else {
            without_white_space(&text)
        };
        let text = match note {
            Some(note) => noted(text, &note),
            None => text,
        };
        let text = if self.as_written {
            clean::whole(text)
        } else {
            clean::json(text)
        };
        Ok(self.without_keys(text))
    }

    /// The words of a refusal.
    pub(super) fn refusal(&self, body: Vec<u8>) -> String {
        let text = match readable(body) {
            Ok(Readable { text, .. }) => clean::json(text),
            Err((text, _)) => cleaned(&text),
        };
        error_body::message(&self.without_keys(text))
    }

    /// A body that is passed on to somebody else: byte for byte, but for secrets.
    pub(super) fn as_it_came(&self, body: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(body);
        let clean = self.without_keys(text.clone().into_owned());
        if clean == text {
            body.to_vec()
        } else {
            clean.into_bytes()
        }
    }

    fn without_keys(&self, text: String) -> String {
        let text = match self.secret {
            Some(name) => {
                secret_member::without(&text, name, |secret| self.redactor.add_token(secret)).into_owned()
            }
            None => text,
        };
        self.redactor.scrub_answer(text)
    }
}

/// A text that is no JSON, or half of one.
fn cleaned(text: &str) -> String {
    let cleaned = clean::text(text);
    if cleaned.trim_ascii_start().starts_with(['{', '[']) {
        clean::json(cleaned)
    } else {
        cleaned
    }
}

/// A body that is JSON, or empty.
struct Readable {
    text: String,
    /// What had to be changed.
    note: Option<String>,
}

fn readable(body: Vec<u8>) -> Result<Readable, (String, Unreadable)> {
    let (text, damaged) = decoded(body);
    let (text, replaced) = match check(&text) {
        Ok(()) => (text, None),
        Err(why) => match non_finite::as_null(&text) {
            Some((plain, replaced)) => match check(&plain) {
                Ok(()) => (plain, Some(replaced.note())),
                Err(why) => return Err((text, why)),
            },
            None => return Err((text, why)),
        },
    };
    let damaged = damaged.then(|| "\u{fffd} stands for bytes that were no UTF-8.".to_owned());
    let notes: Vec<String> = replaced.into_iter().chain(damaged).collect();
    Ok(Readable {
        text,
        note: (!notes.is_empty()).then(|| notes.join(" ")),
    })
}

/// The text of a body without a byte order mark, and whether bytes in it were none of a text.
fn decoded(mut body: Vec<u8>) -> (String, bool) {
    if body.starts_with(BYTE_ORDER_MARK) {
        body.drain(..BYTE_ORDER_MARK.len());
    }
    match String::from_utf8(body) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn check(text: &str) -> Result<(), Unreadable> {
    if text.trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) if error.is_eof() => Err(Unreadable::Cut),
        Err(_) => Err(Unreadable::NotJson),
    }
}

/// The answer with the note. One that is no object has no place for it; then the log has.
fn noted(text: String, note: &str) -> String {
    if text.starts_with('{') {
        return edit::noted(text, note);
    }
    tracing::warn!(note = clean::text(note), "an answer was no JSON");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        let redactor = Arc::<Redactor>::default();
        redactor.add("sk-0123456789abcdef");
        Door {
            redactor,
            secret: Some("tokenValue"),
            as_written: false,
        }
    }

    fn success(body: &[u8]) -> Result<String, Unreadable> {
        door().success(body.to_vec())
    }

    #[test]
    fn numbers_and_strings_stay_as_they_came() {
        let compact =
            r#"{"step":"9007199254740993","big":18446744073709551617,"x":1.50,"s":"a \" b \\","t":"c d"}"#;
        assert_eq!(success(compact.as_bytes()).unwrap(), compact);
        let spaced = compact.replace("\":", "\" : ").replace(',', " ,\n\t");
        assert_eq!(success(spaced.as_bytes()).unwrap(), compact);
    }

    #[test]
    fn what_is_no_json_is_told_from_what_was_cut() {
        assert_eq!(success(b"").unwrap(), "{}");
        assert_eq!(success("\u{feff} \n".as_bytes()).unwrap(), "{}");
        for cut in [r#"{"data": [1, 2"#, r#"{"data": [NaN, 2"#] {
            assert_eq!(success(cut.as_bytes()), Err(Unreadable::Cut));
        }
        for other in ["<html>", "{} {}", "{\"a\": NaN} x", "\u{fffd}{}"] {
            assert_eq!(success(other.as_bytes()), Err(Unreadable::NotJson), "{other}");
        }
    }

    #[test]
    fn what_is_nearly_json_is_read_and_says_so() {
        let with_mark = [BYTE_ORDER_MARK, br#"{"a":1}"#].concat();
        assert_eq!(success(&with_mark).unwrap(), r#"{"a":1}"#);
        assert_eq!(
            success(br#"{"a":[NaN]}"#).unwrap(),
            r#"{"a":[null],"note":"null stands for NaN at a[0]."}"#
        );
        assert_eq!(
            success(b"{\"a\":\"\xff\"}").unwrap(),
            "{\"a\":\"\u{fffd}\",\"note\":\"\u{fffd} stands for bytes that were no UTF-8.\"}"
        );
        assert_eq!(success(b"[Infinity]").unwrap(), "[null]");
        // The note holds names from the answer, and is cleaned like it.
        let hidden = success("{\"sk-0123\u{200b}456789abcdef\":NaN}".as_bytes()).unwrap();
        assert_eq!(
            hidden,
            r#"{"[redacted]":null,"note":"null stands for NaN at [redacted]."}"#
        );
    }

    #[test]
    fn what_is_passed_on_loses_nothing_but_secrets() {
        let passed = |body: &[u8]| door().as_it_came(body);
        for body in [&b"{ \"a\" : 1.50 }\n"[..], b"", b"<html>", b"\xff{\"a\":NaN}"] {
            assert_eq!(passed(body), body);
        }
        assert_eq!(
            passed(b"{ \"runId\": \"r\", \"tokenValue\": \"pit_1\", \"echo\": \"sk-0123456789abcdef\" }"),
            b"{ \"runId\": \"r\",  \"echo\": \"[redacted]\" }"
        );
    }

    #[test]
    fn a_refusal_is_as_forgiving() {
        let door = door();
        for body in [
            &b"{\"detail\":\"no\",\"x\":NaN}"[..],
            &[BYTE_ORDER_MARK, b"{\"detail\":\"no\"}"].concat(),
            b"{\"detail\":\"no\",\"y\":\"\xff\"}",
        ] {
            assert_eq!(door.refusal(body.to_vec()), "no");
        }
        let long = format!(r#"{{"detail":"{} sk-0123456789abcdef"}}"#, "x".repeat(3985));
        assert!(!door.refusal(long.into_bytes()).contains("sk-"), "half a key");
    }
}
