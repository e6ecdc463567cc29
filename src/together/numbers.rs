//! Long lists of numbers in short: how many, and their mean. They are most of a sampling, so they are read from the text;
//! a value is made only of what is averaged.

use memchr::{memchr, memchr_iter};

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
    let values = Values(Some(plain(list)?));
    // A number without white space around it, as nearly all are; what is none is null.
    let values = values.filter_map(|value| value.parse().or_else(|_| value.trim_ascii().parse()).ok());
    Some(mean(values.filter_map(|value| usable_logprob(Some(value)))))
}

/// What stands between the brackets of a list in which each comma separates two values: one of numbers and `null`.
fn plain(list: &str) -> Option<&str> {
    let values = list.strip_prefix('[')?.strip_suffix(']')?;
    memchr::memchr3(b'"', b'[', b'{', values.as_bytes())
        .is_none()
        .then(|| values.trim_ascii())
}

/// What stands between the commas of a text.
struct Values<'a>(Option<&'a str>);

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.take()?;
        let Some(comma) = memchr(b',', rest.as_bytes()) else {
            return Some(rest);
        };
        self.0 = rest.get(comma + 1..);
        rest.get(..comma)
    }
}

/// To three decimals, which is enough to see a policy collapse.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    // Nobody wants to see -0.
    (count > 0.0).then(|| (sum / count * 1000.0).round() / 1000.0 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
