//! How a secret may be written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::fold::fold;

/// A folded secret that is shorter than this would be found in ordinary text.
const SHORTEST: usize = 6;

/// The secret itself, as the folded form shows it: so it is found behind every escape.
pub(super) fn plain(secret: &str) -> Option<Vec<u8>> {
    let folded = fold(secret).into_owned();
    (folded.len() >= SHORTEST).then_some(folded)
}

/// The secret itself, in hex, and as a part of something in Base64.
pub(super) fn all(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let lower: String = digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect();
    let upper = lower.to_ascii_uppercase();
    let base64 = (0..3).flat_map(|before| base64(before, secret));
    let encoded: Vec<String> = [lower, upper].into_iter().chain(base64).collect();
    plain(secret)
        .into_iter()
        .chain(encoded.into_iter().map(String::into_bytes))
}

/// What a secret that stands behind so many other bytes, modulo three, always looks like in Base64: the characters that
/// depend on it alone, in both alphabets.
fn base64(before: usize, secret: &str) -> [String; 2] {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let inside = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    let inside = encoded.get(inside).unwrap_or_default();
    [inside.to_owned(), inside.replace('+', "-").replace('/', "_")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_base64_wherever_it_stands() {
        let secret = "key~~with??both+/alphabets";
        let forms: Vec<String> = all(secret).map(|form| String::from_utf8(form).unwrap()).collect();
        let url_safe = base64::engine::general_purpose::URL_SAFE;
        for before in ["", "a", "ab", "abc", "user:"] {
            let text = format!("{before}{secret} and more");
            for encoded in [STANDARD_NO_PAD.encode(&text), url_safe.encode(&text)] {
                assert!(forms.iter().any(|form| encoded.contains(form)), "{encoded}");
            }
        }
    }
}
