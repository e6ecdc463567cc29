//! A text as it reads once the escapes of JSON and of URLs are gone, at whatever depth: the form in which a secret looks
//! the same however it was written.
//!
//! `\u005f`, `\\u005f` and `%5F` become `_`, `\/` becomes `/`, and backslashes in front of anything else go; in front of a
//! letter with which they may be a control character one stays, since they may just as well be backslashes. What nobody
//! sees becomes nothing. The form is for searching only.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use crate::redact::clean::is_invisible;

/// A part of a text that is in the folded form as it is, or an escape.
enum Piece<'a> {
    Plain(&'a str),
    Escape {
        /// How long it is in the text.
        written: usize,
        stands_for: [u8; 4],
        /// How many of these bytes count.
        length: usize,
    },
}

impl Piece<'_> {
    fn escape(written: usize, character: Option<char>) -> Self {
        let mut stands_for = [0; 4];
        let length = character.map_or(0, |character| character.encode_utf8(&mut stands_for).len());
        Self::Escape {
            written,
            stands_for,
            length,
        }
    }

    fn written(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Escape { written, .. } => *written,
        }
    }

    fn folded(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text.as_bytes(),
            Self::Escape {
                stands_for, length, ..
            } => stands_for.get(..*length).unwrap_or_default(),
        }
    }
}

/// The pieces of a text.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = *self.0.as_bytes().first()?;
        let piece = match first {
            b'%' => percent(self.0),
            b'\\' => backslashes(self.0),
            _ => {
                let end = memchr2(b'\\', b'%', self.0.as_bytes()).unwrap_or(self.0.len());
                Piece::Plain(self.0.get(..end)?)
            }
        };
        self.0 = self.0.get(piece.written()..)?;
        Some(piece)
    }
}

/// `%5F`, or with its own sign escaped again, `%255F`.
fn percent<'a>(text: &str) -> Piece<'a> {
    let digits = |at: usize| {
        let digits = text.get(at..at + 2)?;
        // A sign is not a digit, though the library accepts one.
        let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        all.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
    };
    let mut at = 1;
    while digits(at) == Some(b'%') && digits(at + 2).is_some() {
        at += 2;
    }
    match digits(at) {
        Some(byte) => Piece::Escape {
            written: at + 2,
            stands_for: [byte, 0, 0, 0],
            length: 1,
        },
        None => Piece::escape(1, Some('%')),
    }
}

/// Backslashes with what they escape.
fn backslashes<'a>(text: &str) -> Piece<'a> {
    let escaped = text.trim_start_matches('\\');
    let before = text.len() - escaped.len();
    let Some(first) = escaped.chars().next() else {
        return Piece::escape(before, None);
    };
    match first {
        'u' => unicode(before, escaped),
        'b' | 'f' | 'n' | 'r' | 't' => Piece::Escape {
            written: before + 1,
            stands_for: [b'\\', u8::try_from(first).unwrap_or_default(), 0, 0],
            length: 2,
        },
        other => Piece::escape(before + other.len_utf8(), Some(other)),
    }
}

/// `u005f`, behind so many backslashes.
fn unicode<'a>(before: usize, escaped: &str) -> Piece<'a> {
    let digits = escaped
        .get(1..5)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match unit {
        // Half a character of which no secret is made.
        Some(unit) => Piece::escape(
            before + 5,
            char::from_u32(unit).filter(|character| !is_invisible(*character)),
        ),
        None => Piece::escape(before + 1, Some('u')),
    }
}

/// The folded form of a text; the text itself if it holds no escape.
pub(super) fn fold(text: &str) -> Cow<'_, [u8]> {
    if memchr2(b'\\', b'%', text.as_bytes()).is_none() {
        return Cow::Borrowed(text.as_bytes());
    }
    folded(text)
}

/// The same, but also the text itself if it holds no escapes but of quotation marks, backslashes and control characters,
/// which matter only to a secret that has such in it. Most of what models write is of that kind.
pub(super) fn fold_letters(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    let escaped = |escape: &[u8]| memmem::find(bytes, escape).is_some();
    if memchr(b'%', bytes).is_none() && !escaped(b"\\u") && !escaped(b"\\/") {
        return Cow::Borrowed(bytes);
    }
    folded(text)
}

fn folded(text: &str) -> Cow<'_, [u8]> {
    let mut folded = Vec::with_capacity(text.len());
    for piece in Pieces(text) {
        folded.extend_from_slice(piece.folded());
    }
    Cow::Owned(folded)
}

/// Where in a text these places of its folded form are. They are in order and apart, and so is the result.
pub(super) fn places(text: &str, folded: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::with_capacity(folded.len());
    let mut wanted = folded.iter().peekable();
    // Where the piece begins, in the folded form and in the text.
    let (mut at, mut written) = (0, 0);
    let mut start = None;
    for piece in Pieces(text) {
        let end = at + piece.folded().len();
        let place = |inside: usize, escape: usize| match piece {
            Piece::Plain(_) => written + (inside - at),
            Piece::Escape { .. } => escape,
        };
        let after = written + piece.written();
        while let Some(range) = wanted.peek() {
            if start.is_none() && range.start < end {
                start = Some(place(range.start, written));
            }
            let Some(begun) = start.filter(|_| range.end <= end) else {
                break;
            };
            found.push(begun..place(range.end, after));
            start = None;
            wanted.next();
        }
        if wanted.peek().is_none() {
            break;
        }
        (at, written) = (end, after);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_at_every_depth_folds_to_what_it_stands_for() {
        for written in [
            "a_/b",
            r"a\u005f\/b",
            r"a\\u005F\\/b",
            r"a\\\\u005f/b",
            "a%5f%2Fb",
            "a%255F%25252fb",
            r"a\u200b_\\u00ad/b",
        ] {
            assert_eq!(&*fold(written), b"a_/b", "{written}");
        }
        assert_eq!(&*fold(r"x\n\\n_"), br"x\n\n_");
        for plain in ["50%", "%g1", "%+1", r"\u12", r"\"] {
            assert!(fold(plain).len() <= plain.len(), "{plain}");
        }
    }

    #[test]
    fn places_are_whole_escapes() {
        let text = r#"ab\u005fcd%5Fe\"f"#;
        let at = |range: Range<usize>| {
            let places = places(text, &[range]);
            text.get(places[0].clone()).unwrap()
        };
        assert_eq!(&*fold(text), b"ab_cd_e\"f");
        assert_eq!(at(0..2), "ab");
        assert_eq!(at(1..4), r"b\u005fc");
        assert_eq!(at(2..3), r"\u005f");
        assert_eq!(at(5..8), "%5Fe\\\"");
        assert_eq!(at(0..9), text);
        assert_eq!(places(text, &[0..1, 3..5, 8..9]), [0..1, 8..10, 16..17]);
    }
}
