//! A learning curve, drawn with the dots of Braille characters.

use std::fmt::Write as _;

/// Rows of the plot. With nine, each quarter has one of its own.
const ROWS: usize = 9;
/// Columns of the plot, at the most and at the least.
const COLUMNS: std::ops::RangeInclusive<usize> = 12..=72;
/// Dots of one character, across and down.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// What stands left of the plot: `1.00 ┤`.
const MARGIN: usize = 6;
/// The bits of a Braille character's dots, column by column from the top.
const DOTS: [[u32; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// A Braille character without dots.
const EMPTY: u32 = 0x2800;

#[expect(clippy::cast_precision_loss, reason = "dots on a screen")]
const fn float(count: usize) -> f64 {
    count as f64
}

/// Draws values from 0 to 1, one for each step, and a dotted line at `level`. No line is longer than `width`, unless
/// that is very narrow.
pub(super) fn curve(values: &[f64], level: f64, width: usize) -> String {
    let columns = width
        .saturating_sub(MARGIN + 1)
        .clamp(*COLUMNS.start(), *COLUMNS.end());
    let mut plot = vec![vec![0_u32; columns]; ROWS];
    let mut last = None;
    for (index, value) in values.iter().enumerate() {
        let place = float(index) / float(values.len().saturating_sub(1).max(1));
        let here = (nearest(place * float(columns * ACROSS - 1)), down(*value));
        for (x, y) in line(last.unwrap_or(here), here) {
            dot(&mut plot, x, y);
        }
        last = Some(here);
    }
    let level = down(level) / DOWN;
    let mut text = String::new();
    for (number, row) in plot.iter().enumerate() {
        let value = 1.0 - float(number) / float(ROWS - 1);
        let label = if number % 2 == 0 {
            format!("{value:.2} ┤")
        } else {
            "     │".to_owned()
        };
        let cells = row.iter().map(|bits| match bits {
            0 if number == level => '┈',
            0 => ' ',
            bits => char::from_u32(EMPTY | bits).unwrap_or('?'),
        });
        let line = label + &cells.collect::<String>();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "     └{}", "─".repeat(columns));
    let end = values.len().to_string();
    let _ = writeln!(text, "{:MARGIN$}1{end:>1$}", "", columns - 1);
    text
}

/// The row of dots of a value.
fn down(value: f64) -> usize {
    nearest((1.0 - value.clamp(0.0, 1.0)) * float(ROWS * DOWN - 1))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "dots on a screen: few, and not below 0"
)]
fn nearest(value: f64) -> usize {
    value.round().max(0.0) as usize
}

/// The dots from one to another, in steps that leave no gap.
fn line(from: (usize, usize), to: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
    let between = move |from: usize, to: usize, step: usize| {
        let share = float(step) / float(steps.max(1));
        nearest(float(from) + (float(to) - float(from)) * share)
    };
    (0..=steps).map(move |step| (between(from.0, to.0, step), between(from.1, to.1, step)))
}

fn dot(plot: &mut [Vec<u32>], x: usize, y: usize) {
    let cell = plot.get_mut(y / DOWN).and_then(|row| row.get_mut(x / ACROSS));
    let bit = DOTS.get(x % ACROSS).and_then(|column| column.get(y % DOWN));
    if let (Some(cell), Some(bit)) = (cell, bit) {
        *cell |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_goes_from_the_lower_left_to_the_upper_right() {
        let values = [0.0, 0.25, 0.5, 0.75, 1.0];
        let drawn = curve(&values, 0.25, 19);
        let expected = "\
1.00 ┤          ⢀⠎
     │         ⡠⠃
0.75 ┤        ⡔⠁
     │       ⡜
0.50 ┤     ⢀⠜
     │    ⡠⠊
0.25 ┤┈┈⢀⠔⠁┈┈┈┈┈┈┈
     │ ⢠⠊
0.00 ┤⡰⠁
     └────────────
      1          5
";
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn it_is_no_wider_than_it_may_be() {
        let values: Vec<f64> = (0..200).map(|step| f64::from(step) / 200.0).collect();
        for width in [20, 60, 79, 500] {
            let drawn = curve(&values, 0.25, width);
            let widest = drawn.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(
                widest <= width && widest >= width.min(70) - 2,
                "{width}: {widest}"
            );
            assert_eq!(drawn.lines().count(), ROWS + 2);
        }
    }

    #[test]
    fn few_values_and_strange_ones_are_drawn_too() {
        for values in [&[][..], &[0.5], &[f64::NAN, 7.0, -7.0]] {
            assert_eq!(curve(values, 0.25, 0).lines().count(), ROWS + 2);
        }
    }
}
