//! A walk over text that is known to be JSON: it makes no values and checks nothing again, and steps over long lists of
//! numbers as fast as memory is read. Of text that is no JSON it gives what it makes of it, and ends.

use std::borrow::Cow;

use memchr::memchr3;

use super::string_end;

/// The items of an array, as text; `None` of any other value.
pub(crate) fn items(array: &str) -> Option<impl Iterator<Item = &str>> {
    let mut rest = array.strip_prefix('[')?.strip_suffix(']')?;
    Some(std::iter::from_fn(move || next_value(&mut rest)))
}

/// The members of an object, by name and text; `None` of any other value.
pub(crate) fn members(object: &str) -> Option<impl Iterator<Item = (Cow<'_, str>, &str)>> {
    let mut rest = object.strip_prefix('{')?.strip_suffix('}')?;
    Some(std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let (string, after) = rest.split_at(string_end(rest));
        rest = after.trim_ascii_start().strip_prefix(':')?;
        Some((name(string)?, next_value(&mut rest)?))
    }))
}

fn name(string: &str) -> Option<Cow<'_, str>> {
    let inside = string.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        serde_json::from_str(string).ok()
    } else {
        Some(Cow::Borrowed(inside))
    }
}

/// Takes a value, and the comma behind it.
fn next_value<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_ascii_start();
    let (value, after) = text.split_at(value_end(text));
    let after = after.trim_ascii_start();
    *rest = after.strip_prefix(',').unwrap_or(after);
    Some(value.trim_ascii_end()).filter(|value| !value.is_empty())
}

/// How long the value is that a text begins with; one without end takes all of it.
pub(crate) fn value_end(text: &str) -> usize {
    let (mut at, mut depth) = (0_usize, 0_usize);
    while let Some(byte) = text.as_bytes().get(at) {
        let whole = match byte {
            b'"' => Some(string_end(text.get(at..).unwrap_or_default())),
            b'[' => flat_array(text.get(at..).unwrap_or_default()),
            _ => None,
        };
        if let Some(length) = whole {
            at += length;
            if depth == 0 {
                return at;
            }
            continue;
        }
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 0 { at } else { at + 1 },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// How long the array is that a text begins with, if it holds neither a string nor another array.
fn flat_array(text: &str) -> Option<usize> {
    let inside = text.as_bytes().get(1..)?;
    let end = memchr3(b']', b'[', b'"', inside)?;
    (inside.get(end) == Some(&b']')).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::assert_linear;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The value, built from what the walk finds.
    fn walked(text: &str) -> Value {
        if let Some(items) = items(text) {
            items.map(walked).collect()
        } else if let Some(members) = members(text) {
            let members = members.map(|(name, value)| (name.into_owned(), walked(value)));
            Value::Object(members.collect())
        } else {
            serde_json::from_str(text).unwrap()
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\\[\\]{}\",:\\\\a é]*".prop_map(Value::from),
            prop::collection::vec(any::<i32>(), 0..4).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[\\]}\":,\\\\b]*", inner), 0..5).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_walk_finds_what_a_parser_finds(value in value()) {
            prop_assert_eq!(&walked(&value.to_string()), &value);
            prop_assert_eq!(&walked(&serde_json::to_string_pretty(&value).unwrap()), &value);
        }

        #[test]
        fn a_walk_over_anything_ends(text in "[\\[\\]{}\",: \\\\1é]*") {
            let _ = items(&text).map(Iterator::count);
            let _ = members(&text).map(Iterator::count);
            prop_assert!(value_end(&text) <= text.len());
        }
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for other in ["[1]", "1", "\"{}\"", "", "{"] {
            assert!(members(other).is_none(), "{other}");
        }
        assert!(items("{}").is_none());
        assert_eq!(
            walked(r#"{ "a" : [ 1 , [ ] ] , "b\n" : { } }"#),
            json!({"a": [1, []], "b\n": {}})
        );
    }

    #[test]
    fn nested_arrays_take_time_in_proportion() {
        for piece in ["[", "[1,", "[{", "[\"a\",[1],"] {
            assert_linear(piece, |bytes| {
                value_end(&piece.repeat(bytes / piece.len()));
            });
        }
    }
}
