//! Long lists of numbers, told to be fine by a look at their text.
//!
//! Nearly all of a large batch is such lists, and nearly all of them hold nothing but digits, commas, signs,
//! points and the spaces that Python's hosts write. To see that takes a few instructions for each 32 bytes; reading each number takes that many for each.

use super::rule::{Number, Rule};

/// The most digits of which any number is within 64 bits.
const SAFE_DIGITS: usize = 18;

/// Whether `list`, the JSON text of a list, surely follows the rule of its elements and has at least `least` of
/// them. `false` means that it has to be read.
pub(super) fn surely_fine(list: &str, items: &Rule, least: usize) -> bool {
    let &Rule::Number(Number {
        whole,
        minimum,
        maximum: None,
        below: None,
    }) = items
    else {
        return false;
    };
    let signed = match minimum {
        None => true,
        Some(0.0) => false,
        Some(_) => return false,
    };
    let Some(numbers) = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    if numbers.is_empty() {
        return least == 0;
    }
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without early exits the loop becomes a wide one"
    )]
    let plain = numbers.bytes().fold(true, |plain, byte| {
        let sign = signed & (byte == b'-');
        let point = !whole & (byte == b'.');
        let exponent = !whole & ((byte == b'e') | (byte == b'E') | (byte == b'+'));
        plain & (byte.is_ascii_digit() | (byte == b',') | (byte == b' ') | sign | point | exponent)
    });
    let enough = least <= 1 || numbers.split(',').count() >= least;
    let short = |number: &str| number.trim_ascii().len() <= SAFE_DIGITS;
    plain && enough && (!whole || numbers.split(',').all(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rule(whole: bool, minimum: Option<f64>) -> Rule {
        Rule::Number(Number {
            whole,
            minimum,
            maximum: None,
            below: None,
        })
    }

    #[test]
    fn only_what_is_surely_fine_is_not_read() {
        let (tokens, reals) = (rule(true, Some(0.0)), rule(false, None));
        for fine in ["[1]", "[1,22,333]", "[0]"] {
            assert!(
                surely_fine(fine, &tokens, 1) && surely_fine(fine, &reals, 1),
                "{fine}"
            );
        }
        assert!(surely_fine("[-0.5, 0, 1.25e-3, 2E+5]", &reals, 1));
        assert!(surely_fine("[1, 2]", &tokens, 1));
        assert!(surely_fine("[]", &reals, 0));
        for unsure in [
            "[-1]",
            "[1.0]",
            "[\"1\"]",
            "[null]",
            "[1e2]",
            "[]",
            "7",
            "\"[1]\"",
            "[[1]]",
            "[9223372036854775808]",
        ] {
            assert!(!surely_fine(unsure, &tokens, 1), "{unsure}");
        }
        assert!(!surely_fine("[1]", &tokens, 2));
        let bounded = Rule::Number(Number {
            whole: false,
            minimum: None,
            maximum: Some(1.0),
            below: None,
        });
        assert!(!surely_fine("[0.5]", &bounded, 0));
        assert!(!surely_fine("[1]", &Rule::Boolean, 0));
    }
}
