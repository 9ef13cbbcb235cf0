//! Pictures for viewers and panels: enlarged, or reduced to black and white.

use duel_models::picture::{self, Picture};

/// The way a picture is drawn into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendering {
    /// The side, in pixels of the file, of the square that a pixel of the picture becomes.
    pub scale: usize,
    /// Whether the file has black and white pixels only.
    pub dither: bool,
}

impl Rendering {
    /// Encodes a picture as a PNG file; of one bit per pixel if it is dithered.
    pub fn png(self, picture: &Picture) -> Vec<u8> {
        let picture = enlarged(picture, self.scale);
        if self.dither { picture::png_one_bit(&dithered(&picture)) } else { picture::png(&picture) }
    }
}

/// Returns a picture whose every pixel is a square of `scale` × `scale`.
pub fn enlarged(picture: &Picture, scale: usize) -> Picture {
    let Picture { width, height, channels, ref pixels } = *picture;
    let line = |row: &[u8]| row.chunks_exact(channels).flat_map(|pixel| pixel.repeat(scale)).collect::<Vec<u8>>();
    let pixels = pixels.chunks_exact(width * channels).flat_map(|row| line(row).repeat(scale)).collect();
    Picture { width: width * scale, height: height * scale, channels, pixels }
}

/// Reduces a picture to the levels 0 and 255 of grey by error diffusion (R. Floyd and L. Steinberg, *An Adaptive
/// Algorithm for Spatial Greyscale*, 1976), with the rounding of Pillow's `Image.convert("1")`.
pub fn dithered(picture: &Picture) -> Picture {
    let grey: Vec<i32> = picture.pixels.chunks_exact(picture.channels).map(luma).collect();
    // Sixteenths of a level that each pixel of the next row gets; a place before the first pixel.
    let mut below = vec![0; picture.width + 2];
    let mut pixels = Vec::with_capacity(grey.len());
    for row in grey.chunks_exact(picture.width) {
        let mut next = vec![0; picture.width + 2];
        let mut right = 0;
        for (x, level) in row.iter().enumerate() {
            let level = (level + (right + below[x + 1]) / 16).clamp(0, 255);
            let white = level > 128;
            let error = level - if white { 255 } else { 0 };
            right = 7 * error;
            next[x] += 3 * error;
            next[x + 1] += 5 * error;
            next[x + 2] += error;
            pixels.push(if white { 255 } else { 0 });
        }
        below = next;
    }
    Picture { channels: 1, pixels, ..*picture }
}

/// Returns the luma of a pixel (ITU-R BT.601), rounded down as in Pillow.
fn luma(pixel: &[u8]) -> i32 {
    match pixel {
        [r, g, b] => (299 * i32::from(*r) + 587 * i32::from(*g) + 114 * i32::from(*b)) / 1000,
        _ => pixel[0].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_becomes_a_square() {
        let small = Picture { width: 2, height: 1, channels: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
        let row = [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6];
        assert_eq!(enlarged(&small, 2), Picture { width: 4, height: 2, channels: 3, pixels: [row, row].concat() });
    }

    /// A picture whose levels come from a formula of the column and the row.
    fn formula(channels: usize, level: impl Fn(usize, usize, usize) -> usize) -> Picture {
        let pixels =
            (0..12 * 20 * channels).map(|at| level(at / channels % 20, at / channels / 20, at % channels) as u8);
        Picture { width: 20, height: 12, channels, pixels: pixels.collect() }
    }

    #[test]
    fn dots_are_those_of_pillow() {
        // Pillow 12.1. python:
        // y, x = np.mgrid[0:12, 0:20]; grey = ((x * 13 + y * 17) % 256).astype(np.uint8)
        // colour = np.stack([grey, 255 - grey, (x * x + y) % 256], -1).astype(np.uint8)
        // for row in np.array(Image.fromarray(grey).convert("1"))[[0, 5, 11]]: print("".join(".#"[v] for v in row))
        let dots = |picture: &Picture, row: usize| -> String {
            picture.pixels[row * 20..][..20].iter().map(|level| if *level == 255 { '#' } else { '.' }).collect()
        };
        let grey = dithered(&formula(1, |x, y, _| (x * 13 + y * 17) % 256));
        let rows = [".......#.#.#.#######", ".#.#.##.###.##....#.", "#.####......#.#.#.##"];
        assert_eq!([0, 5, 11].map(|row| dots(&grey, row)), rows);
        let colour = formula(3, |x, y, channel| match channel {
            0 => (x * 13 + y * 17) % 256,
            1 => 255 - (x * 13 + y * 17) % 256,
            _ => (x * x + y) % 256,
        });
        let colour = dithered(&colour);
        let rows = ["#.#.#.#.#.#.#.#..#..", "#.#.#.#..#..#.###.#.", "..#...##.##.#.#.#..#"];
        assert_eq!([0, 5, 11].map(|row| dots(&colour, row)), rows);
        assert_eq!((colour.channels, colour.pixels.len()), (1, 240));
    }
}
