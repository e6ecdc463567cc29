//! Long lists of numbers in short: how many, and their mean. They are most of a sampling, so they are walked as text; a value
//! is made only of what is averaged.

use memchr::memchr_iter;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

use super::tensor::usable_logprob;

/// How many values a list has.
pub(super) struct Count(pub(super) usize);

/// The mean of a list of log-probabilities, to three decimals; what is unknown does not count.
pub(super) struct Mean(pub(super) Option<f64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let list = <&RawValue>::deserialize(json)?.get();
        if let Some(values) = plain(list) {
            let commas = memchr_iter(b',', values.as_bytes()).count();
            return Ok(Self(if values.trim().is_empty() { 0 } else { commas + 1 }));
        }
        let values: Vec<&RawValue> = serde_json::from_str(list).map_err(D::Error::custom)?;
        Ok(Self(values.len()))
    }
}

impl<'de> Deserialize<'de> for Mean {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let list = <&RawValue>::deserialize(json)?.get();
        if let Some(values) = plain(list) {
            let values = values.split(',').filter_map(|value| value.trim().parse().ok());
            return Ok(Self(mean(known(values))));
        }
        let values: Vec<Option<f64>> = serde_json::from_str(list).map_err(D::Error::custom)?;
        Ok(Self(mean(known(values.into_iter().flatten()))))
    }
}

/// What stands between the brackets of a list in which each comma separates two values: one of numbers and `null`.
fn plain(list: &str) -> Option<&str> {
    let values = list.strip_prefix('[')?.strip_suffix(']')?;
    memchr::memchr3(b'"', b'[', b'{', values.as_bytes())
        .is_none()
        .then_some(values)
}

fn known(values: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.filter_map(|value| usable_logprob(Some(value)))
}

/// To three decimals, which is enough to see a policy collapse.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    (count > 0.0).then(|| (sum / count * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_every_form_are_counted_and_averaged() {
        for (list, count, mean) in [
            ("[]", 0, None),
            ("[ ]", 0, None),
            ("[-1.5]", 1, Some(-1.5)),
            ("[-1, null , -2.0e0]", 3, Some(-1.5)),
            ("[-1,-9999.0,-2]", 3, Some(-1.5)),
            ("[null]", 1, None),
            ("[-0.0004]", 1, Some(-0.0)),
        ] {
            let read: Count = serde_json::from_str(list).unwrap();
            assert_eq!(read.0, count, "{list}");
            let read: Mean = serde_json::from_str(list).unwrap();
            assert_eq!(read.0, mean, "{list}");
        }
        assert_eq!(serde_json::from_str::<Count>(r#"[1,"2,3"]"#).unwrap().0, 2);
        assert!(serde_json::from_str::<Count>("{}").is_err());
        assert!(serde_json::from_str::<Count>("7").is_err());
        assert!(serde_json::from_str::<Mean>(r#"["a"]"#).is_err());
    }
}
