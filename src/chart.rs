//! Curves as a picture (PNG): small, with axes, labels and a legend, for models that see images and for reports.

mod canvas;
mod scale;

use std::io;

use embedded_graphics::mono_font::ascii::{FONT_9X15, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{Drawable as _, Point, Primitive as _, Size};
use embedded_graphics::primitives::{Circle, Line, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Text};

use canvas::Canvas;
use scale::{Scale, label, ticks, whole_ticks};

/// The size of the picture, and how much of it is left around the curves, in pixels.
const WIDTH: i32 = 900;
const HEIGHT: i32 = 500;
const LEFT: i32 = 80;
const RIGHT: i32 = WIDTH - 24;
const TOP: i32 = 52;
const BOTTOM: i32 = HEIGHT - 56;
/// How many times finer lines are drawn than they are shown, so that they look smooth.
const FINER: i32 = 3;
/// In how many parts the picture is drawn, which share its height evenly.
const BANDS: i32 = 10;

const INK: Rgb888 = Rgb888::new(0x22, 0x2b, 0x38);
const GREY: Rgb888 = Rgb888::new(0x6b, 0x76, 0x84);
const GRID: Rgb888 = Rgb888::new(0xe3, 0xe7, 0xec);
/// In the order of the lines, each faint and full.
const COLORS: [(Rgb888, Rgb888); 4] = [
    (Rgb888::new(0xa9, 0xc7, 0xec), Rgb888::new(0x1f, 0x6f, 0xc4)),
    (Rgb888::new(0xf3, 0xc9, 0x9f), Rgb888::new(0xd9, 0x6b, 0x0b)),
    (Rgb888::new(0xae, 0xdc, 0xb9), Rgb888::new(0x2b, 0x8a, 0x4b)),
    (Rgb888::new(0xd8, 0xb9, 0xe2), Rgb888::new(0x8b, 0x3f, 0xa3)),
];

/// What is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// What the axes show.
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) series: Vec<Series>,
}

/// One line of a chart, or single points.
pub(crate) struct Series {
    /// As the legend has it.
    pub(crate) name: String,
    /// Where each value stands, and the value. What is not finite is left out.
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) kind: Kind,
    /// Which color; those of the same number belong together.
    pub(crate) color: usize,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was measured.
    Faint,
    /// What it comes to.
    Line,
    Points,
}

impl Series {
    /// Values of a run as they were, and smoothed: each the mean of the last five.
    pub(crate) fn of_run(name: &str, points: Vec<(f64, f64)>, color: usize) -> [Self; 2] {
        const WINDOW: usize = 5;
        let smooth = (0..points.len()).filter_map(|index| {
            let window = points.get(index.saturating_sub(WINDOW - 1)..=index)?;
            let finite: Vec<f64> = window.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).collect();
            let (x, _) = points.get(index)?;
            #[expect(clippy::cast_precision_loss, reason = "five at most")]
            let mean = finite.iter().sum::<f64>() / finite.len() as f64;
            Some((*x, mean))
        });
        let smooth = smooth.collect();
        [
            Self {
                name: name.to_owned(),
                points,
                kind: Kind::Faint,
                color,
            },
            Self {
                name: format!("mean of {WINDOW}"),
                points: smooth,
                kind: Kind::Line,
                color,
            },
        ]
    }

    fn finite(&self) -> impl Iterator<Item = (f64, f64)> {
        let points = self.points.iter().copied();
        points.filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    fn ink(&self) -> Rgb888 {
        let (faint, full) = COLORS
            .get(self.color % COLORS.len())
            .copied()
            .unwrap_or((GREY, INK));
        if self.kind == Kind::Faint { faint } else { full }
    }
}

impl Chart<'_> {
    /// The picture; `None`: there is nothing to draw.
    pub(crate) fn png(&self) -> io::Result<Option<Vec<u8>>> {
        let all = || self.series.iter().flat_map(Series::finite);
        let (Some((least_x, most_x)), Some((least_y, most_y))) = (
            scale::range(all().map(|(x, _)| x)),
            scale::range(all().map(|(_, y)| y)),
        ) else {
            return Ok(None);
        };
        let y_ticks = ticks(least_y, most_y);
        let (Some(lowest), Some(highest)) = (y_ticks.first(), y_ticks.last()) else {
            return Ok(None);
        };
        let x = Scale::new((least_x, most_x), (LEFT, RIGHT));
        let y = Scale::new((*lowest, *highest), (BOTTOM, TOP));
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        let height = HEIGHT / BANDS;
        for band in 0..BANDS {
            // One after the other, as the whole would take ten times the memory.
            let mut fine = Canvas::band(WIDTH * FINER, height * FINER, band * height * FINER);
            self.draw(&mut fine, (&x, &y), &y_ticks);
            canvas.put(&fine, FINER);
        }
        self.label(&mut canvas, (&x, &whole_ticks(least_x, most_x)), (&y, &y_ticks));
        canvas.png().map(Some)
    }

    /// Draws the lines.
    fn draw(&self, canvas: &mut Canvas, (x, y): (&Scale, &Scale), y_ticks: &[f64]) {
        let pen = FINER.unsigned_abs();
        let mut line = |from: Point, to: Point, color| {
            let _ = Line::new(from, to)
                .into_styled(PrimitiveStyle::with_stroke(color, pen))
                .draw(canvas);
        };
        let (left, right, top, floor) = (LEFT * FINER, RIGHT * FINER, TOP * FINER, BOTTOM * FINER);
        for tick in y_ticks {
            let at = y.at(*tick, FINER);
            line(Point::new(left, at), Point::new(right, at), GRID);
        }
        line(Point::new(left, top), Point::new(left, floor), GREY);
        line(Point::new(left, floor), Point::new(right, floor), GREY);
        for series in &self.series {
            let points: Vec<Point> = series
                .finite()
                .map(|(at, value)| Point::new(x.at(at, FINER), y.at(value, FINER)))
                .collect();
            draw(canvas, series, &points);
        }
    }

    /// Writes what the axes and the lines are.
    fn label(&self, canvas: &mut Canvas, (x, x_ticks): (&Scale, &[f64]), (y, y_ticks): (&Scale, &[f64])) {
        write(
            canvas,
            Point::new(LEFT, 30),
            self.title,
            (&FONT_10X20, INK),
            Alignment::Left,
        );
        for tick in y_ticks {
            let at = Point::new(LEFT - 8, y.at(*tick, 1) + 4);
            write(canvas, at, &label(*tick), (&FONT_9X15, GREY), Alignment::Right);
        }
        for tick in x_ticks {
            let at = Point::new(x.at(*tick, 1), BOTTOM + 20);
            write(canvas, at, &label(*tick), (&FONT_9X15, GREY), Alignment::Center);
        }
        let below = Point::new(i32::midpoint(LEFT, RIGHT), HEIGHT - 12);
        write(canvas, below, self.x, (&FONT_9X15, INK), Alignment::Center);
        write(
            canvas,
            Point::new(LEFT - 8, TOP - 16),
            self.y,
            (&FONT_9X15, INK),
            Alignment::Right,
        );
        let mut right = RIGHT;
        for series in self.series.iter().rev() {
            right -= 9 * i32::try_from(series.name.chars().count()).unwrap_or(0);
            write(
                canvas,
                Point::new(right, 30),
                &series.name,
                (&FONT_9X15, INK),
                Alignment::Left,
            );
            right -= 34;
            let fill = PrimitiveStyle::with_fill(series.ink());
            let _ = match series.kind {
                Kind::Points => Circle::with_center(Point::new(right + 14, 26), 9)
                    .into_styled(fill)
                    .draw(canvas),
                Kind::Faint | Kind::Line => Rectangle::new(Point::new(right, 25), Size::new(26, 3))
                    .into_styled(fill)
                    .draw(canvas),
            };
            right -= 18;
        }
    }
}

fn draw(canvas: &mut Canvas, series: &Series, points: &[Point]) {
    let pen = FINER.unsigned_abs();
    let dot = |canvas: &mut Canvas, at: Point, size: u32| {
        let _ = Circle::with_center(at, size)
            .into_styled(PrimitiveStyle::with_fill(series.ink()))
            .draw(canvas);
    };
    let width = match series.kind {
        Kind::Points => {
            for point in points {
                dot(canvas, *point, 9 * pen);
            }
            return;
        }
        Kind::Faint => 2 * pen,
        Kind::Line => 3 * pen,
    };
    for pair in points.windows(2) {
        let [from, to] = pair else { continue };
        let _ = Line::new(*from, *to)
            .into_styled(PrimitiveStyle::with_stroke(series.ink(), width))
            .draw(canvas);
    }
    // Rounds the corners, and shows a line of one point.
    for point in points {
        dot(canvas, *point, width - 1);
    }
}

fn write(
    canvas: &mut Canvas,
    at: Point,
    words: &str,
    (font, color): (&MonoFont<'_>, Rgb888),
    alignment: Alignment,
) {
    // The fonts have no others.
    let words: String = words
        .chars()
        .map(|c| if c.is_ascii() { c } else { '?' })
        .collect();
    let _ = Text::with_alignment(&words, at, MonoTextStyle::new(font, color), alignment).draw(canvas);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Option<Vec<u8>> {
        let chart = Chart {
            title: "a run",
            x: "step",
            y: "reward",
            series: Series::of_run("each step", points, 0).into_iter().collect(),
        };
        chart.png().unwrap()
    }

    #[test]
    fn any_values_make_a_picture_and_none_make_none() {
        assert!(chart(Vec::new()).is_none());
        assert!(chart(vec![(1.0, f64::NAN)]).is_none());
        for points in [
            vec![(1.0, 0.5)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, -1e300), (2.0, 1e300), (3.0, f64::INFINITY)],
            (0..2000).map(|n| (f64::from(n), f64::from(n % 7))).collect(),
        ] {
            let png = chart(points).unwrap();
            assert!(png.starts_with(b"\x89PNG") && png.len() < 80_000, "{}", png.len());
        }
    }
}
