//! What a run writes is untrusted text: characters that nobody sees could hide instructions from the person who
//! reads along.

use std::borrow::Cow;

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

use crate::api::Reply;

/// Whether a character shows nothing or turns the direction of writing: control characters but line feed and tab,
/// and what Unicode calls default-ignorable (zero-width, bidirectional controls, tags, variation selectors).
fn is_invisible(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{fff9}'..='\u{fffb}')
        || (!character.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// Plain text without invisible characters.
#[must_use]
pub fn text(text: &str) -> String {
    text.chars()
        .filter(|character| !is_invisible(*character))
        .collect()
}

/// An answer without invisible characters, whether they came as they are or as `\u` escapes.
#[must_use]
pub fn reply(reply: Reply) -> Reply {
    match json(reply.text()) {
        Cow::Owned(cleaned) => Reply::new(cleaned),
        Cow::Borrowed(_) => reply,
    }
}

fn json(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (character, length) = escape(rest).unwrap_or((first, first.len_utf8()));
        let (piece, after) = rest.split_at(length);
        if !is_invisible(character) {
            cleaned.push_str(piece);
        }
        rest = after;
    }
    Cow::Owned(cleaned)
}

/// The character that a JSON escape at the beginning of `text` stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('\\')?;
    let simple = match rest.chars().next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'r' => '\r',
        'u' => return unicode_escape(text),
        other => other,
    };
    // A line feed, quotation mark or backslash: visible, and one piece with its backslash.
    Some((simple, 1 + rest.chars().next()?.len_utf8()))
}

/// `\uXXXX`, or two of them for a character beyond the first 65,536.
fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    match char::decode_utf16([Some(first), unit(6)].into_iter().flatten()).next()? {
        Ok(character) => Some((character, 6 * character.len_utf16())),
        // Half a character: nothing that could be shown.
        Err(_) => Some(('\u{fffd}', 6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const HIDDEN: [char; 10] = [
        '\u{200b}',
        '\u{202e}',
        '\u{2066}',
        '\u{2069}',
        '\u{feff}',
        '\u{ad}',
        '\u{1b}',
        '\u{e0041}',
        '\u{fe0f}',
        '\r',
    ];

    #[test]
    fn what_nobody_sees_is_gone_in_every_spelling() {
        for hidden in HIDDEN {
            let raw = format!(
                r#"{{"a":"x{}y"}}"#,
                if hidden.is_control() { ' ' } else { hidden }
            );
            let mut units = [0; 2];
            let units = hidden.encode_utf16(&mut units).iter();
            let escaped: Vec<String> = units.map(|unit| format!("\\u{unit:04X}")).collect();
            let escaped = format!(r#"{{"a":"x{}y"}}"#, escaped.concat());
            assert_eq!(json(&escaped), r#"{"a":"xy"}"#, "{hidden:?}");
            assert!(!json(&raw).contains(hidden), "{hidden:?}");
        }
        assert_eq!(json(r#"{"a":"\b\f\r\n\t\"\\u200b"}"#), r#"{"a":"\n\t\"\\u200b"}"#);
    }

    #[test]
    fn half_a_character_stays_as_it_came() {
        assert_eq!(json(r#"{"a":"\ud83dx"}"#), r#"{"a":"\ud83dx"}"#);
        assert_eq!(json(r#"{"a":"\ud83d\u200b"}"#), r#"{"a":"\ud83d"}"#);
    }

    proptest! {
        #[test]
        fn json_stays_json_and_says_the_same_otherwise(parts in prop::collection::vec("\\PC{0,6}|[\\x00-\\x1f]{0,3}", 0..6), pick in 0..10_usize) {
            let written: String = parts.join(&HIDDEN[pick].to_string());
            let document = serde_json::json!({"k": written}).to_string();
            let cleaned: Value = serde_json::from_str(&json(&document)).unwrap();
            prop_assert_eq!(cleaned["k"].as_str().unwrap(), text(&written));
        }
    }
}
