//! Long lists of numbers in short: how many, and their mean. They are most of a sampling, so they are read from the text;
//! a value is made only of what is averaged.

use memchr::memchr_iter;

use super::tensor::usable_logprob;
use crate::json::walk::items;

/// How many items the text of a list has; `None`: it is no list.
pub(super) fn count(list: &str) -> Option<usize> {
    match plain(list) {
        Some("") => Some(0),
        Some(values) => Some(memchr_iter(b',', values.as_bytes()).count() + 1),
        None => Some(items(list)?.count()),
    }
}

/// The mean of a list of log-probabilities, to three decimals; what is unknown does not count. `None`: it is no such list.
#[expect(clippy::option_option, reason = "the mean of nothing, and no mean")]
pub(super) fn mean_logprob(list: &str) -> Option<Option<f64>> {
    if list == "null" {
        return Some(None);
    }
    let values = plain(list)?.as_bytes().split(|byte| *byte == b',');
    // What is no number is null.
    Some(mean(values.filter_map(|value| usable_logprob(number(value)))))
}

/// A number, but for what no mean shows: the last of very many digits.
fn number(text: &[u8]) -> Option<f64> {
    decimal(text).or_else(|| std::str::from_utf8(text).ok()?.trim_ascii().parse().ok())
}

/// The same for how nearly all are written, `-0.123456789`, in a third of the time: they are most of a sampling.
fn decimal(text: &[u8]) -> Option<f64> {
    const LONGEST: usize = 19;
    let (sign, text) = text.strip_prefix(b"-").map_or((1.0, text), |text| (-1.0, text));
    if text.len() > LONGEST || !text.first()?.is_ascii_digit() {
        return None;
    }
    let (mut digits, mut point) = (0_u64, None);
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
    }
    let places = point.map_or(0, |point| text.len() - point - 1);
    #[expect(clippy::cast_precision_loss, reason = "a mean has three decimals")]
    let digits = digits as f64;
    let scale = POWERS_OF_TEN.get(places)?;
    Some(sign * digits / scale)
}

/// Up to the most digits that [`decimal`] reads.
const POWERS_OF_TEN: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];

/// What stands between the brackets of a list in which each comma separates two values: one of numbers and `null`.
fn plain(list: &str) -> Option<&str> {
    let values = list.strip_prefix('[')?.strip_suffix(']')?;
    memchr::memchr3(b'"', b'[', b'{', values.as_bytes())
        .is_none()
        .then(|| values.trim_ascii())
}

/// To three decimals, which is enough to see a policy collapse.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    // Nobody wants to see -0.
    (count > 0.0).then(|| (sum / count * 1000.0).round() / 1000.0 + 0.0)
}

/// Values that are no further apart, in units of the larger one, are equal: float32 holds no more, and a division by what
/// is left of their deviation would blow up its rounding to full advantages.
const LEAST_SPREAD: f64 = 1e-6;
/// What is no further apart than this is equal whatever its size: sums that should be 0 leave such a rest.
const LEAST_DIFFERENCE: f64 = 1e-9;

/// The mean and the population's standard deviation; nothing of nothing. Equal values deviate by exactly 0.
pub(crate) fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    let (least, most) = values.iter().fold(None, |bounds, value| {
        let (least, most) = bounds.unwrap_or((*value, *value));
        Some((least.min(*value), most.max(*value)))
    })?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 values")]
    let count = values.len() as f64;
    // Divided, a sum of equal values may be another one than each of them.
    let mean = (values.iter().sum::<f64>() / count).clamp(least, most);
    if are_equal(least, most) {
        return Some((mean, 0.0));
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / count).sqrt()))
}

fn are_equal(least: f64, most: f64) -> bool {
    let larger = least.abs().max(most.abs());
    most - least <= (LEAST_SPREAD * larger).max(LEAST_DIFFERENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_a_parser_reads_them(value: f64, single: f32, text in "-?[0-9.e ]{0,22}") {
            for text in [value.to_string(), single.to_string(), format!("{single:e}"), text] {
                let parsed = text.trim_ascii().parse::<f64>().ok();
                match (number(text.as_bytes()), parsed) {
                    (Some(_), Some(parsed)) if !parsed.is_finite() => {}
                    (Some(read), Some(parsed)) => prop_assert!((read - parsed).abs() <= 1e-14 * parsed.abs(), "{text}"),
                    (read, parsed) => prop_assert_eq!(read.is_some(), parsed.is_some(), "{}", text),
                }
            }
        }
    }

    #[test]
    fn lists_of_every_form_are_counted_and_averaged() {
        for (list, many, mean) in [
            ("[]", 0, None),
            ("[ ]", 0, None),
            ("[-1.5]", 1, Some(-1.5)),
            ("[-1, null , -2.0e0]", 3, Some(-1.5)),
            ("[-1,-9999.0,-2]", 3, Some(-1.5)),
            ("[null]", 1, None),
            ("[-0.0004]", 1, Some(-0.0)),
        ] {
            assert_eq!(count(list), Some(many), "{list}");
            assert_eq!(mean_logprob(list), Some(mean), "{list}");
        }
        assert_eq!(count(r#"[1,"2,3"]"#), Some(2));
        assert_eq!(count("{}"), None);
        assert_eq!(count("7"), None);
        assert_eq!(mean_logprob("null"), Some(None));
        assert_eq!(mean_logprob(r#"["a"]"#), None);
    }
}
