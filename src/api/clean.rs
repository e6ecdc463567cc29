//! What a run writes is untrusted text: characters that nobody sees could hide instructions from the person who
//! reads along, and what looks like a key may be one.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

use crate::redact::PLACEHOLDER;

/// Whether a character shows nothing or turns the direction of writing: control characters but line feed and tab,
/// and what Unicode calls default-ignorable (zero-width, bidirectional controls, tags, variation
/// selectors), and blanks that are no spaces.
fn is_invisible(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}'
        )
        || (!character.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// Plain text without invisible characters.
#[must_use]
pub fn text(text: &str) -> String {
    text.chars()
        .filter(|character| !is_invisible(*character))
        .collect()
}

/// A JSON text without invisible characters, whether they came as they are or as `\u` escapes, and [`whole`].
#[must_use]
pub fn json(text: String) -> String {
    without(text, is_invisible)
}

/// A JSON text in which half a character, from a text that was cut in the middle of one, has become the sign for that:
/// hardly anything can read it otherwise.
#[must_use]
pub fn whole(text: String) -> String {
    without(text, |_| false)
}

fn without(text: String, gone: impl Fn(char) -> bool) -> String {
    if text.is_ascii() && !text.contains('\\') {
        return text;
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let (character, length) = escape(rest).unwrap_or((first, first.len_utf8()));
        let (piece, after) = rest.split_at(length);
        if character == char::REPLACEMENT_CHARACTER {
            cleaned.push(character);
        } else if !gone(character) {
            cleaned.push_str(piece);
        }
        rest = after;
    }
    cleaned
}

/// What the keys of the platform begin with.
const KEY: &str = "pit_";
/// Shorter words are no keys.
const SHORTEST_KEY: usize = 12;

/// The words in a text that begin like a key of the platform, each with its place. What is inside of one is not looked at
/// again: of a text that repeats the beginning that would be all its ends.
pub(super) fn key_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut done = 0;
    text.match_indices(KEY).filter_map(move |(start, _)| {
        let word = text.get(start..).filter(|_| start >= done)?;
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        done = start + end;
        Some((start, word.get(..end)?))
    })
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A text without what looks like a key of the platform: a run prints its own if it is told to.
#[must_use]
pub fn keys(text: String) -> String {
    let mut cleaned = String::new();
    let mut done = 0;
    for (start, word) in key_words(&text) {
        let before = text.get(done..start).unwrap_or_default();
        if word.len() >= SHORTEST_KEY && !before.ends_with(is_word) {
            cleaned.push_str(before);
            cleaned.push_str(PLACEHOLDER);
            done = start + word.len();
        }
    }
    if done == 0 {
        return text;
    }
    cleaned.push_str(text.get(done..).unwrap_or_default());
    cleaned
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
        Err(_) => Some((char::REPLACEMENT_CHARACTER, 6)),
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
            assert_eq!(json(escaped), r#"{"a":"xy"}"#, "{hidden:?}");
            assert!(!json(raw).contains(hidden), "{hidden:?}");
        }
        assert_eq!(
            json(r#"{"a":"\b\f\r\n\t\"\\u200b"}"#.to_owned()),
            r#"{"a":"\n\t\"\\u200b"}"#
        );
    }

    #[test]
    fn half_a_character_is_shown_as_such_and_never_joined_to_another() {
        assert_eq!(json(r#"{"a":"\ud83dx"}"#.to_owned()), "{\"a\":\"\u{fffd}x\"}");
        let halves = json(r#"{"a":"\udb40\u200b\udc41"}"#.to_owned());
        assert_eq!(halves, "{\"a\":\"\u{fffd}\u{fffd}\"}");
    }

    #[test]
    fn a_word_that_repeats_the_beginning_of_a_key_is_one() {
        let text = format!("{} pit_0123", "pit_".repeat(100));
        let words: Vec<_> = key_words(&text)
            .map(|(start, word)| (start, word.len()))
            .collect();
        assert_eq!(words, [(0, 400), (401, 8)]);
    }

    #[test]
    fn only_what_looks_like_a_key_is_taken_for_one() {
        assert_eq!(
            keys("key=pit_0123456789abcdef; x".to_owned()),
            "key=[redacted]; x"
        );
        assert_eq!(
            keys("pit_0123456789 pit_0123456789".to_owned()),
            "[redacted] [redacted]"
        );
        for plain in ["pit_stop", "spit_0123456789abc", "a pit"] {
            assert_eq!(keys(plain.to_owned()), plain);
        }
    }

    proptest! {
        #[test]
        fn json_stays_json_and_says_the_same_otherwise(parts in prop::collection::vec("\\PC{0,6}|[\\x00-\\x1f]{0,3}", 0..6), pick in 0..10_usize) {
            let written: String = parts.join(&HIDDEN[pick].to_string());
            let document = serde_json::json!({"k": written}).to_string();
            let cleaned: Value = serde_json::from_str(&json(document)).unwrap();
            prop_assert_eq!(cleaned["k"].as_str().unwrap(), text(&written));
        }
    }
}
