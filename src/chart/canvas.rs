//! A picture in memory.

use std::convert::Infallible;
use std::io;

use embedded_graphics::Pixel;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, RgbColor as _, Size};

/// White where nothing was drawn.
pub(super) struct Canvas {
    width: i32,
    height: i32,
    /// What of a larger picture is above it.
    top: i32,
    pixels: Vec<Rgb888>,
}

impl Canvas {
    /// An empty one, of a size above 0.
    pub(super) fn new(width: i32, height: i32) -> Self {
        Self::band(width, height, 0)
    }

    /// A part of a larger one: the lines from `top` on.
    pub(super) fn band(width: i32, height: i32, top: i32) -> Self {
        let count = usize::try_from(width * height).unwrap_or_default();
        Self {
            width,
            height,
            top,
            pixels: vec![Rgb888::WHITE; count],
        }
    }

    fn place(&self, x: i32, y: i32) -> Option<usize> {
        let y = y - self.top;
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        inside.then(|| usize::try_from(y * self.width + x).ok()).flatten()
    }

    /// Puts a finer band in its place, in fewer pixels: each is the mean of those that it stands for.
    pub(super) fn put(&mut self, band: &Self, times: i32) {
        let count = u32::try_from(times * times).unwrap_or(1);
        let top = band.top / times;
        for y in top..top + band.height / times {
            for x in 0..self.width {
                let mut sum = [0_u32; 3];
                let all = (0..times * times).map(|n| (x * times + n % times, y * times + n / times));
                for (x, y) in all {
                    let Some(pixel) = band.place(x, y).and_then(|place| band.pixels.get(place)) else {
                        continue;
                    };
                    for (sum, part) in sum.iter_mut().zip([pixel.r(), pixel.g(), pixel.b()]) {
                        *sum += u32::from(part);
                    }
                }
                let [r, g, b] = sum.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX));
                if let Some(pixel) = self.place(x, y).and_then(|place| self.pixels.get_mut(place)) {
                    *pixel = Rgb888::new(r, g, b);
                }
            }
        }
    }

    /// As a PNG file.
    pub(super) fn png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let size = |length: i32| u32::try_from(length).unwrap_or_default();
        let mut encoder = png::Encoder::new(&mut bytes, size(self.width), size(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let data: Vec<u8> = self
            .pixels
            .iter()
            .flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()])
            .collect();
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&data).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(bytes)
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width.unsigned_abs(), (self.top + self.height).unsigned_abs())
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let Some(pixel) = self
                .place(point.x, point.y)
                .and_then(|place| self.pixels.get_mut(place))
            {
                *pixel = color;
            }
        }
        Ok(())
    }
}
