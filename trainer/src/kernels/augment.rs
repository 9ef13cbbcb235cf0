//! The transformations of differentiable augmentation (Zhao et al. 2020, section 3.2) and their gradients, a picture a
//! piece of work. Each transformation is linear in the picture, but for brightness, so a gradient needs no values of
//! the forward pass.

use duel_models::Shape;
use pulp::Arch;
use rayon::prelude::*;

use super::elementwise::rows_per_piece;

/// The transformations of one picture, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Transform {
    /// Summand of each value.
    pub brightness: f32,
    /// Factor on the distance of each value from the mean of its pixel's channels.
    pub saturation: f32,
    /// Factor on the distance of each value from the mean of the picture.
    pub contrast: f32,
    /// Rows and columns of the translation: the pixel (y, x) becomes the pixel (y + shift[0], x + shift[1]), and 0 if
    /// the picture has no such pixel.
    pub shift: [isize; 2],
    /// First row, last row + 1, first column, last column + 1 of the cutout: the pixels that become 0.
    pub hole: [usize; 4],
}

impl Transform {
    /// The transformation that changes nothing.
    pub(crate) const IDENTITY: Self =
        Self { brightness: 0.0, saturation: 1.0, contrast: 1.0, shift: [0; 2], hole: [0; 4] };

    fn changes_colour(&self) -> bool {
        (self.brightness, self.saturation, self.contrast) != (0.0, 1.0, 1.0)
    }

    /// The runs of values that translation and cutout leave over: calls `body` with the start of a run in the original
    /// picture, its start in the transformed picture, and its length.
    #[inline(always)]
    fn each_run(&self, shape: Shape, mut body: impl FnMut(usize, usize, usize)) {
        let Shape { channels, height, width, .. } = shape;
        let [down, right] = self.shift;
        let left = (-right).max(0) as usize;
        let end = (width as isize - right.max(0)).max(0) as usize;
        let [hole_top, hole_bottom, hole_left, hole_right] = self.hole;
        for y in 0..height {
            let Some(from) = y.checked_add_signed(down).filter(|&from| from < height) else { continue };
            let runs = if (hole_top..hole_bottom).contains(&y) {
                [(left, end.min(hole_left)), (left.max(hole_right), end)]
            } else {
                [(left, end), (0, 0)]
            };
            for (first, last) in runs.into_iter().filter(|(first, last)| first < last) {
                let from = (from * width).wrapping_add_signed(first as isize + right) * channels;
                body(from, (y * width + first) * channels, (last - first) * channels);
            }
        }
    }
}

/// Coefficients of brightness, saturation and contrast together: y = own · x + pixel · m + summand, where m is the mean
/// of the pixel's channels.
#[derive(Clone, Copy)]
struct Colour {
    own: f32,
    pixel: f32,
    summand: f32,
}

impl Colour {
    /// The coefficients for a picture of this mean.
    fn new(transform: &Transform, mean: f32, brightness: f32) -> Self {
        let Transform { saturation, contrast, .. } = *transform;
        Self {
            own: contrast * saturation,
            pixel: contrast * (1.0 - saturation),
            // The mean of the picture grows by the brightness, too, and saturation does not change it.
            summand: (1.0 - contrast) * mean + brightness,
        }
    }

    /// Applies the colour to a run of pixels in place.
    #[inline(always)]
    fn apply(self, values: &mut [f32], channels: usize) {
        if channels == 1 {
            let factor = self.own + self.pixel;
            values.iter_mut().for_each(|value| *value = factor * *value + self.summand);
            return;
        }
        for pixel in values.chunks_exact_mut(3) {
            let grey = (pixel[0] + pixel[1] + pixel[2]) * (1.0 / 3.0) * self.pixel + self.summand;
            pixel.iter_mut().for_each(|value| *value = self.own * *value + grey);
        }
    }
}

/// Transforms each picture of `x`, [N, height, width, channels], into `y`, by the transformation of its row.
pub(crate) fn forward(x: &[f32], y: &mut [f32], shape: Shape, transforms: &[Transform]) {
    each_picture(x, y, shape, transforms, |x, y, transform| {
        y.fill(0.0);
        let colour = transform.changes_colour().then(|| Colour::new(transform, mean(x), transform.brightness));
        transform.each_run(shape, |from, to, length| {
            let run = &mut y[to..to + length];
            run.copy_from_slice(&x[from..from + length]);
            if let Some(colour) = colour {
                colour.apply(run, shape.channels);
            }
        });
    });
}

/// Gradient of the original pictures from the gradient of the transformed ones, [N, height, width, channels] each: the
/// transpose of [`forward`] without its brightness.
pub(crate) fn backward(gradient: &[f32], below: &mut [f32], shape: Shape, transforms: &[Transform]) {
    each_picture(gradient, below, shape, transforms, |gradient, below, transform| {
        below.fill(0.0);
        transform.each_run(shape, |from, to, length| {
            below[from..from + length].copy_from_slice(&gradient[to..to + length]);
        });
        // Saturation and contrast are symmetric matrices, and they commute.
        if transform.changes_colour() {
            Colour::new(transform, mean(below), 0.0).apply(below, shape.channels);
        }
    });
}

fn each_picture(
    from: &[f32],
    to: &mut [f32],
    shape: Shape,
    transforms: &[Transform],
    body: impl Fn(&[f32], &mut [f32], &Transform) + Sync,
) {
    let arch = Arch::new();
    let size = shape.size();
    let pictures = from.par_chunks_exact(size).zip(to.par_chunks_exact_mut(size)).zip(transforms);
    pictures
        .with_min_len(rows_per_piece(size))
        .for_each(|((from, to), transform)| arch.dispatch(|| body(from, to, transform)));
}

/// The mean of a picture's values, in sixteen sums that a CPU adds up side by side.
#[inline(always)]
fn mean(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let chunks = values.chunks_exact(sums.len());
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    (sums.iter().sum::<f32>() + rest) / values.len() as f32
}
