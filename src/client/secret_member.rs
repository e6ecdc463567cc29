//! The member of an answer that holds a live key.

use std::borrow::Cow;

use memchr::memchr;

use crate::json::string_end;
use crate::json::walk::value_end;

/// The text without the member `name`, wherever it stands, in any case and with underscores or without. `found` gets what
/// it holds. The text may be broken JSON: what of it can be read is.
pub(super) fn without<'a>(text: &'a str, name: &str, mut found: impl FnMut(&str)) -> Cow<'a, str> {
    let wanted = plain(name);
    let mut kept = String::new();
    let (mut at, mut done) = (0, 0);
    while let Some(start) = text
        .get(at..)
        .and_then(|rest| memchr(b'"', rest.as_bytes()))
        .map(|place| at + place)
    {
        let rest = text.get(start..).unwrap_or_default();
        let (string, after) = rest.split_at(string_end(rest));
        at = start + string.len();
        let Some(value) = after.trim_ascii_start().strip_prefix(':') else {
            continue;
        };
        // An escape takes six characters at the most; no longer name has to be read.
        if string.len() > 12 * name.len() || read(string).is_none_or(|string| plain(&string) != wanted) {
            continue;
        }
        let value = value.trim_ascii_start();
        let (value, after) = value.split_at(value_end(value));
        if let Some(secret) = read(value) {
            found(&secret);
        }
        kept.push_str(text.get(done..start).unwrap_or_default());
        at = text.len() - after.len();
        // One comma goes with it: the one behind it or, at the end of an object, the one before.
        if let Some(after) = after.trim_ascii_start().strip_prefix(',') {
            at = text.len() - after.len();
        } else {
            kept.truncate(kept.trim_ascii_end().len());
            if kept.ends_with(',') {
                kept.pop();
            }
        }
        done = at;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(kept)
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The text of a string; of one without end what there is.
fn read(string: &str) -> Option<String> {
    let inside = string.strip_prefix('"')?;
    serde_json::from_str(string)
        .ok()
        .or_else(|| Some(inside.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::assert_linear;

    fn taken(text: &str) -> (String, Vec<String>) {
        let mut found = Vec::new();
        let kept = without(text, "tokenValue", |secret| found.push(secret.to_owned())).into_owned();
        (kept, found)
    }

    #[test]
    fn the_member_goes_wherever_and_however_it_is_written() {
        for (text, kept, found) in [
            (r#"{"tokenValue":"a","b":1}"#, r#"{"b":1}"#, vec!["a"]),
            (r#"{"b":1,"token_value":"a"}"#, r#"{"b":1}"#, vec!["a"]),
            (r#"{"TokenValue":"a"}"#, "{}", vec!["a"]),
            (
                r#"{"x":[{"token\u0056alue":"a\"b"},{"b":1 , "tokenvalue" : "c" , "TOKEN_VALUE":"d"}]}"#,
                r#"{"x":[{},{"b":1 }]}"#,
                vec!["a\"b", "c", "d"],
            ),
            (
                r#"{"tokenValue":{"a":["]}"]},"b":1,"tokenValue":null}"#,
                r#"{"b":1}"#,
                vec![],
            ),
            (r#"{"b":[1],"tokenValue":[[],[2]]}"#, r#"{"b":[1]}"#, vec![]),
            (r#"cut {"tokenValue":"pit_1"#, "cut {", vec!["pit_1"]),
        ] {
            let (left, secrets) = taken(text);
            assert_eq!(left, kept, "{text}");
            assert_eq!(secrets, found, "{text}");
        }
    }

    #[test]
    fn it_takes_time_in_proportion() {
        for piece in [
            r#""a":1,"#,
            r#""tokenValue":"x","#,
            r#""tokenValue":["#,
            "\"\\\\",
            r#""a":[{"#,
        ] {
            assert_linear(piece, |length| {
                let text = format!("{{{}", piece.repeat(length / piece.len()));
                drop(without(&text, "tokenValue", |_| ()).into_owned());
            });
        }
    }

    #[test]
    fn everything_else_stays_as_it_was() {
        for text in [
            r#"{"a":"tokenValue","tokenValues":1,"b":"\"tokenValue\":1"}"#,
            "",
            "tokenValue",
            "\"",
        ] {
            assert!(
                matches!(without(text, "tokenValue", |_| ()), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }
}
