//! What services pass on, some of it written by runs, is untrusted text: characters that nobody sees could hide
//! instructions from the person who reads along, or a secret from [`crate::redact`].

use std::ops::RangeInclusive;

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use memchr::{memchr, memchr2};

const ESCAPE: char = '\u{1b}';

/// Characters that are all visible.
const SEEN: [RangeInclusive<char>; 6] = [
    ' '..='~',
    '\u{2801}'..='\u{3163}',
    '\u{3165}'..='\u{fdff}',
    '\u{c0}'..='\u{34e}',
    '\u{350}'..='\u{61b}',
    '\u{2070}'..='\u{27ff}',
];

/// Whether a character shows nothing or turns the direction of writing: control characters but line feed and tab,
/// and what Unicode calls default-ignorable (zero-width, bidirectional controls, tags, variation
/// selectors), and blanks that are no spaces.
#[must_use]
pub(crate) fn is_invisible(character: char) -> bool {
    // Most letters of most languages; looking up each takes ten times as long.
    if SEEN.iter().any(|seen| seen.contains(&character)) {
        return false;
    }
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}'
        )
        || (!character.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character))
}

/// Plain text without invisible characters and without what tells a terminal how to show it.
#[must_use]
pub(crate) fn text(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((character, length)) = Written::Plainly.first(rest) {
        let (piece, after) = rest.split_at(length);
        rest = after;
        if let Some(length) = sequence(character, rest, Written::Plainly) {
            rest = rest.get(length..).unwrap_or_default();
        } else if !is_invisible(character) {
            cleaned.push_str(piece);
        }
    }
    cleaned
}

/// The same for a JSON text, whether the characters came as they are or as escapes, and [`whole`].
#[must_use]
pub(crate) fn json(text: String) -> String {
    // Of what is ASCII, JSON leaves only this one and escapes to be looked at.
    if text.is_ascii() && memchr2(b'\\', DELETE, text.as_bytes()).is_none() {
        return text;
    }
    let mut cleaned = String::new();
    let (mut at, mut done) = (0, 0);
    // How far there is surely neither an escape nor a DELETE.
    let mut free = 0;
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if !character.is_ascii() && !is_invisible(character) && character != char::REPLACEMENT_CHARACTER {
            at += character.len_utf8();
            continue;
        }
        if free <= at {
            let next = text
                .as_bytes()
                .get(at..)
                .and_then(|rest| memchr2(b'\\', DELETE, rest));
            free = next.map_or(text.len(), |next| at + next);
        }
        if character.is_ascii() && at < free {
            at += ascii(text.get(at..free).unwrap_or_default());
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let (character, length) = Written::InJson.first(rest).unwrap_or((character, 1));
        let after = rest.get(length..).unwrap_or_default();
        let dropped = sequence(character, after, Written::InJson);
        let half = character == char::REPLACEMENT_CHARACTER;
        if half || dropped.is_some() || is_invisible(character) {
            cleaned.push_str(text.get(done..at).unwrap_or_default());
            cleaned.extend(half.then_some(character));
            done = at + length + dropped.unwrap_or(0);
            at = done;
        } else {
            at += length;
        }
    }
    if done == 0 {
        return text;
    }
    cleaned.push_str(text.get(done..).unwrap_or_default());
    cleaned
}

const DELETE: u8 = 0x7f;

/// How much of the beginning is ASCII.
fn ascii(text: &str) -> usize {
    // Between other characters such parts are short, and a wide search takes longer to begin.
    let is_other = |byte: &u8| !byte.is_ascii();
    let (near, far) = text.as_bytes().split_at(text.len().min(32));
    let far_is_ascii = || far.is_ascii().then_some(text.len());
    near.iter()
        .position(is_other)
        .or_else(far_is_ascii)
        .or_else(|| Some(near.len() + far.iter().position(is_other)?))
        .unwrap_or(text.len())
}

/// A JSON text in which half a character, from a text that was cut in the middle of one, has become the sign for that:
/// hardly anything can read it otherwise.
#[must_use]
pub(crate) fn whole(text: String) -> String {
    let mut mended = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| memchr(b'\\', rest.as_bytes())) {
        let rest = text.get(at + next..).unwrap_or_default();
        let (character, length) = escape(rest).unwrap_or(('\\', 1));
        at += next;
        if character == char::REPLACEMENT_CHARACTER {
            mended.push_str(text.get(done..at).unwrap_or_default());
            mended.push(character);
            done = at + length;
        }
        at += length;
    }
    if done == 0 {
        return text;
    }
    mended.push_str(text.get(done..).unwrap_or_default());
    mended
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Plainly,
    InJson,
}

impl Written {
    /// The first character, and how long it is in the text.
    fn first(self, text: &str) -> Option<(char, usize)> {
        let first = text.chars().next()?;
        let escape = (self == Self::InJson).then(|| escape(text)).flatten();
        Some(escape.unwrap_or((first, first.len_utf8())))
    }
}

/// What belongs to a control sequence that begins with `first`, in bytes of `rest`; `None` if none begins with it. Of one
/// that does not end, or not within its line, nothing does: else it would hide what follows.
fn sequence(first: char, rest: &str, written: Written) -> Option<usize> {
    let (introducer, length) = match first {
        ESCAPE => written.first(rest).unwrap_or(('\0', 0)),
        '\u{9b}' => ('[', 0),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => (']', 0),
        _ => return None,
    };
    let rest = rest.get(length..).unwrap_or_default();
    let parameters = match introducer {
        '[' => parameters(rest, written, |end| matches!(end, '@'..='~')),
        ']' | 'P' | 'X' | '^' | '_' => command(rest, written),
        ' '..='/' if introducer != '"' => parameters(rest, written, |end| matches!(end, '0'..='~')),
        // Others are single characters: they could just as well belong to the text.
        _ => None,
    };
    Some(parameters.map_or(0, |parameters| length + parameters))
}

/// Parameters and the character that ends them.
fn parameters(text: &str, written: Written, is_end: impl Fn(char) -> bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let (character, length) = written.first(text.get(at..)?)?;
        at += length;
        match character {
            '"' => return None,
            end if is_end(end) => return Some(at),
            ' '..='?' => {}
            _ => return None,
        }
    }
}

/// A command with a text, such as a link's address, up to its end.
fn command(text: &str, written: Written) -> Option<usize> {
    let mut at = 0;
    loop {
        let (character, length) = written.first(text.get(at..)?)?;
        at += length;
        match character {
            '\u{7}' | '\u{9c}' => return Some(at),
            ESCAPE => {
                let (end, length) = written.first(text.get(at..)?)?;
                return (end == '\\').then_some(at + length);
            }
            // The text is over.
            '"' if written == Written::InJson && length == 1 => return None,
            '\n' | '\r' => return None,
            _ => {}
        }
    }
}

/// The character that a JSON escape at the beginning of `text` stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('\\')?;
    let simple = match rest.chars().next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode_escape(text),
        other => other,
    };
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
mod tests;
