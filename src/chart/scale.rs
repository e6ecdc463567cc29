//! Where a value stands on an axis, and which values are written there.

/// About how many values are written on an axis.
const TICKS: f64 = 6.0;

/// An axis.
pub(super) struct Scale {
    least: f64,
    most: f64,
    start: i32,
    end: i32,
}

impl Scale {
    /// From the least value at one pixel to the most at another.
    pub(super) fn new((least, most): (f64, f64), (start, end): (i32, i32)) -> Self {
        let most = if most > least { most } else { least + 1.0 };
        Self {
            least,
            most,
            start,
            end,
        }
    }

    /// The pixel of a value, on a picture that is so many times finer.
    #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
    pub(super) fn at(&self, value: f64, finer: i32) -> i32 {
        // Halves, as the difference of two large values may be beyond all numbers.
        let share = (value / 2.0 - self.least / 2.0) / (self.most / 2.0 - self.least / 2.0);
        let pixel = f64::from(self.start) + share.clamp(0.0, 1.0) * f64::from(self.end - self.start);
        (pixel * f64::from(finer)).round() as i32
    }
}

/// The least and the most of some values.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((least, most)) => Some((f64::min(least, value), f64::max(most, value))),
    })
}

/// Round values from one that is not above the least to one that is not below the most.
pub(super) fn ticks(least: f64, most: f64) -> Vec<f64> {
    let (least, most) = if most > least {
        (least, most)
    } else {
        (least - 0.5, most + 0.5)
    };
    let step = step(least, most);
    let first = (least / step).floor();
    let count = (most / step).ceil() - first;
    if !count.is_finite() || count > 100.0 {
        return vec![least, most];
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 100"
    )]
    let count = count as u32;
    (0..=count).map(|n| (first + f64::from(n)) * step).collect()
}

/// Whole numbers between the least and the most, for steps.
pub(super) fn whole_ticks(least: f64, most: f64) -> Vec<f64> {
    let step = step(least, most).max(1.0).round();
    let ticks = ticks_by(least, most, step);
    ticks
        .into_iter()
        .filter(|tick| *tick >= least && *tick <= most)
        .collect()
}

fn ticks_by(least: f64, most: f64, step: f64) -> Vec<f64> {
    let first = (least / step).ceil();
    (0..100_u32)
        .map(|n| (first + f64::from(n)) * step)
        .take_while(|tick| *tick <= most)
        .collect()
}

/// A round distance between two values that are written.
fn step(least: f64, most: f64) -> f64 {
    let rough = (most / TICKS - least / TICKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0].map(|times| times * power);
    round
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(power * 10.0)
}

/// A value as it is written.
pub(super) fn label(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..100_000.0).contains(&size) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_values() {
        let labels = |ticks: Vec<f64>| ticks.into_iter().map(label).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(ticks(0.07, 0.31)), "0.05 0.1 0.15 0.2 0.25 0.3 0.35");
        assert_eq!(labels(ticks(0.5, 0.5)), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(labels(whole_ticks(0.0, 20.0)), "0 5 10 15 20");
        assert_eq!(labels(whole_ticks(1.0, 3.0)), "1 2 3");
        assert_eq!(labels(ticks(-1e9, 1e9)), "-1e9 -5e8 0 5e8 1e9");
    }
}
