//! Pictures made smaller or larger.

use duel_models::Shape;

use super::palette::{Rgb, from_linear, to_linear};

/// The share of the largest possible width that a whole factor must reach to be preferred.
const CRISP: f64 = 0.75;

/// A picture.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The shape.
    pub shape: Shape,
    /// [height, width, channels].
    pub bytes: &'a [u8],
}

/// Returns the largest `(width, height)` of a picture of `shape` within `most`, with the same ratio of the sides, 1×1 at
/// least. A whole factor, whose pixels stay crisp, is preferred where it reaches three quarters of that size.
pub fn fit(shape: Shape, most: (usize, usize)) -> (usize, usize) {
    let (width, height) = (shape.width, shape.height);
    let share = share(shape, most);
    if share >= 1.0 && share.floor() >= CRISP * share {
        let factor = share as usize;
        return (width * factor, height * factor);
    }
    let divisor = (1.0 / share).ceil() as usize;
    let whole = width.is_multiple_of(divisor) && height.is_multiple_of(divisor);
    if share < 1.0 && whole && 1.0 / divisor as f64 >= CRISP * share {
        return (width / divisor, height / divisor);
    }
    largest(shape, most)
}

/// Returns the largest `(width, height)` of a picture of `shape` within `most`, with the same ratio of the sides, 1×1 at
/// least.
pub fn largest(shape: Shape, most: (usize, usize)) -> (usize, usize) {
    let share = share(shape, most);
    let side = |side: usize| ((side as f64 * share).round() as usize).max(1);
    (side(shape.width), side(shape.height))
}

/// Returns the factor by which a picture of `shape` must be scaled to fill `most` in one direction.
fn share(shape: Shape, most: (usize, usize)) -> f64 {
    (most.0.max(1) as f64 / shape.width as f64).min(most.1.max(1) as f64 / shape.height as f64)
}

/// Scales a picture to `width` × `height` pixels: each is the mean of the area that it covers, in linear light, as an eye
/// sees it from a distance. Means of sRGB levels would be darker than the picture wherever it has fine patterns.
pub fn scale(image: Image, (width, height): (usize, usize)) -> Vec<Rgb> {
    let Shape { channels, .. } = image.shape;
    let columns: Vec<_> = (0..width).map(|x| covered(x, width, image.shape.width)).collect();
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        let rows = covered(y, height, image.shape.height);
        for columns in &columns {
            let mut light = [0u64; 3];
            for (y, tall) in &rows {
                for (x, wide) in columns {
                    let pixel = &image.bytes[(y * image.shape.width + x) * channels..][..channels];
                    for (sum, level) in light.iter_mut().zip(pixel) {
                        *sum += tall * wide * u64::from(to_linear(*level));
                    }
                }
            }
            let area = image.shape.pixels() as u64;
            let levels = light.map(|sum| from_linear(((sum + area / 2) / area) as u16));
            pixels.push(if channels == 1 { [levels[0]; 3] } else { levels });
        }
    }
    pixels
}

/// Returns the source pixels under pixel `at` of `count`, each with its share in units of 1 / `source`.
fn covered(at: usize, count: usize, source: usize) -> Vec<(usize, u64)> {
    // In units of 1 / (count × source) of the side: target pixels are `source` long, source pixels `count`.
    let (from, to) = (at * source, (at + 1) * source);
    let pixels = from / count..to.div_ceil(count);
    pixels.map(|pixel| (pixel, (to.min((pixel + 1) * count) - from.max(pixel * count)) as u64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        text.parse().expect("a shape")
    }

    #[test]
    fn sizes_are_whole_factors_where_they_lose_little() {
        for (text, most, expected) in [
            ("1x28x28", (16, 16), (14, 14)),
            ("1x28x28", (32, 32), (28, 28)),
            ("3x64x64", (16, 16), (16, 16)),
            ("3x64x64", (78, 34), (32, 32)),
            ("3x64x64", (200, 140), (128, 128)),
            ("3x64x64", (120, 120), (120, 120)),
            ("3x32x48", (16, 16), (16, 11)),
            ("3x32x48", (32, 32), (24, 16)),
            ("3x100x100", (16, 16), (16, 16)),
            ("3x128x8", (16, 16), (1, 16)),
            ("3x8x128", (16, 16), (16, 1)),
            ("3x8x128", (0, 0), (1, 1)),
        ] {
            assert_eq!(fit(shape(text), most), expected, "{text} in {most:?}");
        }
    }

    #[test]
    fn a_pixel_is_the_mean_light_of_its_area() {
        // Columns of red and blue; a grey ramp.
        let colour: Vec<u8> = (0..64).flat_map(|at| if at % 2 == 0 { [255, 0, 0] } else { [0, 0, 255] }).collect();
        let image = Image { shape: shape("3x8x8"), bytes: &colour };
        assert_eq!(scale(image, (8, 8)), colour.as_chunks::<3>().0);
        assert_eq!(scale(image, (1, 1)), [[188, 0, 188]]);
        assert_eq!(scale(image, (16, 8))[..4], [[255, 0, 0], [255, 0, 0], [0, 0, 255], [0, 0, 255]]);
        let grey: Vec<u8> = (0..64).map(|at| if at < 32 { 255 } else { 0 }).collect();
        let image = Image { shape: shape("1x8x8"), bytes: &grey };
        // A third of the height covers 2.67 rows: the middle one has half of its light.
        assert_eq!(scale(image, (1, 3)), [[255; 3], [188; 3], [0; 3]]);
    }
}
